/**
 * The writing half of a link.
 *
 * (a) What is small goes to the outbox, and out at the end of the turn. What is large, and what finds the kernel full,
 *     waits in the connection, and the stream waits with it.
 * (b) `take` is the way past the stream's queue. Most writes find nothing before them and leave nothing behind: the
 *     queue, its states and the tick that tells of each chunk then are work for nothing. A write that may have to wait,
 *     for whatever reason, goes through the stream.
 * (c) A corked stream sends nothing. What `take` took since then is given to the stream's queue, should it still be
 *     corked when the time comes to send.
 */
import { AsyncResource } from 'node:async_hooks'
import type { Socket } from '../stream/socket.js'
import { callError } from './errors.js'
import { type Outbox, put, type Sender } from './outbox.js'
import { fail, run } from './telling.js'

export type WriteCallback = (error?: Error | null) => void

/** What is written, as streams hand it over. */
export interface Chunk {
  chunk: Uint8Array | string
  encoding: BufferEncoding
}

type Connection = Pick<Socket, 'bytesQueued' | 'sendNow' | 'writev' | 'end' | 'endNow'>

/** The stream whose bytes these are. */
export interface Writes {
  readonly writableCorked: number
  /** Bytes in the stream's own queue. */
  readonly _queued: number
  /** Puts into that queue. */
  _queue(chunk: Buffer): void
  _unrefTimer(): void
  destroy(error?: Error): unknown
}

/** Whose writing half it is. */
export interface Owner {
  readonly connection: Connection
  readonly face: Writes
  readonly resource: AsyncResource
  /** Whether something waits has changed, and with it whether the process is kept alive. */
  settle(): void
}

/** So many bytes at most are copied to the outbox; larger ones are worth a call of their own. */
const COPIED = 16 * 1024

/** A callback that waits, in the asynchronous context that Node's request would have. */
class Waiting {
  readonly #resource: AsyncResource
  readonly #done: WriteCallback

  constructor(name: string, done: WriteCallback) {
    // `run` says when it is over.
    this.#resource = new AsyncResource(name, { requireManualDestroy: true })
    this.#done = done
  }

  tell(error: Error | null): void {
    run(this.#resource, this.#done, error)
  }
}

export class Writing implements Sender {
  /** Where its bytes are in the outbox. */
  from = 0
  to = 0
  /** From where on they were written while the stream was corked; -1: none was. */
  corkedFrom = -1
  /** Bytes given to the link, whether the kernel has them or not. */
  bytesWritten = 0
  /** Its owner is closing: nobody hears of the kernel any more. */
  closing = false
  readonly #owner: Owner
  readonly #connection: Connection
  readonly #stream: Writes
  readonly #outbox: Outbox
  /** The write that waits for the kernel. */
  #written: Waiting | null = null
  #writtenBytes = 0
  /** The end that is being sent. */
  #finished: Waiting | null = null
  /** What went wrong, once something did. */
  #failed = 0

  constructor(owner: Owner, outbox: Outbox) {
    this.#owner = owner
    this.#connection = owner.connection
    this.#stream = owner.face
    this.#outbox = outbox
  }

  /** Something waits for the kernel. */
  get waits(): boolean {
    return this.#written !== null || this.#finished !== null
  }

  /** Takes a chunk at once, if it is small, nothing is before it, and it goes out with others anyway. */
  take(chunk: Uint8Array | string, encoding: BufferEncoding): boolean {
    const outbox = this.#outbox
    const most = typeof chunk === 'string' ? chunk.length * 3 : chunk.length
    if (!outbox.open || most > COPIED || !this.#nothingBefore) return false
    // HTTP ends a response with an empty string.
    if (most === 0) return true
    const at = outbox.room(this, most)
    // Making room may have sent what there was: and found the kernel full, or the stream corked.
    if (!this.#nothingBefore) return false
    if (this.corkedFrom < 0 && this.#stream.writableCorked > 0) this.corkedFrom = at
    const bytes = put(outbox.slab, at, chunk, encoding)
    this.bytesWritten += bytes
    outbox.put(this, bytes)
    return true
  }

  /** But for what is in the outbox. */
  get #nothingBefore(): boolean {
    return this.#connection.bytesQueued === 0 && this.#stream._queued === 0 && this.#failed === 0
  }

  /** The stream's queue is to have something: what was written before it, since the stream was corked, goes there first. */
  queueCorked(): void {
    if (this.corkedFrom >= 0) this.flush()
  }

  /** @param done called at once when it is the link's now, otherwise later; with what went wrong */
  write(chunk: Uint8Array | string, encoding: BufferEncoding, done: WriteCallback): void {
    const outbox = this.#outbox
    // A string's bytes are at most three for each of its units.
    const most = typeof chunk === 'string' ? chunk.length * 3 : chunk.length
    if (most <= COPIED && this.#connection.bytesQueued === 0) {
      const at = outbox.room(this, most)
      this.#kept(put(outbox.slab, at, chunk, encoding), done)
      return
    }
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk
    const { length } = bytes
    this.bytesWritten += length
    outbox.flush(this)
    const connection = this.#connection
    if (connection.bytesQueued > 0) {
      this.#wait([bytes], done)
      return
    }
    const sent = connection.sendNow(bytes, length)
    if (sent === length) done()
    else if (sent < 0) done(callError(sent, 'write'))
    else this.#wait([sent === 0 ? bytes : bytes.subarray(sent)], done)
  }

  writev(chunks: readonly Chunk[], done: WriteCallback): void {
    const outbox = this.#outbox
    let most = 0
    for (const { chunk } of chunks) most += typeof chunk === 'string' ? chunk.length * 3 : chunk.length
    if (most <= COPIED && this.#connection.bytesQueued === 0) {
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
    else if (this.#connection.bytesQueued === 0) done()
    else this.#waitFor(done)
  }

  /** @internal Of the outbox: the time has come. */
  send(address: number, slab: Buffer, from: number, to: number): void {
    const connection = this.#connection
    const until = this.#holds ? Math.max(from, this.corkedFrom) : to
    this.corkedFrom = -1
    const length = until - from
    // Behind what waits already.
    const sent = connection.bytesQueued > 0 || length === 0 ? 0 : connection.sendNow(address, length)
    if (sent < 0) {
      this.#failed = sent
      // Who wrote it has had the answer: the socket has the error.
      if (this.#outbox.open)
        this.#owner.resource.runInAsyncScope(fail, undefined, this.#stream, callError(sent, 'write'))
      return
    }
    if (sent < length) connection.writev([Buffer.from(slab.subarray(from + sent, until))])
    if (until === to) return
    this.bytesWritten -= to - until
    this.#stream._queue(Buffer.from(slab.subarray(until, to)))
  }

  /** Sends what is in the outbox. */
  flush(): void {
    this.#outbox.flush(this)
  }

  /** What has not been sent never will be. */
  drop(): void {
    this.from = this.to = 0
  }

  /** Bytes in the outbox that the stream, corked, holds back. */
  get bytesCorked(): number {
    return this.#holds ? this.to - Math.max(this.from, this.corkedFrom) : 0
  }

  /** There is something in the outbox that the stream, corked, holds back: unless it already has in its queue what comes after. */
  get #holds(): boolean {
    return this.corkedFrom >= 0 && this.#stream.writableCorked > 0 && this.#stream._queued === 0
  }

  /** What the kernel has no room for now. */
  #wait(buffers: Uint8Array[], done: WriteCallback): void {
    this.#connection.writev(buffers)
    if (this.#connection.bytesQueued > 0 || this.closing) this.#waitFor(done)
    // It had room after all.
    else done()
  }

  /** @param done called when the kernel has all that was written: at once, or later; with what went wrong */
  whenSent(done: WriteCallback): void {
    this.flush()
    if (this.#connection.bytesQueued === 0) done()
    else this.#waitFor(done)
  }

  #waitFor(done: WriteCallback): void {
    this.#written = new Waiting('WRITEWRAP', done)
    this.#writtenBytes = this.#connection.bytesQueued
    this.#owner.settle()
  }

  /** Bytes that wait for the kernel. @returns whether some have gone since this was last asked */
  get progressed(): boolean {
    const before = this.#writtenBytes
    if (before === 0) return false
    this.#writtenBytes = this.#connection.bytesQueued
    return this.#writtenBytes !== before
  }

  /** Sends our end, after all that was written. */
  shutdown(done: WriteCallback): void {
    this.flush()
    if (this.#connection.endNow()) {
      process.nextTick(done)
      return
    }
    this.#finished = new Waiting('SHUTDOWNWRAP', done)
    this.#connection.end()
    this.#owner.settle()
  }

  // ---- what the connection tells

  /** The kernel has all. */
  flushed(): void {
    const written = this.#written
    if (written === null) return
    this.#written = null
    this.#writtenBytes = 0
    this.#owner.settle()
    this.#stream._unrefTimer()
    written.tell(null)
  }

  /** Our end is sent. */
  finished(): void {
    const finished = this.#finished
    if (finished === null) return
    this.#finished = null
    this.#owner.settle()
    finished.tell(null)
  }

  /** @returns false: nobody waits for a write that could have failed */
  broke(errno: number): boolean {
    const written = this.#written
    if (written === null) return false
    this.#written = null
    written.tell(callError(errno, 'write'))
    return true
  }
}
