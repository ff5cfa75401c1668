/**
 * What a ReadStream reads of a regular file: several chunks in one readv(2), and the next ones while those at hand are
 * consumed.
 *
 * (a) Each chunk has memory of its own, as large as Node's would be: whoever keeps or transfers one has no other.
 * (b) It begins with one chunk and doubles, as the kernel does: of a file whose head alone is wanted little else is
 *     read. Never beyond the stream's `end`.
 * (c) An error is left to Node's own `_read`, which meets it again in its place, and tells it in its way.
 */
import type { ReadStream } from 'node:fs'
import type { OpenFile } from '../file/open-file.js'

/** So much is asked for at once. In the page cache it is copied in this thread: some 50 us. */
const MOST_BYTES = 512 * 1024
/** And so many chunks, where they are small. */
const MOST_CHUNKS = 32

export class ReadAhead {
  readonly #file: OpenFile
  readonly #stream: ReadStream & Fields
  /** Read, and not yet delivered. */
  #ready: Buffer[] = []
  #chunks = 1
  /** Bytes read so far. */
  #total = 0
  #busy = false
  /** The stream waits for a chunk. */
  #wanted = false
  #ended = false
  #failed = false
  #size = 0
  readonly #tell = () => this.#answer()

  constructor(file: OpenFile, stream: ReadStream) {
    this.#file = file
    this.#stream = stream as ReadStream & Fields
    stream._read = (size) => this.#read(size)
  }

  #read(size: number): void {
    this.#size = size
    this.#wanted = true
    // Never within the call: a stream that is given a chunk there keeps it, and tells it even when destroyed meanwhile.
    if (this.#ready.length > 0) process.nextTick(this.#tell)
    else this.#ask()
  }

  /** Asks for the next chunks, unless that is under way. */
  #ask(): void {
    if (this.#busy) return
    const { start, end } = this.#stream
    const left = (end ?? Number.POSITIVE_INFINITY) - (start ?? 0) - this.#total + 1
    // With a highWaterMark of nothing Node's is at its end, too.
    if (left <= 0 || this.#size <= 0) this.#ended = true
    if (this.#ended || this.#failed) {
      this.#answer()
      return
    }
    const size = this.#size
    let bytes = Math.min(left, size * Math.min(this.#chunks, Math.max(1, Math.trunc(MOST_BYTES / size))))
    const buffers: Buffer[] = []
    for (; bytes > 0; bytes -= size) buffers.push(Buffer.allocUnsafeSlow(Math.min(bytes, size)))
    this.#busy = true
    const position = start === undefined ? -1 : start + this.#total
    this.#file.readv(buffers, position).then(
      (count) => this.#arrived(buffers, count),
      () => {
        this.#busy = false
        this.#failed = true
        this.#answer()
      },
    )
  }

  #arrived(buffers: readonly Buffer[], count: number): void {
    this.#busy = false
    if (count === 0) this.#ended = true
    this.#total += count
    let left = count
    for (const buffer of buffers) {
      if (left <= 0) break
      // A short one is copied, so that it holds no more memory than it has bytes.
      this.#ready.push(left >= buffer.length ? buffer : copyOf(buffer, left))
      left -= buffer.length
    }
    if (left === 0) this.#chunks = Math.min(this.#chunks * 2, MOST_CHUNKS)
    this.#answer()
  }

  /** Gives the stream what it waits for. */
  #answer(): void {
    if (!this.#wanted || this.#stream.destroyed) return
    if (this.#ready.length > 0) {
      this.#wanted = false
      this.#deliver()
    } else if (this.#ended) {
      this.#wanted = false
      this.#stream.push(null)
    } else if (this.#failed) {
      this.#wanted = false
      const { _read } = Object.getPrototypeOf(this.#stream)
      this.#stream._read = _read
      this.#stream._read(this.#size)
    }
    // Otherwise what is under way will tell.
  }

  #deliver(): void {
    const stream = this.#stream
    const chunk = this.#ready.shift()!
    if (!this.#ended && !this.#failed && this.#ready.length <= this.#chunks >> 1) this.#ask()
    if (stream.pos !== undefined) stream.pos += chunk.length
    stream.bytesRead += chunk.length
    stream.push(chunk)
  }
}

/** Node has them, its types do not. */
interface Fields {
  start?: number
  end?: number
  /** The offset of the next chunk, where `start` was given. */
  pos?: number
}

function copyOf(buffer: Buffer, bytes: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes)
  buffer.copy(copy, 0, 0, bytes)
  return copy
}
