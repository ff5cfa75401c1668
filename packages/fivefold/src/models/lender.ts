/** Blocks of memory whose parts are handed to users, and may come back. */
import { Buffer } from 'node:buffer'

/** From here on giving away beats copying; below it, one kept chunk would keep a whole block alive. */
export const GIVE_AWAY = 8 * 1024

const LENDER = Symbol('fivefold.lender')

/** A chunk that may be a part of a block. */
interface Given extends Uint8Array {
  [LENDER]?: Lender | undefined
}

export abstract class Lender {
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

  /** The last part has come back: nobody looks at the block any more. */
  abstract complete(): void
}

/**
 * Takes back a received chunk that nobody will look at any more, so that its memory receives again. Never needed (the
 * collector finds what is not given back), and nothing happens to what was not given, or came back before.
 */
export function release(chunk: Uint8Array): void {
  const lender = (chunk as Given)[LENDER]
  if (lender === undefined) return
  ;(chunk as Given)[LENDER] = undefined
  if (--lender.given === 0) lender.complete()
}
