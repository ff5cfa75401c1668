/**
 * A limit of time that is used up only while this process runs. A command that is stopped for a while (Ctrl-Z, a
 * debugger, a frozen container) has its children stopped with it: when all go on, nobody has been silent for too long.
 */

/** Between two looks no more than so much counts. */
const STEP_MS = 500

export class Patience {
  readonly #limitMs: number
  readonly #clock: () => number
  #leftMs: number
  #looked: number

  /** @param clock milliseconds */
  constructor(limitMs: number, clock: () => number = () => performance.now()) {
    this.#limitMs = limitMs
    this.#leftMs = limitMs
    this.#clock = clock
    this.#looked = clock()
  }

  /** Whether the time is up. To be asked at least every half second. */
  over(): boolean {
    const at = this.#clock()
    this.#leftMs -= Math.min(at - this.#looked, STEP_MS)
    this.#looked = at
    return this.#leftMs <= 0
  }

  /** Something has happened: all the time is there again. */
  renew(): void {
    this.#leftMs = this.#limitMs
    this.#looked = this.#clock()
  }

  /** Calls once when the time is up. @returns what ends the waiting */
  static after(limitMs: number, then: () => void): () => void {
    const patience = new Patience(limitMs)
    const timer = setInterval(
      () => {
        if (!patience.over()) return
        clearInterval(timer)
        then()
      },
      Math.min(limitMs, STEP_MS / 2),
    )
    return () => clearInterval(timer)
  }
}
