// Who takes part in a run, how long it will take, and how many disturbed runs may be repeated without taking much longer.
import { promised } from './promises.mjs'

/**
 * The entries of a scenario that take part.
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {{ only: string[], quick: boolean }} options `only`: texts of which a name must contain one; `quick`: none but
 *   those whom the table of promises shows
 * @returns {{ name: string, title: string, load: import('./scenarios.mjs').Load }[]}
 */
export function takingPart(scenario, { only, quick }) {
  const shown = new Set(
    promised.flatMap(({ targets, also }) => [
      ...targets
        .filter((target) => target.scenario === scenario.name)
        .flatMap(({ entry, against }) => [entry, against]),
      ...(also?.[scenario.name] ?? []),
    ]),
  )
  return scenario.entries
    .map((item) => (typeof item === 'string' ? { name: item } : item))
    .map(({ name, as = name, load }) => ({ name, title: as, load: { ...scenario.load, ...load } }))
    .filter(({ title }) => only.length === 0 || only.some((part) => title.includes(part)))
    .filter(({ title }) => !quick || shown.size === 0 || shown.has(title))
}

/**
 * @param {import('./scenarios.mjs').Scenario[]} scenarios
 * @param {import('./compete.mjs').Resolve} resolve
 * @param {{ runs: number, warmup: number, duration: number, only: string[], quick: boolean }} options
 */
export function planned(scenarios, resolve, options) {
  const { runs, warmup, duration } = options
  let seconds = 0
  let all = 0
  for (const scenario of scenarios) {
    const { kind } = scenario
    for (const { name, load } of takingPart(scenario, options)) {
      if (resolve(name).skip !== undefined) continue
      const opening = ((load.connections ?? 0) + (load.idle ?? 0)) / 8000
      const each =
        kind === 'startup'
          ? 0.3
          : kind === 'memory'
            ? 1.3 + opening
            : kind === 'work' || kind === 'stream' || kind === 'copy'
              ? 2
              : kind === 'files'
                ? duration + 0.7
                : kind === 'http'
                  ? Math.ceil(warmup) + Math.ceil(duration) + 0.5
                  : warmup + (kind === 'open' ? Math.max(1, duration) : duration) + 0.3 + opening
      seconds += each * (runs + (kind === 'open' ? 1 : 0))
      all += runs
    }
  }
  return { seconds, repeats: Math.ceil(all / 6) }
}
