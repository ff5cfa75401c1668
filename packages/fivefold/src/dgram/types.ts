/** The types of the face: Node's, and what that never had. */
import type { BindOptions, RemoteInfo as NodeRemoteInfo, Socket as NodeSocket } from 'node:dgram'
import type { SendCallback } from './arguments.js'
import type { SocketBody } from './socket-body.js'

/** Of a datagram: who sent it, and how long it is. `truncated`: it was longer than what is received. */
export interface RemoteInfo extends Omit<NodeRemoteInfo, 'family'> {
  family: NodeRemoteInfo['family']
  truncated?: true
  /** With `timestamps`: when the kernel received it, in nanoseconds of CLOCK_REALTIME. */
  timestampNs?: bigint
}

export type Listener = (message: Buffer, info: RemoteInfo) => void

type Message = string | NodeJS.ArrayBufferView | readonly (string | NodeJS.ArrayBufferView)[]

/** Unix datagram sockets: a path, or an abstract name that begins with a NUL. */
interface UnixSend {
  (message: Message, path: string, callback?: SendCallback): void
  (
    message: string | NodeJS.ArrayBufferView,
    offset: number,
    length: number,
    path: string,
    callback?: SendCallback,
  ): void
}
/** Node's forms of `bind`, which give the socket itself, and those of Unix sockets. */
interface Bind<Self> {
  (port?: number, address?: string, callback?: () => void): Self
  (port?: number, callback?: () => void): Self
  (callback?: () => void): Self
  (options: BindOptions & { path?: string | undefined }, callback?: () => void): Self
  (path: string, callback?: () => void): Self
}
type UnixConnect = (path: string, callback?: () => void) => void

export interface SocketShape
  extends NodeSocket,
    Pick<SocketBody, 'model' | 'fd' | 'setOption' | 'getOption' | 'sendBatch'> {
  readonly type: string
  send: NodeSocket['send'] & UnixSend
  bind: Bind<this>
  connect: NodeSocket['connect'] & UnixConnect
}
