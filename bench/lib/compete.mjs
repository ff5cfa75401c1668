// One scenario: every contestant once per round, in an order that moves and turns, then the summary.
import { machineTicks } from './environment.mjs'
import { judge } from './judge.mjs'
import { measure } from './measure.mjs'
import { takingPart } from './plan.mjs'
import { pause } from './processes.mjs'
import { summarise } from './statistics.mjs'

/**
 * @typedef {import('./scenarios.mjs').Scenario} Scenario
 * @typedef {import('./metrics.mjs').Metric} Metric
 * @typedef {import('./scenarios.mjs').Load} Load
 * @typedef {(import('./measure.mjs').Result | null)[]} Runs
 * @typedef {{ title: string, contestant: { command: string[], witness?: import('./contestants.mjs').Tool }, load: Load, runs: Runs, attempts: any[], failures: string[] }} Row
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
 * @param {{ runs: number, warmup: number, duration: number, patience: number, repeats: { left: number }, only: string[], quick: boolean, progress: (text: string) => void }} options
 *   `repeats`: how many disturbed runs may be repeated, in all scenarios together
 */
export async function compete(scenario, resolve, options) {
  const { runs, warmup, duration, patience, repeats, progress } = options
  /** @type {Row[]} */
  const rows = []
  const skipped = []
  for (const { name, title, load } of takingPart(scenario, options)) {
    const contestant = resolve(name)
    if (contestant.skip !== undefined) skipped.push({ title, reason: contestant.skip })
    else
      rows.push({
        title,
        contestant,
        load,
        runs: [],
        attempts: [],
        failures: [],
      })
  }

  const busy = await background()
  // A 99th percentile needs ten thousand messages, whoever is in a hurry.
  const times = { warmup, duration: scenario.kind === 'open' ? Math.max(1, duration) : duration }
  const enough = Math.min(3, runs)
  const rate =
    scenario.share && rows.length > 0 ? await sharedRate(rows, scenario, times, progress) : undefined

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
          () => measure(scenario, row.contestant, row.load, times, rate),
          patience,
          repeats,
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
  // A device or a pool of threads sets the pace of reads: there the rate itself is what was promised.
  const cpuDecides = !['files', 'work', 'copy'].includes(scenario.kind)
  const verdicts = (scenario.targets ?? []).map((target) => judge(target, rows, enough, cpuDecides))
  return {
    name: scenario.name,
    title: scenario.title,
    kind: scenario.kind,
    columns: scenario.columns,
    times: { runs, ...times },
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
async function undisturbed(
  row,
  attempt,
  /** @type {number} */ patience,
  /** @type {{ left: number }} */ repeats,
) {
  /** @type {import('./measure.mjs').Result | null} */
  let best = null
  for (let i = 0; i < patience; i++) {
    const result = await attempt()
    row.attempts.push({ disturbed: result.disturbed, ...result.raw })
    if (!best || result.disturbed.length < best.disturbed.length) best = result
    if (best.disturbed.length === 0 || repeats.left <= 0) break
    if (i + 1 < patience) repeats.left--
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
 * What is offered to everybody: a share of what the slowest can do in a closed loop, or one that is named.
 * @param {Row[]} rows
 * @param {Scenario} scenario
 * @param {import('./measure.mjs').Times} times
 * @param {(text: string) => void} progress
 */
async function sharedRate(rows, scenario, times, progress) {
  const paced = rows.filter(({ title }) => title === scenario.pace)
  /** @type {Scenario} */
  const closed = { ...scenario, kind: scenario.kind === 'open' ? 'load' : scenario.kind }
  let lowest = Infinity
  for (const row of paced.length > 0 ? paced : rows) {
    progress(`${scenario.name} capacity of ${row.title}`)
    try {
      const { rate } = await measure(closed, row.contestant, row.load, {
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
