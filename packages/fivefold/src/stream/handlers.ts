/**
 * The handler API's shapes: what `listen`, `connect` and `bind` take, and what they give.
 */
import type { Host, ModelName, Tuning } from '../models/model.js'
import type { Address } from '../sys/address.js'
import type { Socket } from './socket.js'

/**
 * What happens on a stream socket. One object serves every connection, so a connection costs no closure.
 * What a handler throws goes to `error` of the same socket and closes it; what `error` throws is uncaught.
 */
export interface SocketHandlers<Data = unknown> {
  /** The connection stands. */
  open?(socket: Socket<Data>): void
  /** Bytes came. `chunk` is yours for good: its memory is never used again. */
  data?(socket: Socket<Data>, chunk: Buffer): void
  /** After a `write` that took less than all: there is room again. */
  drain?(socket: Socket<Data>): void
  /** After writes that the kernel could not take at once: it has taken everything. */
  flush?(socket: Socket<Data>): void
  /** Our side's end is sent, and everything written before it. */
  finish?(socket: Socket<Data>): void
  /** The peer will send no more. Without `allowHalfOpen` our side ends as well, once what was written is sent. */
  end?(socket: Socket<Data>): void
  /** An error; `close` follows. */
  error?(socket: Socket<Data>, error: Error): void
  /** It is over and the descriptor is closed: the last call for this socket, exactly one. */
  close?(socket: Socket<Data>, error?: Error): void
}

export interface EngineOptions {
  /**
   * Which mechanism serves it. A named one that cannot work here fails, with the reason and the cure; 'auto'
   * (the default) takes the fastest that can: io_uring, or else epoll.
   */
  model?: ModelName | 'auto'
  /**
   * 'embedded' (the default): Node's loop sleeps, and calls the library when there is work. 'dedicated': the
   * thread sleeps in the model's own waiting call, and Node's loop only polls in between.
   */
  host?: Host
  /** What the mechanism shall do beyond its default. Sockets of the same model, host and tuning share an engine. */
  tuning?: Tuning
}

interface SocketOptions<Data> extends EngineOptions {
  socket: SocketHandlers<Data>
  /** Keep our side open after the peer ended theirs. Default false. */
  allowHalfOpen?: boolean
  /** TCP_NODELAY. Default true. */
  noDelay?: boolean
  /** Bytes a socket takes beyond what the kernel has taken, before `write` takes less. Default 64 KiB. */
  highWaterMark?: number
  /** The initial `socket.data`. */
  data?: Data
}

export interface ListenOptions<Data = unknown> extends SocketOptions<Data> {
  /** Default '127.0.0.1'. A name is looked up; '::' also takes IPv4 unless `ipv6Only`. */
  hostname?: string
  /** Default 0: the kernel picks one. */
  port?: number
  /** A Unix socket instead: a path, or an abstract name ('\0name'). The path is unlinked on close. */
  path?: string
  /** Default 511; the kernel caps it at net.core.somaxconn. */
  backlog?: number
  /**
   * SO_REUSEPORT, socket(7): several listeners (of Workers, of processes of the same user) on one port, each of which
   * set it; the kernel shares the connections out. Not for Unix sockets. Default false.
   */
  reusePort?: boolean
  ipv6Only?: boolean
}

export interface ConnectOptions<Data = unknown> extends SocketOptions<Data> {
  hostname?: string
  port?: number
  /** A Unix socket instead. */
  path?: string
  /** Gives up: the promise rejects with the signal's reason, and the descriptor is closed. */
  signal?: AbortSignal
}

/** What listens. */
export interface Listener extends AsyncDisposable {
  /** The bound address. */
  readonly address: Address
  /** The bound port; 0 for a Unix socket. */
  readonly port: number
  /** The mechanism at work, once 'auto' has chosen. */
  readonly model: ModelName
  readonly host: Host
  readonly fd: number
  /** Connections open now. */
  readonly connections: number
  /** Accepts no more. Resolves when the last connection is closed; `true` closes them at once. */
  close(closeConnections?: boolean): Promise<void>
  ref(): this
  unref(): this
}
