/** A table in plain text: columns as wide as what they hold, two spaces between them, no lines. */
import { type Align, pad, widthOf, wrap } from './width.js'

export interface Column {
  /** One or more lines above the column. */
  readonly head: string
  readonly align?: Align
  /** Takes what is left of the width, and wraps. At most one column of a table does. */
  readonly fills?: boolean
}

export interface TableOptions {
  /** The columns of the terminal. */
  readonly width: number
  readonly style?: { head(text: string): string; rule(text: string): string }
  /** Between the columns; default two spaces. */
  readonly gap?: string
}

/** Lays out rows of cells. A cell may carry colours; cells of the column that fills may not. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: TableOptions,
): string {
  const gap = options.gap ?? '  '
  const heads = columns.map((column) => column.head.split('\n'))
  const widths = columns.map((_, index) =>
    Math.max(...heads[index]!.map(widthOf), ...rows.map((row) => widthOf(row[index] ?? ''))),
  )
  const filling = columns.findIndex((column) => column.fills === true)
  if (filling >= 0) {
    const others = widths.reduce((sum, width, index) => sum + (index === filling ? 0 : width), 0)
    const left = options.width - others - gap.length * (columns.length - 1)
    widths[filling] = Math.min(widths[filling]!, Math.max(left, 16))
  }

  const lines: string[] = []
  const headLines = Math.max(...heads.map((head) => head.length))
  for (let line = 0; line < headLines; line++) {
    // Heads stand on the rule: a shorter one begins lower.
    const cells = heads.map((head) => head[line - (headLines - head.length)] ?? '')
    lines.push((options.style?.head ?? same)(layOut(cells)))
  }
  lines.push((options.style?.rule ?? same)(widths.map((width) => '─'.repeat(width)).join(gap)))
  for (const row of rows) {
    const wrapped = row.map((cell, index) => (index === filling ? wrap(cell, widths[index]!) : [cell]))
    const height = Math.max(...wrapped.map((cell) => cell.length))
    for (let line = 0; line < height; line++) lines.push(layOut(wrapped.map((cell) => cell[line] ?? '')))
  }
  return lines.join('\n')

  function layOut(cells: readonly string[]): string {
    return cells
      .map((cell, index) => pad(cell, widths[index]!, columns[index]!.align ?? 'left'))
      .join(gap)
      .trimEnd()
  }
}

const same = (text: string) => text
