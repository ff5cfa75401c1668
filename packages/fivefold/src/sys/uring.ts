/**
 * io_uring(7): the three system calls, and the two rings they share with the kernel, driven from typed arrays.
 *
 * The rings are one mapping. Each side owns one index of each: we move the submission tail and the completion
 * head, the kernel the other two. An index the other side reads is stored, and one it writes is loaded, through
 * `Atomics` (which work on memory that is not shared between threads as well); the entries in between need no
 * more than that.
 *
 * The indices run freely through 32 bits and are masked only to find an entry. Here they are *signed* words:
 * differences and masks come out the same, and small integers stay small integers for the compiler.
 * 64-bit fields are two words: a BigInt would cost an allocation.
 */
import { check } from './errno.js'
import { bind, errno, type Pointer, seamed, viewOf } from './ffi.js'
import {
  allocateSlab,
  MAP_POPULATE,
  MAP_SHARED,
  mmap,
  PROT_READ,
  PROT_WRITE,
  releaseSlab,
  type Slab,
} from './memory.js'
import { SYS } from './platform.js'

// ---- constants: uapi/linux/io_uring.h. The kernel that brought each is in the notes where it matters.

/** Operations. */
export const IORING_OP_NOP = 0
export const IORING_OP_READV = 1
export const IORING_OP_WRITEV = 2
export const IORING_OP_FSYNC = 3
export const IORING_OP_READ_FIXED = 4
export const IORING_OP_WRITE_FIXED = 5
export const IORING_OP_POLL_ADD = 6
export const IORING_OP_SENDMSG = 9
export const IORING_OP_RECVMSG = 10
export const IORING_OP_TIMEOUT = 11
export const IORING_OP_ACCEPT = 13
export const IORING_OP_ASYNC_CANCEL = 14
export const IORING_OP_CONNECT = 16
export const IORING_OP_OPENAT = 18
export const IORING_OP_READ = 22
export const IORING_OP_WRITE = 23
export const IORING_OP_SEND = 26
export const IORING_OP_RECV = 27
/** 5.19. */
export const IORING_OP_SOCKET = 45
/** 6.0: came with multishot receive, which has no mark of its own. */
export const IORING_OP_SEND_ZC = 47
/** 6.1. */
export const IORING_OP_SENDMSG_ZC = 48

/** Flags of io_uring_setup. */
export const IORING_SETUP_SQPOLL = 1 << 1
export const IORING_SETUP_CQSIZE = 1 << 3
export const IORING_SETUP_CLAMP = 1 << 4
export const IORING_SETUP_SUBMIT_ALL = 1 << 7 // 5.18
export const IORING_SETUP_COOP_TASKRUN = 1 << 8 // 5.19
export const IORING_SETUP_TASKRUN_FLAG = 1 << 9 // 5.19
export const IORING_SETUP_SINGLE_ISSUER = 1 << 12 // 6.0
export const IORING_SETUP_DEFER_TASKRUN = 1 << 13 // 6.1

/** What the kernel can do, as io_uring_setup reports it. */
export const IORING_FEAT_SINGLE_MMAP = 1 << 0
export const IORING_FEAT_NODROP = 1 << 1
export const IORING_FEAT_FAST_POLL = 1 << 5
export const IORING_FEAT_EXT_ARG = 1 << 8

/** Flags of io_uring_enter. */
export const IORING_ENTER_GETEVENTS = 1 << 0
export const IORING_ENTER_SQ_WAKEUP = 1 << 1
export const IORING_ENTER_EXT_ARG = 1 << 3
export const IORING_ENTER_REGISTERED_RING = 1 << 4

/** What the kernel says in the submission ring's flags word. */
export const IORING_SQ_NEED_WAKEUP = 1 << 0
export const IORING_SQ_CQ_OVERFLOW = 1 << 1
export const IORING_SQ_TASKRUN = 1 << 2
/** What we say in the completion ring's. */
export const IORING_CQ_EVENTFD_DISABLED = 1 << 0

/** Flags of a submission (already at their place in the entry's first word). */
export const IOSQE_FIXED_FILE = 1 << (0 + 8)
export const IOSQE_IO_LINK = 1 << (2 + 8)
/** Not tried at once, but left to a kernel thread. */
export const IOSQE_ASYNC = 1 << (4 + 8)
export const IOSQE_BUFFER_SELECT = 1 << (5 + 8)
export const IORING_ACCEPT_MULTISHOT = 1 << (0 + 16) // 5.19
export const IORING_RECV_MULTISHOT = 1 << (1 + 16) // 6.0
/** Of an FSYNC: like fdatasync(2). */
export const IORING_FSYNC_DATASYNC = 1 << 0
/** In `len` of a POLL_ADD. */
export const IORING_POLL_ADD_MULTI = 1 << 0 // 5.13
/** Of an ASYNC_CANCEL. */
export const IORING_ASYNC_CANCEL_ANY = 1 << 2 // 5.19
/** Of a NOP: completes with `len` as its result. */
export const IORING_NOP_INJECT_RESULT = 1 << 0 // 6.10

/** Flags of a completion. */
export const IORING_CQE_F_BUFFER = 1 << 0
export const IORING_CQE_F_MORE = 1 << 1
/** The kernel has done with the buffer of a zero-copy send (6.0). */
export const IORING_CQE_F_NOTIF = 1 << 3
export const IORING_CQE_F_BUF_MORE = 1 << 4 // 6.12
export const IORING_CQE_BUFFER_SHIFT = 16

/** Operations of io_uring_register. */
/** Memory to be named by its number in READ_FIXED and WRITE_FIXED (5.1). */
export const IORING_REGISTER_BUFFERS = 0
export const IORING_REGISTER_EVENTFD = 4
export const IORING_UNREGISTER_EVENTFD = 5
export const IORING_REGISTER_FILES_UPDATE = 6
export const IORING_REGISTER_PROBE = 8
export const IORING_REGISTER_FILES2 = 13
export const IORING_REGISTER_IOWQ_MAX_WORKERS = 19
export const IORING_REGISTER_RING_FDS = 20
export const IORING_UNREGISTER_RING_FDS = 21
export const IORING_REGISTER_PBUF_RING = 22
export const IORING_UNREGISTER_PBUF_RING = 23

/** Of IORING_REGISTER_FILES2: a table of empty places (5.19). */
export const IORING_RSRC_REGISTER_SPARSE = 1 << 0

/** With IORING_SETUP_SQPOLL: how long the kernel's thread looks for submissions before it sleeps. */
const SQ_THREAD_IDLE_MS = 50

const IORING_OFF_SQ_RING = 0
const IORING_OFF_SQES = 0x10000000

// ---- the calls

const setupC = bind<(number: number, entries: number, parameters: Pointer) => number>('syscall', 'long', [
  'long',
  'unsigned',
  'pointer',
])
const enterC = bind<
  (
    number: number,
    fd: number,
    toSubmit: number,
    minComplete: number,
    flags: number,
    argument: number,
    bytes: number,
  ) => number
>('syscall', 'long', ['long', 'int', 'unsigned', 'unsigned', 'unsigned', 'size_t', 'size_t'])
const registerC = bind<
  (number: number, fd: number, operation: number, argument: Pointer, count: number) => number
>('syscall', 'long', ['long', 'int', 'unsigned', 'pointer', 'unsigned'])
const closeC = bind<(fd: number) => number>('close', 'int', ['int'])
const munmapC = bind<(address: number, bytes: number) => number>('munmap', 'int', ['size_t', 'size_t'])

/** `struct io_uring_params` as words: its two tables of offsets begin at 10 and 20. */
export const PARAMS_WORDS = 30
const SQ_OFFSETS = 10
const CQ_OFFSETS = 20

/**
 * io_uring_setup(2), Linux 5.1.
 * @param parameters `struct io_uring_params`, filled in by the kernel
 * @returns the ring's descriptor (close-on-exec), or a negative errno: ENOSYS (no support, or a filter), EPERM
 *   (policy), EINVAL (a flag this kernel does not know), ENOMEM (RLIMIT_MEMLOCK before 5.12), EMFILE
 */
export function rawIoUringSetup(entries: number, parameters: Int32Array): number {
  const result = setupC(SYS.io_uring_setup, entries, parameters)
  return result === -1 ? -errno() : result
}

/**
 * io_uring_enter(2), Linux 5.1. Hands over submissions and, with IORING_ENTER_GETEVENTS, sleeps until
 * `minComplete` completions are there.
 * @param argument 0, or with IORING_ENTER_EXT_ARG (5.11) the address of `struct io_uring_getevents_arg`
 * @returns how many submissions were taken, or a negative errno: ETIME (the time was up), EINTR, EAGAIN (no
 *   memory), EBUSY (completions must be emptied first), EBADR (a completion was lost), EEXIST (another thread's)
 */
export function rawIoUringEnter(
  fd: number,
  toSubmit: number,
  minComplete: number,
  flags: number,
  argument: number,
  bytes: number,
): number {
  const result = enterC(SYS.io_uring_enter, fd, toSubmit, minComplete, flags, argument, bytes)
  return result === -1 ? -errno() : result
}

/** io_uring_register(2), Linux 5.1. @returns 0 or more, or a negative errno */
export function rawIoUringRegister(fd: number, operation: number, argument: Pointer, count: number): number {
  const result = registerC(SYS.io_uring_register, fd, operation, argument, count)
  return result === -1 ? -errno() : result
}

/**
 * IORING_REGISTER_PROBE, Linux 5.6: which operations the kernel knows.
 * @param fd a ring's descriptor
 * @returns a set of operation numbers; empty where the kernel cannot be asked
 */
export function supportedOperations(fd: number): Set<number> {
  const most = 128
  const probe = new Uint8Array(16 + most * 8)
  const supported = new Set<number>()
  if (rawIoUringRegister(fd, IORING_REGISTER_PROBE, probe, most) < 0) return supported
  for (let index = 0; index < probe[1]!; index++) {
    const at = 16 + index * 8
    if ((probe[at + 2]! & 1) !== 0) supported.add(probe[at]!)
  }
  return supported
}

// ---- the seam

/**
 * What a test or the lab may put between the library and a ring: a ring has no C function to wrap. Asked for
 * only when the seam of `ffi.ts` is installed as well; without one it costs a comparison per system call.
 *
 * It is installed as `globalThis[Symbol.for('fivefold.ringSeam')]` before a ring is opened.
 */
export interface RingSeam {
  /**
   * Shown each submission before the kernel sees it, and may change it: shorten `len` (word 6), or turn it into
   * a NOP with a result of choice (see `injectResult`). `at` is the entry's first word in `ring.sqes`.
   */
  submitting?(ring: Ring, at: number): void
  /** Shown each completion before it is handled. `at` is the entry's first word in `ring.words`. */
  completing?(ring: Ring, at: number): void
}

export const RING_SEAM: unique symbol = Symbol.for('fivefold.ringSeam') as never

/** Turns a submission into a NOP that completes with `result` (Linux 6.10). For a `RingSeam`. */
export function injectResult(ring: Ring, at: number, result: number): void {
  const { sqes } = ring
  sqes[at] = IORING_OP_NOP | (sqes[at]! & IOSQE_IO_LINK)
  sqes[at + 1] = -1
  sqes[at + 2] = sqes[at + 3] = sqes[at + 4] = sqes[at + 5] = 0
  sqes[at + 6] = result
  sqes[at + 7] = IORING_NOP_INJECT_RESULT
  sqes[at + 10] = sqes[at + 11] = sqes[at + 12] = sqes[at + 13] = 0
}

// ---- the ring

/** Words of an entry: `struct io_uring_sqe` is 64 bytes, `struct io_uring_cqe` 16. */
export const SQE_WORDS = 16
export const CQE_WORDS = 4

/** Where things are in a ring's mapping, in words. */
export interface RingLayout {
  sqHead: number
  sqTail: number
  sqFlags: number
  sqArray: number
  sqEntries: number
  cqHead: number
  cqTail: number
  cqFlags: number
  cqOverflow: number
  cqes: number
  cqEntries: number
}

/** The memory of a ring: from the kernel, or made up by a test. */
export interface RingMemory {
  fd: number
  flags: number
  features: number
  words: Int32Array
  sqes: Int32Array
  layout: RingLayout
}

// A mapping of a ring keeps the ring itself alive in the kernel, and must outlive every view: it goes when the
// collector has found the last view gone.
const unmapping = new FinalizationRegistry<{ address: number; bytes: number }>((mapping) => {
  munmapC(mapping.address, mapping.bytes)
})

function map(fd: number, bytes: number, offset: number): Int32Array {
  const address = mmap(bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset)
  const buffer = viewOf(address, bytes)
  unmapping.register(buffer, { address, bytes })
  return new Int32Array(buffer)
}

/**
 * Sets up a ring and maps it. Needs IORING_FEAT_SINGLE_MMAP (5.4).
 * @param entries submissions, rounded up to a power of two
 * @param completions completions; used with IORING_SETUP_CQSIZE
 * @throws what io_uring_setup or mmap says
 */
export function openRing(entries: number, completions: number, flags: number): Ring {
  const parameters = new Int32Array(PARAMS_WORDS)
  parameters[1] = completions
  parameters[2] = flags
  if ((flags & IORING_SETUP_SQPOLL) !== 0) parameters[4] = SQ_THREAD_IDLE_MS
  const fd = check(rawIoUringSetup(entries, parameters), 'io_uring_setup')
  try {
    const at = (word: number) => parameters[word]! >>> 2
    const layout: RingLayout = {
      sqEntries: parameters[0]!,
      cqEntries: parameters[1]!,
      sqHead: at(SQ_OFFSETS),
      sqTail: at(SQ_OFFSETS + 1),
      sqFlags: at(SQ_OFFSETS + 4),
      sqArray: at(SQ_OFFSETS + 6),
      cqHead: at(CQ_OFFSETS),
      cqTail: at(CQ_OFFSETS + 1),
      cqOverflow: at(CQ_OFFSETS + 4),
      cqes: at(CQ_OFFSETS + 5),
      cqFlags: at(CQ_OFFSETS + 6),
    }
    const sqEnd = layout.sqArray + layout.sqEntries
    const cqEnd = layout.cqes + layout.cqEntries * CQE_WORDS
    const words = map(fd, 4 * Math.max(sqEnd, cqEnd), IORING_OFF_SQ_RING)
    const sqes = map(fd, 4 * layout.sqEntries * SQE_WORDS, IORING_OFF_SQES)
    return new Ring({ fd, flags, features: parameters[5]!, words, sqes, layout })
  } catch (error) {
    closeC(fd)
    throw error
  }
}

/**
 * A submission ring and a completion ring. `push` prepares a submission, `enter` hands all of them over; the
 * owner reads the completions from `words` between `cqHead` and `completionTail()`, and moves `cqHead`.
 */
export class Ring {
  readonly fd: number
  readonly flags: number
  readonly features: number
  readonly entries: number
  readonly completions: number
  /** The mapping of both rings. */
  readonly words: Int32Array
  readonly sqes: Int32Array
  /** Completion `index` begins at word `cqes + (index & cqMask) * CQE_WORDS`. */
  readonly cqes: number
  readonly cqMask: number
  /** The next completion to read. The kernel hears of it with the next `enter`. */
  cqHead: number
  readonly seam: RingSeam | null
  /** Calls of io_uring_enter so far. */
  enters = 0

  readonly #sqMask: number
  readonly #layout: RingLayout
  /** The next submission to prepare; what the kernel was told; what it has taken. */
  #sqTail: number
  #sqTold: number
  #sqHead: number
  /** The descriptor to enter by: the ring's own, or its registered number, which saves a look-up. */
  #enterFd: number
  #enterFlags = 0
  readonly #argument: Slab | null

  constructor(memory: RingMemory) {
    const { layout, words } = memory
    this.fd = memory.fd
    this.flags = memory.flags
    this.features = memory.features
    this.words = words
    this.sqes = memory.sqes
    this.entries = layout.sqEntries
    this.completions = layout.cqEntries
    this.cqes = layout.cqes
    this.cqMask = layout.cqEntries - 1
    this.#sqMask = layout.sqEntries - 1
    this.#layout = layout
    this.cqHead = words[layout.cqHead]!
    this.#sqTail = this.#sqTold = words[layout.sqTail]!
    this.#sqHead = words[layout.sqHead]!
    // Entry i is always submitted by slot i of the array between tail and entries.
    for (let index = 0; index < layout.sqEntries; index++) words[layout.sqArray + index] = index
    this.seam = seamed ? ((globalThis as { [RING_SEAM]?: RingSeam })[RING_SEAM] ?? null) : null
    this.#enterFd = memory.fd
    if (memory.fd < 0) {
      this.#argument = null
      return
    }
    // struct io_uring_getevents_arg { u64 sigmask; u32 sigmask_sz, min_wait_usec; u64 ts } and, at 32, the timespec.
    this.#argument = allocateSlab(64)
    this.#argument.setPointer(16, this.#argument.address + 32)
    const update = Int32Array.of(-1, 0, memory.fd, 0)
    if (rawIoUringRegister(memory.fd, IORING_REGISTER_RING_FDS, update, 1) === 1) {
      this.#enterFd = update[0]!
      this.#enterFlags = IORING_ENTER_REGISTERED_RING
    }
  }

  /** How many submissions are prepared and not yet taken by the kernel. */
  get pending(): number {
    return (this.#sqTail - this.#sqHead) | 0
  }

  /** How many more submissions fit. */
  get room(): number {
    return this.entries - ((this.#sqTail - this.#sqHead) | 0)
  }

  /**
   * Prepares a submission. The caller has made sure of `room`.
   * @param head the first word: operation, flags and ioprio
   * @param address `addr`, a user-space address
   * @param length `len`
   * @param flags the operation's own
   * @returns its first word in `sqes`, for the fields that few operations use (2, 3: `off`; 10: `buf_group`)
   */
  push(
    head: number,
    fd: number,
    address: number,
    length: number,
    flags: number,
    userLow: number,
    userHigh: number,
  ): number {
    const { sqes } = this
    const at = (this.#sqTail & this.#sqMask) * SQE_WORDS
    this.#sqTail = (this.#sqTail + 1) | 0
    sqes[at] = head
    sqes[at + 1] = fd
    sqes[at + 2] = 0
    sqes[at + 3] = 0
    sqes[at + 4] = address
    sqes[at + 5] = address / 0x1_0000_0000
    sqes[at + 6] = length
    sqes[at + 7] = flags
    sqes[at + 8] = userLow
    sqes[at + 9] = userHigh
    sqes[at + 10] = 0
    sqes[at + 11] = 0
    sqes[at + 12] = 0
    sqes[at + 13] = 0
    sqes[at + 14] = 0
    sqes[at + 15] = 0
    return at
  }

  /** The index of the submission that is prepared next. */
  get tail(): number {
    return this.#sqTail
  }

  /** Whether a submission, by its index, is the last one prepared, and the kernel does not know of it yet. */
  linkable(index: number): boolean {
    return this.#sqTold !== this.#sqTail && ((index + 1) | 0) === this.#sqTail
  }

  /** Makes the submission that is prepared next wait for this one (IOSQE_IO_LINK). @returns whether it can */
  link(index: number): boolean {
    if (!this.linkable(index)) return false
    this.sqes[(index & this.#sqMask) * SQE_WORDS]! |= IOSQE_IO_LINK
    return true
  }

  /** The end of what the kernel has completed. */
  completionTail(): number {
    return Atomics.load(this.words, this.#layout.cqTail)
  }

  /** Completions are there to be read. */
  ready(): boolean {
    return Atomics.load(this.words, this.#layout.cqTail) !== this.cqHead
  }

  /**
   * An `enter` would bring completions: the kernel has put work off, or completions aside because the ring was
   * full.
   */
  wantsEnter(): boolean {
    return (
      (Atomics.load(this.words, this.#layout.sqFlags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) !== 0
    )
  }

  /** Completions the kernel could not even set aside: lost. Anything but 0 is a broken promise. */
  get lost(): number {
    return Atomics.load(this.words, this.#layout.cqOverflow) >>> 0
  }

  /** Whether the registered eventfd is told of completions. */
  notify(on: boolean): void {
    Atomics.store(this.words, this.#layout.cqFlags, on ? 0 : IORING_CQ_EVENTFD_DISABLED)
  }

  /** Tells the kernel how far completions were read and submissions prepared. @returns how many it may take */
  publish(): number {
    const { words } = this
    const layout = this.#layout
    if (this.seam !== null) this.#show(this.seam)
    Atomics.store(words, layout.cqHead, this.cqHead)
    if (this.#sqTold !== this.#sqTail) {
      this.#sqTold = this.#sqTail
      Atomics.store(words, layout.sqTail, this.#sqTail)
    }
    return (this.#sqTail - this.#sqHead) | 0
  }

  /**
   * Hands over what was prepared, without looking for completions.
   * @returns how many submissions were taken, or a negative errno (see `rawIoUringEnter`)
   */
  submit(): number {
    const count = this.publish()
    let result = count
    if ((this.flags & IORING_SETUP_SQPOLL) === 0) {
      this.enters++
      result = rawIoUringEnter(this.#enterFd, count, 0, this.#enterFlags, 0, 0)
    } else if (this.#threadSleeps()) {
      this.enters++
      result = rawIoUringEnter(this.#enterFd, count, 0, this.#enterFlags | IORING_ENTER_SQ_WAKEUP, 0, 0)
    }
    this.#sqHead = Atomics.load(this.words, this.#layout.sqHead)
    return result
  }

  /** IORING_SETUP_SQPOLL: the kernel's thread must be told. Asked after `publish`, whose store comes first for all. */
  #threadSleeps(): boolean {
    return (Atomics.load(this.words, this.#layout.sqFlags) & IORING_SQ_NEED_WAKEUP) !== 0
  }

  /**
   * Hands over what was prepared, does the work the kernel has put off, and waits.
   * @param minComplete how many completions to wait for: 0 does not wait
   * @param timeoutMs how long, -1: without end. Fractions count
   * @returns how many submissions were taken, or a negative errno (see `rawIoUringEnter`)
   */
  enter(minComplete: number, timeoutMs: number): number {
    const polled = (this.flags & IORING_SETUP_SQPOLL) !== 0
    // The kernel's thread submits, and works out completions: only a sleep, or an overflow, needs a call.
    if (polled && minComplete === 0 && !this.wantsEnter()) return this.submit()
    const count = this.publish()
    const wakeup = polled && this.#threadSleeps() ? IORING_ENTER_SQ_WAKEUP : 0
    this.enters++
    let result: number
    if (minComplete > 0 && timeoutMs >= 0) {
      const argument = this.#argument!
      const { i32 } = argument
      const seconds = Math.floor(timeoutMs / 1000)
      i32[8] = seconds
      i32[10] = (timeoutMs - seconds * 1000) * 1e6
      const flags = this.#enterFlags | IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | wakeup
      result = rawIoUringEnter(this.#enterFd, count, minComplete, flags, argument.address, 24)
    } else {
      const flags = this.#enterFlags | IORING_ENTER_GETEVENTS | wakeup
      result = rawIoUringEnter(this.#enterFd, count, minComplete, flags, 0, 0)
    }
    this.#sqHead = Atomics.load(this.words, this.#layout.sqHead)
    return result
  }

  /** IORING_REGISTER_EVENTFD. @throws what it says */
  registerEventfd(eventfd: number): void {
    check(
      rawIoUringRegister(this.fd, IORING_REGISTER_EVENTFD, Int32Array.of(eventfd), 1),
      'io_uring_register',
    )
  }

  /** Closes the ring. Nothing may be in flight. The memory goes with the last view of it. */
  close(): void {
    if (this.#enterFlags !== 0) {
      rawIoUringRegister(this.fd, IORING_UNREGISTER_RING_FDS, Int32Array.of(this.#enterFd, 0, 0, 0), 1)
    }
    rawIoUringRegister(this.fd, IORING_UNREGISTER_EVENTFD, null, 0)
    closeC(this.fd)
    if (this.#argument !== null) releaseSlab(this.#argument)
  }

  #show(seam: RingSeam): void {
    if (seam.submitting === undefined) return
    for (let index = this.#sqTold; index !== this.#sqTail; index = (index + 1) | 0) {
      seam.submitting(this, (index & this.#sqMask) * SQE_WORDS)
    }
  }
}
