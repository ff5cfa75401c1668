/**
 * select(2): the set goes in, the ready ones come back in the same memory.
 *
 * (a) Value-result: the kernel overwrites the sets it is given, so each wait passes copies of the masters.
 * (b) It looks at every descriptor below `nfds`, wanted or not: the cost grows with the highest number.
 * (c) The 1024 of the textbooks is FD_SETSIZE, the size of libc's fd_set. The kernel reads and writes `nfds`
 *     bits, whatever that is: sets here grow with the highest descriptor, in whole longs, and are never
 *     shorter than the kernel's reach. A short one would be overwritten memory.
 * (d) The time-out is a timeval (microseconds), and Linux writes the rest of it back: set anew for each wait.
 * (e) A descriptor in error is reported as readable and writable; the call that follows tells the error.
 * (f) There is no descriptor that says "select would return": embedded, a thread of its own waits (waiter.ts).
 */
import { check } from '../../sys/errno.js'
import { rawSelect } from '../../sys/select.js'
import { type Host, type Interest, type Poller, READ, type ReadyList, WRITE } from '../model.js'
import { Waiter } from '../waiter/waiter.js'

const BITS = 32

export class SelectPoller implements Poller {
  readonly #waiter: Waiter | null
  #nfds = 0
  #wantRead = new Uint32Array(32)
  #wantWrite = new Uint32Array(32)
  #canRead = new Uint32Array(32)
  #canWrite = new Uint32Array(32)
  readonly #timeval = new BigInt64Array(2)
  readonly #timevalWords = new Int32Array(this.#timeval.buffer)
  #next = 0

  constructor(host: Host = 'dedicated') {
    this.#waiter = host === 'embedded' ? new Waiter('select') : null
  }

  get wakeFd(): number {
    return this.#waiter === null ? -1 : this.#waiter.wakeFd
  }

  set(fd: number, _oldInterest: Interest, newInterest: Interest): void {
    const word = (fd / BITS) | 0
    if (word >= this.#wantRead.length) this.#grow(word)
    const bit = 1 << (fd % BITS)
    if ((newInterest & READ) !== 0) this.#wantRead[word]! |= bit
    else this.#wantRead[word]! &= ~bit
    if ((newInterest & WRITE) !== 0) this.#wantWrite[word]! |= bit
    else this.#wantWrite[word]! &= ~bit
    if (newInterest !== 0) this.#nfds = Math.max(this.#nfds, fd + 1)
    else if (fd + 1 === this.#nfds) this.#nfds = this.#highest() + 1
    this.#waiter?.set(fd, newInterest)
  }

  wait(timeoutMs: number, ready: ReadyList): number {
    ready.count = 0
    const nfds = this.#nfds
    const words = Math.ceil(nfds / BITS)
    for (let word = 0; word < words; word++) {
      this.#canRead[word] = this.#wantRead[word]!
      this.#canWrite[word] = this.#wantWrite[word]!
    }
    let timeval: BigInt64Array | null = null
    if (timeoutMs >= 0) {
      timeval = this.#timeval
      this.#timevalWords[0] = Math.floor(timeoutMs / 1000)
      this.#timevalWords[2] = Math.floor((timeoutMs % 1000) * 1000)
      this.#timevalWords[1] = this.#timevalWords[3] = 0
    }
    const found = rawSelect(nfds, this.#canRead, this.#canWrite, null, timeval)
    if (found > 0) this.#collect(words, ready)
    else if (found < 0 && found !== -EINTR) check(found, 'select')
    this.#waiter?.settle(ready.count > 0)
    return ready.count
  }

  close(): void {
    this.#waiter?.close()
  }

  // Begins where the last full list ended, so that low numbers cannot starve high ones.
  #collect(words: number, ready: ReadyList): void {
    for (let step = 0; step < words; step++) {
      const word = (this.#next + step) % words
      const read = this.#canRead[word]!
      const write = this.#canWrite[word]!
      for (let left = read | write; left !== 0; left &= left - 1) {
        const index = 31 - Math.clz32(left & -left)
        const bit = 1 << index
        const interest = ((read & bit) !== 0 ? READ : 0) | ((write & bit) !== 0 ? WRITE : 0)
        if (!ready.add(word * BITS + index, interest)) {
          this.#next = word
          return
        }
      }
    }
    this.#next = 0
  }

  #highest(): number {
    for (let word = this.#wantRead.length - 1; word >= 0; word--) {
      const bits = this.#wantRead[word]! | this.#wantWrite[word]!
      if (bits !== 0) return word * BITS + 31 - Math.clz32(bits)
    }
    return -1
  }

  #grow(word: number): void {
    // An even number of 32-bit words: the kernel works in longs.
    const words = Math.max(this.#wantRead.length * 2, (word + 2) & ~1)
    const grown = (from: Uint32Array) => {
      const to = new Uint32Array(words)
      to.set(from)
      return to
    }
    this.#wantRead = grown(this.#wantRead)
    this.#wantWrite = grown(this.#wantWrite)
    this.#canRead = new Uint32Array(words)
    this.#canWrite = new Uint32Array(words)
  }
}

const EINTR = 4
