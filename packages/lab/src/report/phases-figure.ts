/**
 * The comparison of the five models, as the textbook's last figure has it, from traces: a column for each model, a bar for
 * each of its mechanisms, phase 1 above and phase 2 below. Waits are milliseconds and copies microseconds, so the
 * wait has a scale of its own, and what follows the sending has logarithmic ones.
 */
import type { Family } from 'fivefold'
import type { Text } from '../text/language.js'
import { html, Markup, type Part } from './html.js'
import type { Hold, Phases } from './phases.js'

const WIDTH = 1100
const LEFT = 110
const RIGHT = 118
const BAR = 44
const HEADS = 112
const WAIT = 150
const AFTER = 104
const GAP = 26
/** Between two models, in bars' widths. */
const BETWEEN = 0.3
/** The logarithmic scales begin here: what is shorter has no length. */
const LEAST_MICROS = 1

export interface Words {
  readonly text: Text
  /** A duration given in microseconds. */
  duration(micros: number): string
  /** Makes ids that are the only ones of their kind on the page. */
  id(name: string): string
}

export function phasesFigure(columns: readonly Phases[], words: Words): Markup {
  const { text, duration, id } = words
  const says = text.report.phases
  const families = [...new Set(columns.map(({ family }) => family))]
  const room = WIDTH - LEFT - RIGHT
  const members = (family: Family) => columns.filter((column) => column.family === family)
  /** The family's name needs some room even above a single bar. */
  const width = (family: Family) => (members(family).length === 1 ? 1.35 : members(family).length)
  const slots = families.reduce((sum, family) => sum + width(family), (families.length - 1) * BETWEEN)
  const slot = Math.min(room / slots, 130)
  const place = new Map<Phases, number>()
  const spans = new Map<Family, [from: number, to: number]>()
  let x = LEFT
  for (const family of families) {
    const own = members(family)
    own.forEach((column, index) => {
      place.set(column, x + (slot * width(family) * (index + 0.5)) / own.length)
    })
    spans.set(family, [x, x + slot * width(family)])
    x += slot * (width(family) + BETWEEN)
  }

  const most = (of: (column: Phases) => number) => Math.max(...columns.map(of), LEAST_MICROS * 10)
  const sentY = HEADS + WAIT
  const noticeY = sentY
  const copyY = noticeY + AFTER + GAP
  const endY = copyY + AFTER
  const linear = (micros: number, largest: number) => (micros / largest) * WAIT
  const logarithmic = (micros: number, largest: number) =>
    micros <= LEAST_MICROS ? 0 : (Math.log10(micros / LEAST_MICROS) / Math.log10(ceiling(largest))) * AFTER
  const mostWait = most(({ waitMicros }) => waitMicros)
  const mostNotice = most(({ noticeMicros }) => noticeMicros)
  const mostCopy = most(({ copyMicros }) => copyMicros)

  const rect = (column: Phases, zone: string, y: number, height: number, kind: string, micros: number) =>
    html`<rect class="${kind}" x="${(place.get(column)! - BAR / 2).toFixed(1)}" y="${y.toFixed(1)}" width="${BAR}" height="${Math.max(height, 1).toFixed(1)}" rx="2" ${
      kind === 'checking' ? new Markup(`fill="url(#${id('hatch')})"`) : null
    } data-value="${micros}" data-of="${column.model} ${zone}"><title>${column.model}: ${says.zones[zone as Zone]} ${duration(micros)}</title></rect>`
  const label = (at: number, y: number, kind: string, content: Part, anchor = 'middle') =>
    html`<text class="${kind}" x="${at.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${content}</text>`

  const bars = columns.map((column) => {
    const at = place.get(column)!
    const wait = linear(column.waitMicros, mostWait)
    const notice = logarithmic(column.noticeMicros, mostNotice)
    const copy = logarithmic(column.copyMicros, mostCopy)
    const asked = column.first === 'checking' && column.checks > 1
    return html`<g class="mechanism">
${label(at, 44, 'name', column.model)}
${column.firstCall === null ? null : label(at, 62, 'call', column.firstCall)}
${asked ? label(at, 76, 'call', `× ${text.count(column.checks)}`) : null}
${rect(column, 'wait', sentY - wait, wait, column.first, column.waitMicros)}
${label(at, sentY - wait - 5, 'value', duration(column.waitMicros))}
${
  column.noticeMicros <= 0
    ? label(at, noticeY + 16, 'small', says.atOnce)
    : html`${rect(column, 'notice', noticeY, notice, column.first, column.noticeMicros)}${label(at, noticeY + notice + 14, 'value', duration(column.noticeMicros))}`
}
${rect(column, 'copy', copyY, copy, column.second === 'held' ? 'copying' : 'copied', column.copyMicros)}
${label(at, copyY + copy + 14, 'value', duration(column.copyMicros))}
${column.secondCall === null ? null : label(at, copyY + copy + 28, 'call', column.secondCall)}
${label(at, endY + 52, 'value', duration(column.noticeMicros + column.copyMicros + column.handMicros))}
${label(at, endY + 68, 'small', column.protocol)}
</g>`
  })

  const rule = (y: number, kind: string) =>
    html`<line class="${kind}" x1="${LEFT - 6}" x2="${WIDTH - RIGHT + 6}" y1="${y}" y2="${y}"/>`
  const scale = (y: number, largest: number) =>
    decades(largest).map(
      (micros) =>
        html`${rule(y + logarithmic(micros, largest), 'grid')}${label(LEFT - 12, y + logarithmic(micros, largest) + 4, 'tick', duration(micros), 'end')}`,
    )
  const bracket = (from: number, to: number, phase: number, title: string, does: string) => {
    const at = WIDTH - RIGHT + 16
    return html`<path class="bracket p${phase}" d="M${at - 6} ${from}h6V${to}h-6"/>${label(at + 10, (from + to) / 2 - 3, `phase p${phase}`, title, 'start')}${label(at + 10, (from + to) / 2 + 14, 'small', does, 'start')}`
  }

  return html`<svg class="phases" viewBox="0 0 ${WIDTH} ${endY + 84}" role="img" aria-label="${says.title}">
<defs><pattern id="${id('hatch')}" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch-ground" width="5" height="5"/><rect class="hatch" width="2.5" height="5"/></pattern></defs>
${families.map((family) => {
  const [from, to] = spans.get(family)!
  return html`<rect class="column" x="${(from - slot * 0.1).toFixed(1)}" y="0" width="${(to - from + slot * 0.2).toFixed(1)}" height="${endY + 82}" rx="8"/><text class="family" x="${((from + to) / 2).toFixed(1)}" y="21" text-anchor="middle" style="fill:var(--${family})">${text.families[family]}</text>`
})}
${scale(noticeY, mostNotice)}${scale(copyY, mostCopy)}
${label(LEFT - 12, HEADS + 4, 'tick', duration(mostWait), 'end')}
${label(LEFT - 12, (HEADS + sentY) / 2, 'tick', says.waits, 'end')}
${rule(sentY, 'moment')}${label(LEFT - 12, sentY + 4, 'moment-name', says.sent, 'end')}
${rule(copyY, 'moment')}${label(LEFT - 12, copyY + 4, 'moment-name', says.copyBegins, 'end')}
${label(LEFT - 12, 62, 'tick', says.waitsIn, 'end')}
${label(LEFT - 12, endY + 52, 'tick', says.total, 'end')}
${bars}
${bracket(HEADS, copyY - 6, 1, text.trace.phase1, says.phase1)}
${bracket(copyY, endY + 22, 2, text.trace.phase2, says.phase2)}
</svg>`
}

type Zone = keyof Text['report']['phases']['zones']

/** The kinds of bars that the figure has, in the order of the legend. */
export function kinds(columns: readonly Phases[]): (Hold | 'copying' | 'copied')[] {
  const all = ['held', 'checking', 'free'] as const
  const first = all.filter((hold) => columns.some((column) => column.first === hold))
  const second = (['copying', 'copied'] as const).filter((kind) =>
    columns.some((column) => (column.second === 'held') === (kind === 'copying')),
  )
  return [...first, ...second]
}

const ceiling = (largest: number) => 10 ** Math.ceil(Math.log10(largest / LEAST_MICROS) - 1e-9)

function decades(largest: number): number[] {
  const found: number[] = []
  for (let micros = LEAST_MICROS * 10; micros <= ceiling(largest) * 1.001; micros *= 10) found.push(micros)
  return found
}
