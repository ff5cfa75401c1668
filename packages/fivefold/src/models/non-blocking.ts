/**
 * Non-blocking I/O: ask, and ask again.
 *
 * (a) O_NONBLOCK makes a call that would wait answer EAGAIN at once. Phase 1 is this asking, over and over:
 *     there is no call that waits, so this poller makes none. It names every registered descriptor, and the
 *     recvfrom that follows is the question.
 * (b) The thread never sleeps, however long nothing comes: a whole processor is spent on EAGAIN. That is the
 *     model, not a fault of it; `wait` takes a time-out like every poller, and has no use for it.
 * (c) O_NONBLOCK belongs to the open file, not to the descriptor: duplicates, and processes that inherited
 *     it, share the flag.
 */
import type { Host, Interest, Poller, ReadyList } from './model.js'

export class AskingPoller implements Poller {
  readonly wakeFd = -1
  #fds = new Int32Array(64)
  #interests = new Uint8Array(64)
  #count = 0
  readonly #placeOf = new Map<number, number>()
  #next = 0

  // biome-ignore lint/complexity/noUselessConstructor: every poller is made for a host
  constructor(_host: Host = 'dedicated') {}

  set(fd: number, oldInterest: Interest, newInterest: Interest): void {
    if (oldInterest === 0) {
      if (this.#count === this.#fds.length) this.#grow()
      this.#placeOf.set(fd, this.#count)
      this.#fds[this.#count] = fd
      this.#interests[this.#count++] = newInterest
      return
    }
    const place = this.#placeOf.get(fd)!
    if (newInterest !== 0) {
      this.#interests[place] = newInterest
      return
    }
    this.#placeOf.delete(fd)
    const last = --this.#count
    if (place === last) return
    this.#fds[place] = this.#fds[last]!
    this.#interests[place] = this.#interests[last]!
    this.#placeOf.set(this.#fds[place]!, place)
  }

  wait(_timeoutMs: number, ready: ReadyList): number {
    ready.count = 0
    const count = this.#count
    let place = this.#next < count ? this.#next : 0
    for (let step = 0; step < count; step++) {
      const more = ready.add(this.#fds[place]!, this.#interests[place]!)
      if (++place === count) place = 0
      if (!more) break
    }
    this.#next = place
    return ready.count
  }

  close(): void {
    this.#count = 0
    this.#placeOf.clear()
  }

  #grow(): void {
    const fds = new Int32Array(this.#count * 2)
    fds.set(this.#fds)
    this.#fds = fds
    const interests = new Uint8Array(this.#count * 2)
    interests.set(this.#interests)
    this.#interests = interests
  }
}
