// The few numbers a table needs. Spread is min to max: with five runs anything finer would be a pretence.

/**
 * @typedef {{ median: number, min: number, max: number, count: number }} Summary
 */

/**
 * @param {(number | null | undefined)[]} values
 * @returns {Summary | null}
 */
export function summarise(values) {
  const sorted = /** @type {number[]} */ (values)
    .filter((value) => value !== null && value !== undefined && Number.isFinite(value))
    .sort((a, b) => a - b)
  if (sorted.length === 0) return null
  const middle = sorted.length >> 1
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  return { median, min: sorted[0], max: sorted[sorted.length - 1], count: sorted.length }
}

/** Two medians that differ by less than the larger of the two spreads do not differ. */
export function noDifference(/** @type {Summary} */ a, /** @type {Summary} */ b) {
  return Math.abs(a.median - b.median) < Math.max(a.max - a.min, b.max - b.min)
}

/**
 * Round by round, so that whatever slowed the machine down in one round slows both sides of a ratio.
 * @param {(number | null | undefined)[]} ours
 * @param {(number | null | undefined)[]} theirs
 */
export function pairedRatio(ours, theirs) {
  return summarise(
    ours.map((value, round) => {
      const other = theirs[round]
      return value !== null && value !== undefined && other ? value / other : null
    }),
  )
}
