/** How far two witnesses of the same thing agree: our stamps, and the kernel's tracepoints. */
import type { CallEvent, Event } from './event.js'
import { startOf } from './event.js'
import type { KernelEvent } from './kernel/event.js'
import type { Timeline } from './timeline.js'

/** Where one phase ends and the next begins, as both can see it; in the order of time. */
export const boundaries = [
  /** The call that waits, or asks first, is made. */
  'wait-begins',
  /** The message is there. */
  'data-arrives',
  /** The waiting call has come back: phase 1 is over. */
  'wait-ends',
  /** The call that copies is made: phase 2 begins. */
  'copy-begins',
  /** It has come back; or, asynchronous, whoever copied is done, and the application hears of it. */
  'copy-ends',
  /** The library's own stamps of the operation, `ready` and `copied`: they need no recording of calls. */
  'stamp-ready',
  'stamp-copied',
] as const

export type Boundary = (typeof boundaries)[number]

/** Those that the phases are drawn from. */
const ofPhases: readonly Boundary[] = boundaries.filter((boundary) => !boundary.startsWith('stamp-'))

/** Why the two may lie apart. */
export type Cause =
  /** The call slept: the way back into JavaScript is long, because others have had the processor's caches since. */
  | 'way-back'
  /** A signal's handler runs before the call is back. */
  | 'handler'
  /** Somebody else copied; the application is told later. */
  | 'told-later'
  /** Before it arrives, a message goes through the kernel's network. */
  | 'network'
  /** The library stamps an operation when its report has been looked up; the recording of the call comes before. */
  | 'library'

/** One boundary of one message: its time by both, microseconds. */
export interface Sighting {
  readonly boundary: Boundary
  readonly ours: number
  readonly kernels: number
  readonly cause: Cause | null
}

export interface BoundaryAgreement {
  readonly boundary: Boundary
  /** The kernel's time less ours, microseconds: the median over the repetitions that have both. */
  readonly medianMicros: number
  /** The same without its sign. */
  readonly medianDistanceMicros: number
  readonly worstDistanceMicros: number
  readonly repeats: number
  /** Why they may lie apart, where there is a reason. */
  readonly cause: Cause | null
}

export interface Agreement {
  readonly boundaries: readonly BoundaryAgreement[]
  /** The greatest of the medians, of the boundaries of the phases; the library's stamps stand beside them. */
  readonly worstMedianMicros: number
  /** Whether it is within TARGET_MICROS. */
  readonly agree: boolean
}

export const TARGET_MICROS = 20

/** What a call of libc's is to the kernel, where the names differ. */
const systemCalls: Readonly<Record<string, readonly string[]>> = {
  recv: ['recvfrom'],
  send: ['sendto'],
  epoll_wait: ['epoll_wait', 'epoll_pwait'],
  select: ['select', 'pselect6'],
  poll: ['poll', 'ppoll'],
  pread: ['pread64'],
  sigtimedwait: ['rt_sigtimedwait'],
  pthread_sigmask: ['rt_sigprocmask'],
  // glibc waits for its own threads.
  aio_suspend: ['futex'],
}

/** The kernel prints whole microseconds, cut off. */
export const GRAIN_MICROS = 1.5

/** Puts beside each call when the kernel saw it. @param kernel not folded */
export function beside(events: readonly Event[], kernel: readonly KernelEvent[]): Event[] {
  const seen = kernel.filter((event) => event.kind === 'call')
  const from = new Map<number, number>()
  return events.map((event) => {
    if (event.kind !== 'call') return event
    const names = systemCalls[event.name] ?? [event.name]
    for (let at = from.get(event.thread) ?? 0; at < seen.length; at++) {
      const call = seen[at]!
      if (call.entered > event.ended) break
      if (call.actor !== event.thread || call.entered < event.began - GRAIN_MICROS) continue
      if (!names.includes(call.name)) continue
      from.set(event.thread, at + 1)
      return { ...event, kernel: { entered: call.entered, left: call.left } }
    }
    return event
  })
}

const waits = /^(select|poll|ppoll|epoll_wait|sigtimedwait|aio_suspend|io_uring_enter)$/
const copies = /^(recv|recvfrom|recvmsg|read|pread)$/

/**
 * The boundaries of one message that both saw.
 * @param events not folded, with the kernel's times beside the calls
 */
export function sightings(
  timeline: Pick<Timeline, 'fd' | 'stamps'>,
  events: readonly Event[],
  kernel: readonly KernelEvent[],
): Sighting[] {
  const found: Sighting[] = []
  const see = (
    boundary: Boundary,
    ours: number | undefined,
    kernels: number | null | undefined,
    cause: Cause | null = null,
  ) => {
    if (ours !== undefined && kernels !== null && kernels !== undefined)
      found.push({ boundary, ours, kernels, cause })
  }
  const calls = events.filter((event): event is CallEvent => event.kind === 'call')
  const sent = events.find((event) => event.kind === 'mark' && event.mark === 'sent')
  const sentAt = sent === undefined ? 0 : startOf(sent)
  const ofFd = ({ name, arguments: [first] }: CallEvent) => copies.test(name) && first === String(timeline.fd)
  const copy = calls.find((call) => ofFd(call) && call.result > 0)
  // A call that slept until the data were there did both.
  const both = copy !== undefined && copy.began < sentAt && copy.ended >= sentAt
  const first = calls.find(
    (call) => (both || copy?.thread === 0 ? ofFd(call) : false) || waits.test(call.name),
  )
  const wait = calls.findLast(
    (call) =>
      waits.test(call.name) &&
      call.thread === 0 &&
      call.ended >= sentAt &&
      call.began <= (copy?.began ?? Infinity),
  )
  const asked = both ? copy : first
  see('wait-begins', asked?.began, asked?.kernel?.entered)
  const arrived = kernel.find((event) => event.kind === 'data-ready' && event.actor === 'sender')
  if (sent !== undefined && arrived?.kind === 'data-ready') see('data-arrives', sentAt, arrived.at, 'network')
  const last = (event: CallEvent | undefined) => (event?.count === 1 ? event.kernel?.left : undefined)
  if (!both) {
    see('wait-ends', wait?.ended, last(wait), wait?.error === 'EINTR' ? 'handler' : 'way-back')
    see('copy-begins', copy?.began, copy?.kernel?.entered)
  }
  if (copy === undefined) see('copy-ends', ...elsewhere(events, kernel), 'told-later')
  else see('copy-ends', copy.ended, last(copy), both || sent === undefined ? 'way-back' : null)
  const ready = both ? undefined : wait === undefined ? copy?.kernel?.entered : last(wait)
  see('stamp-ready', timeline.stamps.ready, ready, 'library')
  see('stamp-copied', timeline.stamps.copied, last(copy), 'library')
  return found
}

/** Asynchronous: when somebody else had copied, and when the application heard of it. */
function elsewhere(
  events: readonly Event[],
  kernel: readonly KernelEvent[],
): [number | undefined, number | undefined] {
  const heard = events.find(
    (event) =>
      (event.kind === 'mark' && event.mark === 'completion' && (event.value ?? 0) > 0) ||
      (event.kind === 'call' && event.name === 'aio_return' && event.result > 0),
  )
  const done = kernel.findLast((event) =>
    event.kind === 'call'
      ? event.actor === 'helper' && (event.result ?? 0) > 0 && /^(read|pread64|recvfrom)$/.test(event.name)
      : event.kind === 'ring-complete' && (event.value ?? 0) > 0,
  )
  const at = done === undefined ? undefined : done.kind === 'call' ? (done.left ?? undefined) : done.at
  return [heard === undefined ? undefined : startOf(heard), at]
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

const tenth = (value: number) => Math.round(value * 10) / 10

/** What lies apart further than is wanted. */
export const apart = ({ boundaries: all }: Agreement): BoundaryAgreement[] =>
  all.filter(
    ({ boundary, medianDistanceMicros }) =>
      ofPhases.includes(boundary) && medianDistanceMicros > TARGET_MICROS,
  )

/** Over several messages. @returns null: there is nothing that both saw */
export function agreementOf(messages: readonly (readonly Sighting[])[]): Agreement | null {
  const all = boundaries.flatMap((boundary): BoundaryAgreement[] => {
    const seen = messages.flatMap((message) => message.filter((sighting) => sighting.boundary === boundary))
    if (seen.length === 0) return []
    const differences = seen.map(({ ours, kernels }) => kernels - ours)
    const distances = differences.map(Math.abs)
    return [
      {
        boundary,
        medianMicros: tenth(median(differences)),
        medianDistanceMicros: tenth(median(distances)),
        worstDistanceMicros: tenth(Math.max(...distances)),
        repeats: seen.length,
        cause: seen[0]!.cause,
      },
    ]
  })
  if (all.length === 0) return null
  const ofThem = all.filter(({ boundary }) => ofPhases.includes(boundary))
  const worstMedianMicros = Math.max(0, ...ofThem.map(({ medianDistanceMicros }) => medianDistanceMicros))
  return { boundaries: all, worstMedianMicros, agree: worstMedianMicros <= TARGET_MICROS }
}
