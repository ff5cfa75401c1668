/** The two kinds of charts there are: bars of named quantities, and curves over a common axis. */

import { html, type Markup } from './html.js'
import { chart, Plot, valued } from './plot.js'

/** Wide as a phone's screen, so that letters keep their size there. */
const WIDTH = 340

export interface Bar {
  readonly label: string
  /** A CSS colour. */
  readonly colour: string
  /** Stacked; from the second on paler. */
  readonly parts: readonly { readonly name: string; readonly value: number }[]
  /** At the bar's end; where there is no value, why. */
  readonly text: string
  /** How far one number stands for the whole. */
  readonly spread: readonly [lowest: number, highest: number] | null
  /** Why there is no value. */
  readonly note?: string
}

export interface BarChart {
  readonly title: string
  readonly bars: readonly Bar[]
  format(value: number): string
  /** The names of the parts, where there are several. */
  readonly legend: readonly string[]
}

export function barChart({ title, bars, format, legend }: BarChart): Markup {
  const total = ({ parts }: Bar) => parts.reduce((sum, { value }) => sum + value, 0)
  const most = Math.max(...bars.map((bar) => Math.max(total(bar), bar.spread?.[1] ?? 0)), 0)
  const widest = Math.max(...bars.map(({ text }) => text.length), 3)
  const parts = bars.flatMap((bar) => {
    let from = 0
    return bar.parts.map(({ name, value }, index) => {
      const start = from
      from += value
      const what = legend.length > 0 ? `${bar.label}, ${name}` : bar.label
      return { ...bar, from: start, to: from, value, index, of: what }
    })
  })
  // Long numbers would run into one another.
  const ticks = format(most).length > 6 ? 2 : 3
  const marks = [
    Plot.gridX({ ticks, strokeOpacity: 0.12 }),
    Plot.axisX({ ticks, tickSize: 0, tickFormat: (value: number) => format(value), label: null }),
    Plot.axisY({ tickSize: 0, label: null, fontFamily: 'var(--mono)', fontSize: 12 }),
    Plot.barX(parts, {
      x1: 'from',
      x2: 'to',
      y: 'label',
      fill: 'colour',
      fillOpacity: ({ index }: { index: number }) => (index === 0 ? 1 : 0.45),
      rx: 2,
      insetTop: 2,
      insetBottom: 2,
      ariaLabel: ({ of, value }: { of: string; value: number }) => valued(of, value),
      title: ({ of, value }: { of: string; value: number }) => `${of}: ${format(value)}`,
    }),
    Plot.ruleY(
      bars.filter(({ spread }) => spread !== null),
      {
        y: 'label',
        x1: ({ spread }: Bar) => spread![0],
        x2: ({ spread }: Bar) => spread![1],
        stroke: 'currentColor',
        strokeWidth: 1.5,
        strokeOpacity: 0.75,
        title: ({ spread }: Bar) => `${format(spread![0])} … ${format(spread![1])}`,
      },
    ),
    Plot.text(bars, {
      x: (bar: Bar) => Math.max(total(bar), bar.spread?.[1] ?? 0),
      y: 'label',
      text: 'text',
      textAnchor: 'start',
      dx: 6,
      title: ({ note }: Bar) => note ?? '',
      fontVariant: 'tabular-nums',
    }),
  ]
  const svg = chart(
    {
      width: WIDTH,
      height: bars.length * 26 + 46,
      marginLeft: 14 + 7.6 * Math.max(...bars.map(({ label }) => label.length)),
      marginRight: 14 + 7.2 * widest,
      marginTop: 8,
      marginBottom: 26,
      x: { domain: [0, most === 0 ? 1 : most] },
      y: { domain: bars.map(({ label }) => label) },
      marks,
    },
    title,
  )
  return html`${
    legend.length < 2
      ? null
      : html`<ul class="legend">${legend.map(
          (name, index) =>
            html`<li><svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" rx="2" fill="currentColor" fill-opacity="${index === 0 ? 0.8 : 0.36}"/></svg>${name}</li>`,
        )}</ul>`
  }${svg}`
}

export interface Curve {
  readonly label: string
  readonly colour: string
  readonly points: readonly (readonly [x: number, y: number])[]
  /** Computed, not measured. */
  readonly extrapolated: boolean
}

export interface Scale {
  readonly label: string
  readonly log: boolean
  /** Of a logarithmic scale: it is marked at this number's powers; 10, where there is none. */
  readonly base?: number
  format(value: number): string
}

export interface LineChart {
  readonly title: string
  readonly curves: readonly Curve[]
  readonly x: Scale
  readonly y: Scale
}

const symbols = [
  'circle',
  'square',
  'triangle',
  'diamond',
  'star',
  'cross',
  'wye',
  'hexagon',
  'asterisk',
] as const
/** The same as characters, for the legend. */
const signs = ['●', '■', '▲', '◆', '★', '✚', 'Y', '⬢', '✱'] as const

export function lineChart({ title, curves, x, y }: LineChart): Markup {
  const points = curves.flatMap(({ label, colour, points, extrapolated }, index) =>
    points
      .filter(([atX, atY]) => (!x.log || atX > 0) && (!y.log || atY > 0))
      .map(([atX, atY]) => ({ label, colour, index, x: atX, y: atY, extrapolated })),
  )
  type Point = (typeof points)[number]
  const values = (of: 'x' | 'y') => points.map((point) => point[of])
  const labels = values('y').map(y.format)
  const marks = [
    Plot.gridY({ ticks: ticks(y, values('y')), strokeOpacity: 0.12 }),
    axis('y', ticks(y, values('y')), y, 0),
    axis('x', places(x, values('x')), x, 4),
    Plot.line(
      points.filter(({ extrapolated }) => !extrapolated),
      { x: 'x', y: 'y', z: 'label', stroke: 'colour', strokeWidth: 2 },
    ),
    Plot.line(
      points.filter(({ extrapolated }) => extrapolated),
      { x: 'x', y: 'y', z: 'label', stroke: 'colour', strokeWidth: 2, strokeDasharray: '2 4' },
    ),
    ...curves.map(({ extrapolated }, index) =>
      Plot.dot(
        points.filter((point) => point.index === index),
        {
          x: 'x',
          y: 'y',
          symbol: symbols[index % symbols.length]!,
          fill: extrapolated ? 'var(--paper)' : 'colour',
          stroke: 'colour',
          r: 3.6,
          ariaLabel: (point: Point) => valued(point.label, point.y),
          title: (point: Point) => `${point.label}: ${x.format(point.x)}, ${y.format(point.y)}`,
        },
      ),
    ),
  ]
  const svg = chart(
    {
      width: WIDTH,
      height: 300,
      marginLeft: 18 + 6.6 * Math.max(4, ...labels.map((label) => label.length)),
      marginRight: 18,
      marginTop: 10,
      marginBottom: 28,
      x: { type: x.log ? 'log' : 'linear', nice: false },
      y: y.log
        ? { type: 'log' }
        : { type: 'linear', domain: [0, Math.max(...values('y'), 0) || 1], nice: true },
      color: { type: 'identity' },
      marks,
    },
    title,
  )
  return html`<ul class="legend">${curves.map(
    ({ label, colour, extrapolated }, index) =>
      html`<li><span style="color:${colour}" aria-hidden="true">${extrapolated ? '┄' : '━'}${signs[index % signs.length]!}</span> ${label}</li>`,
  )}</ul><p class="axis">↑ ${y.label}</p>${svg}<p class="axis end">${x.label} →</p>`
}

/** Plot leaves out some of a logarithmic axis' labels; where the places are given, each has its own. */
function axis(of: 'x' | 'y', at: number[] | number, { format }: Scale, tickSize: number): Plot.Markish {
  const said = (value: number) => format(value)
  if (typeof at === 'number') {
    const options = { ticks: at, tickFormat: said, tickSize, label: null }
    return of === 'x' ? Plot.axisX(options) : Plot.axisY(options)
  }
  const options = { text: said, tickSize, label: null }
  return of === 'x' ? Plot.axisX(at, options) : Plot.axisY(at, options)
}

/** Of so few places each is marked. */
const FEW = 6

const places = (scale: Scale, values: readonly number[]): number[] | number => {
  const distinct = [...new Set(values)]
  return scale.log && distinct.length <= FEW ? distinct : ticks(scale, values)
}

/** Powers, or what lies between where the axis has too few of them; of a linear axis what Plot finds. */
function ticks({ log, base = 10 }: Scale, values: readonly number[]): number[] | number {
  if (!log || values.length === 0) return 5
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const powerOf = (value: number) => Math.log(value) / Math.log(base)
  const steps = (factors: readonly number[]) => {
    const found: number[] = []
    for (let power = Math.floor(powerOf(least)); power <= Math.ceil(powerOf(most)); power++) {
      for (const factor of factors) {
        const tick = factor * base ** power
        if (tick >= least * 0.999 && tick <= most * 1.001) found.push(tick)
      }
    }
    return found
  }
  for (const factors of [[1], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]]) {
    const found = steps(factors)
    if (found.length >= 2) return found
  }
  return [...new Set([least, most])]
}
