/**
 * fcntl(2): a descriptor's flags, and whom its I/O signals are for.
 *
 * Source: the man page, and uapi/asm-generic/fcntl.h, as of Linux 6.18; the numbers are the same on x86-64 and arm64.
 */
import { check } from './errno.js'
import { bind, errno, type Pointer } from './ffi.js'

const fcntlC = bind<(fd: number, command: number, argument: number) => number>('fcntl', 'int', [
  'int',
  'int',
  'long',
])
const fcntlPointerC = bind<(fd: number, command: number, argument: Pointer) => number>('fcntl', 'int', [
  'int',
  'int',
  'pointer',
])

export const F_DUPFD = 0
export const F_GETFD = 1
export const F_SETFD = 2
export const F_GETFL = 3
export const F_SETFL = 4
/** Which signal tells of the descriptor's events; 0: plain SIGIO, which does not name it. */
export const F_SETSIG = 10
export const F_GETSIG = 11
/** Whom it is for: a struct f_owner_ex (see signal.ts). */
export const F_SETOWN_EX = 15
export const F_GETOWN_EX = 16
export const F_DUPFD_CLOEXEC = 1030
export const FD_CLOEXEC = 1
export const O_NONBLOCK = 0o4000
/** Events raise signals. */
export const O_ASYNC = 0o20000

/** fcntl(2) with an integer. @returns what the command answers, or a negative errno */
export function rawFcntl(fd: number, command: number, argument: number): number {
  const result = fcntlC(fd, command, argument)
  return result < 0 ? -errno() : result
}

/** fcntl(2) with a structure. @returns what the command answers, or a negative errno */
export function rawFcntlPointer(fd: number, command: number, argument: Pointer): number {
  const result = fcntlPointerC(fd, command, argument)
  return result < 0 ? -errno() : result
}

/** fcntl(2) with an integer. @throws EBADF, EINVAL, EMFILE, EPERM */
export function fcntl(fd: number, command: number, argument = 0): number {
  return check(rawFcntl(fd, command, argument), 'fcntl')
}
