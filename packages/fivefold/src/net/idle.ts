/**
 * The time-out of a socket: `timeout` when nothing has moved for so long.
 *
 * A server sets one for every request and something moves several times in each. So none of that touches a timer: it
 * is noted when the time will be up, and the timer, which goes off when it was first to go off, is then set anew for
 * what is left.
 */
export class IdleTimer {
  readonly #timeIsUp: () => void
  /** 0: it does not count. */
  #ms = 0
  /** By the clock of `performance.now()`: when the time will be up, and when the timer goes off. */
  #deadline = 0
  #goesOff = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | null = null

  /** @param timeIsUp called when nothing has moved for so long; it counts again when something moves */
  constructor(timeIsUp: () => void) {
    this.#timeIsUp = timeIsUp
  }

  /** Counts from `now` on. @param ms 0: it counts no more */
  set(ms: number, now: number): void {
    this.#ms = ms
    if (ms > 0) this.#until(now + ms, ms)
  }

  /** Something moved: it counts anew. */
  moved(now: number): void {
    if (this.#ms > 0) this.#until(now + this.#ms, this.#ms)
  }

  close(): void {
    this.#ms = 0
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #until(deadline: number, ms: number): void {
    this.#deadline = deadline
    // The timer that waits goes off before, and then waits for the rest.
    if (this.#timer !== null && this.#goesOff <= deadline) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#goesOff = deadline
    this.#timer = setTimeout(wentOff, ms, this).unref()
  }

  /** @internal */
  wentOff(): void {
    this.#timer = null
    if (this.#ms === 0) return
    const left = this.#deadline - performance.now()
    // Timers count in milliseconds, and from the beginning of a round of the loop: a part of one is no rest to wait for.
    if (left >= 1) this.#until(this.#deadline, Math.ceil(left))
    else this.#timeIsUp()
  }
}

function wentOff(timer: IdleTimer): void {
  timer.wentOff()
}
