/** `fivefold diff`: two machines, kernels or versions, by the results that each left. */
import { has } from '../arguments.js'
import type { ExperimentName } from '../claims/claim.js'
import { textOf } from '../claims/words.js'
import { Failure, USAGE } from '../failure.js'
import { rounded } from '../measure/statistics.js'
import { type Differences, differencesOf, type NumberOfBoth } from '../report/differences.js'
import { measures } from '../report/measures.js'
import { readResults } from '../report/results.js'
import { table } from '../terminal/table.js'
import type { Terminal } from '../terminal/terminal.js'
import type { Text } from '../text/language.js'
import type { Command } from './command.js'
import { bytes } from './comparison.js'

export const diff: Command = {
  name: 'diff',
  options: { json: { type: 'boolean' } },
  mostPositionals: 2,

  run({ parsed, text, out }) {
    const [first, second] = parsed.positionals
    if (first === undefined || second === undefined) throw new Failure(text.report.errors.needsTwo, USAGE)
    const found = differencesOf(readResults(first, text), readResults(second, text), text)
    if (has(parsed, 'json')) out.line(JSON.stringify(found, null, 2))
    else show(found, text, out)
    return 0
  },
}

function show({ machine, numbers, verdicts }: Differences, text: Text, out: Terminal): void {
  const says = text.report.diff
  const { style } = out
  const options = { width: out.columns, style: { head: style.bold, rule: style.dim } }
  const heading = (title: string) => out.line(style.bold(title))

  heading(says.machines)
  out.line()
  if (machine.length === 0) out.line(`  ${says.same}`)
  else {
    // The values may be long: each has a line of its own.
    for (const { field, a, b } of machine) {
      out.line(`  ${field}`)
      out.line(`    A  ${a}`)
      out.line(`    B  ${b}`)
    }
  }
  out.line()

  heading(says.numbers)
  out.line()
  if (numbers.length === 0) out.line(`  ${says.none}`)
  for (const [load, rows] of loads(numbers, text)) {
    out.line(`  ${load}`)
    out.line()
    const columns = [
      { head: text.report.measures.mechanism },
      { head: says.measure },
      { head: 'A', align: 'right' },
      { head: 'B', align: 'right' },
      { head: says.factor, align: 'right' },
      { head: '' },
    ] as const
    out.line(
      table(
        columns,
        rows.map((row, index) => cells(row, rows[index - 1], text)),
        options,
      ),
    )
    out.line()
  }

  heading(says.verdicts)
  out.line()
  if (verdicts.length === 0) out.line(`  ${says.noVerdicts}`)
  for (const { experiment, claim, a, b } of verdicts) {
    out.line(`  ${textOf(experiment as ExperimentName, text).claims[claim]?.says ?? claim}`)
    out.line(`    A  ${text.claims.verdicts[a]}`)
    out.line(`    B  ${text.claims.verdicts[b]}`)
  }
}

function loads(numbers: readonly NumberOfBoth[], text: Text): Map<string, NumberOfBoth[]> {
  const found = new Map<string, NumberOfBoth[]>()
  for (const row of numbers) {
    const { protocol, connections, size } = row
    const load =
      protocol === 'file'
        ? text.compare.aboutFiles(text.compare.temporaryFile, bytes(size), connections)
        : text.compare.about(protocol.toUpperCase(), connections, bytes(size))
    found.set(load, [...(found.get(load) ?? []), row])
  }
  return found
}

function cells(row: NumberOfBoth, before: NumberOfBoth | undefined, text: Text): string[] {
  const measure = measures(text, row.protocol).find(({ name }) => name === row.measure)!
  const said = (value: number | null) => (value === null ? text.none : measure.format(value))
  return [
    before?.model === row.model ? '' : row.model,
    measure.title,
    said(row.a),
    said(row.b),
    row.factor === null ? text.none : text.count(rounded(row.factor)),
    row.withinSpread === true ? text.report.diff.within : '',
  ]
}
