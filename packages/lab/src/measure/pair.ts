/** A server and the generator that talks to it: fresh processes, each on a processor of its own. */
import { randomBytes } from 'node:crypto'
import { Child } from '../processes.js'
import type { Cell } from './cell.js'
import type { LoadConfig } from './load.js'
import { startedOn } from './pinning.js'
import type { Listening, ServerConfig } from './server.js'
import type { Census } from './usage.js'

const here = (name: string) => new URL(name, import.meta.url)

export class Pair {
  readonly server: Child
  readonly generator: Child
  /** Before the server listened. */
  readonly threadsAtStart: number

  private constructor(server: Child, generator: Child, threadsAtStart: number) {
    this.server = server
    this.generator = generator
    this.threadsAtStart = threadsAtStart
  }

  /** @param counting put the counting seam before the server's library */
  static async start(cell: Cell, counting: boolean): Promise<Pair> {
    const { model, protocol, size, port, processors, signal, text } = cell
    const names = text.compare.processes
    // An abstract name: nothing is left behind, however this ends.
    const path = protocol === 'unix' ? `\0fivefold-${randomBytes(6).toString('hex')}` : ''
    const config: ServerConfig = { model: model.name, protocol, port, path, size }
    const execArgv = ['--expose-gc', ...(counting ? ['--import', here('./counter.js').href] : [])]
    const server = startedOn(
      processors.server,
      () => new Child(names.server(model.name), here('./server.js'), { config, execArgv, signal, text }),
    )
    try {
      const atStart = await server.ask<Census>('census')
      const listening = await server.ask<Listening>('listen')
      const load: LoadConfig = { protocol, port: listening.port, path, size }
      const generator = startedOn(
        processors.generator,
        () => new Child(names.generator, here('./generator.js'), { config: load, signal, text }),
      )
      return new Pair(server, generator, atStart.threads)
    } catch (error) {
      await server.end()
      throw error
    }
  }

  async end(): Promise<void> {
    await Promise.all([this.generator.end(), this.server.end()])
  }
}
