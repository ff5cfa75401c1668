/**
 * timerfd_create(2): a clock whose expirations can be read, and waited for like anything else.
 *
 * Source: timerfd_create(2) of man-pages 6.03, Linux 6.18 uapi/linux/timerfd.h.
 */
import { rawRead } from './descriptor.js'
import { check, errnos } from './errno.js'
import { bind, errno, type Pointer } from './ffi.js'
import { readTimespec, writeTimespec } from './time.js'

const createC = bind<(clock: number, flags: number) => number>('timerfd_create', 'int', ['int', 'int'])
const settimeC = bind<(fd: number, flags: number, value: Pointer, old: Pointer) => number>(
  'timerfd_settime',
  'int',
  ['int', 'int', 'pointer', 'pointer'],
)
const gettimeC = bind<(fd: number, value: Pointer) => number>('timerfd_gettime', 'int', ['int', 'pointer'])

export const CLOCK_REALTIME = 0
export const CLOCK_MONOTONIC = 1
/** As CLOCK_MONOTONIC, and goes on while the machine is suspended. */
export const CLOCK_BOOTTIME = 7
export const TFD_NONBLOCK = 0o4000
export const TFD_CLOEXEC = 0o2000000
export const TFD_TIMER_ABSTIME = 1
export const TFD_TIMER_CANCEL_ON_SET = 2

/** `struct itimerspec`: two timespecs, the interval first. */
export const ITIMERSPEC_BYTES = 32

const EINTR = -errnos.EINTR

const itimerspec = new Int32Array(ITIMERSPEC_BYTES / 4)
const interval = itimerspec.subarray(0, 4)
const value = itimerspec.subarray(4, 8)
const expirations = new Uint32Array(2)

/** timerfd_create(2). @returns the descriptor, or a negative errno */
export function rawTimerfdCreate(clock: number, flags: number): number {
  const fd = createC(clock, flags)
  return fd < 0 ? -errno() : fd
}

/** timerfd_settime(2). @param next `struct itimerspec` @param old the same, or null @returns 0 or a negative errno */
export function rawTimerfdSettime(fd: number, flags: number, next: Pointer, old: Pointer): number {
  return settimeC(fd, flags, next, old) < 0 ? -errno() : 0
}

/** timerfd_gettime(2). @param into `struct itimerspec` @returns 0 or a negative errno */
export function rawTimerfdGettime(fd: number, into: Pointer): number {
  return gettimeC(fd, into) < 0 ? -errno() : 0
}

/** How often it has expired since the last read. @returns the count, or a negative errno: EAGAIN for none */
export function rawTimerfdRead(fd: number): number {
  const n = rawRead(fd, expirations, 8)
  return n < 0 ? n : expirations[1]! * 0x1_0000_0000 + expirations[0]!
}

/**
 * timerfd_create(2).
 * @param clock CLOCK_*
 * @param flags TFD_*
 * @throws SystemError EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM, EPERM
 */
export function timerfdCreate(clock = CLOCK_MONOTONIC, flags = TFD_CLOEXEC): number {
  return check(rawTimerfdCreate(clock, flags), 'timerfd_create')
}

/**
 * timerfd_settime(2).
 * @param firstMs milliseconds to the first expiration, from now (TFD_TIMER_ABSTIME: of the clock); 0 disarms
 * @param everyMs milliseconds between later ones; 0: only the first
 * @param flags TFD_TIMER_*
 * @throws SystemError EBADF, ECANCELED, EINVAL; ERR_OUT_OF_RANGE for a negative time
 */
export function timerfdSettime(fd: number, firstMs: number, everyMs = 0, flags = 0): void {
  writeTimespec(value, firstMs)
  writeTimespec(interval, everyMs)
  check(rawTimerfdSettime(fd, flags, itimerspec, null), 'timerfd_settime')
}

/** timerfd_gettime(2): milliseconds to the next expiration (0: disarmed), and between later ones. */
export function timerfdGettime(fd: number): { remainingMs: number; everyMs: number } {
  check(rawTimerfdGettime(fd, itimerspec), 'timerfd_gettime')
  return { remainingMs: readTimespec(value), everyMs: readTimespec(interval) }
}

/** How often it has expired since the last read; waits for the first. @throws SystemError EAGAIN, EBADF, ECANCELED */
export function timerfdRead(fd: number): number {
  let count: number
  do count = rawTimerfdRead(fd)
  while (count === EINTR)
  return check(count, 'read')
}
