/** epoll(7). */
import { bind, errno, type Pointer } from './ffi.js'

export const EPOLL_CLOEXEC = 0o2000000
export const EPOLL_CTL_ADD = 1
export const EPOLL_CTL_DEL = 2
export const EPOLL_CTL_MOD = 3
export const EPOLLIN = 0x001
export const EPOLLOUT = 0x004
export const EPOLLERR = 0x008
export const EPOLLHUP = 0x010

const createC = bind<(flags: number) => number>('epoll_create1', 'int', ['int'])
const ctlC = bind<(epfd: number, op: number, fd: number, event: Pointer) => number>('epoll_ctl', 'int', [
  'int',
  'int',
  'int',
  'pointer',
])
const waitC = bind<(epfd: number, events: Pointer, most: number, timeoutMs: number) => number>(
  'epoll_wait',
  'int',
  ['int', 'pointer', 'int', 'int'],
)

/** epoll_create1(2). @returns the descriptor, or a negative errno */
export function rawEpollCreate1(flags: number): number {
  const fd = createC(flags)
  return fd < 0 ? -errno() : fd
}

/** epoll_ctl(2). @returns 0 or a negative errno */
export function rawEpollCtl(epfd: number, op: number, fd: number, event: Pointer): number {
  return ctlC(epfd, op, fd, event) < 0 ? -errno() : 0
}

/** epoll_wait(2). @returns how many events, 0 when the time is up, or a negative errno */
export function rawEpollWait(epfd: number, events: Pointer, most: number, timeoutMs: number): number {
  const result = waitC(epfd, events, most, timeoutMs)
  return result < 0 ? -errno() : result
}
