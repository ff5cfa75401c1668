/**
 * Where received bytes land before they are anybody's, and how they become the user's for good.
 *
 * A small payload is copied out of the landing place, which is used again at once. A large one is not copied:
 * its part of the landing place is given away and the rest goes on being one, so no byte is moved twice.
 * What was given away is never written again; the collector frees a block with its last part.
 */
import { addressOf } from '../sys/ffi.js'

/** From here on giving away beats copying; below it, one kept chunk would keep a whole block alive. */
const GIVE_AWAY = 8 * 1024
const BLOCK = 512 * 1024
/** The least room offered to a receive. */
const ROOM = 64 * 1024

export class Arena {
  /** Where the kernel may write now, and how much. */
  address = 0
  room = 0
  #block = new ArrayBuffer(0)
  #bytes = new Uint8Array(0)
  #base = 0
  #at = 0

  constructor() {
    this.#renew()
  }

  /** The first `length` bytes at `address`, as memory that is the user's from now on. */
  take(length: number): Buffer {
    if (length < GIVE_AWAY) return this.#copy(length)
    const chunk = Buffer.from(this.#block, this.#at, length)
    // 64: the next payload begins on a cache line of its own.
    this.#at += (length + 63) & ~63
    if (BLOCK - this.#at < ROOM) this.#renew()
    else {
      this.address = this.#base + this.#at
      this.room = BLOCK - this.#at
    }
    return chunk
  }

  #copy(length: number): Buffer {
    const chunk = Buffer.allocUnsafe(length)
    const from = this.#at
    const source = this.#bytes
    if (length <= 64) for (let index = 0; index < length; index++) chunk[index] = source[from + index]!
    else chunk.set(source.subarray(from, from + length))
    return chunk
  }

  #renew(): void {
    this.#block = Buffer.allocUnsafeSlow(BLOCK).buffer as ArrayBuffer
    this.#bytes = new Uint8Array(this.#block)
    this.#base = addressOf(this.#block)
    this.#at = 0
    this.address = this.#base
    this.room = BLOCK
  }
}
