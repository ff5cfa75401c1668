/**
 * Coalescing, as network cards do it with their interrupts (ethtool -C: rx-usecs, adaptive-rx). To be woken costs a
 * program more than to receive a datagram of 64 bytes. While datagrams that nobody answers come so fast that each would
 * wake Node's loop by itself, the loop sleeps on a clock instead of the driver's `wakeFd`, and takes together what came.
 *
 * (a) It begins after `TURNS` turns in a row that brought such datagrams and nothing else, so close together that
 *     the clock saves three wake-ups of four. It ends when they come less often, and at once with whatever somebody might
 *     wait for: anything sent, asked or put off, through the same engine. Request and response never meet it.
 * (b) The clock's period is what fills an eighth of the socket's receive buffer, and `MOST_MS` at most: a datagram that
 *     comes late by that is not lost, and what is late (a loop that was busy with something else) finds room.
 * (c) Nobody looks at `wakeFd` meanwhile. It is level-triggered: looked at again, it tells what was missed.
 */
import { rawClose } from '../sys/descriptor.js'
import { type LoopWatch, watchInLoop } from '../sys/ffi.js'
import {
  CLOCK_MONOTONIC,
  rawTimerfdRead,
  TFD_CLOEXEC,
  TFD_NONBLOCK,
  timerfdCreate,
  timerfdSettime,
} from '../sys/timerfd.js'

/** Turns that are looked at together, before it begins; and periods of the clock, while it lasts. */
const TURNS = 64
const PERIODS = 8
/** The longest that a datagram is kept waiting for company. */
const MOST_MS = 0.4
/** How much of a receive buffer may fill in a period. */
const MOST_SHARE = 1 / 8
/** It begins when a period is worth so many turns, and goes on while it brings so many datagrams. */
const WORTH = 4
const COMPANY = 3
/** A turn that brought so many has perhaps not brought all: the models bound what one descriptor gets. */
const MANY = 32
/** A period that would change by less stays. */
const CHANGE = 0.25

/** What a test may put in the place of the clock. */
export const time = { nowMs: () => performance.now() }

export class Coalescing {
  /** The loop sleeps on the clock. */
  holds = false
  readonly #watch: LoopWatch
  readonly #wake: () => void
  #fd = -1
  #clock: LoopWatch | null = null
  #periodMs = 0
  /** Of this turn. */
  #datagrams = 0
  #share = 0
  #stirred = false
  /** Of those looked at together. */
  #turns = 0
  #allDatagrams = 0
  #allShare = 0
  #sinceMs = -1

  /**
   * @param watch on the driver's `wakeFd`
   * @param wake makes a turn come soon
   */
  constructor(watch: LoopWatch, wake: () => void) {
    this.#watch = watch
    this.#wake = wake
  }

  arrived(share: number): void {
    this.#datagrams++
    this.#share += share
  }

  stir(): void {
    this.#stirred = true
    if (!this.holds) return
    this.#release()
    // The driver was not asked to tell what comes: a turn asks it.
    this.#wake()
  }

  /** A turn is over. @returns whether the clock sees to the next */
  turned(): boolean {
    const datagrams = this.#datagrams
    if (this.#stirred) {
      this.#stirred = false
      this.#begin()
    } else if (datagrams > 0 || this.holds) {
      // The first of all says when those that follow began.
      if (this.#sinceMs < 0) this.#sinceMs = time.nowMs()
      this.#allDatagrams += datagrams
      this.#allShare += this.#share
      if (++this.#turns >= (this.holds ? PERIODS : TURNS)) this.#judge()
    }
    this.#datagrams = this.#share = 0
    return this.holds && datagrams < MANY
  }

  close(): void {
    this.holds = false
    this.#clock?.close()
    this.#clock = null
    if (this.#fd >= 0) rawClose(this.#fd)
    this.#fd = -1
  }

  #begin(): void {
    this.#turns = this.#allDatagrams = this.#allShare = 0
    this.#sinceMs = -1
  }

  #judge(): void {
    const nowMs = time.nowMs()
    const elapsedMs = nowMs - this.#sinceMs
    const turns = this.#turns
    const datagrams = this.#allDatagrams
    const periodMs = Math.min(MOST_MS, (MOST_SHARE / this.#allShare) * elapsedMs)
    this.#begin()
    this.#sinceMs = nowMs
    if (!this.holds) {
      if (periodMs * turns >= WORTH * elapsedMs) this.#hold(periodMs)
    } else if (datagrams * periodMs < COMPANY * elapsedMs) this.#release()
    else if (Math.abs(periodMs - this.#periodMs) > CHANGE * this.#periodMs) this.#set(periodMs)
  }

  #hold(periodMs: number): void {
    if (this.#clock === null) {
      this.#fd = timerfdCreate(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)
      this.#clock = watchInLoop(this.#fd, () => {
        rawTimerfdRead(this.#fd)
        this.#wake()
      })
    } else this.#clock.resume()
    this.#set(periodMs)
    this.#watch.pause()
    this.holds = true
  }

  #set(periodMs: number): void {
    this.#periodMs = periodMs
    timerfdSettime(this.#fd, periodMs, periodMs)
  }

  #release(): void {
    this.holds = false
    timerfdSettime(this.#fd, 0)
    this.#clock!.pause()
    this.#watch.resume()
  }
}
