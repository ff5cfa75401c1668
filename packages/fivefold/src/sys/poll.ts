/** poll(2), ppoll(2). struct pollfd: int fd, short events, short revents. */
import { bind, errno, type Pointer } from './ffi.js'

export const POLLIN = 0x001
export const POLLPRI = 0x002
export const POLLOUT = 0x004
export const POLLERR = 0x008
export const POLLHUP = 0x010
export const POLLNVAL = 0x020
export const POLLRDHUP = 0x2000

const pollC = bind<(fds: Pointer, count: number, timeoutMs: number) => number>('poll', 'int', [
  'pointer',
  'size_t',
  'int',
])
const ppollC = bind<(fds: Pointer, count: number, timeout: Pointer, mask: Pointer) => number>(
  'ppoll',
  'int',
  ['pointer', 'size_t', 'pointer', 'pointer'],
)

/** poll(2). @returns how many have `revents`, 0 when the time is up, or a negative errno */
export function rawPoll(fds: Pointer, count: number, timeoutMs: number): number {
  const result = pollC(fds, count, timeoutMs)
  return result < 0 ? -errno() : result
}

/** ppoll(2): with a timespec (null: without end) and a signal mask for the wait (null: the thread's own). */
export function rawPpoll(fds: Pointer, count: number, timeout: Pointer, mask: Pointer): number {
  const result = ppollC(fds, count, timeout, mask)
  return result < 0 ? -errno() : result
}
