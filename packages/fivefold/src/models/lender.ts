/** Blocks of memory whose parts are handed to users, and may come back. */
import { Buffer } from 'node:buffer'

/** From here on giving away beats copying; below it, one kept chunk would keep a whole block alive. */
export const GIVE_AWAY = 8 * 1024

const LENDER = Symbol('fivefold.lender')

/** A chunk that may be a part of a block. */
export interface Given extends Uint8Array {
  [LENDER]?: Lender | undefined
}

export class Lender {
  /** Parts given away, and not come back. */
  given = 0

  /** A part of the block, as the user's memory. */
  give(block: Buffer, offset: number, length: number): Buffer {
    const chunk = Buffer.from(block.buffer, offset, length)
    // On the chunk, not beside it: a view that the user made of it is not taken back for it, nor the chunk twice.
    ;(chunk as Given)[LENDER] = this
    this.given++
    return chunk
  }

  /** @returns whose part it was; null for a chunk that was not given, or came back before */
  static takeBack(chunk: Given): Lender | null {
    const lender = chunk[LENDER]
    if (lender === undefined) return null
    chunk[LENDER] = undefined
    lender.given--
    return lender
  }
}
