/** Calls that every kind of descriptor takes: read(2), write(2), close(2). */
import { check } from './errno.js'
import { bind, errno, type Pointer } from './ffi.js'

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
const closeC = bind<(fd: number) => number>('close', 'int', ['int'])

/** read(2). @returns the bytes read, 0 at the end, or a negative errno */
export function rawRead(fd: number, buffer: Pointer, bytes: number): number {
  const result = readC(fd, buffer, bytes)
  return result < 0 ? -errno() : result
}

/** write(2). @returns the bytes written, or a negative errno */
export function rawWrite(fd: number, buffer: Pointer, bytes: number): number {
  const result = writeC(fd, buffer, bytes)
  return result < 0 ? -errno() : result
}

/** close(2). After EINTR the descriptor is closed on Linux: do not repeat it. @returns 0 or a negative errno */
export function rawClose(fd: number): number {
  return closeC(fd) < 0 ? -errno() : 0
}

/** close(2). @throws EBADF, EIO */
export function close(fd: number): void {
  check(rawClose(fd), 'close')
}
