/**
 * Small files, ready to be sent: the headers as an array for `writeHead`, the body as one buffer. Opening, reading
 * and closing a file for each request costs several times what the rest of it does.
 */

export interface Kept {
  readonly headers: readonly string[]
  readonly body: Buffer
  /** When the file was last looked at, in milliseconds. */
  lookedAt: number
}

/** What an entry takes beside its body. */
const OVERHEAD_BYTES = 1024

export class Memory {
  readonly #entries = new Map<string, Kept>()
  readonly #mostBytes: number
  readonly #freshMs: number
  #bytes = 0

  /** @param freshMs how long an entry is taken at its word: after that its file is looked at again */
  constructor(mostBytes: number, freshMs: number) {
    this.#mostBytes = mostBytes
    this.#freshMs = freshMs
  }

  /**
   * @returns null where there is none, or where it is time to look at the file again. Only the first who asks then is
   *   told so: those who come while it looks still get what there is.
   */
  get(key: string, now: number): Kept | null {
    const kept = this.#entries.get(key)
    if (kept === undefined) return null
    if (now - kept.lookedAt < this.#freshMs) return kept
    kept.lookedAt = now
    return null
  }

  set(key: string, kept: Kept): void {
    this.delete(key)
    this.#entries.set(key, kept)
    this.#bytes += costOf(key, kept)
    // Whatever is in use was put in anew a moment ago: the oldest entry is one that nobody asks for.
    for (const [oldest] of this.#entries) {
      if (this.#bytes <= this.#mostBytes) break
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    const kept = this.#entries.get(key)
    if (kept === undefined) return
    this.#entries.delete(key)
    this.#bytes -= costOf(key, kept)
  }

  get bytes(): number {
    return this.#bytes
  }
}

const costOf = (key: string, { body }: Kept) => key.length * 2 + body.length + OVERHEAD_BYTES
