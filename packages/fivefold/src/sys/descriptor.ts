/**
 * What every descriptor can do: read(2), write(2), close(2), ioctl(2) FIONREAD.
 *
 * Source: man-pages 6.03, Linux 6.18 uapi/asm-generic/ioctls.h (x86-64 and arm64 share it).
 */
import { check, errnos } from './errno.js'
import { bind, errno, type Pointer } from './ffi.js'
import { requireStable } from './memory.js'

type Transfer = (fd: number, buf: Pointer, count: number) => number

const readC = bind<Transfer>('read', 'long', ['int', 'pointer', 'size_t'])
const writeC = bind<Transfer>('write', 'long', ['int', 'pointer', 'size_t'])
const readvC = bind<Transfer>('readv', 'long', ['int', 'pointer', 'int'])
const writevC = bind<Transfer>('writev', 'long', ['int', 'pointer', 'int'])
const closeC = bind<(fd: number) => number>('close', 'int', ['int'])
const ioctlC = bind<(fd: number, request: number, argument: Pointer) => number>('ioctl', 'int', [
  'int',
  'size_t',
  'pointer',
])

type System = (number: number, a: number, b: number, c: number, d: number, e: number, f: number) => number
const syscallC = bind<System>('syscall', 'long', ['long', 'long', 'long', 'long', 'long', 'long', 'long'])

const EINTR = -errnos.EINTR

/** ioctl(2): how many bytes can be read now. */
export const FIONREAD = 0x541b
/** ioctl(2): O_NONBLOCK on or off, by an int. */
export const FIONBIO = 0x5421
/** ioctl(2) of a TCP socket or tty: how many written bytes are not yet sent and acknowledged (SIOCOUTQ). */
export const TIOCOUTQ = 0x5411

/** read(2). @returns the bytes read, 0 at the end, or a negative errno */
export function rawRead(fd: number, buf: Pointer, count: number): number {
  const n = readC(fd, buf, count)
  return n < 0 ? -errno() : n
}

/** write(2). @returns the bytes taken, perhaps fewer than `count`, or a negative errno */
export function rawWrite(fd: number, buf: Pointer, count: number): number {
  const n = writeC(fd, buf, count)
  return n < 0 ? -errno() : n
}

/** readv(2). @param iov `struct iovec[count]` @returns the bytes read, 0 at the end, or a negative errno */
export function rawReadv(fd: number, iov: Pointer, count: number): number {
  const n = readvC(fd, iov, count)
  return n < 0 ? -errno() : n
}

/** writev(2). @param iov `struct iovec[count]` @returns the bytes taken, or a negative errno */
export function rawWritev(fd: number, iov: Pointer, count: number): number {
  const n = writevC(fd, iov, count)
  return n < 0 ? -errno() : n
}

/**
 * close(2). Not to be called again after any error but EBADF: Linux has freed the number even when it answers
 * EINTR or EIO, and it may be another thread's by now.
 * @returns 0, or a negative errno
 */
export function rawClose(fd: number): number {
  return closeC(fd) < 0 ? -errno() : 0
}

/**
 * syscall(2): any call, by its number (SYS) and up to six arguments, integers or addresses.
 * @param call the number, then the arguments
 * @returns what it answers, or a negative errno
 */
export function rawSyscall(call: Float64Array): number {
  const n = syscallC(call[0]!, call[1]!, call[2]!, call[3]!, call[4]!, call[5]!, call[6]!)
  return n === -1 ? -errno() : n
}

/** ioctl(2) with a pointer. @returns what the request answers, or a negative errno */
export function rawIoctl(fd: number, request: number, argument: Pointer): number {
  const n = ioctlC(fd, request, argument)
  return n < 0 ? -errno() : n
}

/**
 * read(2), again after EINTR.
 * @returns the bytes read into `buf`; 0 at the end
 * @throws SystemError EAGAIN, EBADF, EINVAL, EIO, EISDIR; what `requireStable` refuses
 */
export function read(fd: number, buf: NodeJS.ArrayBufferView): number {
  requireStable(buf)
  let n: number
  do n = rawRead(fd, buf as Pointer, buf.byteLength)
  while (n === EINTR)
  return check(n, 'read')
}

/**
 * write(2), again after EINTR.
 * @returns the bytes taken, perhaps fewer than there are
 * @throws SystemError EAGAIN, EBADF, EFBIG, EIO, ENOSPC, EPIPE; what `requireStable` refuses
 */
export function write(fd: number, data: NodeJS.ArrayBufferView): number {
  requireStable(data)
  let n: number
  do n = rawWrite(fd, data as Pointer, data.byteLength)
  while (n === EINTR)
  return check(n, 'write')
}

/**
 * close(2), once: see `rawClose`.
 * @throws SystemError EBADF; EINTR, EIO, ENOSPC, EDQUOT (with the descriptor closed all the same)
 */
export function close(fd: number): void {
  check(rawClose(fd), 'close')
}

const intCell = new Int32Array(1)

/**
 * How many bytes can be read now (of a datagram socket: the size of the next datagram): FIONREAD.
 * @throws SystemError EBADF, EINVAL (a listening socket), ENOTTY
 */
export function bytesReadable(fd: number): number {
  check(rawIoctl(fd, FIONREAD, intCell), 'ioctl')
  return intCell[0]!
}
