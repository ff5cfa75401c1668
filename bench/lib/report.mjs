// Tables for people. The same outcome goes into the JSON file untouched.
import { metrics, titleOf } from './metrics.mjs'

/** @typedef {import('./compete.mjs').Outcome} Outcome */

/** @param {string[][]} rows the first one is the heading; the first column is text, the others are numbers */
export function table(rows, textColumns = [0]) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          textColumns.includes(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

export const number = (/** @type {number} */ value, /** @type {number} */ digits) =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })

/** @param {import('./statistics.mjs').Summary | null | undefined} summary */
function cells(summary, /** @type {number} */ digits) {
  if (!summary) return ['–', '']
  return [number(summary.median, digits), `${number(summary.min, digits)}–${number(summary.max, digits)}`]
}

/** @param {Outcome} outcome */
export function describeOutcome(outcome) {
  const { title, kind, columns, table: rows, skipped, verdicts, times, offeredRate, backgroundBusy } = outcome
  const lines = [`\n## ${outcome.name}: ${title}`]
  const timed = ['load', 'open', 'http', 'transfer', 'flood'].includes(kind)
  const length = timed
    ? ` of ${times.duration} s after ${times.warmup} s`
    : kind === 'files'
      ? ` of ${times.duration} s`
      : ''
  const facts = [`${times.runs} rounds${length}, medians with min–max${timed ? ', loopback' : ''}`]
  if (offeredRate)
    facts.push(
      `offered to everybody: ${number(offeredRate, 0)} ${kind === 'flood' ? 'datagrams' : 'messages'}/s`,
    )
  if (backgroundBusy > 0.1)
    facts.push(
      `CAUTION: ${Math.round(backgroundBusy * 100)} % of the machine was busy with something else before the start`,
    )
  lines.push(facts.join('; '), '')

  const heading = [
    '',
    ...columns.flatMap((metric) => [titleOf(metric, kind), 'min–max']),
    ...(timed ? ['server CPU'] : []),
    'notes',
  ]
  const body = rows.map((row) => [
    row.title,
    ...columns.flatMap((metric) => cells(row.summary[metric], metrics[metric].digits)),
    ...(timed ? [row.share ? `${Math.round(row.share.median * 100)} %` : ''] : []),
    [...row.notes, ...new Set(row.failures.map((reason) => `FAILED: ${reason}`))].join('; '),
  ])
  if (rows.length > 0) lines.push(table([heading, ...body], [0, heading.length - 1]))
  for (const reason of new Set(skipped.map((item) => item.reason))) {
    const who = skipped.filter((item) => item.reason === reason).map((item) => item.title)
    lines.push(`skipped: ${who.join(', ')} (${reason})`)
  }
  if (verdicts.length > 0) lines.push('', describeVerdicts([outcome]))
  return lines.join('\n')
}

/** @param {Outcome[]} outcomes */
export function describeVerdicts(outcomes) {
  const heading = ['', 'of', 'against', 'ratio', 'min–max', 'by CPU time', 'target', 'verdict']
  const rows = outcomes.flatMap(({ name, kind, verdicts }) =>
    verdicts
      .filter((verdict) => !isUnmeasured(verdict))
      .map((verdict) => {
        const { ratio, difference, cpuRatio, same } = /** @type {any} */ (verdict)
        return [
          `${name} ${titleOf(verdict.metric, kind)}`,
          verdict.entry,
          verdict.against,
          ...cells(ratio ?? difference, difference ? 1 : 2),
          cpuRatio ? number(cpuRatio.median, 2) : '',
          verdict.aim ? `aim ${verdict.wanted}` : verdict.wanted,
          [
            verdict.verdict,
            same && 'no difference between the two',
            verdict.disturbed && 'DISTURBED, do not quote',
          ]
            .filter(Boolean)
            .join('; '),
        ]
      }),
  )
  const unmeasured = outcomes.flatMap(({ verdicts }) => verdicts).filter(isUnmeasured)
  const lines = rows.length > 0 ? [table([heading, ...rows], [0, 1, 2, 7])] : []
  if (unmeasured.length > 0) {
    const why = [...new Set(unmeasured.map(({ verdict }) => verdict.replace('not measured: ', '')))].join(
      '; ',
    )
    lines.push(`${unmeasured.length} targets not measured: ${why}`)
  }
  return lines.join('\n')
}

/** @param {import('./judge.mjs').Verdict} verdict */
const isUnmeasured = ({ reached, verdict }) => reached === null && verdict !== 'shown'
