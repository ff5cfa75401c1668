/** From what was recorded to what happened: in order, in microseconds since the application asked, with the phases. */
import type { PhaseStamps } from 'fivefold'
import { type CallEvent, type Event, type Mark, type MarkEvent, startOf } from './event.js'
import type { SendTimes } from './peer.js'
import type { Recorded } from './subject.js'

export interface Span {
  readonly from: number
  readonly to: number
}

export interface Timeline {
  /** The socket. */
  readonly fd: number
  /** Microseconds; 0 is when the application asked. What repeats is there once, with its count. */
  readonly events: readonly Event[]
  /** The wait for the data: until the call that copies them; where one call does both, until they were sent. */
  readonly phase1: Span
  /** The copy: by that call, or (asynchronous) by whoever does it, until the application hears of it. */
  readonly phase2: Span
  /** When the application's handler had the message. */
  readonly delivered: number
  /** Calls made, and those that answered EAGAIN. */
  readonly calls: number
  readonly again: number
  /** The same phases as the library stamped them. */
  readonly stamps: Readonly<PhaseStamps>
}

/** What happened, from the question to the answer, in order and in microseconds. What repeats is repeated. */
export function happened({ events: recorded, stamps }: Recorded, sent: SendTimes | null): Event[] {
  const data = recorded.find((event) => event.kind === 'mark' && event.mark === 'data')
  if (data === undefined || stamps.called === 0)
    throw new Error('the recording lacks its beginning or its end')
  const zero = stamps.called
  const end = startOf(data)
  const micros = (time: number) => (time - zero) / 1000
  const mark = (what: Mark, at: number): MarkEvent => ({
    kind: 'mark',
    mark: what,
    at,
    thread: 0,
    value: data.kind === 'mark' ? data.value : null,
    text: null,
  })
  const isSetUp = (event: Event) => event.kind === 'mark' && event.mark === 'handler'
  return [...recorded, mark('asked', zero), ...(sent === null ? [] : [mark('sent', sent.before)])]
    .filter((event) => (startOf(event) >= zero || isSetUp(event)) && startOf(event) <= end)
    .sort((a, b) => startOf(a) - startOf(b))
    .map(
      (event): Event =>
        event.kind === 'mark'
          ? { ...event, at: micros(event.at) }
          : {
              ...event,
              began: micros(event.began),
              returned: micros(event.returned),
              ended: micros(event.ended),
            },
    )
}

/**
 * @param during what `happened`
 * @param sent null: nobody sends, a file is read
 * @param arrived microseconds: when, by the kernel, the device had delivered what a call waits for
 */
export function timelineOf(
  recorded: Recorded,
  sent: SendTimes | null,
  during: readonly Event[] = happened(recorded, sent),
  arrived: number | null = null,
): Timeline {
  const { fd, stamps } = recorded
  const zero = stamps.called
  const micros = (time: number) => (time - zero) / 1000
  const delivered = startOf(during.findLast((event) => event.kind === 'mark' && event.mark === 'data')!)
  const { from, to } = copySpan(during, fd, sent === null ? arrived : micros(sent.before), delivered)
  const calls = during.filter((event) => event.kind === 'call')
  const sum = (chosen: readonly CallEvent[]) => chosen.reduce((total, { count }) => total + count, 0)
  return {
    fd,
    events: folded(during),
    phase1: { from: 0, to: from },
    phase2: { from, to },
    delivered,
    calls: sum(calls),
    again: sum(calls.filter(({ error }) => error === 'EAGAIN')),
    stamps: {
      called: 0,
      ready: micros(stamps.ready),
      copied: micros(stamps.copied),
      delivered: micros(stamps.delivered),
    },
  }
}

const copying = /^(recv|recvfrom|recvmsg|read|pread)$/

/** @param there when the data were there; null: nobody could tell, and all of it counts as the wait */
function copySpan(events: readonly Event[], fd: number, there: number | null, delivered: number): Span {
  const span = (began: number, ended: number) => {
    const from = there === null ? ended : Math.min(Math.max(began, there), ended)
    return { from, to: ended }
  }
  // A call of the synchronous models: phase 2 begins when it is made, or, if it slept, when there was something.
  for (const event of events) {
    if (event.kind !== 'call' || event.result <= 0 || !copying.test(event.name)) continue
    if (event.arguments[0] === String(fd)) return span(event.began, event.ended)
  }
  // Else somebody else copied: it is over by the time the application hears of it.
  const heard = events.find(
    (event) =>
      startOf(event) >= (there ?? 0) &&
      ((event.kind === 'mark' && event.mark === 'completion' && (event.value ?? 0) > 0) ||
        (event.kind === 'call' && event.name === 'aio_return' && event.result > 0)),
  )
  const to = heard === undefined ? delivered : heard.kind === 'call' ? heard.ended : heard.at
  return span(0, to)
}

// ---- what repeats

const MOST_IN_A_CYCLE = 4

/** Time-outs may differ: a host lengthens them from wait to wait. */
const timeout = /^[\d.]+ ms$/

const signature = (event: Event): string =>
  event.kind === 'call'
    ? [
        event.thread,
        event.name,
        ...event.arguments.map((argument) => argument.replace(timeout, 'ms')),
        event.result,
        event.error,
        event.out,
      ].join('\0')
    : `mark ${event.mark}`

/** Calls that come round again and again in the same order are kept once, with how often they came. */
function folded(events: readonly Event[]): Event[] {
  const kept: Event[] = []
  for (let at = 0; at < events.length; ) {
    const { length, rounds } = cycleAt(events, at)
    for (let place = 0; place < length; place++) {
      const first = events[at + place]!
      if (first.kind === 'mark' || rounds === 1) {
        kept.push(first)
        continue
      }
      let count = 0
      for (let round = 0; round < rounds; round++)
        count += (events[at + round * length + place] as CallEvent).count
      const last = events[at + (rounds - 1) * length + place] as CallEvent
      const parameters = first.arguments.map((argument, index) => {
        const other = last.arguments[index]!
        return argument === other ? argument : `${argument.replace(' ms', '')}…${other}`
      })
      kept.push({ ...first, arguments: parameters, count, ended: last.ended })
    }
    at += length * rounds
  }
  return kept
}

/** The shortest cycle that begins here and comes round at least once more; one event once, where there is none. */
function cycleAt(events: readonly Event[], at: number): { length: number; rounds: number } {
  for (let length = 1; length <= MOST_IN_A_CYCLE; length++) {
    const cycle = events.slice(at, at + length)
    if (cycle.length < length || cycle.some((event) => event.kind === 'mark')) break
    const wanted = cycle.map(signature).join('\n')
    let rounds = 1
    while (
      events
        .slice(at + rounds * length, at + (rounds + 1) * length)
        .map(signature)
        .join('\n') === wanted
    ) {
      rounds++
    }
    if (rounds > 1) return { length, rounds }
  }
  return { length: 1, rounds: 1 }
}
