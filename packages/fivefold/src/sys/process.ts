/**
 * What a thread and a process can ask and set about themselves: gettid(2), getrusage(2), getrlimit(2),
 * prctl(2) timer slack, sched_setaffinity(2).
 *
 * Sources: the man pages above, as of Linux 6.18. The layouts are the same on x86-64 and arm64, glibc and musl.
 */
import { check } from './errno.js'
import { bind, errno, type Pointer } from './ffi.js'
import { SYS } from './platform.js'

const syscall0 = bind<(number: number) => number>('syscall', 'long', ['long'])
const getrusageC = bind<(who: number, usage: Pointer) => number>('getrusage', 'int', ['int', 'pointer'])
const getrlimitC = bind<(resource: number, limit: Pointer) => number>('getrlimit', 'int', ['int', 'pointer'])
const setrlimitC = bind<(resource: number, limit: Pointer) => number>('setrlimit', 'int', ['int', 'pointer'])
const prctlC = bind<(option: number, a: number, b: number, c: number, d: number) => number>('prctl', 'int', [
  'int',
  'long',
  'long',
  'long',
  'long',
])
const setaffinityC = bind<(tid: number, bytes: number, set: Pointer) => number>('sched_setaffinity', 'int', [
  'int',
  'size_t',
  'pointer',
])
const getaffinityC = bind<(tid: number, bytes: number, set: Pointer) => number>('sched_getaffinity', 'int', [
  'int',
  'size_t',
  'pointer',
])

/** gettid(2): the calling thread's number, as top(1), /proc/self/task, tgkill and F_OWNER_TID know it. */
export function gettid(): number {
  return syscall0(SYS.gettid)
}

/** getpid(2), which is the main thread's gettid(2). */
export function getpid(): number {
  return process.pid
}

// ---- getrusage

/** Whose usage: of the whole process, of the calling thread, of the children that have ended. */
export const RUSAGE_SELF = 0
export const RUSAGE_THREAD = 1
export const RUSAGE_CHILDREN = -1

/** Longs in a struct rusage; musl's is longer (272 bytes) than what the kernel fills (144). */
export const RUSAGE_LONGS = 34

/** What getrusage(2) counts and Linux fills in. */
export interface ResourceUsage {
  readonly userMicros: number
  readonly systemMicros: number
  /** The most memory that was resident at once; of the process, also for RUSAGE_THREAD. */
  readonly maxResidentKilobytes: number
  /** Pages that were mapped without reading from a device, and with. */
  readonly minorFaults: number
  readonly majorFaults: number
  /** Blocks of 512 bytes that were read from and written to devices. */
  readonly blocksIn: number
  readonly blocksOut: number
  /** The thread gave up the processor because it waited for something. */
  readonly voluntaryContextSwitches: number
  /** The processor was taken away from it. */
  readonly involuntaryContextSwitches: number
}

/**
 * getrusage(2).
 * @param usage RUSAGE_LONGS 64-bit integers: user seconds, microseconds, system seconds, microseconds, and the
 * fourteen counters of the man page
 * @returns 0, or a negative errno
 */
export function rawGetrusage(who: number, usage: Pointer): number {
  return getrusageC(who, usage) === -1 ? -errno() : 0
}

/**
 * getrusage(2).
 * @throws EINVAL for an unknown `who`
 */
export function getrusage(who: number = RUSAGE_SELF): ResourceUsage {
  const usage = new BigInt64Array(RUSAGE_LONGS)
  check(rawGetrusage(who, usage), 'getrusage')
  const at = (index: number) => Number(usage[index]!)
  return {
    userMicros: at(0) * 1e6 + at(1),
    systemMicros: at(2) * 1e6 + at(3),
    maxResidentKilobytes: at(4),
    minorFaults: at(8),
    majorFaults: at(9),
    blocksIn: at(11),
    blocksOut: at(12),
    voluntaryContextSwitches: at(16),
    involuntaryContextSwitches: at(17),
  }
}

// ---- limits

/** One more than the highest descriptor. */
export const RLIMIT_NOFILE = 7
/** Bytes of memory that may be locked. */
export const RLIMIT_MEMLOCK = 8
/** Signals that may be queued, of all processes of the user together. */
export const RLIMIT_SIGPENDING = 11

/** A limit, in the resource's own unit; Infinity: none. */
export interface ResourceLimit {
  /** What is enforced; any process may move it, up to `hard`. */
  readonly soft: number
  /** What `soft` may be raised to; only lowered without CAP_SYS_RESOURCE. */
  readonly hard: number
}

const UNLIMITED = 0xffff_ffff_ffff_ffffn
const toLimit = (raw: bigint) => (raw === UNLIMITED ? Number.POSITIVE_INFINITY : Number(raw))
const fromLimit = (limit: number) => (limit === Number.POSITIVE_INFINITY ? UNLIMITED : BigInt(limit))

/**
 * getrlimit(2).
 * @throws EINVAL for an unknown resource
 */
export function getrlimit(resource: number): ResourceLimit {
  const limit = new BigUint64Array(2)
  check(getrlimitC(resource, limit) === -1 ? -errno() : 0, 'getrlimit')
  return { soft: toLimit(limit[0]!), hard: toLimit(limit[1]!) }
}

/**
 * setrlimit(2), of this process.
 * @throws EINVAL (soft above hard), EPERM (hard raised without CAP_SYS_RESOURCE)
 */
export function setrlimit(resource: number, limit: ResourceLimit): void {
  const raw = BigUint64Array.of(fromLimit(limit.soft), fromLimit(limit.hard))
  check(setrlimitC(resource, raw) === -1 ? -errno() : 0, 'setrlimit')
}

// ---- timer slack

const PR_SET_TIMERSLACK = 29
const PR_GET_TIMERSLACK = 30

/**
 * prctl(PR_SET_TIMERSLACK): how much later than asked the calling thread's sleeps (select, poll, epoll_wait,
 * sigtimedwait, nanosleep) may end, so that the kernel can gather wake-ups. 50 000 unless changed.
 * @param nanoseconds 1 or more; 0: back to the thread's default
 * @throws EINVAL
 */
export function setTimerSlack(nanoseconds: number): void {
  check(prctlC(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0) === -1 ? -errno() : 0, 'prctl')
}

/** prctl(PR_GET_TIMERSLACK). Nanoseconds. */
export function getTimerSlack(): number {
  const slack = prctlC(PR_GET_TIMERSLACK, 0, 0, 0, 0)
  return check(slack === -1 ? -errno() : slack, 'prctl')
}

// ---- affinity

/**
 * sched_setaffinity(2): the processors that a thread may run on.
 * @param cpus their numbers, from 0
 * @param tid the thread; 0: the calling one (not the process: each thread has its own)
 * @throws EINVAL when none of them exists or is allowed by the cpuset, ESRCH, EPERM
 */
export function schedSetaffinity(cpus: readonly number[], tid = 0): void {
  // Whole longs, and never less than libc's cpu_set_t of 1024 processors.
  const set = new Uint8Array(Math.max(128, Math.ceil((Math.max(...cpus, 0) + 1) / 64) * 8))
  for (const cpu of cpus) set[cpu >> 3]! |= 1 << (cpu & 7)
  check(setaffinityC(tid, set.length, set) === -1 ? -errno() : 0, 'sched_setaffinity')
}

/**
 * sched_getaffinity(2).
 * @param tid the thread; 0: the calling one
 * @returns the numbers of the processors that it may run on, ascending
 * @throws ESRCH
 */
export function schedGetaffinity(tid = 0): number[] {
  // EINVAL: the kernel knows of more processors than there is room for.
  for (let bytes = 128; ; bytes *= 2) {
    const set = new Uint8Array(bytes)
    const result = getaffinityC(tid, bytes, set) === -1 ? -errno() : 0
    if (result === -22 && bytes < 65536) continue
    check(result, 'sched_getaffinity')
    const cpus: number[] = []
    for (let cpu = 0; cpu < bytes * 8; cpu++) if ((set[cpu >> 3]! & (1 << (cpu & 7))) !== 0) cpus.push(cpu)
    return cpus
  }
}
