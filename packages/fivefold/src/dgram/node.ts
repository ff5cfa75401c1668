/** Node's own class, as it was when this was loaded: `fivefold/register` puts ours in its place. */
import nodeDgram, { type Socket, type SocketOptions, type SocketType } from 'node:dgram'

export const NodeSocket = nodeDgram.Socket
export type NodeSocket = Socket

/** Node's class as the function it is. */
export const nodeConstructor = nodeDgram.Socket as unknown as (
  this: unknown,
  type: unknown,
  listener?: unknown,
) => void

/** Node's without our options, which every version of its types has. */
export type NodeOptions = SocketOptions

/**
 * Has Node say what is wrong with arguments of which it is known that something is: the words and the codes are then
 * those of the Node that runs.
 * @throws what Node throws
 */
export function askNode(type: string, ask: (socket: NodeSocket) => unknown): never {
  const probe = nodeDgram.createSocket((type === 'udp6' ? 'udp6' : 'udp4') as SocketType)
  probe.on('error', noop)
  try {
    ask(probe)
  } finally {
    probe.close()
  }
  throw Object.assign(new TypeError('The arguments are not what this takes'), {
    code: 'ERR_INVALID_ARG_VALUE',
  })
}

function noop(): void {}
