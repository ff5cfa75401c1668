// What was promised and what came of it: the table that a whole run ends with, for a terminal or as Markdown.
import { wantedOf } from './judge.mjs'
import { metrics } from './metrics.mjs'
import { promised } from './promises.mjs'
import { number } from './report.mjs'

/**
 * @typedef {import('./compete.mjs').Outcome} Outcome
 * @typedef {import('./promises.mjs').Promised} Promised
 * @typedef {import('./promises.mjs').Target} Target
 * @typedef {import('./metrics.mjs').Metric} Metric
 * @typedef {'yes' | 'NO' | 'partly' | 'not measured'} State
 * @typedef {{ work: string, target: string, ours: string[], c: string[], peers: string[], reached: string[], state: State }} Line
 */

const HEADING = ['work', 'target', 'ours', 'C', 'peers', 'reached']

/**
 * @param {Outcome[]} outcomes
 * @param {string[]} asked the scenarios that were to be run
 * @returns {Line[]} one for each promise about one of these, in the order of promises.mjs
 */
export function promisedLines(outcomes, asked) {
  const rows = promised.filter(({ targets }) => targets.some(({ scenario }) => asked.includes(scenario)))
  return rows.map((row) => ({
    work: row.work,
    target: row.target,
    ...shown(row, outcomes),
    ...judged(row, outcomes),
  }))
}

const familyOf = (/** @type {string} */ title) =>
  title.startsWith('ours ') ? 'ours' : title.startsWith('C ') ? 'c' : 'peers'

/** Who is named in a row, scenario by scenario, with what was measured. @param {Promised} row */
function shown(row, /** @type {Outcome[]} */ outcomes) {
  /** @type {{ ours: string[], c: string[], peers: string[] }} */
  const cells = { ours: [], c: [], peers: [] }
  const names = [...new Set(row.targets.map(({ scenario }) => scenario))]
  for (const name of names) {
    const outcome = outcomes.find((one) => one.name === name)
    if (!outcome) continue
    const targets = row.targets.filter(({ scenario }) => scenario === name)
    const wanted = new Set(targets.map(({ metric }) => metric))
    if (wanted.has('rate') || wanted.has('bytes')) wanted.add('cpu')
    const titles = new Set([
      ...targets.map(({ entry }) => entry),
      ...targets.map(({ against }) => against),
      ...(row.also?.[name] ?? []),
    ])
    for (const title of titles) {
      const measured = outcome.table.find((one) => one.title === title)
      if (!measured) continue
      const values = outcome.columns
        .filter((metric) => wanted.has(metric))
        .flatMap((metric) => {
          const summary = measured.summary[metric]
          return summary ? [`${number(summary.median, metrics[metric].digits)}${metrics[metric].unit}`] : []
        })
      const text = values.length > 0 ? values.join(', ') : measured.failures.length > 0 ? 'FAILED' : '–'
      const where = names.length > 1 ? `${name}: ` : ''
      cells[familyOf(title)].push(`${where}${title.replace(/^(ours|C) /, '')} ${text}`)
    }
  }
  return cells
}

/** @param {Promised} row @returns {{ reached: string[], state: State }} */
function judged(row, /** @type {Outcome[]} */ outcomes) {
  const found = row.targets.map((target) => ({ target, verdict: verdictOn(target, outcomes) }))
  const counted = found.filter(({ target }) => !target.aim && wantedOf(target) !== 'shown')
  const states = counted.map(({ verdict }) => verdict?.reached ?? null)
  const state = states.includes(false)
    ? 'NO'
    : states.every((one) => one === true)
      ? 'yes'
      : states.includes(true)
        ? 'partly'
        : 'not measured'
  const several = new Set(row.targets.map(({ scenario }) => scenario)).size > 1
  const entries = new Set(row.targets.map(({ entry }) => entry)).size > 1
  const kinds = new Set(row.targets.map(({ metric }) => metric)).size > 1
  const lines = found
    .filter(({ verdict }) => verdict && (verdict.ratio || verdict.difference || verdict.reached === false))
    .map(({ target, verdict }) => {
      const who = [
        several ? `${target.scenario}:` : '',
        entries ? target.entry.replace('ours ', '') : '',
        kinds ? metrics[target.metric].short : '',
      ]
      return [...who.filter(Boolean), outcomeOf(target, verdict)].join(' ')
    })
  const reached = states.filter((one) => one === true).length
  const partial = state === 'NO' || state === 'partly' ? `: ${reached} of ${states.length}` : ''
  return { state, reached: [state + partial, ...lines] }
}

/** @param {Target} target @returns {import('./judge.mjs').Verdict | undefined} */
function verdictOn(target, /** @type {Outcome[]} */ outcomes) {
  const { scenario, entry, against, metric } = target
  return outcomes
    .find((one) => one.name === scenario)
    ?.verdicts.find((one) => one.entry === entry && one.against === against && one.metric === metric)
}

/** @param {Target} target */
function outcomeOf(target, /** @type {any} */ verdict) {
  const { ratio, difference, cpuRatio, reached, disturbed } = verdict
  const wanted = wantedOf(target)
  if (!ratio && !difference) return verdict.verdict
  const value = ratio
    ? `${number(ratio.median, 2)} x ${target.against}`
    : `${number(difference.median, 1)}${metrics[target.metric].unit} more than ${target.against}`
  const remarks = [
    target.aim ? `aim ${wanted}` : '',
    reached === false && !target.aim ? `WANTED ${wanted}` : '',
    / by CPU time/.test(verdict.verdict) ? `by CPU ${number(cpuRatio.median, 2)}` : '',
    /within the noise/.test(verdict.verdict) ? 'within the noise' : '',
    disturbed ? 'disturbed' : '',
  ].filter(Boolean)
  return remarks.length > 0 ? `${value} (${remarks.join(', ')})` : value
}

/** @param {Line} line */
const cellsOf = ({ work, target, ours, c, peers, reached }) => [
  [work],
  target.split(', '),
  ours,
  c,
  peers,
  reached,
]

/** @param {Line[]} lines */
export function asMarkdown(lines) {
  const escaped = (/** @type {string} */ text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
  const rows = lines.map((line) =>
    cellsOf(line).map(
      (cell, column) => (column === 1 ? [cell.join(', ')] : cell).map(escaped).join('<br>') || '–',
    ),
  )
  return [
    `| ${HEADING.join(' | ')} |`,
    `|${HEADING.map(() => ' --- ').join('|')}|`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n')
}

const WIDTHS = [28, 30, 36, 36, 36, 44]

/** @param {Line[]} lines */
export function asText(lines) {
  const rows = [HEADING.map((title) => [title]), ...lines.map(cellsOf)].map((cells) =>
    cells.map((cell, column) => cell.flatMap((text) => wrapped(text, WIDTHS[column]))),
  )
  const widths = HEADING.map((_, column) =>
    Math.max(...rows.flatMap((cells) => cells[column].map((text) => text.length)), 1),
  )
  const rule = widths.map((width) => '-'.repeat(width)).join('  ')
  return rows
    .flatMap((cells) => [
      ...Array.from({ length: Math.max(...cells.map((cell) => cell.length)) }, (_, at) =>
        cells
          .map((cell, column) => (cell[at] ?? '').padEnd(widths[column]))
          .join('  ')
          .trimEnd(),
      ),
      rule,
    ])
    .join('\n')
}

/** Breaks at spaces; what follows the first line is indented. */
function wrapped(/** @type {string} */ text, /** @type {number} */ width) {
  const lines = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line)
      line = `  ${word}`
    } else line = line ? `${line} ${word}` : word
  }
  lines.push(line)
  return lines
}

/** @param {Line[]} lines */
export function tallyOfLines(lines) {
  const count = (/** @type {State} */ state) => lines.filter((line) => line.state === state).length
  return `${lines.length} promises: ${count('yes')} reached, ${count('NO')} not, ${count('partly')} only partly measured, ${count('not measured')} not measured`
}
