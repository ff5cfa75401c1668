/** `fivefold models`: which of the nine mechanisms work here, why not, and what 'auto' would take. */
import { choose, type Family, type ModelName, models, type Verdict } from 'fivefold'
import { has } from '../arguments.js'
import { oneLine } from '../failure.js'
import { table } from '../terminal/table.js'
import { wrap } from '../terminal/width.js'
import type { Command } from './command.js'

interface Row {
  readonly model: ModelName
  readonly family: Family
  readonly synchronous: boolean
  readonly available: boolean
  readonly reason: string | null
  readonly cure: string | null
  /** Operations it borrows a poller for. */
  readonly borrows: readonly string[]
  readonly files: boolean
}

interface Chosen {
  readonly model: ModelName | null
  readonly reason: string
}

function probe(): Row[] {
  return models.map((model) => {
    const verdict: Verdict = model.probe()
    return {
      model: model.name,
      family: model.family,
      synchronous: model.synchronous,
      available: verdict.ok,
      reason: verdict.ok ? null : verdict.reason,
      cure: verdict.ok ? null : verdict.cure,
      borrows: model.limits.borrows,
      files: model.limits.files,
    }
  })
}

function chosen(): Chosen {
  try {
    const { model, reason } = choose()
    return { model: model.name, reason }
  } catch (error) {
    return { model: null, reason: oneLine(error) }
  }
}

export const modelsCommand: Command = {
  name: 'models',
  options: { json: { type: 'boolean' } },
  mostPositionals: 0,
  run({ parsed, text, out }) {
    const rows = probe()
    const auto = chosen()
    if (has(parsed, 'json')) {
      out.line(JSON.stringify({ models: rows, auto }, null, 2))
      return 0
    }
    const { style } = out
    const says = text.models
    const notes = (row: Row): string => {
      if (!row.available) return `${row.reason}. ${row.cure}`
      if (row.borrows.length > 0) return says.borrows(row.borrows.join(', '))
      return ''
    }
    out.line(
      table(
        [
          { head: says.model },
          { head: says.family },
          { head: says.synchronous },
          { head: says.files },
          { head: says.available },
          { head: says.remarks, fills: true },
        ],
        rows.map((row) => [
          row.model,
          text.families[row.family],
          row.synchronous ? text.yes : text.no,
          row.files ? text.yes : text.no,
          row.available ? style.good(text.yes) : style.bad(text.no),
          notes(row),
        ]),
        { width: out.columns, style: { head: style.bold, rule: style.dim } },
      ),
    )
    out.line()
    const refused = rows.filter(
      ({ model, available }) => !available && (model === 'io_uring' || model === 'epoll'),
    )
    const choice =
      auto.model === null
        ? says.nothingWorks(auto.reason)
        : refused.length === 0
          ? says.auto(auto.model)
          : says.autoBecause(auto.model, refused.map(({ model }) => model).join(', '))
    for (const line of wrap(choice, out.columns)) out.line(line)
    return auto.model === null ? 1 : 0
  },
}
