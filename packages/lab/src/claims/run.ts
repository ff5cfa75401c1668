/** Runs an experiment: its needs, the measurement in child processes, the self-check, and only then the verdicts. */
import { oneLine } from '../failure.js'
import { startedOn } from '../measure/pinning.js'
import { now } from '../measure/usage.js'
import { Child } from '../processes.js'
import type { Text } from '../text/language.js'
import {
  type Check,
  type Context,
  type Experiment,
  notTested,
  type ProbeOptions,
  type Reason,
  type Result,
} from './claim.js'
import type { SubjectConfig } from './subject.js'

export interface Conditions {
  readonly quick: boolean
  readonly signal: AbortSignal
  readonly text: Text
  progress(detail: string): void
}

/** A probe may be frozen for minutes while somebody else measures. */
const PATIENCE_MS = 900_000

function contextOf(experiment: Experiment, conditions: Conditions): Context {
  const { quick, signal, text, progress } = conditions
  return {
    quick,
    signal,
    text,
    progress,
    async probe<T>(name: string, parameters: unknown = null, options: ProbeOptions = {}): Promise<T> {
      const config: SubjectConfig = { experiment: experiment.name }
      const start = () =>
        new Child(text.claims.process(experiment.name), new URL('./subject.js', import.meta.url), {
          config,
          execArgv: options.execArgv ?? [],
          signal,
          text,
        })
      const child = startedOn(options.cpu ?? null, start)
      try {
        return await child.ask<T>('run', { probe: name, parameters }, PATIENCE_MS)
      } finally {
        await child.end()
      }
    },
  }
}

/** An experiment that fails is a result, too: every claim of it untested, and why. Only an interruption ends the run. */
export async function runExperiment(experiment: Experiment, conditions: Conditions): Promise<Result> {
  const began = now()
  const result = (parts: Pick<Result, 'findings' | 'figures' | 'checks'>): Result => ({
    name: experiment.name,
    ...parts,
    seconds: (now() - began) / 1e9,
  })
  const none = (why: Reason, checks: readonly Check[] = []): Result =>
    result({ findings: experiment.claims.map((claim) => notTested(claim, why)), figures: [], checks })
  try {
    const missing = experiment.needs()
    if (missing !== null) return none(missing)
    const data = await experiment.run(contextOf(experiment, conditions))
    const checks = experiment.selfCheck(data)
    const broken = checks.filter(({ ok }) => !ok)
    if (broken.length > 0) {
      const says = conditions.text.claims.experiments[experiment.name].checks as Record<string, string>
      return none(
        { reason: 'broken', what: broken.map(({ check }) => says[check] ?? check).join('; ') },
        checks,
      )
    }
    return result({ ...experiment.judge(data), checks })
  } catch (error) {
    conditions.signal.throwIfAborted()
    return none({ reason: 'failed', what: oneLine(error) })
  }
}
