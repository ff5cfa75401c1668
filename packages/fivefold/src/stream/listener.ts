/** listen(): a descriptor that accepts, and the sockets it makes. */
import { type Deferred, type Engine, engineFor } from '../loop/engine.js'
import type { Host, ModelName } from '../models/model.js'
import type { Address } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import { check } from '../sys/errno.js'
import {
  getsockname,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  rawBind,
  rawListen,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_STREAM,
  SOL_SOCKET,
  setsockoptInt,
  TCP_NODELAY,
} from '../sys/socket.js'
import { Acceptor, type AcceptorOwner } from './acceptor.js'
import type { Listener, ListenOptions } from './handlers.js'
import { openSocket } from './open.js'
import { encoded, placeOf, requirePorts, resolve } from './resolve.js'
import { Socket, type SocketSettings } from './socket.js'

export const DEFAULT_HIGH_WATER_MARK = 64 * 1024

/**
 * Listens on TCP (`hostname`, `port`) or on a Unix socket (`path`).
 * @throws (rejects with) EADDRINUSE, EACCES, … with `syscall`, `address`, `port` or `path`; what a named model's
 *   probe says where it cannot work; ERR_INVALID_ARG_VALUE
 */
export async function listen<Data = undefined>(options: ListenOptions<Data>): Promise<Listener> {
  const engine = engineFor(options.model, options.host, options.tuning)
  const [address] = await resolve(options)
  if (options.reusePort) requirePorts(address!)
  const fd = openListening(address!, options, engine)
  return new ListeningSocket(engine, fd, options)
}

type Opening = Pick<ListenOptions, 'reusePort' | 'ipv6Only' | 'backlog' | 'noDelay'>

function openListening(address: Address, options: Opening, engine: Engine): number {
  const fd = openSocket(address, SOCK_STREAM, engine.model.limits)
  try {
    if (address.family !== 'Unix') {
      setsockoptInt(fd, SOL_SOCKET, SO_REUSEADDR, 1)
      if (options.reusePort) setsockoptInt(fd, SOL_SOCKET, SO_REUSEPORT, 1)
      // Linux hands it down to the accepted sockets: a call for each is saved.
      if (options.noDelay ?? true) setsockoptInt(fd, IPPROTO_TCP, TCP_NODELAY, 1)
      if (address.family === 'IPv6') setsockoptInt(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6Only ? 1 : 0)
    }
    const bytes = encoded(address)
    check(rawBind(fd, bytes, bytes.length), 'bind', placeOf(address))
    check(rawListen(fd, options.backlog ?? 511), 'listen', placeOf(address))
    return fd
  } catch (error) {
    rawClose(fd)
    throw error
  }
}

class ListeningSocket<Data> implements Listener, AcceptorOwner, Deferred {
  readonly address: Address
  deferred = false
  readonly #engine: Engine
  readonly #settings: SocketSettings<Data>
  readonly #acceptor: Acceptor
  readonly #sockets = new Set<Socket<Data>>()
  readonly #gone = (socket: Socket<Data>) => this.#forget(socket)
  #whenClosed: (() => void)[] = []

  constructor(engine: Engine, fd: number, options: ListenOptions<Data>) {
    this.#engine = engine
    this.address = getsockname(fd)
    this.#settings = {
      handlers: options.socket,
      allowHalfOpen: options.allowHalfOpen ?? false,
      highWaterMark: options.highWaterMark ?? DEFAULT_HIGH_WATER_MARK,
      data: options.data as Data,
    }
    this.#acceptor = new Acceptor(engine, fd, this.address, this)
  }

  get port(): number {
    return this.address.family === 'Unix' ? 0 : this.address.port
  }

  get model(): ModelName {
    return this.#engine.model.name
  }

  get reason(): string {
    return this.#engine.reason
  }

  get host(): Host {
    return this.#engine.host
  }

  get fd(): number {
    return this.#acceptor.fd
  }

  get connections(): number {
    return this.#sockets.size
  }

  close(closeConnections = false): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#whenClosed.push(resolve))
    if (closeConnections) for (const socket of this.#sockets) socket.terminate()
    if (this.#acceptor.closing) this.#engine.defer(this)
    else this.#acceptor.close()
    return closed
  }

  ref(): this {
    this.#acceptor.ref()
    return this
  }

  unref(): this {
    this.#acceptor.unref()
    return this
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close(true)
  }

  /** @internal */
  accepted(fd: number): void {
    const socket = new Socket(this.#engine, fd, this.#settings, this.#gone)
    this.#sockets.add(socket)
    socket.open()
  }

  /** @internal */
  acceptorClosed(): void {
    this.#engine.defer(this)
  }

  /** @internal */
  runDeferred(): void {
    if (this.#acceptor.fd >= 0 || this.#sockets.size > 0) return
    const resolves = this.#whenClosed
    this.#whenClosed = []
    for (const resolve of resolves) resolve()
  }

  #forget(socket: Socket<Data>): void {
    this.#sockets.delete(socket)
    this.#acceptor.tryAgain()
    if (this.#acceptor.closing && this.#sockets.size === 0) this.#engine.defer(this)
  }
}
