/** What each thread was doing, from one time to another. */
import type { CallEvent, Event } from './event.js'
import { SLEPT_MICROS } from './explain.js'
import type { KernelEvent, KernelMark } from './kernel/event.js'

export type ThreadState =
  /** It computes. */
  | 'running'
  /** It asks again and again, and is told that there is nothing. */
  | 'polling'
  /** The kernel has taken it off its processor until something happens. */
  | 'asleep'
  /** It could run, and no processor is free. */
  | 'runnable'

export interface StateSpan {
  /** As in the calls: 0 is the application's own. */
  readonly thread: number
  readonly state: ThreadState
  readonly from: number
  readonly to: number
}

/** By the scheduler. @param until when the story ends */
export function scheduled(events: readonly KernelEvent[], thread: number, until: number): StateSpan[] {
  const spans: StateSpan[] = []
  let state: ThreadState | null = null
  let since = 0
  const become = (next: ThreadState, at: number, before: ThreadState) => {
    const from = Math.max(0, since)
    const to = Math.min(until, at)
    // The first change tells what was before it.
    if (to > from) spans.push({ thread, state: state ?? before, from, to })
    state = next
    since = at
  }
  const own = events.filter((event): event is KernelMark => event.kind !== 'call' && event.actor === thread)
  for (const { kind, at } of own) {
    if (kind === 'sleeps') become('asleep', at, 'running')
    else if (kind === 'preempted') become('runnable', at, 'running')
    else if (kind === 'woken' && state !== 'running') become('runnable', at, 'asleep')
    else if (kind === 'runs') become('running', at, 'runnable')
  }
  if (state !== null) become(state, until, state)
  return spans
}

/** By the calls alone: in a call that takes long it slept, and else it ran. */
export function inferred(calls: readonly CallEvent[], thread: number, until: number): StateSpan[] {
  const spans: StateSpan[] = []
  let since = thread === 0 ? 0 : (calls[0]?.began ?? until)
  for (const { began, ended, count } of calls) {
    if ((ended - began) / count <= SLEPT_MICROS) continue
    if (began > since) spans.push({ thread, state: 'running', from: since, to: began })
    const to = Math.min(ended, until)
    spans.push({ thread, state: 'asleep', from: began, to })
    since = to
  }
  if (until > since) spans.push({ thread, state: 'running', from: since, to: until })
  return spans
}

/** Asking again and again is running, too; it is told apart. */
function polling(calls: readonly CallEvent[], spans: readonly StateSpan[]): StateSpan[] {
  const polled = calls.filter(
    ({ error, count, began, ended }) =>
      error === 'EAGAIN' && count > 2 && (ended - began) / count <= SLEPT_MICROS,
  )
  return polled.reduce<readonly StateSpan[]>(
    (all, { began, ended }) =>
      all.flatMap((span) => {
        const from = Math.max(span.from, began)
        const to = Math.min(span.to, ended)
        if (span.state !== 'running' || to <= from) return [span]
        return [
          { ...span, to: from },
          { ...span, state: 'polling' as const, from, to },
          { ...span, from: to },
        ].filter((piece) => piece.to > piece.from)
      }),
    spans,
  ) as StateSpan[]
}

/** @param kernel what the scheduler tells; null: it cannot be asked */
export function statesOf(
  events: readonly Event[],
  kernel: readonly KernelEvent[] | null,
  until: number,
): StateSpan[] {
  const calls = events.filter((event) => event.kind === 'call')
  const threads = [...new Set([0, ...calls.map(({ thread }) => thread)])].sort((a, b) => a - b)
  return threads.flatMap((thread) => {
    const own = calls.filter((call) => call.thread === thread)
    const told = kernel === null ? [] : scheduled(kernel, thread, until)
    return polling(own, told.length > 0 ? told : inferred(own, thread, until))
  })
}
