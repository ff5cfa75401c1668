/**
 * Files: openat(2), pread(2), pwrite(2), fsync(2), fdatasync(2), ftruncate(2), fallocate(2), posix_fadvise(2),
 * lseek(2), statx(2), unlinkat(2).
 *
 * Offsets and sizes are numbers, exact to 2^53. All these calls may sleep for a disk: none of them is ever "not
 * ready", which is why poll, epoll and the signals have nothing to say of regular files.
 *
 * Sources: the man pages above (man-pages 6.03), Linux 6.18 uapi/linux/{stat,falloc,fadvise,fcntl}.h. x86-64 and
 * arm64 share them, and glibc and musl; statx needs Linux 4.11 and glibc 2.28.
 */
import { check, errnos } from './errno.js'
import { bind, errno, type Pointer } from './ffi.js'
import { requireStable } from './memory.js'

const openC = bind<(dirfd: number, path: Pointer, flags: number, mode: number) => number>('openat', 'int', [
  'int',
  'pointer',
  'int',
  'unsigned',
])
type Positioned = (fd: number, buf: Pointer, count: number, offset: number) => number

const openatC = bind<(dirfd: number, path: string, flags: number, mode: number) => number>('openat', 'int', [
  'int',
  'string',
  'int',
  'unsigned',
])
const preadC = bind<Positioned>('pread', 'long', ['int', 'pointer', 'size_t', 'int64'])
const pwriteC = bind<Positioned>('pwrite', 'long', ['int', 'pointer', 'size_t', 'int64'])
type Vectored = (fd: number, iov: Pointer, count: number, offset: number) => number
const preadvC = bind<Vectored>('preadv', 'long', ['int', 'pointer', 'int', 'int64'])
const pwritevC = bind<Vectored>('pwritev', 'long', ['int', 'pointer', 'int', 'int64'])
const fsyncC = bind<(fd: number) => number>('fsync', 'int', ['int'])
const fdatasyncC = bind<(fd: number) => number>('fdatasync', 'int', ['int'])
const ftruncateC = bind<(fd: number, length: number) => number>('ftruncate', 'int', ['int', 'int64'])
const fallocateC = bind<(fd: number, mode: number, offset: number, length: number) => number>(
  'fallocate',
  'int',
  ['int', 'int', 'int64', 'int64'],
)
const fadviseC = bind<(fd: number, offset: number, length: number, advice: number) => number>(
  'posix_fadvise',
  'int',
  ['int', 'int64', 'int64', 'int'],
)
const lseekC = bind<(fd: number, offset: number, whence: number) => number>('lseek', 'int64', [
  'int',
  'int64',
  'int',
])
const statxC = bind<(dirfd: number, path: string, flags: number, mask: number, into: Pointer) => number>(
  'statx',
  'int',
  ['int', 'string', 'int', 'unsigned', 'pointer'],
)
const unlinkatC = bind<(dirfd: number, path: string, flags: number) => number>('unlinkat', 'int', [
  'int',
  'string',
  'int',
])

/** In place of a directory's descriptor: relative to the working directory. */
export const AT_FDCWD = -100
export const AT_SYMLINK_NOFOLLOW = 0x100
/** unlinkat: a directory. */
export const AT_REMOVEDIR = 0x200
/** statx: of the descriptor itself, when the path is empty. */
export const AT_EMPTY_PATH = 0x1000

export const SEEK_SET = 0
export const SEEK_CUR = 1
export const SEEK_END = 2
/** The next offset with data, and the next hole. */
export const SEEK_DATA = 3
export const SEEK_HOLE = 4

export const FALLOC_FL_KEEP_SIZE = 0x01
export const FALLOC_FL_PUNCH_HOLE = 0x02
export const FALLOC_FL_COLLAPSE_RANGE = 0x08
export const FALLOC_FL_ZERO_RANGE = 0x10
export const FALLOC_FL_INSERT_RANGE = 0x20

export const POSIX_FADV_NORMAL = 0
export const POSIX_FADV_RANDOM = 1
export const POSIX_FADV_SEQUENTIAL = 2
export const POSIX_FADV_WILLNEED = 3
/** Drops the range from the page cache, as far as it is clean. */
export const POSIX_FADV_DONTNEED = 4
export const POSIX_FADV_NOREUSE = 5

export const STATX_BASIC_STATS = 0x7ff
export const STATX_BTIME = 0x800
export const STATX_DIOALIGN = 0x2000

export const S_IFMT = 0o170000
export const S_IFSOCK = 0o140000
export const S_IFLNK = 0o120000
export const S_IFREG = 0o100000
export const S_IFBLK = 0o060000
export const S_IFDIR = 0o040000
export const S_IFCHR = 0o020000
export const S_IFIFO = 0o010000

const EINTR = -errnos.EINTR

// ---- raw forms: 0 or more, or a negative errno

/**
 * openat(2).
 * @param dirfd a directory that a relative path starts from, or AT_FDCWD
 * @param flags O_* (fcntl.ts); O_CLOEXEC is not implied
 * @param mode of a file that is created
 */
export function rawOpenat(dirfd: number, path: string, flags: number, mode: number): number {
  const fd = openatC(dirfd, path, flags, mode)
  return fd < 0 ? -errno() : fd
}

/** openat(2) of a path in memory, where a NUL ends it: a path need not be text. @returns a descriptor, or a negative errno */
export function rawOpenBytes(dirfd: number, path: Pointer, flags: number, mode: number): number {
  const fd = openC(dirfd, path, flags, mode)
  return fd < 0 ? -errno() : fd
}

/** pread(2). @returns the bytes read, 0 at the end, or a negative errno: ESPIPE for what has no offsets */
export function rawPread(fd: number, buf: Pointer, count: number, offset: number): number {
  const n = preadC(fd, buf, count, offset)
  return n < 0 ? -errno() : n
}

/** pwrite(2). With O_APPEND, Linux appends whatever the offset. @returns the bytes written, or a negative errno */
export function rawPwrite(fd: number, buf: Pointer, count: number, offset: number): number {
  const n = pwriteC(fd, buf, count, offset)
  return n < 0 ? -errno() : n
}

/** preadv(2). @param iov `struct iovec[count]` @returns the bytes read, 0 at the end, or a negative errno */
export function rawPreadv(fd: number, iov: Pointer, count: number, offset: number): number {
  const n = preadvC(fd, iov, count, offset)
  return n < 0 ? -errno() : n
}

/** pwritev(2). @param iov `struct iovec[count]` @returns the bytes written, or a negative errno */
export function rawPwritev(fd: number, iov: Pointer, count: number, offset: number): number {
  const n = pwritevC(fd, iov, count, offset)
  return n < 0 ? -errno() : n
}

/** fsync(2). @returns 0, or a negative errno */
export function rawFsync(fd: number): number {
  return fsyncC(fd) < 0 ? -errno() : 0
}

/** fdatasync(2). @returns 0, or a negative errno */
export function rawFdatasync(fd: number): number {
  return fdatasyncC(fd) < 0 ? -errno() : 0
}

/** ftruncate(2). @returns 0, or a negative errno */
export function rawFtruncate(fd: number, length: number): number {
  return ftruncateC(fd, length) < 0 ? -errno() : 0
}

/** fallocate(2). @param mode FALLOC_FL_*, 0: room for the range @returns 0, or a negative errno */
export function rawFallocate(fd: number, mode: number, offset: number, length: number): number {
  return fallocateC(fd, mode, offset, length) < 0 ? -errno() : 0
}

/** posix_fadvise(2). @param length 0: to the end @param advice POSIX_FADV_* @returns 0, or a negative errno */
export function rawPosixFadvise(fd: number, offset: number, length: number, advice: number): number {
  // It returns the error itself, and leaves errno alone.
  return 0 - fadviseC(fd, offset, length, advice)
}

/** lseek(2). @param whence SEEK_* @returns the new position, or a negative errno: ESPIPE for sockets and pipes */
export function rawLseek(fd: number, offset: number, whence: number): number {
  const position = lseekC(fd, offset, whence)
  return position < 0 ? -errno() : position
}

/** statx(2). @param into 256 bytes (layout: STATX) @returns 0, or a negative errno */
export function rawStatx(dirfd: number, path: string, flags: number, mask: number, into: Pointer): number {
  return statxC(dirfd, path, flags, mask, into) < 0 ? -errno() : 0
}

/** unlinkat(2). @returns 0, or a negative errno */
export function rawUnlinkat(dirfd: number, path: string, flags: number): number {
  return unlinkatC(dirfd, path, flags) < 0 ? -errno() : 0
}

// ---- throwing forms

/**
 * openat(2), again after EINTR; closed on exec.
 * @param path relative to `dirfd`, or absolute; without NUL characters
 * @param flags O_* (fcntl.ts)
 * @param mode of a file that is created, less the umask
 * @throws SystemError EACCES, EEXIST, EISDIR, ELOOP, EMFILE, ENOENT, ENOSPC, ENOTDIR, EROFS and others of open(2)
 */
export function openat(dirfd: number, path: string, flags: number, mode = 0o666): number {
  requirePath(path)
  let fd: number
  do fd = rawOpenat(dirfd, path, flags | O_CLOEXEC, mode)
  while (fd === EINTR)
  return check(fd, 'openat', { path })
}

/**
 * pread(2), again after EINTR.
 * @param offset exact to 2^53
 * @returns the bytes read into `buf`, perhaps fewer than it holds; 0 at the end
 * @throws SystemError EBADF, EINVAL, EIO, EISDIR, ESPIPE; what `requireStable` refuses
 */
export function pread(fd: number, buf: NodeJS.ArrayBufferView, offset: number): number {
  requireStable(buf)
  let n: number
  do n = rawPread(fd, buf as Pointer, buf.byteLength, offset)
  while (n === EINTR)
  return check(n, 'pread')
}

/**
 * pwrite(2), again after EINTR.
 * @param offset exact to 2^53
 * @returns the bytes written, perhaps fewer than there are
 * @throws SystemError EBADF, EFBIG, EINVAL, EIO, ENOSPC, ESPIPE; what `requireStable` refuses
 */
export function pwrite(fd: number, data: NodeJS.ArrayBufferView, offset: number): number {
  requireStable(data)
  let n: number
  do n = rawPwrite(fd, data as Pointer, data.byteLength, offset)
  while (n === EINTR)
  return check(n, 'pwrite')
}

/** fsync(2). @throws SystemError EBADF, EIO, EINVAL (sockets, pipes), ENOSPC, EDQUOT */
export function fsync(fd: number): void {
  check(again(rawFsync, fd), 'fsync')
}

/** fdatasync(2). @throws SystemError as fsync */
export function fdatasync(fd: number): void {
  check(again(rawFdatasync, fd), 'fdatasync')
}

function again(call: (fd: number) => number, fd: number): number {
  let result: number
  do result = call(fd)
  while (result === EINTR)
  return result
}

/** ftruncate(2), again after EINTR. @param length bytes @throws SystemError EBADF, EFBIG, EINVAL, EPERM */
export function ftruncate(fd: number, length: number): void {
  let result: number
  do result = rawFtruncate(fd, length)
  while (result === EINTR)
  check(result, 'ftruncate')
}

/**
 * fallocate(2), again after EINTR.
 * @param mode FALLOC_FL_*; 0: room for the range, and the file grows to hold it
 * @throws SystemError EBADF, EFBIG, EINVAL, ENOSPC, EOPNOTSUPP (the file system cannot), ESPIPE
 */
export function fallocate(fd: number, mode: number, offset: number, length: number): void {
  let result: number
  do result = rawFallocate(fd, mode, offset, length)
  while (result === EINTR)
  check(result, 'fallocate')
}

/**
 * posix_fadvise(2).
 * @param length bytes; 0: to the end
 * @param advice POSIX_FADV_*
 * @throws SystemError EBADF, EINVAL, ESPIPE
 */
export function posix_fadvise(fd: number, offset: number, length: number, advice: number): void {
  check(rawPosixFadvise(fd, offset, length, advice), 'posix_fadvise')
}

/** lseek(2). @param whence SEEK_* @returns the new position @throws SystemError EBADF, EINVAL, ENXIO, ESPIPE */
export function lseek(fd: number, offset: number, whence: number): number {
  return check(rawLseek(fd, offset, whence), 'lseek')
}

/** struct statx: 256 bytes. Offsets in bytes; a time is seconds (8 bytes, signed) and nanoseconds (4). */
export const STATX = {
  size: 256,
  mask: 0,
  blksize: 4,
  attributes: 8,
  nlink: 16,
  uid: 20,
  gid: 24,
  mode: 28,
  ino: 32,
  fileSize: 40,
  blocks: 48,
  atime: 64,
  btime: 80,
  ctime: 96,
  mtime: 112,
  rdevMajor: 128,
  rdevMinor: 132,
  devMajor: 136,
  devMinor: 140,
  dioMemAlign: 152,
  dioOffsetAlign: 156,
} as const

/** What statx(2) tells. Times are milliseconds since 1970, as fs.stat's `…Ms`. */
export interface Statx {
  /** Which fields the file system filled: STATX_*. */
  readonly mask: number
  readonly blksize: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  /** Type and permissions: S_IF*. */
  readonly mode: number
  readonly ino: bigint
  readonly size: number
  /** Allocated, in units of 512 bytes. */
  readonly blocks: number
  readonly atimeMs: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  /** When it was created; 0 where the file system does not know. */
  readonly birthtimeMs: number
  readonly dev: { readonly major: number; readonly minor: number }
  readonly rdev: { readonly major: number; readonly minor: number }
  /** O_DIRECT: how memory and offsets must be aligned (Linux 6.1); 0: unknown, or not possible. */
  readonly direct: { readonly memory: number; readonly offset: number }
}

/**
 * statx(2) of a path.
 * @param path relative to `dirfd`, or absolute; with AT_EMPTY_PATH and '' it is `dirfd` itself
 * @param flags AT_*
 * @throws SystemError EACCES, EBADF, ELOOP, ENOENT, ENOTDIR
 */
export function statx(dirfd: number, path: string, flags = 0): Statx {
  requirePath(path)
  const view = new DataView(new ArrayBuffer(STATX.size))
  const mask = STATX_BASIC_STATS | STATX_BTIME | STATX_DIOALIGN
  check(rawStatx(dirfd, path, flags, mask, view), 'statx', path === '' ? undefined : { path })
  const u32 = (at: number) => view.getUint32(at, true)
  const u64 = (at: number) => Number(view.getBigUint64(at, true))
  const time = (at: number) => Number(view.getBigInt64(at, true)) * 1000 + u32(at + 8) / 1e6
  return {
    mask: u32(STATX.mask),
    blksize: u32(STATX.blksize),
    nlink: u32(STATX.nlink),
    uid: u32(STATX.uid),
    gid: u32(STATX.gid),
    mode: view.getUint16(STATX.mode, true),
    ino: view.getBigUint64(STATX.ino, true),
    size: u64(STATX.fileSize),
    blocks: u64(STATX.blocks),
    atimeMs: time(STATX.atime),
    mtimeMs: time(STATX.mtime),
    ctimeMs: time(STATX.ctime),
    birthtimeMs: time(STATX.btime),
    dev: { major: u32(STATX.devMajor), minor: u32(STATX.devMinor) },
    rdev: { major: u32(STATX.rdevMajor), minor: u32(STATX.rdevMinor) },
    direct: { memory: u32(STATX.dioMemAlign), offset: u32(STATX.dioOffsetAlign) },
  }
}

/** statx(2) of a descriptor: AT_EMPTY_PATH. @throws SystemError EBADF */
export function fstatx(fd: number): Statx {
  return statx(fd, '', AT_EMPTY_PATH)
}

/** unlinkat(2). @param flags AT_REMOVEDIR or 0 @throws SystemError EACCES, EBUSY, EISDIR, ENOENT, EPERM, EROFS */
export function unlinkat(dirfd: number, path: string, flags = 0): void {
  requirePath(path)
  check(rawUnlinkat(dirfd, path, flags), 'unlinkat', { path })
}

/** unlink(2). @throws SystemError as unlinkat */
export function unlink(path: string): void {
  requirePath(path)
  check(rawUnlinkat(AT_FDCWD, path, 0), 'unlink', { path })
}

// C would take the string to end at the NUL, and act on another file.
function requirePath(path: string): void {
  if (!path.includes('\0')) return
  throw Object.assign(new TypeError('a path cannot contain a NUL character'), {
    code: 'ERR_INVALID_ARG_VALUE',
  })
}

const O_CLOEXEC = 0o2000000
