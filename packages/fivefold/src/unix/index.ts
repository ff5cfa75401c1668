/**
 * fivefold/unix: Unix sockets beyond streams of bytes: SEQPACKET, socket pairs, descriptors passed between processes,
 * and who the peer is.
 */
import { unlinkSync } from 'node:fs'
import { rawClose } from '../sys/descriptor.js'
import { errnos } from '../sys/errno.js'
import { setNonBlocking } from '../sys/fcntl.js'
import {
  AF_UNIX,
  accept4,
  bind,
  connect as connectTo,
  listen as listenOn,
  socketpair as pairOf,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  socket as socketOf,
} from '../sys/socket.js'
import { type Watch, watch } from '../watch/watch.js'
import type { UnixSocketOptions, UnixSocketType } from './handlers.js'
import { UnixSocket } from './socket.js'

export { type Credentials, peerCredentials } from '../sys/socket.js'
export type { UnixHandlers, UnixSocketOptions, UnixSocketType } from './handlers.js'
export { UnixSocket } from './socket.js'

const types: Record<UnixSocketType, number> = {
  seqpacket: SOCK_SEQPACKET,
  stream: SOCK_STREAM,
  dgram: SOCK_DGRAM,
}

export interface UnixListenOptions<Data = unknown> extends UnixSocketOptions<Data> {
  /** A path, or an abstract name ('\0name'). The path is unlinked on close. */
  path: string
  /** Default 'seqpacket'. */
  type?: 'seqpacket' | 'stream'
  /** Default 511; the kernel caps it at net.core.somaxconn. */
  backlog?: number
  /** Accepting failed (EMFILE, …): it is tried again. */
  error?(error: Error): void
}

export interface UnixConnectOptions<Data = unknown> extends UnixSocketOptions<Data> {
  path: string
  /** Default 'seqpacket'. */
  type?: 'seqpacket' | 'stream'
  /** Gives up. */
  signal?: AbortSignal
}

/** Accepting out of descriptors, or connecting to a full backlog, is tried again after so long. */
const AGAIN_MS = 5
/** Connections accepted in one turn. */
const MOST_ACCEPTS = 64

/** What listens. */
export class UnixListener<Data = unknown> implements AsyncDisposable {
  readonly path: string
  readonly fd: number
  readonly #options: UnixListenOptions<Data>
  readonly #type: UnixSocketType
  readonly #watch: Watch
  readonly #sockets = new Set<UnixSocket<Data>>()
  readonly #forget = (socket: UnixSocket<Data>) => {
    this.#sockets.delete(socket)
    if (this.#sockets.size === 0) this.#whenEmpty?.()
  }
  #whenEmpty: (() => void) | null = null
  #closed = false

  /** @internal Use `listen`. */
  constructor(fd: number, options: UnixListenOptions<Data>) {
    this.fd = fd
    this.path = options.path
    this.#options = options
    this.#type = options.type ?? 'seqpacket'
    this.#watch = watch(fd, 'read', () => this.#accept(), { model: options.model ?? 'auto' })
  }

  /** Connections open now. */
  get connections(): number {
    return this.#sockets.size
  }

  /** Accepts no more. Resolves when the last connection is closed; `true` closes them at once. */
  async close(closeConnections = false): Promise<void> {
    if (!this.#closed) {
      this.#closed = true
      this.#watch.close()
      rawClose(this.fd)
      unlinkPath(this.path)
    }
    if (closeConnections) for (const socket of this.#sockets) socket.close()
    if (this.#sockets.size === 0) return
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close(true)
  }

  ref(): this {
    this.#watch.ref()
    return this
  }

  unref(): this {
    this.#watch.unref()
    return this
  }

  #accept(): void {
    for (let count = 0; count < MOST_ACCEPTS && !this.#closed; count++) {
      let fd: number
      try {
        fd = accept4(this.fd, SOCK_NONBLOCK | SOCK_CLOEXEC).fd
      } catch (error) {
        const { errno } = error as NodeJS.ErrnoException
        if (errno === -errnos.EAGAIN) return
        if (errno === -errnos.ECONNABORTED) continue
        // It stays ready: not to be asked again at once.
        this.#watch.pause()
        setTimeout(() => this.#watch.resume(), AGAIN_MS)
        this.#options.error?.(error as Error)
        return
      }
      this.#sockets.add(new UnixSocket(fd, this.#type, this.#options, this.#forget))
    }
  }
}

function unlinkPath(path: string): void {
  if (path.startsWith('\0')) return
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/**
 * Listens on a Unix socket.
 * @throws EADDRINUSE, EACCES, ENOENT (no such folder), with the address; ENOTSUP for a model that cannot wait
 */
export async function listen<Data = unknown>(options: UnixListenOptions<Data>): Promise<UnixListener<Data>> {
  const fd = socketOf(AF_UNIX, typeOf(options.type, 'seqpacket', 'stream') | SOCK_NONBLOCK)
  try {
    bind(fd, { family: 'Unix', path: options.path })
    listenOn(fd, options.backlog ?? 511)
    return new UnixListener(fd, options)
  } catch (error) {
    rawClose(fd)
    throw error
  }
}

/**
 * Connects to a Unix socket. Waits while the listener's backlog is full.
 * @throws ECONNREFUSED, ENOENT, EACCES, EPROTOTYPE (it is of another type), with the address; the signal's reason
 */
export async function connect<Data = unknown>(options: UnixConnectOptions<Data>): Promise<UnixSocket<Data>> {
  const { path, type = 'seqpacket', signal } = options
  signal?.throwIfAborted()
  const fd = socketOf(AF_UNIX, typeOf(type, 'seqpacket', 'stream') | SOCK_NONBLOCK)
  try {
    while (!connectNow(fd, path)) {
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
      signal?.throwIfAborted()
    }
  } catch (error) {
    rawClose(fd)
    throw error
  }
  return new UnixSocket(fd, type, options)
}

/** @returns false: the backlog is full, and there is nothing to wait for it with */
function connectNow(fd: number, path: string): boolean {
  try {
    connectTo(fd, { family: 'Unix', path })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).errno !== -errnos.EAGAIN) throw error
    return false
  }
}

export interface PairOptions<Data = unknown> extends UnixSocketOptions<Data> {
  /** Default 'seqpacket'. */
  type?: UnixSocketType
}

/** Two sockets connected with each other, in this process. */
export function socketpair<Data = unknown>(
  options: PairOptions<Data> = {},
  others: UnixSocketOptions<Data> = options,
): [UnixSocket<Data>, UnixSocket<Data>] {
  const { type = 'seqpacket' } = options
  const [first, second] = pairOf(AF_UNIX, typeOf(type, 'seqpacket', 'stream', 'dgram') | SOCK_NONBLOCK)
  let one: UnixSocket<Data>
  try {
    one = new UnixSocket(first, type, options)
  } catch (error) {
    rawClose(second)
    throw error
  }
  try {
    return [one, new UnixSocket(second, type, others)]
  } catch (error) {
    one.close()
    throw error
  }
}

/** A connected socket of somebody else's (a descriptor that was passed, or inherited) becomes one of ours. */
export function adopt<Data = unknown>(fd: number, options: PairOptions<Data> = {}): UnixSocket<Data> {
  const { type = 'seqpacket' } = options
  typeOf(type, 'seqpacket', 'stream', 'dgram')
  setNonBlocking(fd, true)
  return new UnixSocket(fd, type, options)
}

function typeOf(type: UnixSocketType = 'seqpacket', ...possible: UnixSocketType[]): number {
  if (possible.includes(type)) return types[type]
  throw Object.assign(new TypeError(`type is one of ${possible.join(', ')}, not ${String(type)}`), {
    code: 'ERR_INVALID_ARG_VALUE',
  })
}
