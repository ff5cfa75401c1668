/** The rows of the drawing, in the order of time: what stands in them, not where. */
import type { Text } from '../../text/language.js'
import { type CallEvent, type MarkEvent, startOf } from '../event.js'
import { aside, entered, resultOf, returned, SLEPT_MICROS } from '../explain.js'
import { tellings } from '../tellings.js'
import type { Trace } from '../trace.js'

/** Between the application and the kernel: a call that goes in, that comes back, both; or something from outside. */
export type Arrow = 'none' | 'in' | 'back' | 'both' | 'arrival' | 'raise'

export interface Row {
  readonly at: number
  /** When it is over, of a call that goes in and comes back in one row. */
  readonly until: number
  /** false: it was before the beginning, and its time says nothing. */
  readonly timed: boolean
  readonly thread: number
  readonly arrow: Arrow
  readonly application: string
  readonly code: boolean
  /** On the arrow back. */
  readonly result: string
  readonly kernel: string
  /** The kernel's own times, of the same thing: going in, and coming back. */
  readonly seen: number | null
  readonly seenUntil: number | null
  /** Only the kernel tells of it. */
  readonly witnessed: boolean
  /** It says nothing about the model. */
  readonly quiet: boolean
  readonly repeats: boolean
}

const empty: Omit<Row, 'at' | 'until'> = {
  timed: true,
  thread: 0,
  arrow: 'none',
  application: '',
  code: false,
  result: '',
  kernel: '',
  seen: null,
  seenUntil: null,
  witnessed: false,
  quiet: false,
  repeats: false,
}

export function rowsOf(trace: Trace, text: Text): Row[] {
  const told = tellings(trace, text).map(
    ({ at, says }): Row => ({ ...empty, at, until: at, witnessed: true, kernel: says, seen: at }),
  )
  const moments = [...told.map(({ at }) => at), ...trace.events.map(startOf)]
  const rows = trace.events.flatMap((event) =>
    event.kind === 'call' ? callRows(event, trace, moments, text) : [markRow(event, text)],
  )
  rows.push(...told)
  // What was before the beginning comes first; else a stable sort keeps the order within a moment.
  return rows.sort((a, b) => Number(a.timed) - Number(b.timed) || a.at - b.at)
}

/** @param moments when everything else happened: a call during which something did has two rows */
function callRows(event: CallEvent, trace: Trace, moments: readonly number[], text: Text): Row[] {
  const { fd, delivered } = trace
  const { name, began, returned: first, ended, count, thread } = event
  const often = count > 1 ? `${text.comma}${text.trace.times(count)}` : ''
  const quiet = aside.test(name)
  const call = { ...empty, thread, code: true, quiet, application: `${name}(${event.arguments.join(', ')})` }
  const result = `${resultOf(event)}${often}`
  const seen = event.kernel?.entered ?? null
  const seenUntil = event.kernel?.left ?? null
  const does = returned(event, fd, text)
  const more = { ...empty, thread, at: ended, until: ended, repeats: true }
  const between = count === 1 && moments.some((at) => at > began && at < first)
  if (first - began <= SLEPT_MICROS && !between) {
    const row: Row = {
      ...call,
      at: began,
      until: first,
      arrow: 'both',
      result,
      kernel: does,
      seen,
      seenUntil,
    }
    return count > 1 ? [row, more] : [row]
  }
  const back = count > 1 ? first : Math.min(ended, delivered)
  // The scheduler knows; a call that takes long may as well have been pushed aside.
  const slept = trace.kernel.usable
    ? trace.states.some(
        (span) => span.thread === thread && span.state === 'asleep' && span.from < first && span.to > began,
      )
    : first - began > SLEPT_MICROS
  const pair: Row[] = [
    { ...call, at: began, until: began, arrow: 'in', kernel: slept ? entered(event, fd, text) : '', seen },
    {
      ...empty,
      thread,
      quiet,
      at: back,
      until: back,
      arrow: 'back',
      result,
      kernel: does,
      seenUntil,
    },
  ]
  return count > 1 ? [...pair, more] : pair
}

function markRow(event: MarkEvent, text: Text): Row {
  const { mark, value, at, thread } = event
  const says = text.trace.marks
  const row = { ...empty, at, until: at, thread }
  const bytes = text.bytes(value ?? 0)
  switch (mark) {
    case 'asked':
      return { ...row, application: says.asked }
    case 'thread':
      return { ...row, application: says.thread(event.thread) }
    case 'handler':
      return {
        ...row,
        timed: false,
        arrow: 'in',
        code: true,
        application: says.handler(event.text ?? ''),
      }
    case 'signal':
      return { ...row, arrow: 'raise', application: says.signal(event.text ?? '') }
    case 'sent':
      return { ...row, arrow: 'arrival', kernel: says.sent(bytes) }
    case 'submission':
      return { ...row, application: says.submission(event.text ?? '') }
    case 'completion':
      return {
        ...row,
        application: says.completion(value ?? 0),
        kernel: (value ?? 0) > 0 ? says.copied : '',
      }
    case 'data':
      return { ...row, application: says.data(bytes) }
  }
}
