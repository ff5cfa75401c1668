/**
 * poll(2), ppoll(2).
 *
 * Source: poll(2) of man-pages 6.03, Linux 6.18 uapi/asm-generic/poll.h (x86-64 and arm64 share it).
 */
import { check } from './errno.js'
import { bind, errno, type Pointer } from './ffi.js'
import { isEndless, timeWords, wholeMilliseconds, writeTimespec } from './time.js'

const pollC = bind<(pollfds: Pointer, count: number, timeoutMs: number) => number>('poll', 'int', [
  'pointer',
  'size_t',
  'int',
])
const ppollC = bind<(pollfds: Pointer, count: number, timespec: Pointer, sigmask: Pointer) => number>(
  'ppoll',
  'int',
  ['pointer', 'size_t', 'pointer', 'pointer'],
)

export const POLLIN = 0x001
export const POLLPRI = 0x002
export const POLLOUT = 0x004
/** Reported, never asked for; so are POLLHUP and POLLNVAL. */
export const POLLERR = 0x008
export const POLLHUP = 0x010
/** The descriptor is not open. */
export const POLLNVAL = 0x020
export const POLLRDNORM = 0x040
export const POLLRDBAND = 0x080
export const POLLWRNORM = 0x100
export const POLLWRBAND = 0x200
/** The peer has shut down its writing half. */
export const POLLRDHUP = 0x2000

/** `struct pollfd`: int fd at 0, short events at 4, short revents at 6. */
export const POLLFD = { size: 8, events: 4, revents: 6 } as const

/**
 * poll(2).
 * @param pollfds `struct pollfd[count]`
 * @param timeoutMs whole milliseconds; negative: for ever
 * @returns how many entries have something in `revents`, 0 when the time is up, or a negative errno
 */
export function rawPoll(pollfds: Pointer, count: number, timeoutMs: number): number {
  const n = pollC(pollfds, count, timeoutMs)
  return n < 0 ? -errno() : n
}

/**
 * ppoll(2).
 * @param timespec `struct timespec`, or null: for ever
 * @param sigmask `sigset_t`, the calling thread's signal mask for the length of the call, or null: as it is
 * @returns as `rawPoll`
 */
export function rawPpoll(pollfds: Pointer, count: number, timespec: Pointer, sigmask: Pointer): number {
  const n = ppollC(pollfds, count, timespec, sigmask)
  return n < 0 ? -errno() : n
}

/** One descriptor, what is wanted of it, and what `poll` found. */
export interface PollEntry {
  /** Negative: passed over. */
  fd: number
  /** POLL* that are wanted. */
  events: number
  /** POLL* that are so. Written by the call. */
  revents: number
}

function encode(entries: readonly PollEntry[]): Int32Array {
  const words = new Int32Array(entries.length * 2)
  entries.forEach(({ fd, events }, index) => {
    words[index * 2] = fd
    words[index * 2 + 1] = events & 0xffff
  })
  return words
}

function decode(words: Int32Array, entries: readonly PollEntry[]): void {
  entries.forEach((entry, index) => {
    entry.revents = words[index * 2 + 1]! >>> 16
  })
}

/**
 * poll(2). Not restarted after a signal, as the kernel does not.
 * @param entries whose `revents` are written
 * @param timeoutMs milliseconds, rounded up; null: for ever
 * @returns how many entries have something in `revents`; 0: the time is up
 * @throws SystemError EINTR, EINVAL (more entries than RLIMIT_NOFILE), ENOMEM
 */
export function poll(entries: readonly PollEntry[], timeoutMs: number | null): number {
  const words = encode(entries)
  const n = check(rawPoll(words, entries.length, wholeMilliseconds(timeoutMs)), 'poll')
  decode(words, entries)
  return n
}

/**
 * ppoll(2): as `poll`, to the nanosecond, with another signal mask for the length of the call.
 * @param sigmask `sigset_t`, or null: the mask stays
 * @throws SystemError EINTR, EINVAL, ENOMEM
 */
export function ppoll(
  entries: readonly PollEntry[],
  timeoutMs: number | null,
  sigmask: Pointer = null,
): number {
  const words = encode(entries)
  const time = timeWords()
  const endless = isEndless(timeoutMs)
  if (!endless) writeTimespec(time, timeoutMs)
  const n = check(rawPpoll(words, entries.length, endless ? null : time, sigmask), 'ppoll')
  decode(words, entries)
  return n
}
