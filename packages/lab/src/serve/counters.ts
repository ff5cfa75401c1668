/**
 * What the server has done so far, counted without a lock: each thread has a row of its own to write, in memory that
 * all of them can read.
 */

/** The statuses that a static server gives; any other is counted as `other`. */
export const statuses = [200, 206, 301, 304, 400, 403, 404, 405, 412, 416, 500] as const

const columns = ['accepted', 'closed', 'fromMemory', 'bodyBytes', 'cut', 'other', ...statuses] as const
type Column = (typeof columns)[number]

const at = (column: Column) => columns.indexOf(column)
const ACCEPTED = at('accepted')
const CLOSED = at('closed')
const FROM_MEMORY = at('fromMemory')
const BODY_BYTES = at('bodyBytes')
const CUT = at('cut')
const OTHER = at('other')
const OK = at(200)

/** Memory for so many threads. */
export const countersFor = (threads: number): SharedArrayBuffer =>
  new SharedArrayBuffer(threads * columns.length * Float64Array.BYTES_PER_ELEMENT)

/** One thread's row, for that thread to write. */
export class Counters {
  readonly #cells: Float64Array

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#cells = rowOf(memory, thread)
  }

  accepted(): void {
    this.#cells[ACCEPTED]!++
  }

  closed(): void {
    this.#cells[CLOSED]!++
  }

  /** A response begins. */
  answered(status: number): void {
    const cell = columns.indexOf(status as Column)
    this.#cells[cell < 0 ? OTHER : cell]!++
  }

  /** A whole response out of memory. */
  fromMemory(bytes: number): void {
    this.#cells[OK]!++
    this.#cells[FROM_MEMORY]!++
    this.#cells[BODY_BYTES]! += bytes
  }

  /** Bytes of a body were handed to a connection. */
  sent(bytes: number): void {
    this.#cells[BODY_BYTES]! += bytes
  }

  /** A response that did not come to its end: the client went away, the file failed, or the time was up. */
  cut(): void {
    this.#cells[CUT]!++
  }
}

/** What one thread has counted, or all of them together. */
export interface Totals {
  readonly accepted: number
  readonly open: number
  readonly requests: number
  readonly fromMemory: number
  readonly bodyBytes: number
  readonly cut: number
  /** By status, those that occurred. */
  readonly byStatus: ReadonlyMap<string, number>
}

export function totalsOf(memory: SharedArrayBuffer, thread: number): Totals {
  const cells = rowOf(memory, thread)
  const byStatus = new Map<string, number>()
  let requests = 0
  for (const column of [...statuses, 'other'] as const) {
    const count = cells[at(column)]!
    requests += count
    if (count > 0) byStatus.set(String(column), count)
  }
  return {
    accepted: cells[ACCEPTED]!,
    open: cells[ACCEPTED]! - cells[CLOSED]!,
    requests,
    fromMemory: cells[FROM_MEMORY]!,
    bodyBytes: cells[BODY_BYTES]!,
    cut: cells[CUT]!,
    byStatus,
  }
}

export function allTotals(memory: SharedArrayBuffer): Totals {
  const threads = memory.byteLength / (columns.length * Float64Array.BYTES_PER_ELEMENT)
  const rows = Array.from({ length: threads }, (_, thread) => totalsOf(memory, thread))
  const sum = (what: (totals: Totals) => number) => rows.reduce((total, row) => total + what(row), 0)
  const byStatus = new Map<string, number>()
  for (const [status, count] of rows.flatMap((row) => [...row.byStatus])) {
    byStatus.set(status, (byStatus.get(status) ?? 0) + count)
  }
  return {
    accepted: sum((row) => row.accepted),
    open: sum((row) => row.open),
    requests: sum((row) => row.requests),
    fromMemory: sum((row) => row.fromMemory),
    bodyBytes: sum((row) => row.bodyBytes),
    cut: sum((row) => row.cut),
    byStatus,
  }
}

function rowOf(memory: SharedArrayBuffer, thread: number): Float64Array {
  return new Float64Array(memory, thread * columns.length * Float64Array.BYTES_PER_ELEMENT, columns.length)
}
