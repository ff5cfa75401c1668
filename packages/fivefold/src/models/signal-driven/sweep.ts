/**
 * What the signal-driven pollers share: the registered descriptors, what is to be reported of them, and the sweep
 * that finds it where no signal says.
 *
 * (a) A signal tells of an event, once. What was ready before O_ASYNC was set, or was not wanted when the signal
 *     came, raises none: each new registration, and each widened interest, is reported once unasked.
 * (b) Signals that name no descriptor (plain SIGIO: the classic, and the sign of a queue that overflowed) are
 *     answered with a zero-timeout poll(2) over everything registered: nginx's way, and costly by its nature.
 * (c) One change raises no signal: a full receiver's queue, of a Unix datagram socket, has room again. So while
 *     somebody waits for room to write, which is rarely long, there is a look at everything every LOOK_MS.
 * (d) Reports of one descriptor merge here, and say so (SEVERAL): one event that is one signal needs no second look
 *     at the socket. What the driver's list cannot hold is kept for the next wait.
 */
import { check } from '../../sys/errno.js'
import { POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLPRI, rawPoll } from '../../sys/poll.js'
import { type Interest, READ, type ReadyList, SEVERAL, WRITE } from '../model.js'
import { arm, disarm } from './thread.js'

export class Registered {
  readonly #signal: number
  /** struct pollfd: int fd, short events, short revents. Dense: the last one fills a gap. */
  #entries = new Int32Array(2 * 64)
  #count = 0
  readonly #placeOf = new Map<number, number>()
  /** What is to be reported, by descriptor, and the descriptors in the order they came up. */
  #hints = new Uint8Array(256)
  /** What is wanted, by descriptor; 0: it is not registered. */
  #wanted = new Uint8Array(256)
  #hinted: number[] = []

  readonly #look: () => void
  #writers = 0
  #timer: NodeJS.Timeout | null = null

  /**
   * @param signal the signal to be raised; 0: plain SIGIO
   * @param look asks the poller for a sweep, from Node's loop
   */
  constructor(signal: number, look: () => void) {
    this.#signal = signal
    this.#look = look
  }

  /** How many descriptors are registered. */
  get count(): number {
    return this.#count
  }

  /** True when there is something to report. */
  get hinted(): boolean {
    return this.#hinted.length > 0
  }

  set(fd: number, oldInterest: Interest, newInterest: Interest): void {
    if (oldInterest === 0) this.#add(fd)
    const place = this.#placeOf.get(fd)!
    if (newInterest === 0) this.#remove(fd, place)
    else {
      this.#wanted[fd] = newInterest
      this.#entries[place * 2 + 1] = (newInterest & READ ? POLLIN : 0) | (newInterest & WRITE ? POLLOUT : 0)
      this.hint(fd, (newInterest & ~oldInterest) | SEVERAL)
    }
    this.#countWriters((newInterest & WRITE) - (oldInterest & WRITE))
  }

  /**
   * Something may be so; of what is not registered or not wanted nothing is kept.
   * @param what READ, WRITE; with SEVERAL unless exactly one event says so
   */
  hint(fd: number, what: Interest): void {
    const wanted = this.#wanted[fd]!
    const interest = what & wanted
    if (interest === 0) return
    const before = this.#hints[fd]!
    if (before === 0) this.#hinted.push(fd)
    this.#hints[fd] = before | interest | (what & SEVERAL) | ((before & interest) !== 0 ? SEVERAL : 0)
  }

  /** Looks at everything. One alone needs no look: the call that follows is the look. */
  sweep(): void {
    const entries = this.#entries
    if (this.#count === 1) {
      this.hint(entries[0]!, READ | WRITE | SEVERAL)
      return
    }
    // Even a poll that does not sleep says EINTR when a signal is due; the next one does not.
    let found = rawPoll(entries, this.#count, 0)
    while (found === -EINTR) found = rawPoll(entries, this.#count, 0)
    check(found, 'poll')
    for (let place = 0; found > 0; place++) {
      const revents = entries[place * 2 + 1]! >> 16
      if (revents === 0) continue
      found--
      this.hint(entries[place * 2]!, interestOf(revents) | SEVERAL)
    }
  }

  /** Moves what is to be reported into the driver's list, as far as there is room. */
  report(ready: ReadyList): number {
    const hinted = this.#hinted
    if (hinted.length === 0) return ready.count
    let taken = 0
    for (let more = true; more && taken < hinted.length; taken++) {
      const fd = hinted[taken]!
      const interest = this.#hints[fd]!
      this.#hints[fd] = 0
      if (interest !== 0) more = ready.add(fd, interest)
    }
    if (taken === hinted.length) hinted.length = 0
    else this.#hinted = hinted.slice(taken)
    return ready.count
  }

  /** No descriptor raises signals for us after this. */
  close(): void {
    for (const fd of this.#placeOf.keys()) {
      disarm(fd)
      this.#wanted[fd] = 0
    }
    this.#countWriters(-this.#writers)
    this.#placeOf.clear()
    this.#count = this.#hinted.length = 0
  }

  #add(fd: number): void {
    arm(fd, this.#signal)
    if (this.#count * 2 === this.#entries.length) {
      const grown = new Int32Array(this.#entries.length * 2)
      grown.set(this.#entries)
      this.#entries = grown
    }
    if (fd >= this.#hints.length) {
      const grown = new Uint8Array(Math.max(fd + 1, this.#hints.length * 2))
      grown.set(this.#hints)
      this.#hints = grown
      const wanted = new Uint8Array(grown.length)
      wanted.set(this.#wanted)
      this.#wanted = wanted
    }
    this.#entries[this.#count * 2] = fd
    this.#placeOf.set(fd, this.#count++)
  }

  // Counts each as WRITE.
  #countWriters(more: number): void {
    this.#writers += more
    if (this.#writers > 0) this.#timer ??= setInterval(this.#look, LOOK_MS).unref()
    else if (this.#timer !== null) {
      clearInterval(this.#timer)
      this.#timer = null
    }
  }

  #remove(fd: number, place: number): void {
    disarm(fd)
    this.#placeOf.delete(fd)
    // Still in the list of those to be reported, and no longer to be.
    this.#hints[fd] = this.#wanted[fd] = 0
    const last = --this.#count
    if (place === last) return
    this.#entries[place * 2] = this.#entries[last * 2]!
    this.#entries[place * 2 + 1] = this.#entries[last * 2 + 1]!
    this.#placeOf.set(this.#entries[place * 2]!, place)
  }
}

const EINTR = 4
/** How long what no signal tells of may go unseen, in milliseconds. */
const LOOK_MS = 50
const FAULTS = POLLERR | POLLHUP | POLLNVAL

/** What poll(2)'s bits, or a signal's band, mean for who waits: a fault is everybody's. */
export function interestOf(bits: number): Interest {
  const read = (bits & (POLLIN | POLLPRI | FAULTS)) !== 0 ? READ : 0
  return (bits & (POLLOUT | FAULTS)) !== 0 ? read | WRITE : read
}
