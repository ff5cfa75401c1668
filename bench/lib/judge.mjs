// A promised figure against what was measured.
import { metrics } from './metrics.mjs'
import { noDifference, pairedRatio, summarise } from './statistics.mjs'

/** @typedef {import('./metrics.mjs').Metric} Metric */

/**
 * @typedef {import('./compete.mjs').Row} Row
 * @typedef {import('./compete.mjs').Runs} Runs
 * @typedef {import('./statistics.mjs').Summary} Summary
 * @typedef {{
 *   scenario: string, entry: string, against: string, metric: Metric, wanted: string, aim: boolean,
 *   disturbed: boolean, same?: boolean, ratio?: Summary, cpuRatio?: Summary | null, difference?: Summary | null,
 *   reached: boolean | null, verdict: string,
 * }} Verdict `reached`: null where it was not measured, or only to be shown
 */

const notTogether = 'not measured: never both in one round'

/** What a target asks, in few words. @param {import('./promises.mjs').Target} target */
export function wantedOf({ metric, atLeast, atMost, beyond }) {
  if (beyond !== undefined) return `<= ${beyond}${metrics[metric].unit} more`
  if (atLeast !== undefined) return `>= ${atLeast}`
  return atMost !== undefined ? `<= ${atMost}` : 'shown'
}

/**
 * @param {import('./promises.mjs').Target} target
 * @param {Row[]} rows
 * @param {number} enough undisturbed rounds
 * @param {boolean} cpuDecides where rate and CPU time disagree
 * @returns {Verdict}
 */
export function judge(target, rows, enough, cpuDecides) {
  const { scenario, entry, against, metric, atLeast, atMost, beyond, aim = false } = target
  const base = { scenario, entry, against, metric, wanted: wantedOf(target), aim, disturbed: false }
  const ours = rows.find((row) => row.title === entry)
  const theirs = rows.find((row) => row.title === against)
  const [ourRuns, theirRuns] = fairPairs(ours?.runs ?? [], theirs?.runs ?? [], enough)
  const values = (/** @type {Runs} */ runs, /** @type {Metric} */ name) => runs.map((run) => run?.[name])
  const a = summarise(values(ourRuns, metric))
  const b = summarise(values(theirRuns, metric))
  const judged = atLeast !== undefined || atMost !== undefined || beyond !== undefined
  if (judged && ours && ours.failures.length > 0) {
    return { ...base, verdict: `MISSED: a run failed (${ours.failures[0]})`, reached: false }
  }
  if (judged && !a && b && ourRuns.some((run) => run?.raw.overloaded)) {
    return { ...base, verdict: 'MISSED: overloaded, so no percentiles', reached: false }
  }
  if (!a || !b) return { ...base, verdict: `not measured: no ${a ? against : entry}`, reached: null }

  const same = noDifference(a, b)
  const disturbed = [...ourRuns, ...theirRuns].some((run) => run && run.disturbed.length > 0)
  if (beyond !== undefined) {
    const baseline = values(theirRuns, metric)
    const difference = summarise(
      values(ourRuns, metric).map((value, round) => {
        const other = baseline[round]
        return value && other ? value - other : null
      }),
    )
    if (!difference) return { ...base, verdict: notTogether, reached: null }
    const reached = difference.median <= beyond
    return { ...base, disturbed, difference, reached, same, verdict: reached ? 'reached' : 'MISSED' }
  }

  const ratio = pairedRatio(values(ourRuns, metric), values(theirRuns, metric))
  if (!ratio) return { ...base, verdict: notTogether, reached: null }
  if (!judged) {
    return { ...base, disturbed, ratio, same, reached: null, verdict: 'shown' }
  }
  const passes = (/** @type {number} */ value) =>
    atLeast !== undefined ? value >= atLeast : value <= (atMost ?? 0)
  const byItself = passes(ratio.median)
  const noise = !byItself && (passes(ratio.min) || passes(ratio.max)) ? ', within the noise' : ''
  // Rates swing with the machine, and a generator as busy as the server hides the difference; CPU time per
  // message does not. Where the two disagree about a rate, CPU time decides.
  const cpuRatio =
    cpuDecides && (metric === 'rate' || metric === 'bytes')
      ? pairedRatio(values(theirRuns, 'cpu'), values(ourRuns, 'cpu'))
      : null
  const byCpu = cpuRatio ? passes(cpuRatio.median) : byItself
  const how = byCpu === byItself ? '' : ' by CPU time'
  const verdict = byCpu ? `reached${how}` : `MISSED${how}${noise}`
  return { ...base, disturbed, ratio, cpuRatio, same, reached: byCpu, verdict }
}

/**
 * The rounds in which neither was disturbed if there are enough of them; otherwise those in which the same
 * came into both; otherwise all.
 * @param {Runs} a
 * @param {Runs} b
 * @returns {[Runs, Runs]}
 */
function fairPairs(a, b, /** @type {number} */ enough) {
  const clean = a.map((run, round) => run?.disturbed.length === 0 && b[round]?.disturbed.length === 0)
  const alike = a.map((run, round) => run?.disturbed.join() === b[round]?.disturbed.join())
  for (const chosen of [clean, alike]) {
    if (chosen.filter(Boolean).length < enough) continue
    const keep = (/** @type {Runs} */ runs) => runs.map((run, round) => (chosen[round] ? run : null))
    return [keep(a), keep(b)]
  }
  return [a, b]
}
