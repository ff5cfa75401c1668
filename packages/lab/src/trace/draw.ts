/**
 * The timeline as the textbook draws it: the application on the left, the kernel on the right, time downwards, the
 * two phases as brackets beside them.
 */
import type { Terminal } from '../terminal/terminal.js'
import { cut, pad, widthOf, wrap } from '../terminal/width.js'
import type { Text } from '../text/language.js'
import type { CallEvent, Event } from './event.js'
import { aside, entered, factsOf, micros, resultOf, returned, SLEPT_MICROS, witnessFacts } from './explain.js'
import { tellings } from './tellings.js'
import type { Timeline } from './timeline.js'
import type { Trace } from './trace.js'

interface Row {
  readonly at: number | null
  readonly application: string
  /** A call: its arguments give way where there is no room for all of it. */
  readonly call?: { readonly before: string; readonly parameters: string; readonly after: string }
  readonly arrow: string
  readonly kernel: string
  /** Rows of one moment keep their order. */
  readonly order: number
}

export function draw(trace: Trace, text: Text, out: Terminal): void {
  const says = text.trace
  const { style } = out
  const rows = rowsOf(trace, text)
  const timeWidth = Math.max(
    widthOf(says.time),
    ...rows.map(({ at }) => (at === null ? 0 : micros(at, text).length)),
  )
  const phaseWidth =
    Math.max(...[says.phase1, says.phase1Does, says.phase2, says.phase2Does].map(widthOf)) + 2
  const arrowWidth = 3
  const left = out.columns - timeWidth - phaseWidth - arrowWidth - 8
  const kernelWidth = Math.min(
    Math.max(...rows.map(({ kernel }) => widthOf(kernel)), widthOf(says.kernel)),
    Math.floor(left * 0.42),
  )
  const applicationWidth = left - kernelWidth

  const line = (time: string, application: string, arrow: string, kernel: string, phase: string) =>
    out.line(
      [
        pad(time, timeWidth, 'right'),
        pad(application, applicationWidth),
        pad(arrow, arrowWidth),
        pad(kernel, kernelWidth),
        phase,
      ]
        .join('  ')
        .trimEnd(),
    )
  line(style.dim(says.time), style.bold(says.application), '', style.bold(says.kernel), '')
  const brackets = bracketsOf(rows, trace, text)
  rows.forEach((row, index) => {
    const { label, phase } = brackets[index]!
    const paint = phase === 1 ? style.first : phase === 2 ? style.second : (it: string) => it
    line(
      style.dim(row.at === null ? '' : micros(row.at, text)),
      applicationOf(row, applicationWidth),
      style.dim(row.arrow),
      cut(row.kernel, kernelWidth),
      paint(label),
    )
  })
  out.line()
  for (const fact of [...factsOf(trace, text), ...witnessFacts(trace, text)]) {
    for (const [index, piece] of wrap(fact, out.columns - 4).entries())
      out.line(`${index === 0 ? '  · ' : '    '}${piece}`)
  }
}

function applicationOf({ application, call }: Row, width: number): string {
  if (call === undefined || widthOf(application) <= width) return cut(application, width)
  const { before, parameters, after } = call
  const room = width - widthOf(before) - widthOf(after)
  return room < 1 ? cut(application, width) : before + cut(parameters, room) + after
}

// ---- rows

function rowsOf(trace: Trace, text: Text): Row[] {
  const { events, delivered, fd } = trace
  const rows: Row[] = []
  const threads = new Set(events.map(({ thread }) => thread).filter((thread) => thread > 0))
  const who = (event: Event) =>
    threads.size === 0 || event.thread <= 0 ? '' : `${text.trace.thread(event.thread)}: `
  let order = 0
  const row = (at: number | null, application: string, arrow: string, kernel: string) =>
    rows.push({ at, application, arrow, kernel, order: order++ })
  const callRow = (event: CallEvent, result: string, arrow: string, kernel: string) => {
    const before = `${who(event)}${event.name}(`
    const parameters = event.arguments.join(', ')
    const call = { before, parameters, after: `)${result}` }
    rows.push({
      at: event.began,
      application: before + parameters + call.after,
      call,
      arrow,
      kernel,
      order: order++,
    })
  }
  for (const event of events) {
    if (event.kind === 'call') callRows(event)
    else markRow(event)
  }
  for (const { at, says } of tellings(trace, text)) row(at, '', '·', says)
  // A call that slept ends where it ended, after what happened meanwhile.
  return rows.sort((a, b) => (a.at ?? 0) - (b.at ?? 0) || a.order - b.order)

  function callRows(event: CallEvent): void {
    const { name, began, returned: first, ended, count } = event
    if (aside.test(name)) return
    const result = resultOf(event)
    if (first - began <= SLEPT_MICROS) {
      callRow(event, ` = ${result}`, '⇄', returned(event, fd, text))
      if (count > 1) row(ended, text.trace.times(count), '⋮', '')
      return
    }
    callRow(event, '', '→', entered(event, fd, text))
    const often = count > 1 ? `, ${text.trace.times(count)}` : ''
    row(
      count > 1 ? first : Math.min(ended, delivered),
      `${who(event)}${name} = ${result}${often}`,
      '←',
      returned(event, fd, text),
    )
    if (count > 1) row(ended, '', '⋮', '')
  }

  function markRow(event: Event & { kind: 'mark' }): void {
    const { mark, value } = event
    const says = text.trace.marks
    const bytes = text.bytes(value ?? 0)
    if (mark === 'asked') row(event.at, says.asked, '', '')
    else if (mark === 'thread') row(event.at, says.thread(event.thread), '', '')
    else if (mark === 'handler') row(null, says.handler(event.text ?? ''), '→', '')
    else if (mark === 'signal')
      row(event.at, says.signal(event.text ?? ''), '←', says.raises(event.text ?? ''))
    else if (mark === 'sent') row(event.at, '', '', says.sent(bytes))
    else if (mark === 'submission') row(event.at, says.submission(event.text ?? ''), '', '')
    else if (mark === 'completion')
      row(event.at, says.completion(value ?? 0), '', (value ?? 0) > 0 ? says.copied : '')
    else row(event.at, says.data(bytes), '', '')
  }
}

// ---- phases

function bracketsOf(
  rows: readonly Row[],
  { phase1, phase2 }: Timeline,
  text: Text,
): { label: string; phase: 0 | 1 | 2 }[] {
  const says = text.trace
  const phaseOf = (at: number | null): 0 | 1 | 2 => {
    if (at === null || at < phase1.from) return 0
    if (at < phase2.from) return 1
    return at <= phase2.to ? 2 : 0
  }
  const phases = rows.map(({ at }) => phaseOf(at))
  return phases.map((phase, index) => {
    if (phase === 0) return { label: '', phase }
    const first = phases.indexOf(phase)
    const final = phases.lastIndexOf(phase)
    const edge = first === final ? '╶' : index === first ? '┐' : index === final ? '┘' : '│'
    const title = phase === 1 ? says.phase1 : says.phase2
    const does = phase === 1 ? says.phase1Does : says.phase2Does
    const label = index === first ? `${edge} ${title}` : index === first + 1 ? `${edge} ${does}` : edge
    return { label, phase }
  })
}
