/**
 * fcntl(2), and the flags of open(2) that it reads and writes.
 *
 * Source: man-pages 6.03, Linux 6.18 uapi/asm-generic/fcntl.h; the three flags arm64 numbers differently are in
 * platform.ts.
 */
import { check } from './errno.js'
import { bind, errno, type Pointer } from './ffi.js'
import { O_DIRECTORY } from './platform.js'

export { O_DIRECT, O_DIRECTORY, O_NOFOLLOW } from './platform.js'

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
export const F_GETLK = 5
export const F_SETLK = 6
export const F_SETLKW = 7
export const F_SETOWN = 8
export const F_GETOWN = 9
/** Which signal O_ASYNC raises; 0: SIGIO without siginfo. Any other brings the descriptor in `si_fd`. */
export const F_SETSIG = 10
export const F_GETSIG = 11
/** Takes `struct f_owner_ex { int type; pid_t pid; }`: unlike F_SETOWN, it can name one thread. See signal.ts. */
export const F_SETOWN_EX = 15
export const F_GETOWN_EX = 16
export const F_OFD_GETLK = 36
export const F_OFD_SETLK = 37
export const F_OFD_SETLKW = 38
export const F_DUPFD_CLOEXEC = 1030
export const F_SETPIPE_SZ = 1031
export const F_GETPIPE_SZ = 1032
export const F_ADD_SEALS = 1033
export const F_GET_SEALS = 1034

export const FD_CLOEXEC = 1

export const O_RDONLY = 0
export const O_WRONLY = 1
export const O_RDWR = 2
export const O_ACCMODE = 3
export const O_CREAT = 0o100
export const O_EXCL = 0o200
export const O_NOCTTY = 0o400
export const O_TRUNC = 0o1000
export const O_APPEND = 0o2000
export const O_NONBLOCK = 0o4000
export const O_DSYNC = 0o10000
/** Raise SIGIO (or what F_SETSIG chose) when input or output becomes possible. Set by fcntl alone. */
export const O_ASYNC = 0o20000
export const O_NOATIME = 0o1000000
export const O_CLOEXEC = 0o2000000
export const O_SYNC = 0o4010000
export const O_PATH = 0o10000000
export const O_TMPFILE: number = 0o20000000 | O_DIRECTORY

/** fcntl(2) with a number. @returns what the command answers, or a negative errno */
export function rawFcntl(fd: number, command: number, argument: number): number {
  const n = fcntlC(fd, command, argument)
  return n < 0 ? -errno() : n
}

/** fcntl(2) with a pointer: F_SETOWN_EX, F_GETOWN_EX, the locks. @returns 0 or a negative errno */
export function rawFcntlPointer(fd: number, command: number, argument: Pointer): number {
  const n = fcntlPointerC(fd, command, argument)
  return n < 0 ? -errno() : n
}

/**
 * fcntl(2) with a number.
 * @throws SystemError EBADF, EINVAL, EMFILE, EPERM
 */
export function fcntl(fd: number, command: number, argument = 0): number {
  return check(rawFcntl(fd, command, argument), 'fcntl')
}

/**
 * Switches O_NONBLOCK: of the open file description, so of every duplicate of `fd` too.
 * @throws SystemError EBADF
 */
export function setNonBlocking(fd: number, on: boolean): void {
  setStatusFlag(fd, O_NONBLOCK, on)
}

/** Whether O_NONBLOCK is set. @throws SystemError EBADF */
export function isNonBlocking(fd: number): boolean {
  return (fcntl(fd, F_GETFL) & O_NONBLOCK) !== 0
}

/** Switches one of the flags F_SETFL can change (O_NONBLOCK, O_ASYNC, O_APPEND, O_DIRECT, O_NOATIME). */
export function setStatusFlag(fd: number, flag: number, on: boolean): void {
  const flags = fcntl(fd, F_GETFL)
  const next = on ? flags | flag : flags & ~flag
  if (next !== flags) fcntl(fd, F_SETFL, next)
}

/** Switches FD_CLOEXEC: of this descriptor alone. @throws SystemError EBADF */
export function setCloseOnExec(fd: number, on: boolean): void {
  fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0)
}

/**
 * Duplicates a descriptor, closed on exec: F_DUPFD_CLOEXEC.
 * @param least the lowest number the new one may have
 * @throws SystemError EBADF, EINVAL (`least` is above the limit), EMFILE
 */
export function dup(fd: number, least = 0): number {
  return fcntl(fd, F_DUPFD_CLOEXEC, least)
}
