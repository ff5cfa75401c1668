/**
 * poll(2): an array of (descriptor, what is wanted, what is so), handed over whole at every wait.
 *
 * (a) An array, not a list, and the kernel writes only `revents`: nothing has to be set up again.
 * (b) It copies and looks at every entry of the array, ready or not: the cost grows with what is registered,
 *     and no longer with the highest number.
 * (c) POLLERR, POLLHUP and POLLNVAL come unasked; they are reported as whatever was wanted, and the call
 *     that follows tells the error.
 * (d) A negative descriptor is skipped. Entries here are kept dense instead: the last one fills a gap.
 * (e) There is no descriptor that says "poll would return": embedded, a thread of its own waits (waiter.ts).
 */
import { check } from '../../sys/errno.js'
import { POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, rawPoll } from '../../sys/poll.js'
import { type Host, type Interest, type Poller, READ, type ReadyList, WRITE } from '../model.js'
import { Waiter } from '../waiter/waiter.js'

export class PollPoller implements Poller {
  readonly #waiter: Waiter | null
  /** struct pollfd: int fd, short events, short revents. */
  #entries = new Int32Array(2 * 64)
  #count = 0
  /** Where each descriptor's entry is. */
  readonly #placeOf = new Map<number, number>()
  #next = 0

  constructor(host: Host = 'dedicated') {
    this.#waiter = host === 'embedded' ? new Waiter('poll') : null
  }

  get wakeFd(): number {
    return this.#waiter === null ? -1 : this.#waiter.wakeFd
  }

  set(fd: number, oldInterest: Interest, newInterest: Interest): void {
    const events = ((newInterest & READ) !== 0 ? POLLIN : 0) | ((newInterest & WRITE) !== 0 ? POLLOUT : 0)
    if (oldInterest === 0) {
      if (this.#count * 2 === this.#entries.length) {
        const grown = new Int32Array(this.#entries.length * 2)
        grown.set(this.#entries)
        this.#entries = grown
      }
      this.#placeOf.set(fd, this.#count)
      this.#entries[this.#count * 2] = fd
      this.#entries[this.#count * 2 + 1] = events
      this.#count++
    } else {
      const place = this.#placeOf.get(fd)!
      if (newInterest !== 0) this.#entries[place * 2 + 1] = events
      else this.#remove(fd, place)
    }
    this.#waiter?.set(fd, newInterest)
  }

  wait(timeoutMs: number, ready: ReadyList): number {
    ready.count = 0
    const found = rawPoll(this.#entries, this.#count, timeoutMs)
    if (found > 0) this.#collect(found, ready)
    else if (found < 0 && found !== -EINTR) check(found, 'poll')
    this.#waiter?.settle(ready.count > 0)
    return ready.count
  }

  close(): void {
    this.#waiter?.close()
  }

  // Begins where the last full list ended, so that early entries cannot starve late ones.
  #collect(found: number, ready: ReadyList): void {
    const entries = this.#entries
    const count = this.#count
    let place = this.#next < count ? this.#next : 0
    for (let step = 0; step < count && found > 0; step++) {
      const revents = entries[place * 2 + 1]! >> 16
      if (revents !== 0) {
        found--
        const read = (revents & (POLLIN | FAULTS)) !== 0 ? READ : 0
        const write = (revents & (POLLOUT | FAULTS)) !== 0 ? WRITE : 0
        if (!ready.add(entries[place * 2]!, read | write)) {
          this.#next = place + 1
          return
        }
      }
      if (++place === count) place = 0
    }
    this.#next = 0
  }

  #remove(fd: number, place: number): void {
    this.#placeOf.delete(fd)
    const last = --this.#count
    if (place === last) return
    this.#entries[place * 2] = this.#entries[last * 2]!
    this.#entries[place * 2 + 1] = this.#entries[last * 2 + 1]!
    this.#placeOf.set(this.#entries[place * 2]!, place)
  }
}

const FAULTS = POLLERR | POLLHUP | POLLNVAL
const EINTR = 4
