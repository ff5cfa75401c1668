/**
 * Memory for requests in flight: copies of what is sent, socket addresses, message headers. Mapped, so that
 * neither the collector nor a `transfer()` can take it from the kernel, and handed out in three sizes.
 *
 * A block is a number: which slab (high bits), and which place in it (low 8 bits).
 */
import { allocateSlab, releaseSlab, type Slab } from '../../../sys/memory.js'

/** The most payload that fits a block together with the headers of a datagram (see driver.ts). */
export const MOST_COPIED = 16 * 1024
/** Room before the payload for `struct msghdr`, one `struct iovec` and a socket address. */
export const HEADERS = 256

const SIZES = [512, 4096, MOST_COPIED + HEADERS] as const
const PER_SLAB = [256, 64, 16] as const

export class Blocks {
  readonly #slabs: Slab[] = []
  readonly #classes: number[] = []
  readonly #free: [number[], number[], number[]] = [[], [], []]

  /** A block of at least `bytes`, which are at most `MOST_COPIED + HEADERS`. Its contents are undefined. */
  take(bytes: number): number {
    const size = bytes <= SIZES[0] ? 0 : bytes <= SIZES[1] ? 1 : 2
    const free = this.#free[size]
    if (free.length === 0) this.#grow(size)
    return free.pop()!
  }

  give(block: number): void {
    this.#free[this.#classes[block >> 8]! as 0 | 1 | 2].push(block)
  }

  slab(block: number): Slab {
    return this.#slabs[block >> 8]!
  }

  /** Where the block begins in its slab. */
  offset(block: number): number {
    return (block & 0xff) * SIZES[this.#classes[block >> 8]! as 0 | 1 | 2]
  }

  address(block: number): number {
    return this.#slabs[block >> 8]!.address + this.offset(block)
  }

  #grow(size: 0 | 1 | 2): void {
    const slab = allocateSlab(SIZES[size] * PER_SLAB[size])
    const first = this.#slabs.length << 8
    this.#slabs.push(slab)
    this.#classes.push(size)
    for (let index = PER_SLAB[size] - 1; index >= 0; index--) this.#free[size].push(first | index)
  }

  /** Gives everything back. Nothing may be in flight. */
  close(): void {
    for (const slab of this.#slabs) releaseSlab(slab)
    this.#slabs.length = 0
  }
}
