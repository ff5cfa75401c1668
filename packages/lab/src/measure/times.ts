/** How long each part of a measurement takes. */
export interface Times {
  readonly warmUpMs: number
  readonly windowMs: number
  readonly idleMs: number
  /** Messages one at a time: at most so many, for at most so long. */
  readonly singles: number
  readonly singlesMs: number
  readonly countMs: number
  /** The most connections that are opened to see how many a model holds. */
  readonly holdAtMost: number
}

const clamp = (value: number, least: number, most: number) =>
  Math.round(Math.min(most, Math.max(least, value)))

/** Everything follows from the measured time. */
export function timesOf(windowMs: number, quick: boolean): Times {
  return {
    warmUpMs: clamp(windowMs / 4, 50, 1000),
    windowMs,
    idleMs: clamp(windowMs / 2, 50, 1000),
    // A 99th percentile wants a hundred samples above it.
    singles: 10_100,
    singlesMs: clamp(windowMs * 1.5, 50, 3000),
    countMs: clamp(windowMs / 3, 50, 500),
    holdAtMost: quick ? 1000 : clamp(windowMs * 5, 100, 10_000),
  }
}
