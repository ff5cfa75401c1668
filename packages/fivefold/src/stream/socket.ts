/** A connected stream socket: what was written goes out in order, what comes is handed to the handlers. */
import { Buffer } from 'node:buffer'
import type { Deferred, Engine } from '../loop/engine.js'
import { GIVE_AWAY, release } from '../models/lender.js'
import { COPIED, type Completion, Kind, Operation, syscallOf } from '../models/operation.js'
import { publish, stampsIfWanted } from '../models/stamps.js'
import type { Address } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import { type ErrorPlace, errnos, systemError } from '../sys/errno.js'
import type { Pointer } from '../sys/ffi.js'
import { requireStable } from '../sys/memory.js'
import {
  getpeername,
  getsockname,
  IPPROTO_TCP,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  rawSend,
  rawSetsockopt,
  rawShutdown,
  SHUT_RDWR,
  SHUT_WR,
  SO_KEEPALIVE,
  SO_LINGER,
  SOL_SOCKET,
  setsockoptInt,
  TCP_KEEPIDLE,
  TCP_NODELAY,
} from '../sys/socket.js'
import type { SocketHandlers } from './handlers.js'

/** Settings of a socket that its maker passes on. */
export interface SocketSettings<Data> {
  handlers: SocketHandlers<Data>
  allowHalfOpen: boolean
  highWaterMark: number
  data: Data
}

/** One number for two booleans: at ten thousand connections each field of a socket is 80 KB. */
type Stage = 0 | 1 | 2
const OPEN = 0
const ENDING = 1
const ENDED = 2

export class Socket<Data = unknown> implements Completion, Deferred {
  /** Yours. */
  data: Data
  /** Bytes received, and bytes the kernel has taken. */
  bytesRead = 0
  bytesWritten = 0
  /** @internal */
  deferred = false

  readonly #engine: Engine
  readonly #settings: SocketSettings<Data>
  readonly #gone: ((socket: Socket<Data>) => void) | null
  readonly #receive: Operation
  /** Made with the first write: there are connections that only listen, or wait. */
  #send: Operation | null = null
  #fd: number
  /** Written, and not yet handed to the driver; and the bytes of that and of what the driver has. */
  #queue: Uint8Array[] | null = null
  #queued = 0
  /** Bytes of the send that is in flight. */
  #asked = 0
  #needsDrain = false
  /** Inside a submit of ours; and what failed in there, which is told later, outside the caller's `write`. */
  #submitting = false
  #failed = 0
  #paused = false
  /** What came while paused. */
  #held: Buffer[] | null = null
  /** Chunks to give back once they are sent, in their order. */
  #forwarded: Uint8Array[] | null = null
  /** How far it is with the peer's end (known, then told), our own (asked for, then sent), and the whole (then closed). */
  #peerEnd: Stage = OPEN
  #ownEnd: Stage = OPEN
  #close: Stage = OPEN
  #error: Error | undefined
  #referenced = true
  #local: Address | undefined
  #remote: Address | undefined

  /** @internal Sockets come from `connect` and from listeners. */
  constructor(
    engine: Engine,
    fd: number,
    settings: SocketSettings<Data>,
    gone: ((socket: Socket<Data>) => void) | null,
  ) {
    this.#engine = engine
    this.#fd = fd
    this.#settings = settings
    this.data = settings.data
    this.#gone = gone
    this.#receive = new Operation(Kind.receive, fd, this)
    engine.ref()
  }

  /** @internal Tells `open` and begins to receive. */
  open(): void {
    this.#call(this.#settings.handlers.open)
    if (this.#close === OPEN && !this.#paused) this.#startReceiving()
  }

  /** The descriptor; -1 once closed. It stays the socket's: do not close it. */
  get fd(): number {
    return this.#fd
  }

  /** Still open: neither closed nor closing. */
  get readyState(): 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.#close !== OPEN) return 'closed'
    if (this.#ownEnd !== OPEN) return this.#peerEnd !== OPEN ? 'closed' : 'readOnly'
    return this.#peerEnd !== OPEN ? 'writeOnly' : 'open'
  }

  /** Bytes written that the kernel has not taken yet. */
  get bytesQueued(): number {
    return this.#queued
  }

  get paused(): boolean {
    return this.#paused
  }

  get localAddress(): Address | undefined {
    if (this.#fd >= 0) this.#local ??= attempt(getsockname, this.#fd)
    return this.#local
  }

  get remoteAddress(): Address | undefined {
    if (this.#fd >= 0) this.#remote ??= attempt(getpeername, this.#fd)
    return this.#remote
  }

  /**
   * Sends bytes, after those written before. A buffer of more than 4 KiB must not be changed until it is sent
   * (`bytesQueued` is 0, or `drain`); a smaller one may at once.
   * @returns the bytes taken, from the start of `data`. When they are fewer than given, the rest is still
   *   yours: go on with it in `drain`. 0 once the socket is closed.
   * @throws ERR_STREAM_WRITE_AFTER_END after `end()`; ERR_INVALID_ARG_TYPE, or for a detached or resizable buffer
   */
  write(data: Uint8Array | string): number {
    if (this.#close !== OPEN || this.#failed !== 0) return 0
    if (this.#ownEnd !== OPEN) {
      throw Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' })
    }
    return this.#take(data)
  }

  /**
   * As `write`, of a received chunk that nobody will look at any more: once it is sent, its memory receives again.
   * For echo servers and proxies: a third off the cost of large messages.
   * @returns as `write`. When fewer than given, the chunk stays yours: go on with the rest in `drain`.
   */
  forward(chunk: Uint8Array): number {
    if (chunk.length < GIVE_AWAY) return this.write(chunk)
    const forwarded = (this.#forwarded ??= [])
    forwarded.push(chunk)
    let taken = 0
    try {
      taken = this.write(chunk)
    } finally {
      if (taken < chunk.length) forwarded.pop()
    }
    return taken
  }

  /**
   * @internal Gives the kernel, past the queue, what it takes at once. Only while nothing is queued.
   * @param data memory, or its address; free again when this returns
   * @returns the bytes taken, from the start of `data` (0: there is no room now), or a negative errno
   */
  sendNow(data: Pointer, length: number): number {
    if (this.#close !== OPEN || this.#ownEnd !== OPEN) return -errnos.EPIPE
    let sent: number
    do sent = rawSend(this.#fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL)
    while (sent === -errnos.EINTR)
    if (sent > 0) this.bytesWritten += sent
    else if (sent === -errnos.EAGAIN || sent === -errnos.ENOBUFS || sent === -errnos.ENOMEM) return 0
    return sent
  }

  /** @internal Sends buffers, in order and whatever the mark. They must not be changed until they are sent. */
  writev(buffers: readonly Uint8Array[]): void {
    if (this.#close !== OPEN || this.#ownEnd !== OPEN || this.#failed !== 0) return
    for (const buffer of buffers) this.#queued += buffer.length
    if (this.#sending || this.#queue !== null) (this.#queue ??= []).push(...buffers)
    else this.#submit(buffers)
  }

  /** Sends the last bytes, then the end. What the peer still sends is received. */
  end(data?: Uint8Array | string): void {
    if (this.#ownEnd !== OPEN || this.#close !== OPEN) return
    if (data !== undefined) {
      const bytes = typeof data === 'string' ? Buffer.from(data) : data
      // The last bytes are taken whole, whatever the mark: there will be no drain to go on in.
      const taken = this.#take(bytes)
      if (taken < bytes.length) {
        ;(this.#queue ??= []).push(bytes.subarray(taken))
        this.#queued += bytes.length - taken
      }
    }
    this.#needsDrain = false
    this.#ownEnd = ENDING
    this.#flushSoon()
  }

  /** @internal Sends our end at once. @returns false: something has to be sent before, and `end` must do it */
  endNow(): boolean {
    if (this.#ownEnd !== OPEN || this.#close !== OPEN || this.#sending || this.#queue !== null) return false
    this.#ownEnd = ENDING
    this.#sendEnd()
    return true
  }

  /** Closes at once: what is queued is lost, no more data is told. `close` follows. */
  terminate(): void {
    this.#destroy(undefined)
  }

  /** Closes at once, and tells the peer so by a reset (RST, tcp(7)) instead of an end. `close` follows. */
  reset(): void {
    if (this.#fd >= 0 && this.#close === OPEN) rawSetsockopt(this.#fd, SOL_SOCKET, SO_LINGER, lingerNot, 8)
    this.#destroy(undefined)
  }

  /** Hands out no data until `resume`. What the kernel has already handed over is held, not lost. */
  pause(): void {
    if (this.#paused || this.#close !== OPEN) return
    this.#paused = true
    if (this.#receive.inFlight) this.#engine.cancel(this.#receive)
  }

  resume(): void {
    if (!this.#paused || this.#close !== OPEN) return
    this.#paused = false
    if (this.#held !== null || this.#peerEnd !== OPEN) this.#engine.defer(this)
    else this.#startReceiving()
  }

  /** TCP_NODELAY, tcp(7): small segments go out at once. On by default. */
  setNoDelay(on = true): this {
    if (this.#fd >= 0) setsockoptInt(this.#fd, IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0)
    return this
  }

  /** SO_KEEPALIVE, socket(7), with the first probe after `initialDelaySeconds` of silence (tcp(7)). */
  setKeepAlive(on = true, initialDelaySeconds = 0): this {
    if (this.#fd < 0) return this
    setsockoptInt(this.#fd, SOL_SOCKET, SO_KEEPALIVE, on ? 1 : 0)
    if (on && initialDelaySeconds > 0) {
      setsockoptInt(this.#fd, IPPROTO_TCP, TCP_KEEPIDLE, Math.ceil(initialDelaySeconds))
    }
    return this
  }

  /** An open socket keeps the process alive, unless unref'ed. */
  ref(): this {
    if (!this.#referenced && this.#close !== ENDED) {
      this.#referenced = true
      this.#engine.ref()
    }
    return this
  }

  unref(): this {
    if (this.#referenced) {
      this.#referenced = false
      this.#engine.unref()
    }
    return this
  }

  /** @internal */
  completed(operation: Operation): void {
    if (operation.stamps !== null) publish(operation)
    if (operation === this.#receive) this.#received(operation)
    else this.#sent(operation)
  }

  /** @internal */
  runDeferred(): void {
    if (this.#close === ENDED) {
      this.#tellClosed()
      return
    }
    if (this.#close !== OPEN) return
    if (this.#failed !== 0) {
      this.#fail(this.#failed, this.#send!)
      return
    }
    if (!this.#paused && (this.#held !== null || this.#peerEnd !== OPEN)) this.#deliverHeld()
    this.#flush()
  }

  // ---- receiving

  #startReceiving(): void {
    if (this.#receive.inFlight || this.#peerEnd !== OPEN) return
    this.#receive.stamps = stampsIfWanted()
    this.#engine.submit(this.#receive)
  }

  #received(operation: Operation): void {
    const { result, chunk } = operation
    if (this.#close !== OPEN) {
      if (!operation.more) this.#closeWhenQuiet()
      return
    }
    if (result > 0) {
      this.bytesRead += result
      if (this.#paused || this.#held !== null) (this.#held ??= []).push(chunk!)
      else this.#deliver(chunk!)
      if (!operation.more && !this.#paused && this.#close === OPEN) this.#startReceiving()
    } else if (result === 0) {
      this.#peerEnd = ENDING
      if (!this.#paused && this.#held === null) this.#tellEnd()
    } else if (result === -ECANCELED) {
      // Paused; and perhaps resumed before this came.
      if (!this.#paused) this.#startReceiving()
    } else this.#fail(result, operation)
  }

  #deliver(chunk: Buffer): void {
    const { data } = this.#settings.handlers
    if (data === undefined) return
    try {
      data(this, chunk)
    } catch (error) {
      this.#thrown(error)
    }
  }

  #deliverHeld(): void {
    while (this.#held !== null && !this.#paused && this.#close === OPEN) {
      const chunk = this.#held.shift()!
      if (this.#held.length === 0) this.#held = null
      this.#deliver(chunk)
    }
    if (this.#paused || this.#close !== OPEN) return
    if (this.#peerEnd !== OPEN) this.#tellEnd()
    else this.#startReceiving()
  }

  #tellEnd(): void {
    if (this.#peerEnd === ENDED) return
    this.#peerEnd = ENDED
    this.#call(this.#settings.handlers.end)
    if (!this.#settings.allowHalfOpen) this.end()
    this.#finishWhenBothEnded()
  }

  // ---- sending

  /** A send is in flight. */
  get #sending(): boolean {
    return this.#send?.inFlight === true
  }

  #take(data: Uint8Array | string): number {
    let bytes = bytesOf(data)
    const { length } = bytes
    if (length === 0) return 0
    let taken = length
    if (this.#queued > 0 && this.#queued + length > this.#settings.highWaterMark) {
      taken = this.#settings.highWaterMark - this.#queued
      this.#needsDrain = true
      if (taken <= 0) return 0
    }
    if (taken < length) bytes = bytes.subarray(0, taken)
    this.#queued += taken
    if (this.#queue !== null || this.#sending) {
      // Behind what is being sent; it goes out with all that gathers meanwhile.
      ;(this.#queue ??= []).push(typeof data !== 'string' && taken <= COPIED ? Buffer.from(bytes) : bytes)
      return taken
    }
    this.#submit([bytes])
    return taken
  }

  #flushSoon(): void {
    if (!this.#sending) this.#engine.defer(this)
  }

  #flush(): void {
    if (this.#sending || this.#close !== OPEN) return
    if (this.#queue === null) {
      if (this.#ownEnd === ENDING) this.#sendEnd()
      return
    }
    const queue = this.#queue
    this.#queue = null
    this.#submit(queue)
    // The kernel may have taken it all at once.
    if (!this.#sending && this.#close === OPEN && this.#failed === 0)
      this.#call(this.#settings.handlers.flush)
  }

  #submit(buffers: readonly Uint8Array[]): void {
    const send = (this.#send ??= new Operation(Kind.send, this.#fd, this))
    send.buffers = buffers
    this.#asked = this.#queued
    send.stamps = stampsIfWanted()
    this.#submitting = true
    this.#engine.submit(send)
    this.#submitting = false
  }

  #sent(operation: Operation): void {
    let { result } = operation
    // A buffer that is transferred while it is being sent has no bytes any more: none may be missing unsaid.
    if (result >= 0 && operation.sent < this.#asked) result = -EFAULT
    this.bytesWritten += operation.sent
    this.#queued -= operation.sent
    if (this.#forwarded !== null && result >= 0) this.#giveBack(operation.buffers)
    operation.buffers = none
    if (this.#close !== OPEN) {
      this.#closeWhenQuiet()
      return
    }
    if (result < 0) {
      if (this.#submitting) {
        this.#failed = result
        this.#engine.defer(this)
      } else this.#fail(result, operation)
      return
    }
    if (this.#queue !== null) this.#flush()
    else {
      if (!this.#submitting) this.#call(this.#settings.handlers.flush)
      if (this.#ownEnd !== OPEN && !this.#sending) this.#sendEnd()
    }
    if (this.#needsDrain && this.#queued * 2 <= this.#settings.highWaterMark) {
      this.#needsDrain = false
      this.#call(this.#settings.handlers.drain)
    }
  }

  #giveBack(buffers: readonly Uint8Array[]): void {
    const forwarded = this.#forwarded!
    for (const buffer of buffers) {
      const at = forwarded.indexOf(buffer)
      if (at >= 0) release(forwarded.splice(at, 1)[0]!)
    }
  }

  #sendEnd(): void {
    if (this.#ownEnd === ENDED || this.#close !== OPEN) return
    this.#ownEnd = ENDED
    // ENOTCONN: the peer is gone already, which the receiving side tells.
    rawShutdown(this.#fd, SHUT_WR)
    this.#call(this.#settings.handlers.finish)
    this.#finishWhenBothEnded()
  }

  #finishWhenBothEnded(): void {
    if (this.#ownEnd === ENDED && this.#peerEnd === ENDED) this.#destroy(undefined)
  }

  // ---- the end

  #fail(result: number, operation: Operation): void {
    const place: ErrorPlace = {}
    const remote = this.#remote
    if (remote?.family === 'Unix') place.path = remote.path
    else if (remote !== undefined) Object.assign(place, { address: remote.address, port: remote.port })
    const why = this.#engine.driver.explain?.(operation)
    const error = systemError(result, syscallOf[operation.kind]!, why ?? place)
    if (this.#settings.handlers.error !== undefined) this.#tellError(error)
    this.#destroy(error)
  }

  #thrown(error: unknown): void {
    const thrown =
      error instanceof Error ? error : new Error(`a handler threw ${String(error)}`, { cause: error })
    if (this.#settings.handlers.error === undefined) uncaught(thrown)
    else this.#tellError(thrown)
    this.#destroy(thrown)
  }

  #tellError(error: Error): void {
    try {
      this.#settings.handlers.error!(this, error)
    } catch (thrown) {
      uncaught(thrown)
    }
  }

  #destroy(error: Error | undefined): void {
    if (this.#close !== OPEN) return
    this.#close = ENDING
    this.#error = error
    this.#queue = this.#held = null
    // The answers are kept for handlers that ask in `close`.
    const { localAddress, remoteAddress } = this
    void localAddress
    void remoteAddress
    const { driver, model } = this.#engine
    const waits = this.#receive.inFlight || this.#sending
    // Where a started operation cannot be cancelled, shutting the socket down ends it.
    if (waits && !model.limits.cancels) rawShutdown(this.#fd, SHUT_RDWR)
    if (this.#receive.inFlight) driver.cancel(this.#receive)
    if (this.#send?.inFlight) driver.cancel(this.#send)
    this.#closeWhenQuiet()
    this.#engine.schedule()
  }

  // The descriptor is closed only when nothing is in flight: until then its number must stay ours.
  #closeWhenQuiet(): void {
    if (this.#close === ENDED || this.#receive.inFlight || this.#sending) return
    this.#close = ENDED
    rawClose(this.#fd)
    this.#fd = -1
    // Perhaps it is in the engine's list already: then that entry tells of the close, and no second one may.
    this.#engine.defer(this)
  }

  #tellClosed(): void {
    this.unref()
    this.#gone?.(this)
    const { close } = this.#settings.handlers
    try {
      if (this.#error === undefined) close?.(this)
      else close?.(this, this.#error)
    } catch (error) {
      uncaught(error)
    }
  }

  #call(handler: ((socket: Socket<Data>) => void) | undefined): void {
    if (handler === undefined) return
    try {
      handler(this)
    } catch (error) {
      this.#thrown(error)
    }
  }
}

/**
 * What is to be sent, as bytes.
 * @throws ERR_INVALID_ARG_TYPE; what `requireStable` says
 */
export function bytesOf(data: Uint8Array | string): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data)
  if (!ArrayBuffer.isView(data) || data.BYTES_PER_ELEMENT !== 1) {
    throw Object.assign(new TypeError('data is a string, a Buffer or a Uint8Array'), {
      code: 'ERR_INVALID_ARG_TYPE',
    })
  }
  requireStable(data)
  return data
}

/** struct linger: on, for no time at all. */
const lingerNot = new Int32Array([1, 0])
const none: readonly Uint8Array[] = []
const EFAULT = 14
const ECANCELED = 125

function attempt(ask: (fd: number) => Address, fd: number): Address | undefined {
  try {
    return ask(fd)
  } catch {
    return undefined
  }
}

/** What nobody caught ends where Node's own uncaught errors end, outside the library's turn. */
export function uncaught(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}
