/**
 * Signals: sigaction(2), pthread_sigmask(3), sigtimedwait(2), signalfd(2), tgkill(2), sigqueue(3), and what
 * fcntl(2) needs to aim I/O signals at a thread.
 *
 * (a) A mask belongs to a thread, a disposition to the process. A signal that may reach several threads goes to
 *     any that does not block it, and V8's and libuv's threads block nothing: aim signals at a thread
 *     (F_SETOWN_EX with F_OWNER_TID, tgkill), and block them in it first.
 * (b) JavaScript cannot run in a signal handler. Signals come in by `process.on` (libuv's handler writes to a
 *     pipe that its loop reads; the main thread only), by sigtimedwait, or by signalfd.
 * (c) Standard signals (below SIGRTMIN) merge: one is pending or none. Real-time signals queue, up to
 *     RLIMIT_SIGPENDING per user.
 *
 * Sources: the man pages above, signal(7), the kernel's uapi/asm-generic/siginfo.h and signalfd.h, as of Linux
 * 6.18. The numbers are the same on x86-64 and arm64.
 */
import { check } from './errno.js'
import { bind, errno, type Pointer, requireGlibc, symbol } from './ffi.js'
import { SYS } from './platform.js'

const sigmaskC = bind<(how: number, set: Pointer, old: Pointer) => number>('pthread_sigmask', 'int', [
  'int',
  'pointer',
  'pointer',
])
const sigactionC = bind<(signal: number, action: Pointer, old: Pointer) => number>('sigaction', 'int', [
  'int',
  'pointer',
  'pointer',
])
const sigtimedwaitC = bind<(set: Pointer, info: Pointer, timeout: Pointer) => number>('sigtimedwait', 'int', [
  'pointer',
  'pointer',
  'pointer',
])
const sigpendingC = bind<(set: Pointer) => number>('sigpending', 'int', ['pointer'])
const signalfdC = bind<(fd: number, mask: Pointer, flags: number) => number>('signalfd', 'int', [
  'int',
  'pointer',
  'int',
])
// union sigval is passed by value, in one register, as its widest member: a pointer.
const sigqueueC = bind<(pid: number, signal: number, value: number) => number>('sigqueue', 'int', [
  'int',
  'int',
  'address',
])
const tgkillC = bind<(number: number, tgid: number, tid: number, signal: number) => number>(
  'syscall',
  'long',
  ['long', 'long', 'long', 'long'],
)
const tgsigqueueC = bind<
  (number: number, tgid: number, tid: number, signal: number, info: Pointer) => number
>('syscall', 'long', ['long', 'long', 'long', 'long', 'pointer'])
const rtminC = bind<() => number>('__libc_current_sigrtmin', 'int', [])
const rtmaxC = bind<() => number>('__libc_current_sigrtmax', 'int', [])

// ---- numbers

export const SIGHUP = 1
export const SIGINT = 2
export const SIGQUIT = 3
export const SIGILL = 4
export const SIGTRAP = 5
export const SIGABRT = 6
export const SIGBUS = 7
export const SIGFPE = 8
export const SIGKILL = 9
export const SIGUSR1 = 10
export const SIGSEGV = 11
export const SIGUSR2 = 12
export const SIGPIPE = 13
export const SIGALRM = 14
export const SIGTERM = 15
export const SIGSTKFLT = 16
export const SIGCHLD = 17
export const SIGCONT = 18
export const SIGSTOP = 19
export const SIGTSTP = 20
export const SIGTTIN = 21
export const SIGTTOU = 22
export const SIGURG = 23
export const SIGXCPU = 24
export const SIGXFSZ = 25
export const SIGVTALRM = 26
export const SIGPROF = 27
export const SIGWINCH = 28
export const SIGIO = 29
export const SIGPWR = 30
export const SIGSYS = 31

/** The first real-time signal that is free for use: libc keeps the kernel's first few (32, 33) for itself. */
export function SIGRTMIN(): number {
  return rtminC()
}

/** The last real-time signal. */
export function SIGRTMAX(): number {
  return rtmaxC()
}

const claimed = new Set<number>()

/**
 * A real-time signal that nothing else in this thread has claimed, from SIGRTMAX downwards (programs count
 * upwards from SIGRTMIN). Give it back with `releaseRealtimeSignal`.
 * @throws ENOSPC when all are claimed
 */
export function claimRealtimeSignal(): number {
  for (let signal = SIGRTMAX(); signal >= SIGRTMIN(); signal--) {
    if (claimed.has(signal)) continue
    claimed.add(signal)
    return signal
  }
  return check(-28, 'sigaction', 'every real-time signal of this thread is in use; close a driver')
}

export function releaseRealtimeSignal(signal: number): void {
  claimed.delete(signal)
}

// ---- sets

/** Bytes of the kernel's sigset_t, as raw system calls and signalfd take it; libc's is 128. */
export const KERNEL_SIGSET_BYTES = 8

/** A sigset_t: libc's 128 bytes, of which the kernel reads the first 8. */
export class SignalSet {
  /** What the functions below take. */
  readonly memory = new Uint32Array(32)

  constructor(...signals: number[]) {
    for (const signal of signals) this.add(signal)
  }

  add(signal: number): this {
    this.memory[(signal - 1) >> 5]! |= 1 << ((signal - 1) & 31)
    return this
  }

  delete(signal: number): this {
    this.memory[(signal - 1) >> 5]! &= ~(1 << ((signal - 1) & 31))
    return this
  }

  has(signal: number): boolean {
    return (this.memory[(signal - 1) >> 5]! & (1 << ((signal - 1) & 31))) !== 0
  }

  /** The members, in ascending order. */
  signals(): number[] {
    const found: number[] = []
    for (let signal = 1; signal <= 64; signal++) if (this.has(signal)) found.push(signal)
    return found
  }
}

// ---- masks

export const SIG_BLOCK = 0
export const SIG_UNBLOCK = 1
export const SIG_SETMASK = 2

/**
 * pthread_sigmask(3), which sets the calling thread's mask alone: sigprocmask(2) is unspecified where there are
 * threads.
 * @param how SIG_BLOCK, SIG_UNBLOCK or SIG_SETMASK
 * @param set a sigset_t; null only asks
 * @param old where the former mask goes; null: not wanted
 * @returns 0, or a negative errno: EINVAL for an unknown `how`
 */
export function rawSigprocmask(how: number, set: Pointer, old: Pointer): number {
  return -sigmaskC(how, set, old)
}

/**
 * Changes the calling thread's mask; see rawSigprocmask. SIGKILL, SIGSTOP and libc's own two cannot be blocked,
 * and are passed over in silence.
 * @returns the former mask
 * @throws EINVAL
 */
export function sigprocmask(how: number, set: SignalSet | null): SignalSet {
  const old = new SignalSet()
  check(rawSigprocmask(how, set === null ? null : set.memory, old.memory), 'pthread_sigmask')
  return old
}

/**
 * sigpending(2).
 * @returns the blocked signals that wait, for the calling thread or the process
 */
export function sigpending(): SignalSet {
  const set = new SignalSet()
  check(sigpendingC(set.memory) === -1 ? -errno() : 0, 'sigpending')
  return set
}

// ---- dispositions

export const SIG_DFL = 0
export const SIG_IGN = 1
export const SA_NOCLDSTOP = 1
export const SA_NOCLDWAIT = 2
export const SA_SIGINFO = 4
export const SA_ONSTACK = 0x0800_0000
export const SA_RESTART = 0x1000_0000
export const SA_NODEFER = 0x4000_0000
export const SA_RESETHAND = 0x8000_0000

/** struct sigaction of glibc: handler, 128 bytes of mask, int flags, padding, restorer (libc's own business). */
export const SIGACTION = { size: 152, handler: 0, mask: 8, flags: 136 } as const

/** What a signal does to the process. */
export interface SignalAction {
  /** SIG_DFL, SIG_IGN, or the address of a C function; never of a JavaScript one. */
  readonly handler: number
  /** SA_… bits; none: calls that block are interrupted with EINTR. */
  readonly flags: number
  /** Blocked while the handler runs, besides the signal itself. */
  readonly mask: SignalSet
}

/**
 * sigaction(2).
 * @param action a struct sigaction (layout: SIGACTION), or null to ask only
 * @param old where the former one goes, or null
 * @returns 0, or a negative errno: EINVAL for SIGKILL, SIGSTOP, libc's own signals and unknown ones
 */
export function rawSigaction(signal: number, action: Pointer, old: Pointer): number {
  return sigactionC(signal, action, old) === -1 ? -errno() : 0
}

/**
 * sigaction(2): sets what a signal does to the process, or (without `action`) tells it. Node keeps dispositions
 * of its own for what `process.on` listens to: leave those signals alone.
 * @returns what it did before; pass it back to restore it
 * @throws EINVAL for signals that cannot be caught
 */
export function sigaction(signal: number, action?: Partial<SignalAction>): SignalAction {
  requireGlibc('struct sigaction')
  const old = new Uint32Array(SIGACTION.size / 4)
  const given = action === undefined ? null : encodeAction(action)
  check(rawSigaction(signal, given, old), 'sigaction')
  const mask = new SignalSet()
  mask.memory.set(old.subarray(SIGACTION.mask / 4, SIGACTION.mask / 4 + 32))
  return { handler: old[0]! + old[1]! * 0x1_0000_0000, flags: old[SIGACTION.flags / 4]!, mask }
}

function encodeAction({ handler = SIG_DFL, flags = 0, mask }: Partial<SignalAction>): Uint32Array {
  const memory = new Uint32Array(SIGACTION.size / 4)
  memory[0] = handler >>> 0
  memory[1] = (handler / 0x1_0000_0000) >>> 0
  if (mask !== undefined) memory.set(mask.memory, SIGACTION.mask / 4)
  memory[SIGACTION.flags / 4] = flags
  return memory
}

/**
 * The address of a C function that can be a signal handler and does nothing: abs(3), which takes an int like a
 * handler and touches no memory. Installed without SA_RESTART it makes a signal end whatever call the thread
 * it is aimed at sleeps in, with EINTR, and do nothing else.
 */
export function harmlessHandler(): number {
  const address = symbol('abs')
  return address === 0 ? check(-38, 'sigaction', 'this C library has no abs(3)') : address
}

// ---- waiting

/** struct siginfo: 128 bytes; which fields hold something depends on `code`. Offsets in bytes. */
export const SIGINFO = {
  size: 128,
  signo: 0,
  errno: 4,
  code: 8,
  /** kill, tgkill, sigqueue: who sent it. */
  pid: 16,
  uid: 20,
  /** sigqueue: the value; an int, or a pointer over 8 bytes. */
  value: 24,
  /** I/O signals: a long; POLLIN and so on, as poll(2) would report them. */
  band: 16,
  /** I/O signals: the descriptor, by the number it had when O_ASYNC was set. */
  fd: 24,
} as const

/** struct signalfd_siginfo: 128 bytes. Offsets in bytes. */
export const SIGNALFD_SIGINFO = {
  size: 128,
  signo: 0,
  errno: 4,
  code: 8,
  pid: 12,
  uid: 16,
  fd: 20,
  tid: 24,
  band: 28,
  overrun: 32,
  trapno: 36,
  status: 40,
  int: 44,
  ptr: 48,
} as const

/** `code` values: who raised the signal. */
export const SI_USER = 0
export const SI_QUEUE = -1
export const SI_TIMER = -2
export const SI_ASYNCIO = -4
export const SI_SIGIO = -5
export const SI_TKILL = -6
export const SI_KERNEL = 0x80
/** `code` values of I/O signals: POLL_IN to POLL_HUP. */
export const POLL_IN = 1
export const POLL_OUT = 2
export const POLL_MSG = 3
export const POLL_ERR = 4
export const POLL_PRI = 5
export const POLL_HUP = 6

/**
 * sigtimedwait(2): takes one pending signal of the set, or sleeps for one. The signals must be blocked in the
 * calling thread. The lowest number comes first; those of one number in the order they were raised. glibc
 * reports SI_TKILL as SI_USER.
 * @param set a sigset_t
 * @param info a siginfo (layout: SIGINFO), or null
 * @param timeout a timespec (two 64-bit integers: seconds, nanoseconds), or null: without end
 * @returns the signal's number, or a negative errno: EAGAIN when the time was up, EINTR when a signal outside
 * the set was handled
 */
export function rawSigtimedwait(set: Pointer, info: Pointer, timeout: Pointer): number {
  const signal = sigtimedwaitC(set, info, timeout)
  return signal === -1 ? -errno() : signal
}

/** A signal that was taken, decoded. */
export interface SignalInfo {
  readonly signal: number
  readonly code: number
  /** Who sent it (kill, tgkill, sigqueue), else 0. */
  readonly pid: number
  /** The int that came with sigqueue, else 0. */
  readonly value: number
  /** I/O signals: the descriptor, else -1. */
  readonly fd: number
  /** I/O signals: POLLIN and so on, else 0. */
  readonly band: number
}

/**
 * sigtimedwait(2); see rawSigtimedwait.
 * @param timeoutMs milliseconds (fractions count); -1: without end
 * @returns the signal, or null when the time was up or another signal interrupted
 * @throws EINVAL for a time-out that is no time
 */
export function sigtimedwait(set: SignalSet, timeoutMs = -1): SignalInfo | null {
  const info = new Int32Array(SIGINFO.size / 4)
  const timeout = timeoutMs < 0 ? null : toTimespec(timeoutMs, new BigInt64Array(2))
  const signal = rawSigtimedwait(set.memory, info, timeout)
  if (signal === -11 || signal === -4) return null
  check(signal, 'sigtimedwait')
  const code = info[SIGINFO.code / 4]!
  const io = isIoCode(code)
  return {
    signal,
    code,
    pid: code <= 0 ? info[SIGINFO.pid / 4]! : 0,
    value: code === SI_QUEUE ? info[SIGINFO.value / 4]! : 0,
    fd: io ? info[SIGINFO.fd / 4]! : -1,
    band: io ? info[SIGINFO.band / 4]! : 0,
  }
}

/** True of a signal that an event on a descriptor raised, and that says which. */
export function isIoCode(code: number): boolean {
  return code >= POLL_IN && code <= POLL_HUP
}

/** Fills a timespec. */
export function toTimespec(ms: number, timespec: BigInt64Array): BigInt64Array {
  timespec[0] = BigInt(Math.floor(ms / 1000))
  timespec[1] = BigInt(Math.floor((ms % 1000) * 1e6))
  return timespec
}

export const SFD_NONBLOCK = 0o4000
export const SFD_CLOEXEC = 0o2000000

/**
 * signalfd(2): a descriptor that reads blocked signals, one or many SIGNALFD_SIGINFO to a read. Whose pending
 * signals it shows is decided by who reads (or waits), not by who made it: use it in the thread that the
 * signals are aimed at.
 * @param fd -1: a new one; else one whose set is to be changed
 * @param mask a sigset_t
 * @returns the descriptor, or a negative errno
 */
export function rawSignalfd(fd: number, mask: Pointer, flags: number): number {
  const result = signalfdC(fd, mask, flags)
  return result === -1 ? -errno() : result
}

/**
 * signalfd(2); see rawSignalfd.
 * @throws EINVAL, EBADF, EMFILE, ENFILE, ENOMEM
 */
export function signalfd(fd: number, mask: SignalSet, flags = SFD_NONBLOCK | SFD_CLOEXEC): number {
  return check(rawSignalfd(fd, mask.memory, flags), 'signalfd')
}

// ---- sending

/**
 * tgkill(2): a signal to one thread of a process.
 * @returns 0, or a negative errno: ESRCH when there is no such thread (any more); EPERM; EAGAIN for a real-time
 * signal when RLIMIT_SIGPENDING is reached
 */
export function rawTgkill(pid: number, tid: number, signal: number): number {
  return tgkillC(SYS.tgkill, pid, tid, signal) === -1 ? -errno() : 0
}

/** tgkill(2); see rawTgkill. */
export function tgkill(pid: number, tid: number, signal: number): void {
  check(rawTgkill(pid, tid, signal), 'tgkill')
}

/**
 * sigqueue(3): a signal with a value, to a process (to whichever of its threads does not block it).
 * @param value an integer; `value` of the taken signal holds its low 32 bits
 * @returns 0, or a negative errno: EAGAIN when RLIMIT_SIGPENDING is reached, ESRCH, EPERM, EINVAL
 */
export function rawSigqueue(pid: number, signal: number, value: number): number {
  return sigqueueC(pid, signal, value) === -1 ? -errno() : 0
}

/** sigqueue(3); see rawSigqueue. */
export function sigqueue(pid: number, signal: number, value: number): void {
  check(rawSigqueue(pid, signal, value), 'sigqueue')
}

/**
 * rt_tgsigqueueinfo(2): a signal with a whole siginfo, to one thread. With SI_USER, which is allowed to oneself
 * alone, it is raised even when RLIMIT_SIGPENDING is reached: it then loses what it says, and still arrives.
 * @param info a siginfo (layout: SIGINFO)
 * @returns 0, or a negative errno
 */
export function rawTgsigqueueinfo(pid: number, tid: number, signal: number, info: Pointer): number {
  return tgsigqueueC(SYS.rt_tgsigqueueinfo, pid, tid, signal, info) === -1 ? -errno() : 0
}

// ---- I/O signals: whom F_SETOWN_EX names

export const F_OWNER_TID = 0
export const F_OWNER_PID = 1
export const F_OWNER_PGRP = 2

/**
 * struct f_owner_ex, for fcntl(fd, F_SETOWN_EX): who hears of a descriptor's events.
 * @param type F_OWNER_TID, F_OWNER_PID or F_OWNER_PGRP; a process is any of its threads that does not block the
 * signal, and one that does not expect it dies of it
 * @param id the thread's, the process's or the group's
 */
export function ownerEx(type: number, id: number): Int32Array {
  return Int32Array.of(type, id)
}
