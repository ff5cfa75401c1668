/** What a thread used while something ran, and medians. */
import { getrusage, RUSAGE_THREAD } from 'fivefold/sys'
import { percentile } from '../measure/statistics.js'
import { now } from '../measure/usage.js'

export interface Spent {
  readonly wallMs: number
  readonly cpuMs: number
  /** Context switches: it waited; and it was pushed aside. */
  readonly voluntary: number
  readonly involuntary: number
}

/** What this thread spends on something that runs to its end. */
export function spentOn(work: () => void): Spent {
  const before = getrusage(RUSAGE_THREAD)
  const began = now()
  work()
  const wallMs = (now() - began) / 1e6
  const after = getrusage(RUSAGE_THREAD)
  const cpu = after.userMicros + after.systemMicros - before.userMicros - before.systemMicros
  return {
    wallMs,
    cpuMs: cpu / 1000,
    voluntary: after.voluntaryContextSwitches - before.voluntaryContextSwitches,
    involuntary: after.involuntaryContextSwitches - before.involuntaryContextSwitches,
  }
}

export function median(values: readonly number[]): number {
  return percentile(Float64Array.from(values).sort(), 0.5)
}

/** Milliseconds that something takes. */
export function took(work: () => void): number {
  const began = now()
  work()
  return (now() - began) / 1e6
}

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))
