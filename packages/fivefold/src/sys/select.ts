/**
 * select(2), pselect(2).
 *
 * The limit of 1024 is that of libc's type `fd_set`, not the kernel's: sets of any size work, if they have at
 * least the bits the call is told of. The kernel reads and writes whole 64-bit words up to `nfds`, so a shorter
 * set is memory corruption; `FdSet` is never shorter, whoever calls a raw form sees to it alone.
 *
 * Source: select(2) of man-pages 6.03, Linux 6.18 fs/select.c.
 */
import { check } from './errno.js'
import { bind, errno, type Pointer } from './ffi.js'
import { isEndless, timeWords, writeTimespec, writeTimeval } from './time.js'

const selectC = bind<
  (nfds: number, read: Pointer, write: Pointer, except: Pointer, timeval: Pointer) => number
>('select', 'int', ['int', 'pointer', 'pointer', 'pointer', 'pointer'])
const pselectC = bind<
  (
    nfds: number,
    read: Pointer,
    write: Pointer,
    except: Pointer,
    timespec: Pointer,
    sigmask: Pointer,
  ) => number
>('pselect', 'int', ['int', 'pointer', 'pointer', 'pointer', 'pointer', 'pointer'])

/**
 * select(2). Sets and time are overwritten.
 * @param nfds the highest descriptor in any set, plus one
 * @param read `(nfds + 63) / 64` whole 64-bit words, or null; so `write` and `except`
 * @param timeval `struct timeval`, or null: for ever
 * @returns how many bits are set in all three sets, 0 when the time is up, or a negative errno
 */
export function rawSelect(
  nfds: number,
  read: Pointer,
  write: Pointer,
  except: Pointer,
  timeval: Pointer,
): number {
  const n = selectC(nfds, read, write, except, timeval)
  return n < 0 ? -errno() : n
}

/**
 * pselect(2). Sets are overwritten, the time is not.
 * @param timespec `struct timespec`, or null: for ever
 * @param sigmask `sigset_t`, the calling thread's signal mask for the length of the call, or null: as it is
 * @returns as `rawSelect`
 */
export function rawPselect(
  nfds: number,
  read: Pointer,
  write: Pointer,
  except: Pointer,
  timespec: Pointer,
  sigmask: Pointer,
): number {
  const n = pselectC(nfds, read, write, except, timespec, sigmask)
  return n < 0 ? -errno() : n
}

const WORD_BITS = 32

/** A set of descriptors, of any size: it grows with what is added. */
export class FdSet implements Iterable<number> {
  /** The bits, in an even number of 32-bit words: whole 64-bit words of the kernel. */
  words: Uint32Array

  /** @param fds what it begins with */
  constructor(fds: Iterable<number> = []) {
    this.words = new Uint32Array(2)
    for (const fd of fds) this.add(fd)
  }

  /** FD_SET. @throws ERR_OUT_OF_RANGE for what cannot be a descriptor */
  add(fd: number): this {
    if (!Number.isInteger(fd) || fd < 0 || fd > 0x7fff_fffe) {
      throw Object.assign(new RangeError(`${fd} is not a descriptor`), { code: 'ERR_OUT_OF_RANGE' })
    }
    this.reserve(fd + 1)
    this.words[(fd / WORD_BITS) | 0]! |= 1 << (fd % WORD_BITS)
    return this
  }

  /** FD_CLR. */
  delete(fd: number): void {
    const word = (fd / WORD_BITS) | 0
    if (this.has(fd)) this.words[word]! &= ~(1 << (fd % WORD_BITS))
  }

  /** FD_ISSET. */
  has(fd: number): boolean {
    const word = this.words[Math.floor(fd / WORD_BITS)]
    return word !== undefined && (word & (1 << (fd % WORD_BITS))) !== 0
  }

  /** FD_ZERO. */
  clear(): void {
    this.words.fill(0)
  }

  /** Makes this set a copy of another: select overwrites what it is given. */
  copyFrom(other: FdSet): void {
    this.reserve(other.words.length * WORD_BITS)
    this.words.fill(0)
    this.words.set(other.words)
  }

  /** Makes room for descriptors below `nfds`. */
  reserve(nfds: number): void {
    const words = Math.ceil(nfds / 64) * 2
    if (words <= this.words.length) return
    const grown = new Uint32Array(words)
    grown.set(this.words)
    this.words = grown
  }

  /** The highest member plus one: what select is told. 0: empty. */
  get nfds(): number {
    for (let word = this.words.length - 1; word >= 0; word--) {
      const bits = this.words[word]!
      if (bits !== 0) return word * WORD_BITS + WORD_BITS - Math.clz32(bits)
    }
    return 0
  }

  /** The members, rising. */
  *[Symbol.iterator](): Iterator<number> {
    for (let word = 0; word < this.words.length; word++) {
      for (let bits = this.words[word]!; bits !== 0; bits &= bits - 1) {
        yield word * WORD_BITS + 31 - Math.clz32(bits & -bits)
      }
    }
  }
}

const time = timeWords()

function reserveAll(nfds: number, read: FdSet | null, write: FdSet | null, except: FdSet | null): void {
  read?.reserve(nfds)
  write?.reserve(nfds)
  except?.reserve(nfds)
}

/**
 * select(2). Afterwards the sets hold what is ready alone. Not restarted after a signal, as the kernel does not:
 * EINTR leaves the sets undefined.
 * @param nfds the highest descriptor in any set, plus one
 * @param timeoutMs milliseconds, rounded up to the microsecond; null: for ever
 * @returns how many are ready in the three sets together; 0: the time is up
 * @throws SystemError EBADF, EINTR, EINVAL, ENOMEM
 */
export function select(
  nfds: number,
  read: FdSet | null,
  write: FdSet | null,
  except: FdSet | null,
  timeoutMs: number | null,
): number {
  reserveAll(nfds, read, write, except)
  const endless = isEndless(timeoutMs)
  if (!endless) writeTimeval(time, timeoutMs)
  return check(
    rawSelect(nfds, read?.words ?? null, write?.words ?? null, except?.words ?? null, endless ? null : time),
    'select',
  )
}

/**
 * pselect(2): as `select`, to the nanosecond, with another signal mask for the length of the call.
 * @param sigmask `sigset_t`, or null: the mask stays
 * @throws SystemError EBADF, EINTR, EINVAL, ENOMEM
 */
export function pselect(
  nfds: number,
  read: FdSet | null,
  write: FdSet | null,
  except: FdSet | null,
  timeoutMs: number | null,
  sigmask: Pointer = null,
): number {
  reserveAll(nfds, read, write, except)
  const endless = isEndless(timeoutMs)
  if (!endless) writeTimespec(time, timeoutMs)
  return check(
    rawPselect(
      nfds,
      read?.words ?? null,
      write?.words ?? null,
      except?.words ?? null,
      endless ? null : time,
      sigmask,
    ),
    'pselect',
  )
}
