/** The whole server: in this thread, or in several Workers that share the port. */
import { Worker } from 'node:worker_threads'
import type { ModelName } from 'fivefold'
import { countersFor } from './counters.js'
import { type ServerConfig, WebServer } from './server.js'
import type { FromWorker } from './worker.js'

export interface Whole {
  readonly port: number
  readonly model: ModelName
  readonly counters: SharedArrayBuffer
  /** Rejects when a thread died. */
  readonly failed: Promise<never>
  /** @returns how many connections were cut because the time was up */
  stop(limitMs: number): Promise<number>
}

export type WholeConfig = Omit<ServerConfig, 'thread' | 'counters'>

/** @throws what listening and the folder end with */
export async function startThreads(config: WholeConfig): Promise<Whole> {
  const counters = countersFor(config.threads)
  if (config.threads === 1) {
    const server = await WebServer.start({ ...config, thread: 0, counters })
    const { port, model } = server
    return { port, model, counters, failed: new Promise(() => {}), stop: (limitMs) => server.stop(limitMs) }
  }
  const threads: Thread[] = []
  const stop = async (limitMs: number) => {
    const cut = await Promise.all(threads.map((thread) => thread.stop(limitMs)))
    return cut.reduce((sum, count) => sum + count, 0)
  }
  try {
    let { port } = config
    for (let number = 0; number < config.threads; number++) {
      const thread = new Thread({ ...config, port, thread: number, counters })
      threads.push(thread)
      // Port 0: the first one's is everybody's.
      port = (await thread.listening).port
    }
  } catch (error) {
    await stop(0).catch(() => {})
    throw error
  }
  const { port, model } = await threads[0]!.listening
  const failed = Promise.race(threads.map((thread) => thread.failed))
  return { port, model, counters, failed, stop }
}

class Thread {
  readonly listening: Promise<{ readonly port: number; readonly model: ModelName }>
  readonly failed: Promise<never>
  readonly #worker: Worker
  readonly #stopped: Promise<number>
  #over = false

  constructor(config: ServerConfig) {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: config })
    this.#worker = worker
    let failed!: (error: Error) => void
    this.failed = new Promise((_, reject) => {
      failed = reject
    })
    // Whether anybody waits for it yet or not.
    this.failed.catch(() => {})
    let stopped = 0
    const gone = new Promise<number>((resolve) => {
      worker.once('exit', () => {
        this.#over = true
        resolve(stopped)
      })
    })
    worker.once('error', (error: Error) => failed(error))
    this.listening = Promise.race([
      this.failed,
      new Promise<{ port: number; model: ModelName }>((resolve) => {
        worker.on('message', (message: FromWorker) => {
          if ('listening' in message) resolve(message.listening)
          else stopped = message.stopped
        })
      }),
    ])
    this.listening.catch(() => {})
    this.#stopped = Promise.race([gone, this.failed])
    this.#stopped.catch(() => {})
  }

  stop(limitMs: number): Promise<number> {
    if (!this.#over) this.#worker.postMessage(limitMs)
    return this.#stopped
  }
}
