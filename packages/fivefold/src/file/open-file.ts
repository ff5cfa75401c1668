/**
 * An open file: reads and writes over a model's driver, in the order that the file's own position asks for, and a
 * close that waits for all of them.
 *
 * (a) Operations at given offsets go to the driver at once, however many. Those at the file's own position go one
 *     after the other, in the order of the calls: the kernel would let them race for the position.
 * (b) The descriptor closes when the last operation is over, never before: its number may then have a new owner.
 * (c) Memory is held by the operation until its completion. A resizable or detached buffer is refused.
 */
import { OperationQueue } from '../models/asynchronous/io-uring/queue.js'
import { Kind, type Operation } from '../models/operation.js'
import { requireStable } from '../sys/memory.js'
import type { Files } from './files.js'
import { Answer, type Transfer } from './transfer.js'

/** As many buffers as the kernel takes in one call (IOV_MAX). */
const MOST_VECTORS = 1024

export class OpenFile {
  readonly files: Files
  readonly fd: number
  #underWay = 0
  /** Somebody uses the file's own position; those that wait for it. */
  #positioned = false
  readonly #queue = new OperationQueue()
  #onIdle: (() => void) | null = null

  constructor(files: Files, fd: number) {
    this.files = files
    this.fd = fd
  }

  /**
   * read(2) or, at an offset, pread(2).
   * @param position an offset; -1: where the file's own position is
   * @param given what the answer calls its buffer
   */
  read(
    memory: Uint8Array,
    position: number,
    answer: Answer = Answer.number,
    given: unknown = null,
    signal: AbortSignal | null = null,
  ): Promise<unknown> {
    requireStable(memory)
    return this.#start(Kind.read, memory, position, answer, given, signal)
  }

  /** write(2) or, at an offset, pwrite(2). */
  write(
    memory: Uint8Array,
    position: number,
    answer: Answer = Answer.number,
    given: unknown = null,
    signal: AbortSignal | null = null,
  ): Promise<unknown> {
    requireStable(memory)
    return this.#start(Kind.write, memory, position, answer, given, signal)
  }

  /** readv(2): fills the buffers in turn. @returns the bytes */
  async readv(buffers: readonly Uint8Array[], position: number): Promise<number> {
    for (const buffer of buffers) requireStable(buffer)
    if (buffers.length > MOST_VECTORS) buffers = buffers.slice(0, MOST_VECTORS)
    if (buffers.length === 1) return this.read(buffers[0]!, position) as Promise<number>
    if (this.files.vectors) {
      return this.#start(Kind.read, buffers, position, Answer.number, null, null) as Promise<number>
    }
    // Read as one, and then dealt out: that too is one call, and nobody's read comes between.
    const all = Buffer.allocUnsafeSlow(bytesOf(buffers))
    const bytes = (await this.read(all, position)) as number
    let from = 0
    for (const buffer of buffers) {
      if (from >= bytes) break
      buffer.set(all.subarray(from, Math.min(from + buffer.length, bytes)))
      from += buffer.length
    }
    return bytes
  }

  /** writev(2): all the buffers, as one where there are not too many. @returns the bytes */
  async writev(buffers: readonly Uint8Array[], position: number): Promise<number> {
    for (const buffer of buffers) requireStable(buffer)
    let written = 0
    for (let from = 0; from < buffers.length; from += MOST_VECTORS) {
      const some = buffers.length <= MOST_VECTORS ? buffers : buffers.slice(from, from + MOST_VECTORS)
      const at = position < 0 ? -1 : position + written
      let bytes: number
      if (some.length === 1) bytes = (await this.write(some[0]!, at)) as number
      else if (this.files.vectors) {
        bytes = (await this.#start(Kind.write, some, at, Answer.number, null, null)) as number
      } else bytes = (await this.write(Buffer.concat(some), at)) as number
      written += bytes
      if (bytes < bytesOf(some)) break
    }
    return written
  }

  /** fsync(2), or fdatasync(2). */
  sync(dataOnly: boolean): Promise<unknown> {
    const kind = dataOnly ? Kind.fdatasync : Kind.fsync
    return this.#start(kind, null, 0, Answer.nothing, null, null)
  }

  /**
   * Many reads in one submission, and one promise.
   * @param positions an offset for each buffer
   * @returns the bytes read into each
   */
  readBatch(
    buffers: readonly Uint8Array[],
    positions: ArrayLike<number>,
    signal: AbortSignal | null,
  ): Promise<Int32Array> {
    this.#underWay++
    return this.files.batch().begin(this, buffers, positions, signal)
  }

  #start(
    kind: Kind,
    memory: Uint8Array | readonly Uint8Array[] | null,
    position: number,
    answer: Answer,
    given: unknown,
    signal: AbortSignal | null,
  ): Promise<unknown> {
    const transfer = this.files.transfer()
    const promise = transfer.begin(this, kind, memory, position, answer, given)
    if (signal !== null) transfer.listenTo(signal)
    this.#underWay++
    if (position >= 0) this.files.submit(transfer.operation)
    else if (this.#positioned) {
      transfer.queued = true
      this.#queue.push(transfer.operation)
    } else {
      this.#positioned = true
      this.files.submit(transfer.operation)
    }
    return promise
  }

  /** @internal Takes back what still waits for the file's position. */
  withdraw(transfer: Transfer): void {
    if (this.#queue.remove(transfer.operation)) transfer.settle(-ECANCELED)
  }

  /** @internal An operation is over. @param atPosition it used the file's own position */
  settled(atPosition: boolean): void {
    if (atPosition) {
      const next: Operation | null = this.#queue.shift()
      if (next === null) this.#positioned = false
      else {
        ;(next.owner as Transfer).queued = false
        this.files.submit(next)
      }
    }
    this.release()
  }

  /** One more reason not to close: given back by `release`. */
  retain(): void {
    this.#underWay++
  }

  release(): void {
    if (--this.#underWay === 0 && this.#onIdle !== null) {
      const onIdle = this.#onIdle
      this.#onIdle = null
      onIdle()
    }
  }

  /** Calls back once nothing is under way: at once, where nothing is. */
  whenIdle(call: () => void): void {
    if (this.#underWay === 0) call()
    else this.#onIdle = call
  }
}

function bytesOf(buffers: readonly Uint8Array[]): number {
  let bytes = 0
  for (const buffer of buffers) bytes += buffer.length
  return bytes
}

const ECANCELED = 125
