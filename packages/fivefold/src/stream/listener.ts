/** listen(): a descriptor that accepts, and the sockets it makes. */
import { type Deferred, type Engine, engineFor } from '../loop/engine.js'
import type { Host, ModelName } from '../models/model.js'
import { type Completion, Kind, Operation } from '../models/operation.js'
import type { Address } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import { check, systemError } from '../sys/errno.js'
import {
  getsockname,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  rawBind,
  rawListen,
  rawShutdown,
  SHUT_RDWR,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_STREAM,
  SOL_SOCKET,
  setsockoptInt,
  TCP_NODELAY,
} from '../sys/socket.js'
import type { Listener, ListenOptions } from './handlers.js'
import { cureOf, openSocket } from './open.js'
import { encoded, placeOf, removeName, requirePorts, resolve } from './resolve.js'
import { Socket, type SocketSettings } from './socket.js'

/** With the descriptors used up, accepting is tried again so soon, or when one of our own sockets closes. */
const RETRY_MS = 50

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

class ListeningSocket<Data> implements Listener, Completion, Deferred {
  readonly address: Address
  deferred = false
  readonly #engine: Engine
  readonly #settings: SocketSettings<Data>
  readonly #accept: Operation
  readonly #sockets = new Set<Socket<Data>>()
  readonly #gone = (socket: Socket<Data>) => this.#forget(socket)
  #fd: number
  #closing = false
  #starved = false
  /** Kinds of shortage that were told of: each once, however often it comes and goes. */
  readonly #told = new Set<number>()
  #retry: NodeJS.Timeout | null = null
  #referenced = true
  #whenClosed: (() => void)[] = []

  constructor(engine: Engine, fd: number, options: ListenOptions<Data>) {
    this.#engine = engine
    this.#fd = fd
    this.address = getsockname(fd)
    this.#settings = {
      handlers: options.socket,
      allowHalfOpen: options.allowHalfOpen ?? false,
      highWaterMark: options.highWaterMark ?? DEFAULT_HIGH_WATER_MARK,
      data: options.data as Data,
    }
    this.#accept = new Operation(Kind.accept, fd, this)
    engine.ref()
    engine.submit(this.#accept)
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
    return this.#fd
  }

  get connections(): number {
    return this.#sockets.size
  }

  close(closeConnections = false): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#whenClosed.push(resolve))
    if (closeConnections) for (const socket of this.#sockets) socket.terminate()
    if (this.#closing) {
      this.#engine.defer(this)
      return closed
    }
    this.#closing = true
    if (this.#retry !== null) clearTimeout(this.#retry)
    if (this.#accept.inFlight) {
      if (!this.#engine.model.limits.cancels) rawShutdown(this.#fd, SHUT_RDWR)
      this.#engine.cancel(this.#accept)
    }
    this.#closeWhenQuiet()
    return closed
  }

  ref(): this {
    if (!this.#referenced && this.#fd >= 0) this.#engine.ref()
    this.#referenced = true
    return this
  }

  unref(): this {
    if (this.#referenced && this.#fd >= 0) this.#engine.unref()
    this.#referenced = false
    return this
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close(true)
  }

  completed(operation: Operation): void {
    const { result, more } = operation
    if (result >= 0) {
      this.#starved = false
      if (this.#closing) rawClose(result)
      else this.#welcome(result)
      if (!more && !this.#closing) this.#engine.submit(operation)
    } else if (!this.#closing) this.#refused(result)
    if (this.#closing && !more) this.#closeWhenQuiet()
  }

  runDeferred(): void {
    if (this.#fd >= 0 || this.#sockets.size > 0) return
    const resolves = this.#whenClosed
    this.#whenClosed = []
    for (const resolve of resolves) resolve()
  }

  #welcome(fd: number): void {
    const socket = new Socket(this.#engine, fd, this.#settings, this.#gone)
    this.#sockets.add(socket)
    socket.open()
  }

  #forget(socket: Socket<Data>): void {
    this.#sockets.delete(socket)
    if (this.#starved) this.#tryAgain()
    if (this.#closing && this.#sockets.size === 0) this.#engine.defer(this)
  }

  // Out of descriptors, memory or threads: the connections wait in the backlog until there are some again.
  #refused(result: number): void {
    this.#starved = true
    if (!this.#told.has(result)) {
      this.#told.add(result)
      const cure = this.#engine.driver.explain?.(this.#accept) ?? cureOf(result)
      const waits = 'connections wait in the backlog'
      const { message } = systemError(result, 'accept', cure === undefined ? waits : `${waits}; ${cure}`)
      process.emitWarning(message, { code: 'FIVEFOLD_ACCEPT' })
    }
    // It keeps nobody alive: the listener itself does, if that is wanted.
    this.#retry ??= setTimeout(() => this.#tryAgain(), RETRY_MS).unref()
  }

  #tryAgain(): void {
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#retry = null
    if (this.#closing || this.#accept.inFlight) return
    this.#engine.submit(this.#accept)
  }

  #closeWhenQuiet(): void {
    if (this.#fd < 0 || this.#accept.inFlight) return
    removeName(this.address)
    rawClose(this.#fd)
    this.#fd = -1
    if (this.#referenced) this.#engine.unref()
    this.#engine.defer(this)
  }
}
