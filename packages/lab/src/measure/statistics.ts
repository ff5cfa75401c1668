/** Percentiles, and the rule for when there are enough samples for one. */
import type { Percentiles } from './results.js'

/** So many samples have to lie above a percentile for it to mean something. */
const ABOVE = 100

/** @param sorted ascending */
export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))]!
}

export function percentiles(samples: Float64Array): Percentiles | null {
  if (samples.length === 0) return null
  const sorted = samples.slice().sort()
  return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) }
}

/** Whether so many samples carry a 99th percentile. */
export function enoughForP99(samples: number): boolean {
  return samples * 0.01 >= ABOVE
}

/** Numbers as people read them: about three figures, and no more than are known. */
export function rounded(value: number, figures = 3): number {
  if (!Number.isFinite(value) || value === 0) return value
  const digits = figures - 1 - Math.floor(Math.log10(Math.abs(value)))
  if (digits > 0) return Number(value.toFixed(Math.min(digits, 20)))
  const step = 10 ** -digits
  return Math.round(value / step) * step
}
