/**
 * Where received bytes land before they are anybody's, and how they become the user's for good.
 *
 * (a) A small payload is copied out of the landing place, which is used again at once (copies.ts).
 * (b) A large one is not copied: its part of the block is given away and the rest goes on being the landing place,
 *     so no byte is moved twice. What was given away is never written again; the collector frees a block with its
 *     last part.
 * (c) Who has done with a large payload can give it back (`release`). When all parts of the block have come back it
 *     begins anew, while it is still in the processor's cache.
 */
import { Buffer } from 'node:buffer'
import { markAsUntransferable } from 'node:worker_threads'
import { addressOf } from '../sys/ffi.js'
import { keepFreedMemory } from '../sys/malloc.js'
import { Copies } from './copies.js'
import { GIVE_AWAY, Lender } from './lender.js'

const BLOCK = 512 * 1024
/** The least room offered to a receive. */
const ROOM = 64 * 1024

class Block extends Lender {
  readonly bytes = Buffer.allocUnsafeSlow(BLOCK)
  readonly words: Int32Array
  readonly address: number
  readonly #arena: Arena

  constructor(arena: Arena) {
    super()
    this.#arena = arena
    markAsUntransferable(this.bytes.buffer)
    this.words = new Int32Array(this.bytes.buffer)
    this.address = addressOf(this.bytes)
  }

  complete(): void {
    this.#arena.beginAnew(this)
  }
}

export class Arena {
  /** Where the kernel may write now, and how much. */
  address = 0
  room = 0
  #block = new Block(this)
  #at = 0
  readonly #copies = new Copies()

  constructor() {
    this.#moveTo(0)
  }

  /** The first `length` bytes at `address`, as memory that is the user's from now on. */
  take(length: number): Buffer {
    const block = this.#block
    if (length < GIVE_AWAY) return this.#copies.copy(block, this.#at, length)
    const chunk = block.give(block.bytes, this.#at, length)
    // 64: the next payload begins on a cache line of its own.
    const next = this.#at + ((length + 63) & ~63)
    if (BLOCK - next >= ROOM) this.#moveTo(next)
    else {
      keepFreedMemory()
      this.#block = new Block(this)
      this.#moveTo(0)
    }
    return chunk
  }

  /** @internal All parts of a block came back. One that was full already is left to the collector. */
  beginAnew(block: Block): void {
    if (block === this.#block) this.#moveTo(0)
  }

  #moveTo(at: number): void {
    this.#at = at
    this.address = this.#block.address + at
    this.room = BLOCK - at
  }
}
