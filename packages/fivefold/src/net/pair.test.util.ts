/** What tests of connected sockets share: the mechanisms they are about, and a pair of which one end is ours. */
import { once } from 'node:events'
import nodeNet, { type AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { modelNamed } from '../models/choose.js'
import type { ModelName } from '../models/model.js'
import { Server, type ServerOptions, type Socket } from './index.js'

export const models: ModelName[] = ['io_uring', 'epoll', 'poll']

/** Why a test cannot run here, or false. */
export function skip(model: ModelName): string | false {
  const verdict = modelNamed(model).probe()
  return verdict.ok ? false : verdict.reason
}

export interface Pair {
  /** The server's end. */
  ours: Socket
  /** Node's own. */
  theirs: nodeNet.Socket
  end(): void
}

export async function pair(t: TestContext, model: ModelName, options: ServerOptions = {}): Promise<Pair> {
  const server = new Server({ model, ...options })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const theirs = nodeNet.connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [ours] = (await once(server, 'connection')) as [Socket]
  const end = () => {
    ours.destroy()
    theirs.destroy()
    server.close()
  }
  // A test that fails leaves nothing behind that would keep the process.
  t.after(end)
  return { ours, theirs, end }
}
