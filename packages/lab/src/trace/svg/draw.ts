/**
 * The timeline as the textbook draws it: the application on the left, the kernel on the right, time downwards, the
 * two phases as bands, the threads' state as colour.
 */
import { wrap } from '../../terminal/width.js'
import type { Text } from '../../text/language.js'
import { duration, factsOf, micros, witnessFacts } from '../explain.js'
import type { Trace } from '../trace.js'
import { type Axis, axisOf, BACK, MIDDLE, OUT, type Placed } from './axis.js'
import { BAR, bar } from './bars.js'
import { arrow, box, element, escaped, label, line, pixels } from './markup.js'
import { rowsOf } from './rows.js'
import { style } from './style.js'

export interface DrawOptions {
  readonly text: Text
  /** false: without the colours, for a page that has `timelineStyle` once. */
  readonly embedStyle?: boolean
}

const WIDTH = 1160
const MARGIN = 16
const TIME_RIGHT = 84
const APPLICATION = 98
const BAR_LEFT = 540
const BAR_STEP = 20
const KERNEL = 724
const KERNEL_BAR = 10
const TOLD = KERNEL + KERNEL_BAR + 10
const SEEN_RIGHT = 1040
const SEEN_WIDTH = 62
const PHASE = 1052
const HEAD = 74
const LINE = 18
/** From the middle of a row to its edge. */
const CLEAR = 11
/** The widest a column of prose is drawn. */
const COLUMN = 6.7

/**
 * Draws a trace, and nothing else: the same trace and language give the same picture.
 * @returns one `<svg>` element that stands by itself, in a page or as a file
 */
export function drawTimeline(trace: Trace, { text, embedStyle = true }: DrawOptions): string {
  const axis = axisOf(rowsOf(trace, text), HEAD)
  const threads = threadsOf(trace)
  const parts = [
    head(trace, text),
    bands(trace, axis, text),
    lives(trace, axis, threads),
    ...axis.rows.map((placed) => row(placed, threads, text)),
    ...axis.breaks.map(({ y, micros: length }) => gap(y, length, threads, text)),
  ]
  const { markup: foot, bottom } = below(trace, axis.bottom + 22, text)
  parts.push(foot)
  const height = Math.ceil(bottom + MARGIN)
  const title = titleOf(trace, text)
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      class: 'ff-trace',
      viewBox: `0 0 ${WIDTH} ${height}`,
      width: WIDTH,
      height,
      role: 'img',
      'aria-label': title,
    },
    [
      element('title', {}, escaped(title)),
      element('desc', {}, escaped(factsOf(trace, text).join(' '))),
      embedStyle ? element('style', {}, style) : '',
      box(0, 0, WIDTH, height, 'paper'),
      ...parts,
    ].join('\n'),
  )
}

export function titleOf({ model, family, synchronous, protocol, bytes }: Trace, text: Text): string {
  const kinds = [text.families[family], synchronous ? text.trace.synchronous : text.trace.asynchronous]
  const shown = protocol === 'file' ? text.witness.file : protocol.toUpperCase()
  return text.trace.title(model, [...new Set(kinds)].join(text.comma), shown, text.bytes(bytes))
}

/** Those that made calls, the application's own first. */
function threadsOf({ events, states }: Trace): number[] {
  const found = new Set([0])
  for (const event of events) if (event.kind === 'call') found.add(event.thread)
  for (const { thread } of states) found.add(thread)
  return [...found].sort((a, b) => a - b)
}

const barOf = (thread: number, threads: readonly number[]) =>
  BAR_LEFT + Math.max(0, threads.indexOf(thread)) * BAR_STEP

// ---- above

function head(trace: Trace, text: Text): string {
  const y = HEAD - 16
  const says = text.witness
  return [
    label({ x: MARGIN, y: 30, text: titleOf(trace, text), class: 'title ink', font: 'prose' }),
    label({ x: TIME_RIGHT, y, text: says.ours, class: 'dim', font: 'prose', anchor: 'end' }),
    label({
      x: BAR_LEFT + BAR,
      y,
      text: text.trace.application,
      class: 'strong ink',
      font: 'prose',
      anchor: 'end',
    }),
    label({ x: KERNEL, y, text: text.trace.kernel, class: 'strong ink', font: 'prose' }),
    trace.kernel.usable
      ? label({ x: SEEN_RIGHT, y, text: says.theirs, class: 'witness', font: 'prose', anchor: 'end' })
      : '',
  ].join('')
}

// ---- the phases

function bands({ phase1, phase2 }: Trace, axis: Axis, text: Text): string {
  const says = text.trace
  let free = axis.top
  // A boundary lies between two rows, so that it runs through no text.
  const edge = (at: number, below: number) => axis.y(at) + below
  const band = (
    from: number,
    to: number,
    name: 'first' | 'second',
    title: string,
    does: string,
    ends: number,
  ): string => {
    const top = edge(from, -CLEAR)
    const height = Math.max(3, edge(to, ends) - top)
    const x = PHASE + 4
    const bracket = `M${x - 4},${top + 1}H${x}V${top + height - 1}H${x - 4}`
    const y = Math.max(top + 12, free)
    free = y + 3 * 15 + 4
    const words = { x: x + 8, font: 'prose', room: WIDTH - MARGIN - x - 4 } as const
    return [
      box(APPLICATION - 6, top, SEEN_RIGHT + 6 - (APPLICATION - 6), height, name),
      element('path', { d: bracket, class: `${name}-line` }),
      label({ ...words, y, text: title, class: `strong ${name}-ink` }),
      label({ ...words, y: y + 15, text: does, class: `${name}-ink` }),
      label({ ...words, y: y + 30, text: duration(to - from, text), class: `${name}-ink` }),
    ].join('')
  }
  return (
    band(phase1.from, phase1.to, 'first', says.phase1, says.phase1Does, -CLEAR) +
    band(phase2.from, phase2.to, 'second', says.phase2, says.phase2Does, CLEAR)
  )
}

// ---- the lines of life

function lives({ states }: Trace, axis: Axis, threads: readonly number[]): string {
  const bottom = axis.bottom + 6
  const own = threads.map((thread) => {
    const spans = states.filter((span) => span.thread === thread)
    const began = axis.rows.find(({ row }) => row.timed && row.thread === thread && row.application !== '')
    const from = thread === 0 || spans.length > 0 || began === undefined ? axis.top : began.y
    return bar(spans, axis, barOf(thread, threads), from, bottom)
  })
  return own.join('') + box(KERNEL, axis.top, KERNEL_BAR, bottom - axis.top, 'kernel')
}

function gap(y: number, length: number, threads: readonly number[], text: Text): string {
  const zigzag = (x: number, width: number) => {
    const [left, right, middle] = [x - 4, x + width + 4, x + width / 2]
    const path = (dy: number) =>
      `M${left},${y + dy + 3}L${middle - 2},${y + dy - 3}L${middle + 2},${y + dy + 3}L${right},${y + dy - 3}`
    return (
      element('path', { d: path(0), class: 'gap' }) +
      element('path', { d: path(-2.5), class: 'axis' }) +
      element('path', { d: path(2.5), class: 'axis' })
    )
  }
  return [
    ...threads.map((thread) => zigzag(barOf(thread, threads), BAR)),
    zigzag(KERNEL, KERNEL_BAR),
    label({
      x: BAR_LEFT - 12,
      y: y + 4,
      text: text.witness.passes(duration(length, text)),
      class: 'dim',
      font: 'prose',
      anchor: 'end',
    }),
  ].join('')
}

// ---- the rows

function row({ row: it, y }: Placed, threads: readonly number[], text: Text): string {
  const left = barOf(it.thread, threads)
  const from = left + BAR + 3
  const to = KERNEL - 3
  const ink = it.quiet ? 'dim' : 'ink'
  const two = it.arrow === 'both'
  const [first, second] = two ? [y + OUT, y + BACK] : [y + MIDDLE, y + MIDDLE]
  const time = (x: number, at: number | null, middle: number, name: string): string =>
    at === null
      ? ''
      : label({ x, y: middle + 4, text: micros(at, text), class: name, font: 'number', anchor: 'end' })
  const parts: string[] = []
  if (it.repeats)
    return label({ x: left + BAR / 2, y: y + 12, text: '⋮', class: 'ink', font: 'prose', anchor: 'middle' })
  if (it.timed && !it.witnessed) parts.push(time(TIME_RIGHT, it.at, first, 'dim'))
  if (two) parts.push(time(TIME_RIGHT, it.until, second, 'dim'))
  const who = it.thread > 0 && it.application !== '' && it.code ? `${text.trace.thread(it.thread)}: ` : ''
  parts.push(
    label({
      x: APPLICATION,
      y: first + 4,
      text: who + it.application,
      class: it.code ? ink : `${ink} strong`,
      font: it.code ? 'code' : 'prose',
      room: BAR_LEFT - APPLICATION - 10,
    }),
  )
  if (it.arrow === 'in' || two) parts.push(arrow(from, to, first))
  if (it.arrow === 'back' || two) parts.push(arrow(to, from, second))
  if (it.arrow === 'raise') parts.push(arrow(to, from, first, 'witness-line', 'witness'))
  if (it.arrow === 'arrival')
    parts.push(
      box(TOLD - 6, first - 9, SEEN_RIGHT - SEEN_WIDTH - TOLD + 6, 18, 'second'),
      arrow(SEEN_RIGHT, SEEN_RIGHT - SEEN_WIDTH, first, 'second-line', 'second-ink'),
    )
  if (it.result !== '')
    parts.push(
      label({
        x: (from + to) / 2,
        y: second - 5,
        text: `= ${it.result}`,
        class: ink,
        font: 'number',
        anchor: 'middle',
        room: to - from - 14,
      }),
    )
  parts.push(
    label({
      x: TOLD,
      y: (two && it.kernel !== '' ? (first + second) / 2 : first) + 4,
      text: it.kernel,
      class: it.witnessed ? 'witness' : ink,
      font: 'prose',
      room: SEEN_RIGHT - SEEN_WIDTH - TOLD - 4,
    }),
    time(SEEN_RIGHT, it.arrow === 'back' ? null : it.seen, first, 'witness'),
    time(SEEN_RIGHT, it.seenUntil, second, 'witness'),
  )
  return parts.join('')
}

// ---- below

function below(trace: Trace, top: number, text: Text): { markup: string; bottom: number } {
  const parts: string[] = []
  let y = top + 12
  let x = MARGIN
  const says = text.witness
  const present = new Set(trace.states.map(({ state }) => state))
  for (const state of ['running', 'polling', 'asleep', 'runnable'] as const) {
    if (!present.has(state)) continue
    const words = says.states[state]
    parts.push(
      box(x, y - 10, BAR, BAR, state),
      label({ x: x + BAR + 6, y, text: words, class: 'ink', font: 'prose' }),
    )
    x += BAR + 6 + pixels(words, 'prose') + 22
  }
  y += LINE + 6
  parts.push(line(MARGIN, y - 14, WIDTH - MARGIN, y - 14, 'axis'))
  y += 4
  for (const fact of [...factsOf(trace, text), ...witnessFacts(trace, text)]) {
    for (const [index, piece] of wrap(fact, Math.floor((WIDTH - 2 * MARGIN - 16) / COLUMN)).entries()) {
      if (index === 0) parts.push(label({ x: MARGIN, y, text: '·', class: 'dim', font: 'prose' }))
      parts.push(label({ x: MARGIN + 14, y, text: piece, class: 'ink', font: 'prose' }))
      y += LINE
    }
  }
  return { markup: parts.join(''), bottom: y - LINE + 6 }
}
