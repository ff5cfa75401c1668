/**
 * Is a descriptor still the open file it was? A number says nothing: closed, it is soon somebody else's. An epoll set
 * knows: its entries are pairs of number and open file. This one is never waited on, and only asked.
 */
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  epollCreate1,
  rawEpollCtl,
} from '../sys/epoll.js'
import { errnos, systemError } from '../sys/errno.js'

let set = -1
/** Wants nothing, and is told of nothing that counts. */
const nothing = new Uint32Array(4)

/**
 * Remembers which open file a descriptor is.
 * @throws EBADF; EPERM for what has no readiness: a regular file, a folder; EEXIST for one that is remembered
 */
export function remember(fd: number): void {
  if (set < 0) set = epollCreate1(EPOLL_CLOEXEC)
  const result = rawEpollCtl(set, EPOLL_CTL_ADD, fd, nothing)
  if (result === 0) return
  throw systemError(
    result,
    'epoll_ctl',
    result === -errnos.EPERM
      ? `descriptor ${fd} is a regular file or a folder, which is always ready: there is nothing to wait for`
      : `descriptor ${fd} cannot be watched`,
  )
}

/** Whether the number still is that file. */
export function isStill(fd: number): boolean {
  return rawEpollCtl(set, EPOLL_CTL_MOD, fd, nothing) === 0
}

/** Forgets it. Of what was closed meanwhile there is nothing to forget. */
export function forget(fd: number): void {
  rawEpollCtl(set, EPOLL_CTL_DEL, fd, nothing)
}

/** Whether a descriptor that is remembered is an epoll set: no other lets itself be asked to give up an entry. */
export function isEpollSet(fd: number): boolean {
  return rawEpollCtl(fd, EPOLL_CTL_DEL, set, nothing) !== -errnos.EINVAL
}
