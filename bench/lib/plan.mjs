// How long a bench will take, and how many disturbed runs may be repeated without taking much longer.

/**
 * @param {import('./scenarios.mjs').Scenario[]} scenarios
 * @param {import('./compete.mjs').Resolve} resolve
 * @param {{ runs: number, warmup: number, duration: number, only: string[] }} options
 */
export function planned(scenarios, resolve, { runs, warmup, duration, only }) {
  let seconds = 0
  let all = 0
  for (const { kind, entries, load, share } of scenarios) {
    for (const item of entries) {
      const entry = typeof item === 'string' ? { name: item } : item
      if (only.length > 0 && !only.some((part) => (entry.as ?? entry.name).includes(part))) continue
      if (resolve(entry.name).skip !== undefined) continue
      const connections = { ...load, ...entry.load }
      const opening = ((connections.connections ?? 0) + (connections.idle ?? 0)) / 8000
      const each =
        kind === 'startup'
          ? 0.3
          : kind === 'memory'
            ? 1.3 + opening
            : kind === 'files'
              ? duration + 0.7
              : kind === 'http'
                ? Math.ceil(warmup) + Math.ceil(duration) + 0.5
                : warmup + duration + 0.4 + opening
      seconds += each * (runs + (share && kind === 'open' ? 1 : 0))
      all += runs
    }
  }
  return { seconds, repeats: Math.ceil(all / 4) }
}
