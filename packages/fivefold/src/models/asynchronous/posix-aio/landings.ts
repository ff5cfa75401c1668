/**
 * Memory that stays in place while a thread of glibc's reads or writes it: see (e) in ../posix-aio.ts.
 */
import { allocateSlab, releaseSlab, type Slab } from '../../../sys/memory.js'
import type { Operation } from '../../operation.js'

/** The room of a receive, at first and for one that fills it; the second holds any UDP datagram. */
export const SMALL = 8 * 1024
export const LARGE = 64 * 1024
const LANDING_SLAB = 512 * 1024

/** Where received bytes land, and small ones are gathered to be sent. */
export interface Landing {
  readonly address: number
  readonly bytes: Uint8Array
}

export class Landings {
  readonly #small = new Pool(SMALL)
  readonly #large = new Pool(LARGE)

  small(): Landing {
    return this.#small.take()
  }

  large(): Landing {
    return this.#large.take()
  }

  give(landing: Landing): void {
    if (landing.bytes.length === SMALL) this.#small.give(landing)
    else this.#large.give(landing)
  }

  /**
   * Much room for those who fill it alone: many connections have little to say.
   * @returns where the next receive is to land, after one of so many bytes
   */
  suit(landing: Landing, received: number): Landing {
    const room = landing.bytes.length
    if (room === SMALL && received === SMALL) {
      this.#small.give(landing)
      return this.#large.take()
    }
    if (room === LARGE && received < SMALL) {
      this.#large.give(landing)
      return this.#small.take()
    }
    return landing
  }

  close(): void {
    this.#small.close()
    this.#large.close()
  }
}

/** Landings of one size. */
class Pool {
  readonly size: number
  readonly #slabs: Slab[] = []
  readonly #free: Landing[] = []
  #inUse = 0

  constructor(size: number) {
    this.size = size
  }

  take(): Landing {
    if (this.#free.length === 0) {
      const slab = allocateSlab(LANDING_SLAB)
      this.#slabs.push(slab)
      for (let at = 0; at < LANDING_SLAB; at += this.size) {
        this.#free.push({ address: slab.address + at, bytes: slab.u8.subarray(at, at + this.size) })
      }
    }
    this.#inUse++
    return this.#free.pop()!
  }

  give(landing: Landing): void {
    this.#inUse--
    this.#free.push(landing)
  }

  /** See (e): what is still in use is abandoned. */
  close(): void {
    if (this.#inUse === 0) for (const slab of this.#slabs) releaseSlab(slab)
    this.#slabs.length = 0
    this.#free.length = 0
  }
}

/** What landed, as memory that is the user's from now on. */
export function copyOf({ bytes }: Landing, length: number): Buffer {
  const chunk = length < SMALL / 2 ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length)
  chunk.set(length === bytes.length ? bytes : bytes.subarray(0, length))
  return chunk
}

/** Copies what is left to send, as far as there is room. @returns how much that is */
export function gather({ buffers, index, offset }: Operation, { bytes: into }: Landing): number {
  let length = 0
  for (; index < buffers.length && length < into.length; index++) {
    const part = buffers[index]!.subarray(offset, offset + into.length - length)
    into.set(part, length)
    length += part.length
    offset = 0
  }
  return length
}
