/** What accepts: one repeating operation on a listening descriptor, kept up through shortages. */
import type { Engine } from '../loop/engine.js'
import { type Completion, Kind, Operation } from '../models/operation.js'
import type { Address } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import { systemError } from '../sys/errno.js'
import { rawShutdown, SHUT_RDWR } from '../sys/socket.js'
import { cureOf } from './open.js'
import { removeName } from './resolve.js'

/** With the descriptors used up, accepting is tried again so soon, or when one of our own sockets closes. */
const RETRY_MS = 50

export interface AcceptorOwner {
  /** A connection. The descriptor is the owner's. */
  accepted(fd: number): void
  /** The listening descriptor is closed. */
  acceptorClosed(): void
}

export class Acceptor implements Completion {
  readonly engine: Engine
  readonly #owner: AcceptorOwner
  /** The name that is removed on closing: a Unix socket's. */
  readonly #address: Address | null
  readonly #accept: Operation
  #shared: boolean
  #fd: number
  #closing = false
  #starved = false
  /** Kinds of shortage that were told of: each once, however often it comes and goes. */
  readonly #told = new Set<number>()
  #retry: NodeJS.Timeout | null = null
  #referenced = true

  /**
   * @param shared the descriptor came from elsewhere, and somebody else may listen on the same socket: it is closed,
   *   and never shut down
   */
  constructor(engine: Engine, fd: number, address: Address | null, owner: AcceptorOwner, shared = false) {
    this.#shared = shared
    this.engine = engine
    this.#fd = fd
    this.#address = address
    this.#owner = owner
    this.#accept = new Operation(Kind.accept, fd, this)
    engine.ref()
    engine.submit(this.#accept)
  }

  /** -1 once closed. */
  get fd(): number {
    return this.#fd
  }

  get closing(): boolean {
    return this.#closing
  }

  /** Somebody else listens on the same socket from now on. */
  share(): void {
    this.#shared = true
  }

  /** Nobody can connect any more when this returns; the descriptor is closed when nothing is in flight. */
  close(): void {
    if (this.#closing) return
    this.#closing = true
    if (this.#retry !== null) clearTimeout(this.#retry)
    if (this.#address !== null) removeName(this.#address)
    // At once: the port is free for the next listener, and what cannot be cancelled ends.
    if (!this.#shared || !this.engine.model.limits.cancels) rawShutdown(this.#fd, SHUT_RDWR)
    if (this.#accept.inFlight) this.engine.cancel(this.#accept)
    this.#closeWhenQuiet()
  }

  /** One of our own sockets has closed: there may be descriptors again. */
  tryAgain(): void {
    if (this.#starved) this.#again()
  }

  ref(): void {
    if (!this.#referenced && this.#fd >= 0) this.engine.ref()
    this.#referenced = true
  }

  unref(): void {
    if (this.#referenced && this.#fd >= 0) this.engine.unref()
    this.#referenced = false
  }

  /** @internal */
  completed(operation: Operation): void {
    const { result, more } = operation
    if (result >= 0) {
      this.#starved = false
      if (this.#closing) rawClose(result)
      else this.#owner.accepted(result)
      if (!more && !this.#closing) this.engine.submit(operation)
    } else if (!this.#closing) this.#refused(result)
    if (this.#closing && !more) this.#closeWhenQuiet()
  }

  // Out of descriptors, memory or threads: the connections wait in the backlog until there are some again.
  #refused(result: number): void {
    this.#starved = true
    if (!this.#told.has(result)) {
      this.#told.add(result)
      const cure = this.engine.driver.explain?.(this.#accept) ?? cureOf(result)
      const waits = 'connections wait in the backlog'
      const { message } = systemError(result, 'accept', cure === undefined ? waits : `${waits}; ${cure}`)
      process.emitWarning(message, { code: 'FIVEFOLD_ACCEPT' })
    }
    // It keeps nobody alive: the listener itself does, if that is wanted.
    this.#retry ??= setTimeout(() => this.#again(), RETRY_MS).unref()
  }

  #again(): void {
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#retry = null
    if (this.#closing || this.#accept.inFlight) return
    this.engine.submit(this.#accept)
  }

  #closeWhenQuiet(): void {
    if (this.#fd < 0 || this.#accept.inFlight) return
    rawClose(this.#fd)
    this.#fd = -1
    if (this.#referenced) this.engine.unref()
    this.#owner.acceptorClosed()
  }
}
