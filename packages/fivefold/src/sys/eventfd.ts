/**
 * eventfd(2): a counter that is readable while it is above zero. What wakes a sleeping loop.
 *
 * Source: eventfd(2) of man-pages 6.03, Linux 6.18 uapi/linux/eventfd.h.
 */
import { rawRead, rawWrite } from './descriptor.js'
import { check, errnos } from './errno.js'
import { bind, errno } from './ffi.js'

const eventfdC = bind<(initial: number, flags: number) => number>('eventfd', 'int', ['unsigned', 'int'])

/** Each read takes one from the counter, instead of all of it. */
export const EFD_SEMAPHORE = 1
export const EFD_NONBLOCK = 0o4000
export const EFD_CLOEXEC = 0o2000000

const EINTR = -errnos.EINTR

// One counter as the kernel reads and writes it, in 32-bit halves: no BigInt is made on the way.
const cell = new Uint32Array(2)

/** eventfd(2). @returns the descriptor, or a negative errno */
export function rawEventfd(initial: number, flags: number): number {
  const fd = eventfdC(initial, flags)
  return fd < 0 ? -errno() : fd
}

/**
 * eventfd(2).
 * @param initial where the counter starts, 0 to 2^32-1
 * @param flags EFD_*
 * @throws SystemError EINVAL, EMFILE, ENFILE, ENOMEM
 */
export function eventfd(initial = 0, flags = EFD_CLOEXEC): number {
  return check(rawEventfd(initial, flags), 'eventfd')
}

/** Adds to the counter. @returns 0, or a negative errno: EAGAIN when it would pass 2^64-2 */
export function rawEventfdWrite(fd: number, n: number): number {
  cell[0] = n >>> 0
  cell[1] = (n / 0x1_0000_0000) >>> 0
  const written = rawWrite(fd, cell, 8)
  return Math.min(written, 0)
}

/**
 * Takes the counter (EFD_SEMAPHORE: one of it).
 * @returns its value (above 2^53 the nearest double), or a negative errno: EAGAIN at zero
 */
export function rawEventfdRead(fd: number): number {
  const n = rawRead(fd, cell, 8)
  return n < 0 ? n : cell[1]! * 0x1_0000_0000 + cell[0]!
}

/** Adds `n` to the counter, again after EINTR. @throws SystemError EAGAIN, EBADF, EINVAL */
export function eventfdWrite(fd: number, n = 1): void {
  let written: number
  do written = rawEventfdWrite(fd, n)
  while (written === EINTR)
  check(written, 'write')
}

/** Takes the counter, again after EINTR. @throws SystemError EAGAIN, EBADF */
export function eventfdRead(fd: number): number {
  let value: number
  do value = rawEventfdRead(fd)
  while (value === EINTR)
  return check(value, 'read')
}
