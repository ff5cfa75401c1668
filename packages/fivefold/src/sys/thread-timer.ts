/**
 * A POSIX timer that signals one thread again and again: timer_create(2) with SIGEV_THREAD_ID. The kernel's own
 * system calls: older C libraries have them in a library of their own, and wrap the timer's id.
 */
import { check } from './errno.js'
import { bind, errno, type Pointer } from './ffi.js'
import { SYS } from './platform.js'

const CLOCK_MONOTONIC = 1
const SIGEV_THREAD_ID = 4

const createC = bind<(number: number, clock: number, event: Pointer, id: Pointer) => number>(
  'syscall',
  'long',
  ['long', 'long', 'pointer', 'pointer'],
)
const settimeC = bind<(number: number, id: number, flags: number, value: Pointer, old: Pointer) => number>(
  'syscall',
  'long',
  ['long', 'long', 'long', 'pointer', 'pointer'],
)
const deleteC = bind<(number: number, id: number) => number>('syscall', 'long', ['long', 'long'])

/**
 * Signals a thread of this process every so often, from now on.
 * @returns the timer, for `deleteThreadTimer`
 * @throws EAGAIN when the user's signals are used up (RLIMIT_SIGPENDING), EINVAL for a thread that is none of ours
 */
export function createThreadTimer(tid: number, signal: number, everyMs: number): number {
  // struct sigevent: sigval, int signo, int notify, int tid, in 64 bytes.
  const event = new Int32Array(16)
  event[2] = signal
  event[3] = SIGEV_THREAD_ID
  event[4] = tid
  const id = new Int32Array(1)
  check(createC(SYS.timer_create, CLOCK_MONOTONIC, event, id) === -1 ? -errno() : 0, 'timer_create')
  const seconds = BigInt(Math.floor(everyMs / 1000))
  const nanoseconds = BigInt(Math.floor((everyMs % 1000) * 1e6))
  // struct itimerspec: the interval, then the first time.
  const value = BigInt64Array.of(seconds, nanoseconds, seconds, nanoseconds)
  check(settimeC(SYS.timer_settime, id[0]!, 0, value, null) === -1 ? -errno() : 0, 'timer_settime')
  return id[0]!
}

/** @throws EINVAL when there is no such timer */
export function deleteThreadTimer(id: number): void {
  check(deleteC(SYS.timer_delete, id) === -1 ? -errno() : 0, 'timer_delete')
}
