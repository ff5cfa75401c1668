/** Small payloads, copied out of where the kernel put them: many in one block, which the collector frees as a whole. */
// Not the global of that name: that one is an accessor, asked anew each time.
import { Buffer } from 'node:buffer'
import { markAsUntransferable } from 'node:worker_threads'

const BLOCK = 32 * 1024
/** Up to here words are copied in a loop: faster than making the view that `set` needs. */
const COPY_WORDS = 384

/** Where to copy from: the same memory as bytes and as words. */
export interface Source {
  readonly bytes: Uint8Array
  readonly words: Int32Array
}

export class Copies {
  #block = new ArrayBuffer(0)
  #bytes = new Uint8Array(0)
  #words = new Int32Array(0)
  #at = 0

  /** `length` bytes of `source`, fewer than the 32 KiB of a block, as memory of their own. */
  copy(source: Source, from: number, length: number): Buffer {
    if (this.#at + length > this.#block.byteLength) this.#renew()
    const at = this.#at
    this.#at = (at + length + 7) & ~7
    if (length <= COPY_WORDS && (from & 3) === 0) {
      const target = this.#words
      const { words } = source
      let to = at >> 2
      const end = (from + length + 3) >> 2
      for (let word = from >> 2; word < end; word++) target[to++] = words[word]!
    } else {
      this.#bytes.set(source.bytes.subarray(from, from + length), at)
    }
    return Buffer.from(this.#block, at, length)
  }

  #renew(): void {
    this.#block = Buffer.allocUnsafeSlow(BLOCK).buffer as ArrayBuffer
    // Shared by many chunks: the transfer of one would take the others' bytes with it.
    markAsUntransferable(this.#block)
    this.#bytes = new Uint8Array(this.#block)
    this.#words = new Int32Array(this.#block)
    this.#at = 0
  }
}
