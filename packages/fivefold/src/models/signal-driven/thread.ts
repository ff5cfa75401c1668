/**
 * What a thread must have in order before a descriptor may raise signals at it.
 *
 * (a) Whoever is hit by SIGIO or a real-time signal that he neither blocks nor handles is dead, and the whole
 *     process with him. So signals are aimed at one thread (F_OWNER_TID; F_SETOWN would hit any thread that does
 *     not block them: V8's, libuv's), and are blocked in it before the first descriptor may raise one.
 * (b) Once blocked they stay so, when the last poller is gone as well: a late one (a duplicate of a closed
 *     descriptor raises on) must find nobody home. The one exception: the embedded sigio poller needs SIGIO open,
 *     and has a listener for good.
 * (c) All pollers of a thread share one plain SIGIO, which says to nobody in particular that something happened:
 *     whoever takes it tells all.
 */
import { check, systemError } from '../../sys/errno.js'
import {
  F_GETFL,
  F_SETFL,
  F_SETOWN_EX,
  F_SETSIG,
  O_ASYNC,
  rawFcntl,
  rawFcntlPointer,
} from '../../sys/fcntl.js'
import { getpid, gettid } from '../../sys/process.js'
import {
  F_OWNER_TID,
  ownerEx,
  rawSigtimedwait,
  rawTgsigqueueinfo,
  SI_USER,
  SIG_BLOCK,
  SIG_UNBLOCK,
  SIGINFO,
  SIGIO,
  SignalSet,
  sigprocmask,
  tgkill,
} from '../../sys/signal.js'

/** This thread, as the kernel knows it. */
export const tid: number = gettid()

const owner = ownerEx(F_OWNER_TID, tid)
const onlySigio = new SignalSet(SIGIO)

/** This thread's mask but for SIGIO: what ppoll sleeps with. */
export const openToSigio = new SignalSet()

let holders = 0
let openers = 0

/** Blocks a poller's own signal, for good, and plain SIGIO until `release`. */
export function hold(signal: number): void {
  holders++
  sigprocmask(SIG_BLOCK, new SignalSet(SIGIO, signal))
  learnMask()
}

export function release(): void {
  holders--
  if (holders === 0 && openers > 0) sigprocmask(SIG_UNBLOCK, onlySigio)
}

/** Lets SIGIO in, unless somebody holds it. Its handler must be there already. */
export function open(): void {
  openers++
  if (holders === 0) sigprocmask(SIG_UNBLOCK, onlySigio)
  learnMask()
}

export function shut(): void {
  openers--
}

function learnMask(): void {
  openToSigio.memory.set(sigprocmask(SIG_BLOCK, null).memory)
  openToSigio.delete(SIGIO)
}

const listeners = new Set<() => void>()

/** Calls `listener` whenever this thread has taken a plain SIGIO, by whatever way. */
export function listen(listener: () => void): void {
  listeners.add(listener)
}

export function unlisten(listener: () => void): void {
  listeners.delete(listener)
}

/** A plain SIGIO has come through the handler. */
export function heard(): void {
  for (const listener of listeners) listener()
}

/** A plain SIGIO was taken in another way: all others are told, but not within this call. */
export function tellOthers(self: (() => void) | null): void {
  if (listeners.size === 0 || (listeners.size === 1 && self !== null)) return
  setImmediate(() => {
    for (const listener of listeners) if (listener !== self) listener()
  })
}

/**
 * Lets a descriptor raise signals at this thread.
 * @param signal a real-time signal, which names the descriptor; 0: plain SIGIO, which does not
 * @throws EPERM for what raises none (regular files, eventfds, timerfds, epoll descriptors); EBADF
 */
export function arm(fd: number, signal: number): void {
  const flags = check(rawFcntl(fd, F_GETFL, 0), 'fcntl')
  check(rawFcntl(fd, F_SETSIG, signal), 'fcntl')
  check(rawFcntlPointer(fd, F_SETOWN_EX, owner), 'fcntl', 'the kernel must be able to aim at one thread')
  check(rawFcntl(fd, F_SETFL, flags | O_ASYNC), 'fcntl')
  // Where there is no support for it the kernel takes the flag, and does not keep it.
  if ((rawFcntl(fd, F_GETFL, 0) & O_ASYNC) === 0) {
    throw systemError(
      -1,
      'fcntl',
      `descriptor ${fd} raises no I/O signals: only sockets, pipes and terminals do`,
    )
  }
}

/** Ends it. Signals that are queued already stay so. */
export function disarm(fd: number): void {
  const flags = rawFcntl(fd, F_GETFL, 0)
  if (flags >= 0) rawFcntl(fd, F_SETFL, flags & ~O_ASYNC)
}

const wakeUp = new Int32Array(SIGINFO.size / 4)
wakeUp[SIGINFO.code / 4] = SI_USER

/**
 * Raises a signal at this thread. SI_USER, allowed towards oneself alone, needs no room in the queue; where a
 * sandbox forbids it there is SIGIO, which needs none either.
 */
export function raise(signal: number): void {
  if (rawTgsigqueueinfo(getpid(), tid, signal, wakeUp) < 0) tgkill(getpid(), tid, SIGIO)
}

const atOnce = new BigInt64Array(2)
const EAGAIN = 11

/** Throws away what is still queued: it counts against the user's limit, and would be the next owner's. */
export function drain(signal: number): void {
  const { memory } = new SignalSet(signal)
  while (rawSigtimedwait(memory, null, atOnce) !== -EAGAIN);
}
