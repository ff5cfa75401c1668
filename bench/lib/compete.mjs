// One scenario: every contestant once per round, in an order that moves and turns, then the summary.
import { machineTicks } from './environment.mjs'
import { measure, measureLoad } from './measure.mjs'
import { pause } from './processes.mjs'
import { metrics } from './scenarios.mjs'
import { noDifference, pairedRatio, summarise } from './statistics.mjs'

/**
 * @typedef {import('./scenarios.mjs').Scenario} Scenario
 * @typedef {import('./scenarios.mjs').Metric} Metric
 * @typedef {import('./scenarios.mjs').Load} Load
 * @typedef {(import('./measure.mjs').Result | null)[]} Runs
 * @typedef {{ title: string, command: string[], load: Load, runs: Runs, attempts: any[], failures: string[] }} Row
 * @typedef {(name: string) => import('./contestants.mjs').Contestant} Resolve
 */

/** How busy the machine is while nothing of ours runs. */
async function background() {
  const before = machineTicks()
  await pause(300)
  const after = machineTicks()
  return (after.busy - before.busy) / Math.max(1, after.total - before.total)
}

/**
 * @param {Scenario} scenario
 * @param {Resolve} resolve
 * @param {{ runs: number, warmup: number, duration: number, patience: number, only: string[], progress: (text: string) => void }} options
 */
export async function compete(scenario, resolve, { runs, warmup, duration, patience, only, progress }) {
  /** @type {Row[]} */
  const rows = []
  const skipped = []
  for (const item of scenario.entries) {
    const entry = typeof item === 'string' ? { name: item } : item
    const title = entry.as ?? entry.name
    if (only.length > 0 && !only.some((part) => title.includes(part))) continue
    const { command, skip } = resolve(entry.name)
    if (skip !== undefined) skipped.push({ title, reason: skip })
    else
      rows.push({
        title,
        command,
        load: { ...scenario.load, ...entry.load },
        runs: [],
        attempts: [],
        failures: [],
      })
  }

  const busy = await background()
  const times = { warmup, duration }
  const enough = Math.min(3, runs)
  const rate = scenario.kind === 'open' ? await sharedRate(rows, scenario, times, progress) : undefined

  for (let round = 0; round < runs; round++) {
    const turn = rows.map((_, i) => rows[(i + round) % rows.length])
    if (round % 2) turn.reverse()
    for (const row of turn) {
      row.runs[round] = null
      if (row.failures.length > 1) continue // twice is enough
      progress(`${scenario.name} ${round + 1}/${runs} ${row.title}`)
      try {
        row.runs[round] = await undisturbed(
          row,
          () => measure(scenario, row.command, row.load, times, rate),
          patience,
        )
      } catch (error) {
        row.failures.push(/** @type {Error} */ (error).message)
      }
    }
  }

  const table = rows.map((row) => ({
    title: row.title,
    attempts: row.attempts,
    summary: /** @type {Partial<Record<Metric, import('./statistics.mjs').Summary | null>>} */ (
      Object.fromEntries(
        scenario.columns.map((metric) => [
          metric,
          summarise(fair(row.runs, enough).map((run) => run?.[metric])),
        ]),
      )
    ),
    share: summarise(fair(row.runs, enough).map((run) => run?.raw.serverCpuShare)),
    notes: [...tally(fair(row.runs, enough).flatMap((run) => run?.notes ?? [])), ...asides(row.runs, enough)],
    failures: row.failures,
    runs: row.runs.map((run) => run?.raw ?? null),
  }))
  const verdicts = (scenario.targets ?? []).map((target) => judge(target, rows, enough))
  return {
    name: scenario.name,
    title: scenario.title,
    kind: scenario.kind,
    columns: scenario.columns,
    times: { runs, warmup, duration },
    offeredRate: rate ?? null,
    backgroundBusy: busy,
    table,
    skipped,
    verdicts,
  }
}

/** @typedef {Awaited<ReturnType<typeof compete>>} Outcome */

/**
 * A run that something else came into is repeated, a few times at most; every attempt is kept in the JSON.
 * @param {Row} row
 * @param {() => Promise<import('./measure.mjs').Result>} attempt
 */
async function undisturbed(row, attempt, /** @type {number} */ patience) {
  /** @type {import('./measure.mjs').Result | null} */
  let best = null
  for (let i = 0; i < patience; i++) {
    const result = await attempt()
    row.attempts.push({ disturbed: result.disturbed, ...result.raw })
    if (!best || result.disturbed.length < best.disturbed.length) best = result
    if (best.disturbed.length === 0) break
  }
  return best
}

/** The undisturbed runs if there are enough of them, otherwise all. @param {Runs} runs */
function fair(runs, /** @type {number} */ enough) {
  const clean = runs.map((run) => (run && run.disturbed.length === 0 ? run : null))
  return clean.filter(Boolean).length >= enough ? clean : runs
}

/** @param {Runs} runs */
function asides(runs, /** @type {number} */ enough) {
  const disturbed = runs.filter((run) => run && run.disturbed.length > 0)
  if (disturbed.length === 0) return []
  const why = [...new Set(disturbed.flatMap((run) => run?.disturbed ?? []))].join(', ')
  const what = fair(runs, enough) === runs ? 'DISTURBED but counted' : 'set aside'
  return [`${disturbed.length} of ${runs.length} runs ${what}: ${why}`]
}

/** A note said in some of the runs, with how many. */
function tally(/** @type {string[]} */ notes) {
  const counts = new Map()
  for (const note of notes) counts.set(note, (counts.get(note) ?? 0) + 1)
  return [...counts].map(([note, count]) => (count > 1 ? `${note} (${count} runs)` : note))
}

/**
 * The open loop offers everybody the same: a share of what the slowest can do in a closed one.
 * @param {Row[]} rows
 * @param {Scenario} scenario
 * @param {import('./measure.mjs').Times} times
 * @param {(text: string) => void} progress
 */
async function sharedRate(rows, scenario, times, progress) {
  let lowest = Infinity
  for (const row of rows) {
    progress(`${scenario.name} capacity of ${row.title}`)
    try {
      const { rate } = await measureLoad(row.command, row.load, {
        warmup: times.warmup,
        duration: Math.min(1, times.duration),
      })
      if (rate) lowest = Math.min(lowest, rate)
    } catch {
      // its own runs will say why
    }
  }
  return Number.isFinite(lowest) ? Math.round(lowest * (scenario.share ?? 0.5)) : 1000
}

/**
 * @param {import('./scenarios.mjs').Target} target
 * @param {Row[]} rows
 */
function judge(target, rows, /** @type {number} */ enough) {
  const { entry, against, metric, atLeast, atMost, beyond } = target
  const { unit } = metrics[metric]
  const wanted =
    beyond !== undefined ? `<= ${beyond} ${unit} more` : atLeast ? `>= ${atLeast}` : `<= ${atMost}`
  const base = { entry, against, metric, wanted, disturbed: false }
  const ours = rows.find((row) => row.title === entry)
  const theirs = rows.find((row) => row.title === against)
  const [ourRuns, theirRuns] = fairPairs(ours?.runs ?? [], theirs?.runs ?? [], enough)
  const values = (/** @type {Runs} */ runs, /** @type {Metric} */ name) => runs.map((run) => run?.[name])
  const a = summarise(values(ourRuns, metric))
  const b = summarise(values(theirRuns, metric))
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
    const reached = difference ? difference.median <= beyond : null
    return { ...base, disturbed, difference, reached, same, verdict: reached ? 'reached' : 'MISSED' }
  }

  const ratio = pairedRatio(values(ourRuns, metric), values(theirRuns, metric))
  if (!ratio) return { ...base, verdict: 'not measured in the same rounds', reached: null }
  const passes = (/** @type {number} */ value) =>
    atLeast !== undefined ? value >= atLeast : value <= (atMost ?? 0)
  const byItself = passes(ratio.median)
  const noise = !byItself && (passes(ratio.min) || passes(ratio.max)) ? ', within the noise' : ''
  // Rates swing with the machine, and a generator as busy as the server hides the difference; CPU time per
  // message does not. Where the two disagree about a rate, CPU time decides.
  const cpuRatio =
    metric === 'rate' || metric === 'bytes'
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
