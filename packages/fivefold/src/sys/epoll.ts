/**
 * epoll(7): epoll_create1, epoll_ctl, epoll_wait, epoll_pwait2.
 *
 * Source: man-pages 6.03, Linux 6.18 uapi/linux/eventpoll.h. The event's layout is in platform.ts: x86-64
 * alone packs it.
 */
import { rawClose } from './descriptor.js'
import { check, errnos } from './errno.js'
import { bind, errno, type Pointer } from './ffi.js'
import { EPOLL_EVENT, SYS } from './platform.js'
import { isEndless, timeWords, wholeMilliseconds, writeTimespec } from './time.js'

const createC = bind<(flags: number) => number>('epoll_create1', 'int', ['int'])
const ctlC = bind<(epfd: number, operation: number, fd: number, event: Pointer) => number>(
  'epoll_ctl',
  'int',
  ['int', 'int', 'int', 'pointer'],
)
const waitC = bind<(epfd: number, events: Pointer, most: number, timeoutMs: number) => number>(
  'epoll_wait',
  'int',
  ['int', 'pointer', 'int', 'int'],
)
// By number: glibc wraps it since 2.35 only.
const pwait2C = bind<
  (
    number: number,
    epfd: number,
    events: Pointer,
    most: number,
    timespec: Pointer,
    sigmask: Pointer,
    sigsetBytes: number,
  ) => number
>('syscall', 'long', ['long', 'int', 'pointer', 'int', 'pointer', 'pointer', 'size_t'])

export const EPOLL_CLOEXEC = 0o2000000
export const EPOLL_CTL_ADD = 1
export const EPOLL_CTL_DEL = 2
export const EPOLL_CTL_MOD = 3

export const EPOLLIN = 0x001
export const EPOLLPRI = 0x002
export const EPOLLOUT = 0x004
/** Reported, never asked for; so is EPOLLHUP. */
export const EPOLLERR = 0x008
export const EPOLLHUP = 0x010
export const EPOLLRDNORM = 0x040
export const EPOLLRDBAND = 0x080
export const EPOLLWRNORM = 0x100
export const EPOLLWRBAND = 0x200
/** The peer has shut down its writing half. */
export const EPOLLRDHUP = 0x2000
export const EPOLLEXCLUSIVE = 0x1000_0000
export const EPOLLWAKEUP = 0x2000_0000
export const EPOLLONESHOT = 0x4000_0000
export const EPOLLET = 0x8000_0000

const SIGSET_BYTES = 8

/** epoll_create1(2). @returns the descriptor, or a negative errno */
export function rawEpollCreate1(flags: number): number {
  const fd = createC(flags)
  return fd < 0 ? -errno() : fd
}

/** epoll_ctl(2). @param event `struct epoll_event`; null for EPOLL_CTL_DEL @returns 0 or a negative errno */
export function rawEpollCtl(epfd: number, operation: number, fd: number, event: Pointer): number {
  return ctlC(epfd, operation, fd, event) < 0 ? -errno() : 0
}

/**
 * epoll_wait(2).
 * @param events `struct epoll_event[most]`
 * @param timeoutMs whole milliseconds; -1: for ever
 * @returns how many events, 0 when the time is up, or a negative errno
 */
export function rawEpollWait(epfd: number, events: Pointer, most: number, timeoutMs: number): number {
  const n = waitC(epfd, events, most, timeoutMs)
  return n < 0 ? -errno() : n
}

/**
 * epoll_pwait2(2), Linux 5.11: a timeout in nanoseconds.
 * @param timespec `struct timespec`, or null: for ever
 * @param sigmask `sigset_t`, or null: the mask stays
 * @returns as `rawEpollWait`; ENOSYS before Linux 5.11
 */
export function rawEpollPwait2(
  epfd: number,
  events: Pointer,
  most: number,
  timespec: Pointer,
  sigmask: Pointer,
): number {
  const n = pwait2C(SYS.epoll_pwait2, epfd, events, most, timespec, sigmask, SIGSET_BYTES)
  return n < 0 ? -errno() : n
}

let pwait2Works: boolean | undefined

/** Whether this kernel (and what filters its calls) has epoll_pwait2: found out by calling it, once. */
export function hasEpollPwait2(): boolean {
  if (pwait2Works === undefined) {
    const epfd = epollCreate1()
    const answer = rawEpollPwait2(epfd, new Uint8Array(EPOLL_EVENT.size), 1, timeWords(), null)
    rawClose(epfd)
    // A signal that comes in between says that the call is there.
    pwait2Works = answer === 0 || answer === -errnos.EINTR
  }
  return pwait2Works
}

/** Room for what one wait finds, used again by the next. */
export class EpollEvents {
  readonly capacity: number
  /** `struct epoll_event[capacity]` */
  readonly memory: Uint32Array

  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw Object.assign(new RangeError(`epoll waits for at least one event, not ${capacity}`), {
        code: 'ERR_OUT_OF_RANGE',
      })
    }
    this.capacity = capacity
    this.memory = new Uint32Array((capacity * EPOLL_EVENT.size) / 4)
  }

  /** EPOLL* of event `index`. */
  events(index: number): number {
    return this.memory[index * WORDS]!
  }

  /** What `epollCtl` was given as `data`. */
  data(index: number): number {
    const at = index * WORDS + DATA_WORD
    return this.memory[at]! + this.memory[at + 1]! * 0x1_0000_0000
  }
}

const WORDS = EPOLL_EVENT.size / 4
const DATA_WORD = EPOLL_EVENT.data / 4

const change = new Uint32Array(WORDS)

/** epoll_create1(2). @throws SystemError EINVAL, EMFILE, ENFILE, ENOMEM */
export function epollCreate1(flags = EPOLL_CLOEXEC): number {
  return check(rawEpollCreate1(flags), 'epoll_create1')
}

/**
 * epoll_ctl(2).
 * @param operation EPOLL_CTL_*
 * @param events EPOLL*, nothing for EPOLL_CTL_DEL
 * @param data what the events of this registration carry: up to 2^53-1; `fd` when left out
 * @throws SystemError EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOMEM, ENOSPC, EPERM (a regular file)
 */
export function epollCtl(epfd: number, operation: number, fd: number, events = 0, data = fd): void {
  change[0] = events
  change[DATA_WORD] = data >>> 0
  change[DATA_WORD + 1] = (data / 0x1_0000_0000) >>> 0
  check(rawEpollCtl(epfd, operation, fd, change), 'epoll_ctl')
}

/**
 * epoll_wait(2). Not restarted after a signal, as the kernel does not.
 * @param timeoutMs milliseconds, rounded up; null: for ever
 * @returns how many events; 0: the time is up
 * @throws SystemError EBADF, EINTR, EINVAL
 */
export function epollWait(epfd: number, events: EpollEvents, timeoutMs: number | null): number {
  return check(rawEpollWait(epfd, events.memory, events.capacity, wholeMilliseconds(timeoutMs)), 'epoll_wait')
}

/**
 * epoll_pwait2(2), Linux 5.11: as `epollWait`, to the nanosecond, with another signal mask for the length of the
 * call.
 * @param sigmask `sigset_t`, or null: the mask stays
 * @throws SystemError EBADF, EINTR, EINVAL, ENOSYS
 */
export function epollPwait2(
  epfd: number,
  events: EpollEvents,
  timeoutMs: number | null,
  sigmask: Pointer = null,
): number {
  const endless = isEndless(timeoutMs)
  const time = timeWords()
  if (!endless) writeTimespec(time, timeoutMs)
  return check(
    rawEpollPwait2(epfd, events.memory, events.capacity, endless ? null : time, sigmask),
    'epoll_pwait2',
  )
}
