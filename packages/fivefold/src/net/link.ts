/**
 * The connection under a face: one descriptor of the library, with everything it tells turned into calls on a
 * stream, each in the asynchronous context that Node's own socket would have at that place.
 */
import { AsyncResource } from 'node:async_hooks'
import type { Duplex } from 'node:stream'
import type { Engine } from '../loop/engine.js'
import { Socket as Connection } from '../stream/socket.js'
import { rawShutdown, SHUT_RDWR } from '../sys/socket.js'
import { callError } from './errors.js'
import type { UserBuffer } from './onread.js'
import { type Outbox, outboxOf, put, type Sender } from './outbox.js'
import { tellDescriptors } from './passing.js'
import { fail, handlers, inContext, run, tellClosed, tellError } from './telling.js'

/** What a link needs of the stream on top of it. */
export interface Face extends Duplex {
  /** Time-outs begin anew. */
  _unrefTimer(): void
}

type WriteCallback = (error?: Error | null) => void

/** So many bytes at most are copied to the outbox; larger ones are worth a call of their own. */
const COPIED = 16 * 1024

/** We say ourselves when a resource is over. */
const manual = { requireManualDestroy: true }

const settings = {
  // The stream decides when our side ends.
  allowHalfOpen: true,
  // And how much it takes: what it hands over is taken whole.
  highWaterMark: Number.POSITIVE_INFINITY,
}

export class Link implements Sender {
  readonly connection: Connection<Link>
  readonly engine: Engine
  readonly resource: AsyncResource
  /** Where its bytes are in the outbox. */
  from = 0
  to = 0
  readonly #outbox: Outbox
  readonly face: Face
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
  /** Of the write that waits for the kernel, with its context. */
  #written: WriteCallback | null = null
  #writtenIn: AsyncResource | null = null
  #writtenBytes = 0
  /** Of the end that is being sent. */
  #finished: WriteCallback | null = null
  #finishedIn: AsyncResource | null = null

  constructor(
    engine: Engine,
    fd: number,
    face: Face,
    resource: AsyncResource,
    userBuffer: UserBuffer | null,
  ) {
    this.engine = engine
    this.#outbox = outboxOf(engine)
    this.resource = resource
    this.face = face
    this.#userBuffer = userBuffer
    this.connection = new Connection<Link>(engine, fd, { ...settings, handlers, data: this }, null)
    // Nothing is received before somebody reads.
    this.connection.pause()
    this.#settle()
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
    this.#settle()
    this.connection.resume()
    if (this.#opened) return
    this.#opened = true
    this.connection.open()
  }

  readStop(): void {
    if (!this.reading) return
    this.reading = false
    this.connection.pause()
    this.#settle()
  }

  /** Data came in this turn. */
  get heardNow(): boolean {
    return this.#heard === this.engine.turns
  }

  #heard = -1

  // ---- writing

  /** Bytes given to the link, whether the kernel has them or not. */
  bytesWritten = 0

  /** @param done called at once when it is the link's now, otherwise later; with what went wrong */
  write(chunk: Uint8Array | string, encoding: BufferEncoding, done: WriteCallback): void {
    const outbox = this.#outbox
    // A string's bytes are at most three for each of its units.
    const most = typeof chunk === 'string' ? chunk.length * 3 : chunk.length
    if (most <= COPIED && this.connection.bytesQueued === 0) {
      const at = outbox.room(this, most)
      this.#kept(put(outbox.slab, at, chunk, encoding), done)
      return
    }
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk
    const { length } = bytes
    this.bytesWritten += length
    outbox.flush(this)
    const { connection } = this
    if (connection.bytesQueued > 0) {
      this.#wait([bytes], done)
      return
    }
    const sent = connection.sendNow(bytes, length)
    if (sent === length) done()
    else if (sent < 0) done(callError(sent, 'write'))
    else this.#wait([sent === 0 ? bytes : bytes.subarray(sent)], done)
  }

  writev(
    chunks: readonly { chunk: Uint8Array | string; encoding: BufferEncoding }[],
    done: WriteCallback,
  ): void {
    const outbox = this.#outbox
    let most = 0
    for (const { chunk } of chunks) most += typeof chunk === 'string' ? chunk.length * 3 : chunk.length
    if (most <= COPIED && this.connection.bytesQueued === 0) {
      const begin = outbox.room(this, most)
      let at = begin
      for (const { chunk, encoding } of chunks) at += put(outbox.slab, at, chunk, encoding)
      this.#kept(at - begin, done)
      return
    }
    outbox.flush(this)
    const buffers: Uint8Array[] = []
    for (const { chunk, encoding } of chunks) {
      const buffer = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk
      if (buffer.length > 0) buffers.push(buffer)
      this.bytesWritten += buffer.length
    }
    this.#wait(buffers, done)
  }

  /** The next bytes in the outbox are its own. */
  #kept(bytes: number, done: WriteCallback): void {
    this.bytesWritten += bytes
    const { open } = this.#outbox
    this.#failed = 0
    if (bytes > 0) this.#outbox.put(this, bytes)
    if (open || bytes === 0) done()
    else if (this.#failed !== 0) done(callError(this.#failed, 'write'))
    else if (this.connection.bytesQueued === 0) done()
    else this.#waitFor(done)
  }

  #failed = 0

  /** @internal Of the outbox: the time has come. */
  send(address: number, slab: Buffer, from: number, to: number): void {
    const { connection } = this
    const length = to - from
    // Behind what waits already.
    const sent = connection.bytesQueued > 0 ? 0 : connection.sendNow(address, length)
    if (sent === length) return
    if (sent >= 0) {
      connection.writev([Buffer.from(slab.subarray(from + sent, to))])
      return
    }
    this.#failed = sent
    // Who wrote it has had the answer: the socket has the error.
    if (this.#outbox.open) this.resource.runInAsyncScope(fail, undefined, this.face, callError(sent, 'write'))
  }

  /** What the kernel has no room for now. */
  #wait(buffers: Uint8Array[], done: WriteCallback): void {
    this.#written = done
    this.connection.writev(buffers)
    if (this.connection.bytesQueued > 0 || this.#written === null || this.#closing) {
      if (this.#written !== null) this.#waitFor(done)
      return
    }
    // It had room after all.
    this.#written = null
    done()
  }

  /** @param done called when the kernel has all that was written: at once, or later; with what went wrong */
  whenSent(done: WriteCallback): void {
    this.#outbox.flush(this)
    if (this.connection.bytesQueued === 0) done()
    else this.#waitFor(done)
  }

  #waitFor(done: WriteCallback): void {
    this.#written = done
    this.#writtenBytes = this.connection.bytesQueued
    this.#writtenIn = new AsyncResource('WRITEWRAP', manual)
    this.#settle()
  }

  /** Bytes that wait for the kernel. @returns whether some have gone since this was last asked */
  get progressed(): boolean {
    const before = this.#writtenBytes
    if (before === 0) return false
    this.#writtenBytes = this.connection.bytesQueued
    return this.#writtenBytes !== before
  }

  /** Sends our end, after all that was written. */
  shutdown(done: WriteCallback): void {
    this.#outbox.flush(this)
    if (this.connection.endNow()) {
      process.nextTick(done)
      return
    }
    this.#finished = done
    this.#finishedIn = new AsyncResource('SHUTDOWNWRAP', manual)
    this.connection.end()
    this.#settle()
  }

  // ---- living and dying

  ref(): void {
    this.#wanted = true
    this.#settle()
  }

  unref(): void {
    this.#wanted = false
    this.#settle()
  }

  #wanted = true

  // As with libuv's handles: one that neither reads nor has something to send keeps no process alive.
  #settle(): void {
    const busy = this.reading || this.#written !== null || this.#finished !== null
    const wanted = this.#closing || (this.#wanted && busy)
    if (wanted === this.#referenced) return
    this.#referenced = wanted
    if (wanted) this.connection.ref()
    else this.connection.unref()
  }

  /** Closes the descriptor. The stream's `close`, with `hadError`, follows. */
  close(hadError: boolean, reset: boolean): void {
    if (this.#closing) return
    if (!reset) this.#outbox.flush(this)
    else this.from = this.to = 0
    this.#closing = true
    this.#hadError = hadError
    this.reading = false
    this.#settle()
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
    this.#outbox.flush(this)
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
    if (face.destroyed) return
    if (this.guarded) {
      face.destroy()
      return
    }
    if (this.#userBuffer !== null) {
      if (!this.#userBuffer.take(chunk, face, this)) this.readStop()
      return
    }
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
    this.#settle()
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
  flush(): void {
    if (this.#leaving) this.connection.terminate()
    const done = this.#written
    const resource = this.#writtenIn
    if (done === null || resource === null) return
    this.#written = null
    this.#writtenIn = null
    this.#writtenBytes = 0
    this.#settle()
    this.face._unrefTimer()
    run(resource, done, null)
  }

  /** @internal */
  finish(): void {
    const done = this.#finished
    const resource = this.#finishedIn
    if (done === null || resource === null) return
    this.#finished = null
    this.#finishedIn = null
    this.#settle()
    run(resource, done, null)
  }

  /** @internal */
  error(error: NodeJS.ErrnoException): void {
    const done = this.#written
    const resource = this.#writtenIn
    if (error.syscall === 'recv' || done === null || resource === null) {
      const syscall = error.syscall === 'recv' ? 'read' : 'write'
      const told = callError(error.errno ?? 0, syscall)
      if (this.heardNow) setImmediate(inContext, this, tellError, told)
      else inContext(this, tellError, told)
      return
    }
    this.#written = null
    this.#writtenIn = null
    run(resource, done, callError(error.errno ?? 0, 'write'))
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
    this.flush()
    this.finish()
    this.face.emit('close', this.#hadError)
  }
}
