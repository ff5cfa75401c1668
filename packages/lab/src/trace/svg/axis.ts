/**
 * Where the rows stand: time goes downwards, and long waits are cut short. Between two rows the axis is even; where
 * nothing happens for long it has a break.
 */
import type { Row } from './rows.js'

/** Longer than this between two rows, the axis is broken. */
const BREAK_MICROS = 1000
const BREAK_PIXELS = 30

export interface Placed {
  readonly row: Row
  readonly y: number
  readonly height: number
}

export interface Break {
  readonly y: number
  readonly micros: number
}

export interface Axis {
  readonly rows: readonly Placed[]
  readonly breaks: readonly Break[]
  readonly top: number
  readonly bottom: number
  /** Where a time is. */
  y(micros: number): number
  /** What time is there. */
  micros(y: number): number
}

/** Of a row of two arrows: where they are below its top. */
export const OUT = 7
export const BACK = 24
/** Of a row of one. */
export const MIDDLE = 11

function heightOf({ arrow, repeats }: Row): number {
  if (arrow === 'both') return 36
  return repeats ? 16 : 24
}

/** A little more room for a little more time: from 10 microseconds to the break. */
const gapOf = (micros: number) => (micros <= 10 ? 0 : Math.min(16, 5 * Math.log10(micros / 10)))

export function axisOf(rows: readonly Row[], top: number): Axis {
  const placed: Placed[] = []
  const breaks: Break[] = []
  const anchors: { micros: number; y: number }[] = []
  let y = top
  let latest = Number.NEGATIVE_INFINITY
  const anchor = (micros: number, at: number) => {
    latest = Math.max(latest, micros)
    anchors.push({ micros: latest, y: at })
  }
  for (const row of rows) {
    const passed = row.at - latest
    if (row.timed && Number.isFinite(passed)) {
      if (passed > BREAK_MICROS) {
        breaks.push({ y: y + BREAK_PIXELS / 2, micros: passed })
        y += BREAK_PIXELS
      } else y += gapOf(passed)
    }
    const height = heightOf(row)
    placed.push({ row, y, height })
    if (row.timed) {
      anchor(row.at, y + (row.arrow === 'both' ? OUT : MIDDLE))
      if (row.arrow === 'both') anchor(row.until, y + BACK)
    }
    y += height
  }
  const between =
    (known: 'micros' | 'y', wanted: 'micros' | 'y') =>
    (value: number): number => {
      const after = anchors.findIndex((each) => each[known] >= value)
      if (after === -1) return anchors.at(-1)?.[wanted] ?? top
      const right = anchors[after]!
      const left = anchors[after - 1]
      if (left === undefined || right[known] === value || right[known] === left[known]) return right[wanted]
      const part = (value - left[known]) / (right[known] - left[known])
      return left[wanted] + part * (right[wanted] - left[wanted])
    }
  return {
    rows: placed,
    breaks,
    top,
    bottom: y,
    y: between('micros', 'y'),
    micros: between('y', 'micros'),
  }
}
