/** One of several threads that wait for connections: counts how often it woke, and what it woke for. */
import { workerData } from 'node:worker_threads'
import {
  EPOLL_CTL_ADD,
  EpollEvents,
  epollCreate1,
  epollCtl,
  epollWait,
  getrusage,
  RUSAGE_THREAD,
  rawAccept4,
  rawClose,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
} from 'fivefold/sys'
import { COUNTERS, type WakeOrders } from './wake-layout.js'

const { words, index, fd, events } = workerData as WakeOrders
const at = 1 + index * COUNTERS
const epfd = epollCreate1()
epollCtl(epfd, EPOLL_CTL_ADD, fd, events)
const found = new EpollEvents(1)
Atomics.store(words, at, 1)
Atomics.notify(words, at)
const before = getrusage(RUSAGE_THREAD).voluntaryContextSwitches

let slept = 0
while (Atomics.load(words, 0) === 0) {
  if (epollWait(epfd, found, 250) === 0) {
    // A wait that ended by itself is one sleep, and nobody's wake-up.
    slept++
    continue
  }
  const accepted = rawAccept4(fd, null, null, SOCK_CLOEXEC | SOCK_NONBLOCK)
  if (accepted >= 0) {
    rawClose(accepted)
    Atomics.add(words, at + 1, 1)
    Atomics.notify(words, at + 1)
  } else Atomics.add(words, at + 2, 1)
}
Atomics.store(words, at + 3, getrusage(RUSAGE_THREAD).voluntaryContextSwitches - before - slept)
rawClose(epfd)
