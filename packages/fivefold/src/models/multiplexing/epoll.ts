/**
 * epoll(7): the set stays in the kernel, and each wait brings only what is ready.
 *
 * (a) A descriptor is handed over once (epoll_ctl); a wait copies out ready events alone. The kernel keeps the
 *     set in a tree and links what becomes ready into a list: the cost grows with what happens, not with
 *     what is registered. No memory is shared with the process.
 * (b) What is registered is the pair of open file and descriptor. A duplicate keeps the file open, so closing
 *     our descriptor alone may leave events behind that nobody can remove: each registration carries a serial
 *     number in `data`, and events of an older one are dropped. Leave before closing: that is set(fd, …, 0).
 * (c) Level-triggered, the default: what is not drained is reported again.
 * (d) Regular files are refused with EPERM: they are always ready.
 * (e) EPOLLERR and EPOLLHUP come unasked; they are reported as whatever was wanted, and the call that follows
 *     tells the error. EPOLLRDHUP is not needed: the end arrives through recv, after the data before it.
 * (f) The epoll descriptor is itself readable when a wait would report: Node's loop can sleep on it.
 */

import { rawClose } from '../../sys/descriptor.js'
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  rawEpollCreate1,
  rawEpollCtl,
  rawEpollWait,
} from '../../sys/epoll.js'
import { check } from '../../sys/errno.js'
import { addressOf } from '../../sys/ffi.js'
import { EPOLL_EVENT } from '../../sys/platform.js'
import { type Host, type Interest, type Poller, READ, type ReadyList, WRITE } from '../model.js'

const WORDS = EPOLL_EVENT.size / 4
const DATA = EPOLL_EVENT.data / 4

export class EpollPoller implements Poller {
  readonly wakeFd: number
  readonly #events = new Int32Array(MOST * WORDS)
  readonly #eventsAddress = addressOf(this.#events)
  readonly #change = new Int32Array(4)
  /** The serial number of each descriptor's registration. */
  #serials = new Int32Array(256)

  constructor(_host: Host = 'dedicated') {
    this.wakeFd = check(rawEpollCreate1(EPOLL_CLOEXEC), 'epoll_create1')
  }

  set(fd: number, oldInterest: Interest, newInterest: Interest): void {
    if (fd >= this.#serials.length) {
      const grown = new Int32Array(Math.max(fd + 1, this.#serials.length * 2))
      grown.set(this.#serials)
      this.#serials = grown
    }
    if (oldInterest === 0) this.#serials[fd]!++
    this.#change[0] =
      ((newInterest & READ) !== 0 ? EPOLLIN : 0) | ((newInterest & WRITE) !== 0 ? EPOLLOUT : 0)
    this.#change[DATA] = fd
    this.#change[DATA + 1] = this.#serials[fd]!
    const what = oldInterest === 0 ? EPOLL_CTL_ADD : newInterest === 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD
    check(rawEpollCtl(this.wakeFd, what, fd, this.#change), 'epoll_ctl')
  }

  wait(timeoutMs: number, ready: ReadyList): number {
    ready.count = 0
    const events = this.#events
    const most = Math.min(ready.capacity, MOST)
    const found = rawEpollWait(this.wakeFd, this.#eventsAddress, most, timeoutMs)
    for (let at = 0; at < found * WORDS; at += WORDS) {
      const fd = events[at + DATA]!
      if (events[at + DATA + 1] !== this.#serials[fd]) continue
      const what = events[at]!
      const read = (what & (EPOLLIN | FAULTS)) !== 0 ? READ : 0
      const write = (what & (EPOLLOUT | FAULTS)) !== 0 ? WRITE : 0
      ready.add(fd, read | write)
    }
    if (found < 0 && found !== -EINTR) check(found, 'epoll_wait')
    return ready.count
  }

  close(): void {
    rawClose(this.wakeFd)
  }
}

const MOST = 1024
const FAULTS = EPOLLERR | EPOLLHUP
const EINTR = 4
