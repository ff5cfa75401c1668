/**
 * "A thread of its own does the waiting": how a mechanism without a pollable descriptor (select, poll) is embedded
 * in Node's loop. The thread sleeps in the mechanism's own call; when that returns, it makes `wakeFd` readable.
 *
 * (a) The thread only waits. What is ready is asked again, without sleeping, by the poller in the loop's thread,
 *     so nothing that the two know can contradict. After a report the thread parks until it is armed again.
 * (b) The interest lies in shared memory, a byte for each descriptor. An eventfd of our own is in every set, so
 *     that a change can end the sleep.
 * (c) poll and select hold on to the open files they sleep on: a socket closed meanwhile sends no FIN, and its
 *     port stays taken, until the call returns. So taking a descriptor out waits until the thread has left
 *     the call. Then it pauses, until it is armed or a moment has passed: taking out many is paid for once.
 * (d) A thread takes descriptors, and whoever accepts may have taken them first. Then it is started again and again
 *     until it can be, and each time the loop looks for itself: what is open is served, if late.
 */
import { rawClose } from '../../sys/descriptor.js'
import { systemError } from '../../sys/errno.js'
import { EFD_CLOEXEC, EFD_NONBLOCK, eventfd, rawEventfdRead, rawEventfdWrite } from '../../sys/eventfd.js'
import { getrlimit, RLIMIT_NOFILE } from '../../sys/process.js'
import type { Interest } from '../model.js'
import {
  longestSleep,
  MOST_FAILURES,
  pause,
  SHORTAGE_MS,
  type Sleeper,
  shortOfDescriptors,
  startThread,
} from '../threads/thread.js'
import {
  ARMED,
  BORN,
  CALLED_OFF,
  CALLS,
  CHANGES,
  GONE,
  HIGHEST,
  PAUSED,
  QUIT,
  STATE,
  type WaiterData,
  type WaiterMechanism,
  WORDS,
} from './layout.js'

const MOST_DESCRIPTORS = 1 << 20
const threadProgram = new URL('./waiter-program.js', import.meta.url)

export class Waiter {
  /** Readable when the mechanism has something to report. */
  readonly wakeFd: number
  readonly #controlFd: number
  readonly #words: Int32Array
  readonly #table: Uint8Array
  readonly #data: WaiterData
  #retry: NodeJS.Timeout | null = null
  #closed = false
  /** How often the thread failed before it had begun, for reasons other than the obvious. */
  #failures = 0

  constructor(mechanism: WaiterMechanism) {
    const { hard } = getrlimit(RLIMIT_NOFILE)
    const words = new SharedArrayBuffer(WORDS * 4)
    const table = new SharedArrayBuffer(Math.min(hard, MOST_DESCRIPTORS))
    this.#words = new Int32Array(words)
    this.#table = new Uint8Array(table)
    this.#words[ARMED] = 1
    this.wakeFd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
    this.#controlFd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
    this.#data = { mechanism, words, table, wakeFd: this.wakeFd, controlFd: this.#controlFd, longestSleep }
    this.#start()
  }

  #start(): void {
    let over = false
    const sleeper: Sleeper = {
      leave: () => this.#leave(),
      ended: (error) => {
        if (!over) this.#ended(error)
        over = true
      },
    }
    try {
      startThread(threadProgram, this.#data, sleeper)
    } catch (error) {
      sleeper.ended(error as Error)
    }
  }

  /** Says what is wanted of a descriptor; 0 before it is closed. */
  set(fd: number, interest: Interest): void {
    const words = this.#words
    if (fd >= this.#table.length) {
      throw systemError(-EMFILE, 'poll', `the waiting thread's table ends at ${this.#table.length}`)
    }
    const old = this.#table[fd]!
    if (old === interest) return
    Atomics.store(this.#table, fd, interest)
    if (fd > words[HIGHEST]!) Atomics.store(words, HIGHEST, fd)
    if (interest === 0) Atomics.store(words, PAUSED, 1)
    Atomics.add(words, CHANGES, 1)
    // Either we see that the thread is in its call, or it sees the change before it enters: see there.
    const call = Atomics.load(words, CALLS)
    if ((call & 1) === 0) return
    rawEventfdWrite(this.#controlFd, 1)
    if (interest !== 0) return
    // This call: the next one knows of the change.
    while (Atomics.load(words, CALLS) === call && Atomics.load(words, STATE) !== GONE) {
      Atomics.wait(words, CALLS, call, 1)
    }
  }

  /** Has the thread wait again, if it does not. */
  arm(): void {
    const words = this.#words
    if (Atomics.load(words, PAUSED) === 1) {
      Atomics.store(words, PAUSED, 0)
      Atomics.notify(words, PAUSED)
    }
    if (Atomics.load(words, ARMED) === 1) return
    Atomics.store(words, ARMED, 1)
    Atomics.notify(words, ARMED)
  }

  /**
   * The poller has asked without sleeping. While it finds something, `wakeFd` stays as it is; when it finds
   * nothing more, that is quiet again and the thread waits.
   */
  settle(found: boolean): void {
    if (found) return
    // The thread writes first and is unarmed then: what is still armed has nothing to be read.
    if (Atomics.load(this.#words, ARMED) === 0) rawEventfdRead(this.wakeFd)
    this.arm()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#retry !== null) clearTimeout(this.#retry)
    // It must not write to the number when that is somebody else's.
    const born = Atomics.compareExchange(this.#words, STATE, BORN, CALLED_OFF) === BORN
    while (!born && !this.#leave()) pause(0.25)
    rawClose(this.#controlFd)
    rawClose(this.wakeFd)
  }

  #ended(error: Error | null): void {
    const unborn = error !== null && Atomics.load(this.#words, STATE) === BORN
    if (unborn && (shortOfDescriptors(error) || this.#failures++ < MOST_FAILURES)) {
      this.#retry = setTimeout(() => this.#startLate(), SHORTAGE_MS).unref()
      return
    }
    Atomics.store(this.#words, STATE, GONE)
    // Without its thread the loop would sleep through everything.
    if (error !== null) throw error
  }

  // (d)
  #startLate(): void {
    this.#retry = null
    rawEventfdWrite(this.wakeFd, 1)
    // In this order, as the thread would.
    Atomics.store(this.#words, ARMED, 0)
    this.#start()
  }

  #leave(): boolean {
    const words = this.#words
    Atomics.store(words, QUIT, 1)
    const state = Atomics.load(words, STATE)
    if (state === GONE || state === CALLED_OFF) return state === GONE
    rawEventfdWrite(this.#controlFd, 1)
    this.arm()
    return false
  }
}

const EMFILE = 24
