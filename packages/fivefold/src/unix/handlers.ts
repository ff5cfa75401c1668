/** The shapes of Unix sockets: what they are asked for, and whom they tell. */
import type { WatchOptions } from '../watch/watch.js'
import type { UnixSocket } from './socket.js'

/** SOCK_SEQPACKET: messages, in order, connected. SOCK_STREAM: bytes. SOCK_DGRAM: messages; of pairs alone. */
export type UnixSocketType = 'seqpacket' | 'stream' | 'dgram'

export interface UnixHandlers<Data = unknown> {
  /** It is connected. */
  open?(socket: UnixSocket<Data>): void
  /** A message came (of a stream: bytes). `fds` came with it and are yours to close; mostly there are none. */
  message?(socket: UnixSocket<Data>, message: Buffer, fds: number[]): void
  /** After a `send` that answered false: there is room again. */
  drain?(socket: UnixSocket<Data>): void
  /** The peer will send no more. Without `allowHalfOpen` our side ends as well. */
  end?(socket: UnixSocket<Data>): void
  /** An error; `close` follows. */
  error?(socket: UnixSocket<Data>, error: Error): void
  /** It is over and the descriptor is closed: the last call, exactly one. */
  close?(socket: UnixSocket<Data>, error?: Error): void
}

export interface UnixSocketOptions<Data = unknown> {
  socket?: UnixHandlers<Data>
  /** Which model waits: 'epoll' (the default), 'poll' or 'select'. */
  model?: WatchOptions['model']
  allowHalfOpen?: boolean
  /** The initial `socket.data`. */
  data?: Data
}
