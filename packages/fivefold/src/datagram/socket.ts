/** A datagram socket, UDP or Unix. Every datagram arrives whole, with its sender, or says it was cut. */
import type { Deferred, Engine } from '../loop/engine.js'
import type { Host, ModelName } from '../models/model.js'
import { type Completion, DatagramOperation, Kind, type Operation, syscallOf } from '../models/operation.js'
import { publish, stampsIfWanted } from '../models/stamps.js'
import { encoded, removeName } from '../stream/resolve.js'
import { bytesOf, uncaught } from '../stream/socket.js'
import type { Address } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import { errnos, systemError } from '../sys/errno.js'
import { getsockname, MSG_DONTWAIT, MSG_NOSIGNAL, rawSendto, rawShutdown, SHUT_RDWR } from '../sys/socket.js'
import { BufferShare } from './buffer-share.js'
import { askForControl, readControl } from './control.js'
import { type Destination, destination } from './destination.js'
import type { BindOptions, DatagramHandlers } from './handlers.js'
import { Held } from './held.js'
import { type Sending, Sendings, type Told } from './sendings.js'

export type { Destination } from './destination.js'
export type { Told } from './sendings.js'

/** Datagrams handed to the model and not yet sent; one more is refused until there is room. */
const MOST_SENDING = 256

export class DatagramSocket implements Completion, Deferred, AsyncDisposable {
  /** The bound address. */
  readonly address: Address
  /** The connected peer, if any. */
  readonly remoteAddress: Address | undefined
  /** @internal */
  deferred = false
  readonly #engine: Engine
  readonly #handlers: DatagramHandlers
  readonly #receive: DatagramOperation
  readonly #sendings = new Sendings()
  /** Null: whoever waits for these datagrams is not to wait for others. */
  readonly #share: BufferShare | null
  #fd: number
  #needsDrain = false
  #paused = false
  readonly #held = new Held()
  #closing = false
  #told = false
  #referenced = true
  #whenClosed: (() => void)[] = []
  readonly #encoded = new WeakMap<object, Uint8Array>()
  readonly #removesName: boolean

  /** @internal Sockets come from `bind`. */
  constructor(
    engine: Engine,
    fd: number,
    options: Pick<BindOptions, 'socket' | 'maxDatagram' | 'timestamps' | 'gro' | 'coalesce'>,
    peer: Address | undefined,
    removesName = true,
  ) {
    this.#engine = engine
    this.#fd = fd
    this.#handlers = options.socket
    this.address = getsockname(fd)
    this.remoteAddress = peer
    this.#removesName = removesName
    this.#share = options.coalesce === false ? null : new BufferShare(fd)
    // A connected socket needs no sender told: every model can receive it by itself.
    this.#receive = new DatagramOperation(Kind.recvfrom, fd, this)
    this.#receive.room = options.maxDatagram ?? 65535
    this.#receive.controlBytes = askForControl(fd, options, engine.model.limits)
    engine.ref()
    this.#startReceiving()
  }

  get fd(): number {
    return this.#fd
  }

  get port(): number {
    return this.address.family === 'Unix' ? 0 : this.address.port
  }

  get model(): ModelName {
    return this.#engine.model.name
  }

  get host(): Host {
    return this.#engine.host
  }

  /**
   * Sends one datagram. A buffer of more than 4 KiB must not be changed before it is sent.
   * @param to whom to; not for a connected socket. `hostname` is an IP address here.
   * @returns false when it was not taken: too many wait to be sent. `drain` tells when there is room again.
   * @throws ERR_INVALID_ARG_VALUE for a bad destination, ERR_INVALID_ARG_TYPE; what fails later (EMSGSIZE, …) goes to `error`
   */
  send(data: Uint8Array | string, to?: Destination): boolean {
    if (this.#closing) return false
    const bytes = bytesOf(data)
    if (this.#sendings.count >= MOST_SENDING) {
      this.#needsDrain = true
      return false
    }
    this.#submit(bytes, to === undefined ? null : this.#encode(to), null)
    return true
  }

  /**
   * @internal Sends one datagram, however many wait. Outside a turn at once, where there is room, so that what is done
   * to the socket afterwards (a disconnect, an option) does not reach what was sent before. Within one the model hands over
   * what all its handlers send together: a third less work with io_uring.
   * @param address encoded; null: the connected peer
   * @param told hears how it went, and `error` does not; perhaps before this returns
   */
  sendNow(bytes: Uint8Array, address: Uint8Array | null, told: Told): void {
    if (this.#sendings.count === 0 && !this.#engine.inTurn) {
      this.#engine.stir()
      const result = rawSendto(this.#fd, bytes, bytes.length, SEND_FLAGS, address, address?.length ?? 0)
      if (result >= 0 || !passing.has(result)) {
        told(result)
        return
      }
    }
    this.#submit(bytes, address, told)
  }

  #submit(bytes: Uint8Array, address: Uint8Array | null, told: Told | null): void {
    this.#engine.submit(this.#sendings.begin(this, bytes, address, told))
  }

  /** @internal What is sent now is handed over at the end of the model's turn. */
  get inTurn(): boolean {
    return this.#engine.inTurn
  }

  /** @internal Datagrams that wait to be sent, and their bytes. */
  get sending(): { count: number; bytes: number } {
    return { count: this.#sendings.count, bytes: this.#sendings.bytes }
  }

  /** @internal Something is sent by this descriptor, and not through here: see `Engine.stir`. */
  stir(): void {
    this.#engine.stir()
  }

  /** Tells no datagrams until `resume`; the kernel keeps what fits its buffer. */
  pause(): void {
    if (this.#paused || this.#closing) return
    this.#paused = true
    if (this.#receive.inFlight) this.#engine.cancel(this.#receive)
  }

  resume(): void {
    if (!this.#paused || this.#closing) return
    this.#paused = false
    if (this.#held.any) this.#engine.defer(this)
    else this.#startReceiving()
  }

  /** Closes: what can be sent without waiting still is. Resolves when the descriptor is closed. */
  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#whenClosed.push(resolve))
    if (this.#closing) {
      if (this.#fd < 0) this.#engine.defer(this)
      return closed
    }
    this.#closing = true
    const { driver, model } = this.#engine
    if (!model.limits.cancels) rawShutdown(this.#fd, SHUT_RDWR)
    if (this.#receive.inFlight) driver.cancel(this.#receive)
    for (const operation of this.#sendings.list()) driver.cancel(operation)
    this.#closeWhenQuiet()
    this.#engine.schedule()
    return closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
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

  /** @internal */
  completed(operation: Operation): void {
    if (operation.stamps !== null) publish(operation)
    if (operation === this.#receive) this.#received(this.#receive)
    else this.#sent(operation as Sending)
    if (this.#closing && !operation.more) this.#closeWhenQuiet()
  }

  /** @internal */
  runDeferred(): void {
    if (this.#fd < 0) {
      this.#tellClosed()
      return
    }
    while (this.#held.any && !this.#paused && !this.#closing) {
      const { chunk, from, truncated, timestampNs } = this.#held.shift()
      this.#deliver(chunk, from, truncated, timestampNs)
    }
    if (!this.#paused && !this.#closing) this.#startReceiving()
  }

  #startReceiving(): void {
    if (this.#receive.inFlight) return
    this.#receive.stamps = stampsIfWanted()
    this.#engine.submit(this.#receive)
  }

  #received(operation: DatagramOperation): void {
    if (this.#closing) return
    const { result, chunk, more } = operation
    if (result >= 0 && chunk !== null) {
      if (this.#share === null) this.#engine.stir()
      else this.#engine.arrived(this.#share.of(result))
      const from = operation.from ?? unnamed
      if (operation.control === null) this.#came(chunk, from, operation.truncated, undefined)
      else this.#cameWithControl(operation, chunk, from, operation.control)
    } else if (result < 0 && result !== -ECANCELED) this.#fail(result, operation)
    if (!more && !this.#paused && !this.#closing && !this.#held.any) {
      // What ended it without being cancelled may end it again at once: a turn lies between.
      if (result < 0 && result !== -ECANCELED) this.#engine.defer(this)
      else this.#startReceiving()
    }
  }

  #cameWithControl(operation: DatagramOperation, chunk: Buffer, from: Address, control: Uint8Array): void {
    const { truncated } = operation
    operation.control = null
    const { timestampNs, segmentBytes } = readControl(control)
    const step = segmentBytes > 0 ? segmentBytes : chunk.length
    if (chunk.length <= step) this.#came(chunk, from, truncated, timestampNs)
    else {
      for (let at = 0; at < chunk.length && !this.#closing; at += step) {
        this.#came(chunk.subarray(at, at + step), from, truncated, timestampNs)
      }
    }
  }

  #came(chunk: Buffer, from: Address, truncated: boolean, timestampNs: bigint | undefined): void {
    if (this.#paused || this.#held.any) {
      this.#held.push({ chunk, from, truncated, timestampNs })
    } else this.#deliver(chunk, from, truncated, timestampNs)
  }

  #deliver(chunk: Buffer, from: Address, truncated: boolean, timestampNs: bigint | undefined): void {
    try {
      this.#handlers.data?.(this, chunk, from, truncated, timestampNs)
    } catch (error) {
      this.#thrown(error)
    }
  }

  #sent(operation: Sending): void {
    const { result } = operation
    const told = this.#sendings.end(operation)
    if (told !== null) told(result)
    else if (result < 0 && !this.#closing) this.#fail(result, operation)
    if (this.#needsDrain && this.#sendings.count * 2 <= MOST_SENDING && !this.#closing) {
      this.#needsDrain = false
      try {
        this.#handlers.drain?.(this)
      } catch (error) {
        this.#thrown(error)
      }
    }
  }

  #fail(result: number, operation: Operation): void {
    const why = this.#engine.driver.explain?.(operation)
    this.#tellError(systemError(result, syscallOf[operation.kind]!, why))
  }

  #thrown(error: unknown): void {
    const thrown =
      error instanceof Error ? error : new Error(`a handler threw ${String(error)}`, { cause: error })
    if (this.#handlers.error === undefined) uncaught(thrown)
    else this.#tellError(thrown)
  }

  #tellError(error: Error): void {
    try {
      this.#handlers.error?.(this, error)
    } catch (thrown) {
      uncaught(thrown)
    }
  }

  #closeWhenQuiet(): void {
    if (this.#fd < 0 || this.#receive.inFlight || this.#sendings.count > 0) return
    if (this.#removesName) removeName(this.address)
    rawClose(this.#fd)
    this.#fd = -1
    if (this.#referenced) this.#engine.unref()
    this.#engine.defer(this)
  }

  #tellClosed(): void {
    const resolves = this.#whenClosed
    this.#whenClosed = []
    if (!this.#told) {
      this.#told = true
      try {
        this.#handlers.close?.(this)
      } catch (error) {
        uncaught(error)
      }
    }
    for (const resolve of resolves) resolve()
  }

  // Addresses that `data` told are frozen, so what they encode to can be kept.
  #encode(to: Destination): Uint8Array {
    const known = this.#encoded.get(to)
    if (known !== undefined) return known
    const address = destination(to)
    const bytes = encoded(address)
    if (Object.isFrozen(to)) this.#encoded.set(to, bytes)
    return bytes
  }
}

const unnamed: Address = Object.freeze({ family: 'Unix', path: '' } as const)
const ECANCELED = 125

const SEND_FLAGS = MSG_NOSIGNAL | MSG_DONTWAIT
/** No verdict on a datagram: it goes to the model, which waits until it can be sent. */
const passing = new Set([-errnos.EINTR, -errnos.EAGAIN, -errnos.ENOBUFS, -errnos.ENOMEM])
