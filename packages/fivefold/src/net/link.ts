/**
 * The connection under a face: one descriptor of the library, with everything it tells turned into calls on a
 * stream, each in the asynchronous context that Node's own socket would have at that place.
 */
import type { AsyncResource } from 'node:async_hooks'
import type { Duplex } from 'node:stream'
import type { Engine } from '../loop/engine.js'
import { Socket as Connection } from '../stream/socket.js'
import { rawShutdown, SHUT_RDWR } from '../sys/socket.js'
import { callError } from './errors.js'
import type { UserBuffer } from './onread.js'
import { outboxOf } from './outbox.js'
import { tellDescriptors } from './passing.js'
import { handlers, inContext, tellClosed, tellError } from './telling.js'
import { type Owner, type Writes, Writing } from './writing.js'

/** What a link needs of the stream on top of it. */
export interface Face extends Duplex, Writes {
  readonly writableCorked: number
  destroy(error?: Error): this
}

/** As Node's chunks are at most; and what is read again while it is near (HTTP copies every body) is read in half the time. */
const PIECE = 64 * 1024

const settings = {
  // The stream decides when our side ends.
  allowHalfOpen: true,
  // And how much it takes: what it hands over is taken whole.
  highWaterMark: Number.POSITIVE_INFINITY,
}

export class Link implements Owner {
  readonly connection: Connection<Link>
  readonly engine: Engine
  readonly resource: AsyncResource
  readonly face: Face
  readonly writing: Writing
  readonly #userBuffer: UserBuffer | null
  reading = false
  /** Nothing is expected: what comes ends the connection. */
  guarded = false
  /** Descriptors may come with what comes. */
  descriptors = false
  #opened = false
  #ended = false
  #pushed = false
  #referenced = true
  #closing = false

  constructor(
    engine: Engine,
    fd: number,
    face: Face,
    resource: AsyncResource,
    userBuffer: UserBuffer | null,
  ) {
    this.engine = engine
    this.resource = resource
    this.face = face
    this.#userBuffer = userBuffer
    this.connection = new Connection<Link>(engine, fd, { ...settings, handlers, data: this }, null)
    this.writing = new Writing(this, outboxOf(engine))
    // Nothing is received before somebody reads.
    this.connection.pause()
    this.settle()
  }

  // ---- reading

  readStart(): void {
    if (this.reading || this.#ended || this.#closing) return
    this.reading = true
    // A callback with a buffer of its own may have stopped in the middle of a chunk.
    if (this.#userBuffer?.resume(this.face, this) === false) {
      this.reading = false
      return
    }
    this.settle()
    this.connection.resume()
    if (this.#opened) return
    this.#opened = true
    this.connection.open()
  }

  readStop(): void {
    if (!this.reading) return
    this.reading = false
    this.connection.pause()
    this.settle()
  }

  /** Data came in this turn. */
  get heardNow(): boolean {
    return this.#heard === this.engine.turns
  }

  #heard = -1

  // ---- living and dying

  ref(): void {
    this.#wanted = true
    this.settle()
  }

  unref(): void {
    this.#wanted = false
    this.settle()
  }

  #wanted = true

  // As with libuv's handles: one that neither reads nor has something to send keeps no process alive.
  /** @internal */
  settle(): void {
    const busy = this.reading || this.writing.waits
    const wanted = this.#closing || (this.#wanted && busy)
    if (wanted === this.#referenced) return
    this.#referenced = wanted
    if (wanted) this.connection.ref()
    else this.connection.unref()
  }

  /** Closes the descriptor. The stream's `close`, with `hadError`, follows. */
  close(hadError: boolean, reset: boolean): void {
    if (this.#closing) return
    if (reset) this.writing.drop()
    // What the stream, corked, holds back is not sent, as it is destroyed.
    else this.writing.flush()
    this.#closing = this.writing.closing = true
    this.#hadError = hadError
    this.reading = false
    this.settle()
    if (this.#gone) setImmediate(tellClosed, this)
    else if (reset) this.connection.reset()
    else {
      // The peer hears of it now, as it does from Node, and not when what is in flight has ended.
      rawShutdown(this.connection.fd, SHUT_RDWR)
      this.connection.terminate()
    }
  }

  /** The socket goes on in another process: ours ends here when what was written is sent, and the peer hears nothing. */
  leave(): void {
    this.readStop()
    this.writing.flush()
    this.#leaving = true
    if (this.connection.bytesQueued === 0) this.connection.terminate()
  }

  #leaving = false

  // ---- what the connection tells

  /** The connection closed itself, with both ends sent, before the face did. */
  #gone = false
  #hadError = false

  /** @internal */
  data(chunk: Buffer): void {
    this.#heard = this.engine.turns
    const face = this.face
    face._unrefTimer()
    if (this.descriptors) tellDescriptors(face)
    if (this.#closing) return
    if (this.guarded) {
      face.destroy()
      return
    }
    if (this.#userBuffer !== null) {
      this.bytesRead += chunk.length
      if (!this.#userBuffer.take(chunk, face, this)) this.readStop()
      return
    }
    for (let at = 0; at < chunk.length; at += PIECE) {
      this.#hand(chunk.length <= PIECE ? chunk : chunk.subarray(at, at + PIECE))
      if (this.#closing) return
    }
  }

  /** Bytes that the stream has been given: what is held back, or behind in the same chunk, does not count yet. */
  bytesRead = 0

  #hand(chunk: Buffer): void {
    const face = this.face
    this.bytesRead += chunk.length
    // What `push` comes to for a stream that flows, without the tick it spends on asking for more: this link reads on
    // until it is told to stop. The first chunk goes through `push`, which marks the stream as used.
    if (
      this.#pushed &&
      face.readableFlowing === true &&
      face.readableLength === 0 &&
      face.readableEncoding === null &&
      face.listenerCount('data') > 0
    ) {
      face.emit('data', chunk)
      return
    }
    this.#pushed = true
    if (!face.push(chunk)) this.readStop()
  }

  /** @internal */
  ended(): void {
    this.#ended = true
    this.reading = false
    this.settle()
  }

  /** @internal */
  end(): void {
    if (this.#closing) return
    const face = this.face
    face._unrefTimer()
    face.push(null)
    face.read(0)
  }

  /** @internal */
  flushed(): void {
    if (this.#leaving) this.connection.terminate()
    this.writing.flushed()
  }

  /** @internal */
  error(error: NodeJS.ErrnoException): void {
    const errno = error.errno ?? 0
    const reading = error.syscall === 'recv'
    if (!reading && this.writing.broke(errno)) return
    const told = callError(errno, reading ? 'read' : 'write')
    if (this.heardNow) setImmediate(inContext, this, tellError, told)
    else inContext(this, tellError, told)
  }

  /** @internal */
  closed(): void {
    this.#gone = true
    // Not within this turn: what was put off with nextTick, an error for one, comes first.
    if (this.#closing) setImmediate(tellClosed, this)
  }

  /** @internal */
  tellClosed(): void {
    // Who waits for the kernel waits in vain.
    this.writing.flushed()
    this.writing.finished()
    this.face.emit('close', this.#hadError)
  }
}
