/** eventfd(2): a counter that is a descriptor; the smallest way to wake a thread that sleeps on descriptors. */
import { check } from './errno.js'
import { bind, errno, type Pointer } from './ffi.js'

export const EFD_SEMAPHORE = 0o1
export const EFD_NONBLOCK = 0o4000
export const EFD_CLOEXEC = 0o2000000

const eventfdC = bind<(initial: number, flags: number) => number>('eventfd', 'int', ['unsigned', 'int'])
const readC = bind<(fd: number, buffer: Pointer, bytes: number) => number>('read', 'long', [
  'int',
  'pointer',
  'size_t',
])
const writeC = bind<(fd: number, buffer: Pointer, bytes: number) => number>('write', 'long', [
  'int',
  'pointer',
  'size_t',
])

const counter = new Uint32Array(2)

/** eventfd(2). @returns the descriptor, or a negative errno */
export function rawEventfd(initial: number, flags: number): number {
  const fd = eventfdC(initial, flags)
  return fd < 0 ? -errno() : fd
}

/** eventfd(2). @throws EINVAL, EMFILE, ENFILE */
export function eventfd(initial = 0, flags: number = EFD_CLOEXEC): number {
  return check(rawEventfd(initial, flags), 'eventfd')
}

/** Adds to the counter (a 32-bit number here). @returns 0, or a negative errno (EAGAIN: it would overflow) */
export function rawEventfdWrite(fd: number, add: number): number {
  counter[0] = add
  counter[1] = 0
  return writeC(fd, counter, 8) < 0 ? -errno() : 0
}

/** Takes the counter (or 1, for a semaphore). @returns it, or a negative errno (EAGAIN: it is 0) */
export function rawEventfdRead(fd: number): number {
  return readC(fd, counter, 8) < 0 ? -errno() : counter[0]! + counter[1]! * 0x1_0000_0000
}
