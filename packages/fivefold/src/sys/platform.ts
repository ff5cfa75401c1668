/**
 * Numbers and layouts that differ between x86-64 and arm64, in one place. Everything else in this room is the
 * same on both: io_uring's rings, statx, sockaddr, iovec, the 64-bit msghdr, timespec.
 *
 * Sources: the kernel's uapi headers (asm-generic for arm64), checked against the C compiler by the tests.
 */
const x64 = process.arch === 'x64'

/** Pages of user memory; arm64 kernels may use 4, 16 or 64 KiB, so lengths are rounded to the largest. */
export const PAGE = x64 ? 4096 : 65536

/** System call numbers, for calls that glibc (as old as 2.28) does not wrap. */
export const SYS = {
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  epoll_pwait2: 441,
  gettid: x64 ? 186 : 178,
  tgkill: x64 ? 234 : 131,
  rt_tgsigqueueinfo: x64 ? 297 : 240,
  timer_create: x64 ? 222 : 107,
  timer_settime: x64 ? 223 : 110,
  timer_delete: x64 ? 226 : 111,
  recvfrom: x64 ? 45 : 207,
  sendto: x64 ? 44 : 206,
  flock: x64 ? 73 : 32,
  fallocate: x64 ? 285 : 47,
  sendfile: x64 ? 40 : 71,
  splice: x64 ? 275 : 76,
} as const

/** epoll_event is packed on x86-64 alone (uapi/linux/eventpoll.h): 12 bytes, data at 4; elsewhere 16 and 8. */
export const EPOLL_EVENT = x64 ? { size: 12, data: 4 } : { size: 16, data: 8 }

/** open(2) flags that arm64 numbers differently. */
export const O_DIRECT = x64 ? 0o40000 : 0o200000
export const O_DIRECTORY = x64 ? 0o200000 : 0o40000
export const O_NOFOLLOW = x64 ? 0o400000 : 0o100000
