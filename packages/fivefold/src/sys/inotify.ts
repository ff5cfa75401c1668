/**
 * inotify(7): what happens to files and folders, as records read from a descriptor.
 *
 * Source: inotify_init(2), inotify_add_watch(2), inotify_rm_watch(2), inotify(7) of man-pages 6.03; Linux 6.18
 * uapi/linux/inotify.h. x86-64 and arm64 share it, and glibc and musl.
 */
import { rawRead } from './descriptor.js'
import { check, errnos } from './errno.js'
import { O_CLOEXEC, O_NONBLOCK } from './fcntl.js'
import { bind, errno } from './ffi.js'

const initC = bind<(flags: number) => number>('inotify_init1', 'int', ['int'])
const addC = bind<(fd: number, path: string, mask: number) => number>('inotify_add_watch', 'int', [
  'int',
  'string',
  'unsigned',
])
const removeC = bind<(fd: number, wd: number) => number>('inotify_rm_watch', 'int', ['int', 'int'])

export const IN_CLOEXEC = O_CLOEXEC
export const IN_NONBLOCK = O_NONBLOCK

export const IN_ACCESS = 0x001
export const IN_MODIFY = 0x002
export const IN_ATTRIB = 0x004
export const IN_CLOSE_WRITE = 0x008
export const IN_CLOSE_NOWRITE = 0x010
export const IN_OPEN = 0x020
/** Renamed away, and to here; the two have the same `cookie`. */
export const IN_MOVED_FROM = 0x040
export const IN_MOVED_TO = 0x080
export const IN_CREATE = 0x100
export const IN_DELETE = 0x200
/** What is watched itself. */
export const IN_DELETE_SELF = 0x400
export const IN_MOVE_SELF = 0x800

/** In a report alone: unmounted; the queue overflowed and reports are lost (`wd` is -1); the watch is over. */
export const IN_UNMOUNT = 0x2000
export const IN_Q_OVERFLOW = 0x4000
export const IN_IGNORED = 0x8000
/** In a report: it is about a folder. */
export const IN_ISDIR = 0x4000_0000

/** To a watch: only if it is a folder; not through a link; added to what is watched already; once. */
export const IN_ONLYDIR = 0x0100_0000
export const IN_DONT_FOLLOW = 0x0200_0000
/** Nothing of what was unlinked and is still open. */
export const IN_EXCL_UNLINK = 0x0400_0000
/** EEXIST where it is watched already (Linux 4.18). */
export const IN_MASK_CREATE = 0x1000_0000
export const IN_MASK_ADD = 0x2000_0000
export const IN_ONESHOT = 0x8000_0000

/** inotify_init1(2). @param flags IN_CLOEXEC, IN_NONBLOCK @returns a descriptor, or a negative errno */
export function rawInotifyInit1(flags: number): number {
  const fd = initC(flags)
  return fd < 0 ? -errno() : fd
}

/** inotify_add_watch(2). @param mask IN_* @returns the watch's number, or a negative errno */
export function rawInotifyAddWatch(fd: number, path: string, mask: number): number {
  const wd = addC(fd, path, mask >>> 0)
  return wd < 0 ? -errno() : wd
}

/** inotify_rm_watch(2). @returns 0, or a negative errno */
export function rawInotifyRmWatch(fd: number, wd: number): number {
  return removeC(fd, wd) < 0 ? -errno() : 0
}

/**
 * inotify_init1(2).
 * @throws SystemError EMFILE: also at the limit of /proc/sys/fs/inotify/max_user_instances
 */
export function inotifyInit1(flags: number = IN_CLOEXEC | IN_NONBLOCK): number {
  return check(rawInotifyInit1(flags), 'inotify_init1')
}

/**
 * inotify_add_watch(2): a second one of the same file replaces the first, and has its number.
 * @param mask what to report, and how (IN_*)
 * @returns the watch's number, which its reports bear
 * @throws SystemError EACCES, ENOENT, ENOTDIR (with IN_ONLYDIR), ENOSPC: at the limit of
 *   /proc/sys/fs/inotify/max_user_watches
 */
export function inotifyAddWatch(fd: number, path: string, mask: number): number {
  if (path.includes('\0')) {
    throw Object.assign(new TypeError('a path cannot contain a NUL character'), {
      code: 'ERR_INVALID_ARG_VALUE',
    })
  }
  return check(rawInotifyAddWatch(fd, path, mask), 'inotify_add_watch', { path })
}

/** inotify_rm_watch(2). Its last report is IN_IGNORED. @throws SystemError EBADF, EINVAL */
export function inotifyRmWatch(fd: number, wd: number): void {
  check(rawInotifyRmWatch(fd, wd), 'inotify_rm_watch')
}

/** One report: `struct inotify_event`. */
export interface InotifyEvent {
  readonly wd: number
  /** IN_*. */
  readonly mask: number
  /** The same in the two halves of a renaming; else 0. */
  readonly cookie: number
  /** Which file in the watched folder; empty for what is watched itself. */
  readonly name: string
}

const HEADER = 16
const memory = Buffer.allocUnsafeSlow(64 * 1024)

/**
 * Reads what has been reported until now.
 * @returns the reports in order; empty where there is none (of a descriptor with IN_NONBLOCK)
 * @throws SystemError EBADF
 */
export function readInotify(fd: number): InotifyEvent[] {
  const length = rawRead(fd, memory, memory.length)
  if (length === -errnos.EAGAIN || length === -errnos.EINTR) return []
  check(length, 'read')
  const events: InotifyEvent[] = []
  for (let at = 0; at + HEADER <= length; ) {
    const bytes = memory.readUInt32LE(at + 12)
    const name = memory.subarray(at + HEADER, at + HEADER + bytes)
    const end = name.indexOf(0)
    events.push({
      wd: memory.readInt32LE(at),
      mask: memory.readUInt32LE(at + 4),
      cookie: memory.readUInt32LE(at + 8),
      name: name.toString('utf8', 0, end < 0 ? bytes : end),
    })
    at += HEADER + bytes
  }
  return events
}
