/** What a thread used while something ran, and medians. */
import { getrusage, type ResourceUsage, RUSAGE_SELF, RUSAGE_THREAD } from 'fivefold/sys'
import { percentile } from '../measure/statistics.js'
import { now } from '../measure/usage.js'

export interface Spent {
  readonly wallMs: number
  readonly cpuMs: number
  /** Context switches: it waited; and it was pushed aside. */
  readonly voluntary: number
  readonly involuntary: number
}

/**
 * getrusage of this thread, as of now. By itself RUSAGE_THREAD tells what was known when the thread last slept or a tick
 * came; asking for the whole process brings the running thread's account up to date.
 */
export function threadUsage(): ResourceUsage {
  getrusage(RUSAGE_SELF)
  return getrusage(RUSAGE_THREAD)
}

/** What this thread spends on something that runs to its end. */
export function spentOn(work: () => void): Spent {
  const before = threadUsage()
  const began = now()
  work()
  const wallMs = (now() - began) / 1e6
  const after = threadUsage()
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
