/**
 * POSIX asynchronous I/O, aio(7), as glibc makes it: with threads of its own that call pread(2) and pwrite(2).
 *
 * (a) The kernel knows nothing of it. A request is a `struct aiocb` in our memory, queued to a thread; it and its
 *     buffer must stay where they are until the request is over, whatever else happens.
 * (b) The thread writes the outcome into two fields of the aiocb that the man page does not name. aio_error reads
 *     the first one, so looking there asks the same question without a call. Only aio_error takes glibc's lock,
 *     though: once it says that a request is over, glibc is done with the aiocb, and the data are in sight.
 * (c) There is one queue per descriptor *number*, worked off one request at a time.
 * (d) On sockets and pipes, where pread answers ESPIPE, the threads call read(2) and write(2) instead.
 * (e) The threads block all signals. Those they send (SIGEV_SIGNAL) go to the process, and merge.
 *
 * Sources: aio(7), aio_init(3), lio_listio(3) of man-pages 6.03; glibc 2.36 rt/aio.h and sysdeps/pthread/aio_misc.c.
 * The layout has been the same in every glibc for x86-64 and arm64. In glibc older than 2.34 the functions are
 * in librt, and answer ENOSYS here. musl has another layout: refused.
 */
import { check, errnos } from './errno.js'
import { bind, errno, type Pointer, requireGlibc } from './ffi.js'
import { allocateSlab, releaseSlab, type Slab } from './memory.js'

const aioReadC = bind<(block: Pointer) => number>('aio_read', 'int', ['pointer'])
const aioWriteC = bind<(block: Pointer) => number>('aio_write', 'int', ['pointer'])
const aioFsyncC = bind<(how: number, block: Pointer) => number>('aio_fsync', 'int', ['int', 'pointer'])
const aioErrorC = bind<(block: Pointer) => number>('aio_error', 'int', ['pointer'])
const aioReturnC = bind<(block: Pointer) => number>('aio_return', 'long', ['pointer'])
const aioSuspendC = bind<(list: Pointer, count: number, timeout: Pointer) => number>('aio_suspend', 'int', [
  'pointer',
  'int',
  'pointer',
])
const aioCancelC = bind<(fd: number, block: Pointer) => number>('aio_cancel', 'int', ['int', 'pointer'])
const lioListioC = bind<(mode: number, list: Pointer, count: number, event: Pointer) => number>(
  'lio_listio',
  'int',
  ['int', 'pointer', 'int', 'pointer'],
)
const aioInitC = bind<(init: Pointer) => void>('aio_init', 'void', ['pointer'])

/** struct aiocb: offsets in bytes. `errorCode` and `returnValue` are glibc's own: see (b). */
export const AIOCB = {
  size: 168,
  fildes: 0,
  opcode: 4,
  reqprio: 8,
  buf: 16,
  nbytes: 24,
  /** struct sigevent: the value (8 bytes), the signal, how to notify. */
  sigval: 32,
  signo: 40,
  notify: 44,
  errorCode: 112,
  returnValue: 120,
  offset: 128,
} as const

/** aio_cancel: nothing of it has happened, and it is over. */
export const AIO_CANCELED = 0
/** aio_cancel: a thread is at it; it ends by itself or not at all. */
export const AIO_NOTCANCELED = 1
/** aio_cancel: it was over before. */
export const AIO_ALLDONE = 2

/** `opcode`, for lio_listio. */
export const LIO_READ = 0
export const LIO_WRITE = 1
export const LIO_NOP = 2
/** lio_listio: returns when all are over. */
export const LIO_WAIT = 0
export const LIO_NOWAIT = 1

/** How a request's end is told: by a signal, or not at all. SIGEV_THREAD would run C code: not for JavaScript. */
export const SIGEV_SIGNAL = 0
export const SIGEV_NONE = 1

/** aio_fsync: like fsync(2). */
const O_SYNC = 0o4010000
/** aio_fsync: like fdatasync(2). */
const O_DSYNC = 0o10000

// Only a pool that has not served yet takes aio_init's numbers.
let served = false

/**
 * aio_read(3).
 * @param block a struct aiocb (layout: AIOCB)
 * @returns 0 once it is queued, or a negative errno: EAGAIN (no memory, or no thread at all), ENOSYS
 */
export function rawAioRead(block: Pointer): number {
  served = true
  return aioReadC(block) < 0 ? -errno() : 0
}

/** aio_write(3); see rawAioRead. */
export function rawAioWrite(block: Pointer): number {
  served = true
  return aioWriteC(block) < 0 ? -errno() : 0
}

/**
 * aio_fsync(3): behind what was queued for the descriptor before.
 * @param dataOnly like fdatasync(2)
 * @returns 0 once it is queued, or a negative errno: EAGAIN, EBADF
 */
export function rawAioFsync(block: Pointer, dataOnly = false): number {
  served = true
  return aioFsyncC(dataOnly ? O_DSYNC : O_SYNC, block) < 0 ? -errno() : 0
}

/** aio_error(3). @returns 0 when it is over and well, else a *positive* errno: EINPROGRESS while it is not over */
export function rawAioError(block: Pointer): number {
  const error = aioErrorC(block)
  return error < 0 ? errno() : error
}

/** aio_return(3), of a request that is over. @returns what read, write or fsync returned; -1: see aio_error */
export function rawAioReturn(block: Pointer): number {
  return aioReturnC(block)
}

/**
 * aio_suspend(3): sleeps until one of the requests is over. Its cost grows with count times the requests in the
 * whole process, because glibc looks each of them up in a linked list.
 * @param list addresses of struct aiocb, 64 bits each; 0 is skipped
 * @param timeout a timespec (two 64-bit integers), or null: without end
 * @returns 0, or a negative errno: EAGAIN when the time was up, EINTR
 */
export function rawAioSuspend(list: Pointer, count: number, timeout: Pointer): number {
  return aioSuspendC(list, count, timeout) < 0 ? -errno() : 0
}

/**
 * aio_cancel(3).
 * @param block one request, or null: all of the descriptor's
 * @returns AIO_CANCELED, AIO_NOTCANCELED, AIO_ALLDONE, or a negative errno: EBADF
 */
export function rawAioCancel(fd: number, block: Pointer): number {
  const result = aioCancelC(fd, block)
  return result < 0 ? -errno() : result
}

/**
 * lio_listio(3): many requests with one call, each as its `opcode` says.
 * @param event a struct sigevent for when all are over, or null
 * @returns 0, or a negative errno: EAGAIN, EIO (LIO_WAIT: some failed, see their aio_error), EINTR
 */
export function rawLioListio(mode: number, list: Pointer, count: number, event: Pointer): number {
  served = true
  return lioListioC(mode, list, count, event) < 0 ? -errno() : 0
}

/**
 * aio_read(3).
 * @param block a struct aiocb (layout: AIOCB), which must stay in place until the request is over
 * @throws SystemError EAGAIN, ENOSYS
 */
export function aio_read(block: Pointer): void {
  check(rawAioRead(block), 'aio_read')
}

/** aio_write(3); see aio_read. */
export function aio_write(block: Pointer): void {
  check(rawAioWrite(block), 'aio_write')
}

/** aio_fsync(3); see rawAioFsync. @throws SystemError EAGAIN, EBADF, ENOSYS */
export function aio_fsync(block: Pointer, dataOnly = false): void {
  check(rawAioFsync(block, dataOnly), 'aio_fsync')
}

/** aio_error(3). @returns 0, or a positive errno: EINPROGRESS while the request is not over */
export function aio_error(block: Pointer): number {
  return rawAioError(block)
}

/**
 * aio_return(3) of a request that is over.
 * @returns what read, write or fsync returned
 * @throws SystemError with the request's own error
 */
export function aio_return(block: Pointer): number {
  const error = rawAioError(block)
  return check(error === 0 ? rawAioReturn(block) : -error, 'aio_return')
}

/**
 * aio_suspend(3): sleeps until one of the requests is over.
 * @param timeoutMs milliseconds (fractions count); -1: without end
 * @returns whether one is; false: the time was up, or a signal came
 * @throws SystemError ENOSYS
 */
export function aio_suspend(blocks: readonly number[], timeoutMs = -1): boolean {
  const list = pointers(blocks)
  const timeout = timeoutMs < 0 ? null : fillTimespec(timeoutMs, new Uint32Array(4))
  const result = rawAioSuspend(list, blocks.length, timeout)
  if (result === -errnos.EAGAIN || result === -errnos.EINTR) return false
  check(result, 'aio_suspend')
  return true
}

/** aio_cancel(3); see rawAioCancel. @throws SystemError EBADF, ENOSYS */
export function aio_cancel(fd: number, block: Pointer = null): number {
  return check(rawAioCancel(fd, block), 'aio_cancel')
}

/**
 * lio_listio(3), without a signal for the whole list.
 * @throws SystemError EAGAIN, EIO (LIO_WAIT: some of them failed), EINTR, ENOSYS
 */
export function lio_listio(mode: number, blocks: readonly number[]): void {
  check(rawLioListio(mode, pointers(blocks), blocks.length, null), 'lio_listio')
}

/**
 * aio_init(3), a GNU extension: how many threads there may be, and how long an idle one stays. It has effect only
 * before the process's first request.
 * @param threads at most; glibc's own default is 20, and a request beyond it waits for another's end
 * @param requests for how many to make room at first
 * @param idleSeconds how long an idle thread stays; 0: as it is (1 by default)
 * @returns false when this thread has already made requests, so that the numbers are ignored
 */
export function aio_init(threads: number, requests = threads, idleSeconds = 0): boolean {
  requireGlibc('struct aioinit')
  const init = new Int32Array(8)
  init[0] = threads
  init[1] = requests
  init[6] = idleSeconds
  const effective = !served
  aioInitC(init)
  return effective
}

/** Fills a timespec, in 32-bit halves. */
export function fillTimespec(ms: number, timespec: Uint32Array): Uint32Array {
  timespec[0] = Math.floor(ms / 1000)
  timespec[1] = 0
  timespec[2] = Math.floor((ms % 1000) * 1e6)
  timespec[3] = 0
  return timespec
}

function pointers(addresses: readonly number[]): Uint32Array {
  const list = new Uint32Array(Math.max(2, addresses.length * 2))
  for (let index = 0; index < addresses.length; index++) {
    list[index * 2] = addresses[index]! >>> 0
    list[index * 2 + 1] = (addresses[index]! / 0x1_0000_0000) >>> 0
  }
  return list
}

const BLOCK_BITS = 8
const BLOCKS_PER_SLAB = 256
/** A power of two, four cache lines: no block shares one with another. */
const STRIDE = 256
const WORDS = STRIDE / 4

/**
 * Control blocks, in memory that is never JavaScript's to move or free. A block is known by a small number.
 * Between `acquire` and `release` it is one request's; release it only when that is over by aio_error.
 */
export class ControlBlocks {
  readonly #slabs: Slab[] = []
  readonly #free: number[] = []
  #notify: number
  readonly #signal: number
  #inUse = 0

  /**
   * @param notify SIGEV_NONE, or SIGEV_SIGNAL with the signal that tells of each request's end
   * @throws ERR_FIVEFOLD_LIBC on musl
   */
  constructor(notify: number = SIGEV_NONE, signal = 0) {
    requireGlibc('struct aiocb')
    this.#notify = notify
    this.#signal = signal
  }

  /** How many are acquired. */
  get inUse(): number {
    return this.#inUse
  }

  /** A block of our own, zeroed but for the notification. @throws SystemError ENOMEM */
  acquire(): number {
    if (this.#free.length === 0) this.#grow()
    this.#inUse++
    return this.#free.pop()!
  }

  /** Gives a block back, whose request is over. */
  release(block: number): void {
    this.#inUse--
    this.#free.push(block)
  }

  /** The address that the aio functions take. */
  address(block: number): number {
    return this.#slabs[block >>> BLOCK_BITS]!.address + (block & (BLOCKS_PER_SLAB - 1)) * STRIDE
  }

  /**
   * Writes the request: what aio_read, aio_write or aio_fsync is to do.
   * @param address of the memory, which must stay in place until the request is over
   * @param offset in the file, exact to 2^53; ignored by sockets and pipes
   * @param opcode LIO_READ or LIO_WRITE, for lio_listio alone
   */
  prepare(block: number, fd: number, address: number, bytes: number, offset = 0, opcode = LIO_NOP): void {
    const { u32, i32 } = this.#slabs[block >>> BLOCK_BITS]!
    const at = (block & (BLOCKS_PER_SLAB - 1)) * WORDS
    i32[at] = fd
    i32[at + 1] = opcode
    u32[at + 4] = address >>> 0
    u32[at + 5] = (address / 0x1_0000_0000) >>> 0
    u32[at + 6] = bytes >>> 0
    u32[at + 7] = (bytes / 0x1_0000_0000) >>> 0
    u32[at + 32] = offset >>> 0
    u32[at + 33] = Math.floor(offset / 0x1_0000_0000)
  }

  /** What aio_error would say, read from the block itself: EINPROGRESS, or that it is time to ask for sure. */
  errorOf(block: number): number {
    const at = (block & (BLOCKS_PER_SLAB - 1)) * WORDS + AIOCB.errorCode / 4
    return Atomics.load(this.#slabs[block >>> BLOCK_BITS]!.i32, at)
  }

  /** What aio_return would say, read from the block itself. Of a request that is over by aio_error. */
  resultOf(block: number): number {
    const { u32, i32 } = this.#slabs[block >>> BLOCK_BITS]!
    const at = (block & (BLOCKS_PER_SLAB - 1)) * WORDS + AIOCB.returnValue / 4
    return i32[at + 1]! * 0x1_0000_0000 + u32[at]!
  }

  /** Writes the block's address as the `place`th of a list for aio_suspend or lio_listio. */
  list(block: number, list: Uint32Array, place: number): void {
    const address = this.address(block)
    list[place * 2] = address >>> 0
    list[place * 2 + 1] = (address / 0x1_0000_0000) >>> 0
  }

  /** From now on no request's end is told, of those under way neither: glibc looks when it is to tell. */
  silence(): void {
    this.#notify = SIGEV_NONE
    for (const { i32 } of this.#slabs) {
      for (let at = AIOCB.notify / 4; at < i32.length; at += WORDS) Atomics.store(i32, at, SIGEV_NONE)
    }
  }

  /** Gives the memory back, unless a request still has some of it: then nothing of it is ever used again. */
  close(): void {
    if (this.#inUse === 0) for (const slab of this.#slabs) releaseSlab(slab)
    this.#slabs.length = 0
    this.#free.length = 0
  }

  #grow(): void {
    const slab = allocateSlab(BLOCKS_PER_SLAB * STRIDE)
    const first = this.#slabs.length * BLOCKS_PER_SLAB
    this.#slabs.push(slab)
    for (let index = BLOCKS_PER_SLAB - 1; index >= 0; index--) {
      slab.i32[index * WORDS + AIOCB.signo / 4] = this.#signal
      slab.i32[index * WORDS + AIOCB.notify / 4] = this.#notify
      this.#free.push(first + index)
    }
  }
}

/** What aio_error says of a request that is not over. */
export const IN_PROGRESS: number = errnos.EINPROGRESS
