/** pipe2(2). Source: man-pages 6.03, Linux 6.18. */
import { check } from './errno.js'
import { O_CLOEXEC } from './fcntl.js'
import { bind, errno, type Pointer } from './ffi.js'

const pipe2C = bind<(fds: Pointer, flags: number) => number>('pipe2', 'int', ['pointer', 'int'])

/** pipe2(2). @param fds `int[2]`, filled with the read end and the write end @returns 0 or a negative errno */
export function rawPipe2(fds: Pointer, flags: number): number {
  return pipe2C(fds, flags) < 0 ? -errno() : 0
}

/**
 * pipe2(2).
 * @param flags O_CLOEXEC, O_NONBLOCK, O_DIRECT (packets)
 * @returns the read end and the write end
 * @throws SystemError EINVAL, EMFILE, ENFILE
 */
export function pipe2(flags: number = O_CLOEXEC): [readEnd: number, writeEnd: number] {
  const fds = new Int32Array(2)
  check(rawPipe2(fds, flags), 'pipe2')
  return [fds[0]!, fds[1]!]
}
