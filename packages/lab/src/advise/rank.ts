/** From what was seen of each candidate to a recommendation, and to whether it is one. */
import type { ModelName } from 'fivefold'
import type { Sample } from './sample.js'

export const goals = ['latency', 'throughput', 'cpu', 'memory'] as const
export type Goal = (typeof goals)[number]

/** Median, least and greatest of the rounds. */
export interface Range {
  readonly median: number
  readonly least: number
  readonly most: number
}

/** Who is no candidate, and why. */
export interface Excluded {
  readonly model: ModelName
  readonly reason: string
}

export interface Candidate {
  readonly model: ModelName
  readonly samples: readonly Sample[]
}

export interface Ranked {
  readonly model: ModelName
  readonly rounds: number
  /** What was asked for: the better it is the smaller, or for throughput the greater. */
  readonly value: Range
  readonly messagesPerSecond: Range
  readonly latencyMicros: Range
  readonly cpuMicrosPerMessage: Range
  readonly cpuShareWhileWaiting: number
  readonly residentBytes: number | null
  readonly threads: number
}

export interface Recommendation {
  readonly recommended: Ranked | null
  readonly runnerUp: Ranked | null
  /** The rounds of one lie among those of the other: another run may order them otherwise. */
  readonly withinSpread: boolean
  /** Best first. */
  readonly ranking: readonly Ranked[]
  /** Those that would use a processor for nothing, where processor time is the question. */
  readonly wasteful: readonly ModelName[]
}

/** Above this share of a processor a model that waits is not asleep. */
export const ASLEEP = 0.1

export function wantedOf(sample: Sample, goal: Goal): number {
  switch (goal) {
    case 'latency':
      return sample.latencyMicros
    case 'throughput':
      return sample.messagesPerSecond
    case 'cpu':
      return sample.cpuMicrosPerMessage
    case 'memory':
      return sample.residentBytes ?? Number.POSITIVE_INFINITY
  }
}

/** Whether a value is better than another. */
export const better = (a: number, b: number, goal: Goal) => (goal === 'throughput' ? a > b : a < b)

export function rank(candidates: readonly Candidate[], goal: Goal): Recommendation {
  const all = candidates
    .filter(({ samples }) => samples.length > 0)
    .map((candidate) => ranked(candidate, goal))
  const wasteful = goal === 'cpu' ? all.filter((candidate) => burns(candidate) === 1) : []
  const ranking = all
    .filter((candidate) => !wasteful.includes(candidate))
    .sort((a, b) => (better(a.value.median, b.value.median, goal) ? -1 : 1))
  const [first = null, second = null] = ranking
  if (first === null || second === null) {
    return { recommended: first, runnerUp: second, withinSpread: false, ranking, wasteful: names(wasteful) }
  }
  // Among those that cannot be told apart: one that sleeps when it waits, and the one that costs less processor time.
  const level = ranking.filter((candidate) => overlap(candidate.value, first.value))
  const [recommended = first] = level.toSorted((a, b) => burns(a) - burns(b) || cpu(a) - cpu(b))
  const others = ranking.filter((candidate) => candidate !== recommended)
  return {
    recommended,
    runnerUp: others[0]!,
    withinSpread: overlap(recommended.value, others[0]!.value),
    ranking,
    wasteful: names(wasteful),
  }
}

const burns = ({ cpuShareWhileWaiting }: Ranked) => Number(cpuShareWhileWaiting > ASLEEP)
const cpu = ({ cpuMicrosPerMessage }: Ranked) => cpuMicrosPerMessage.median
const names = (some: readonly Ranked[]) => some.map(({ model }) => model)
const overlap = (a: Range, b: Range) => a.least <= b.most && b.least <= a.most

function ranked({ model, samples }: Candidate, goal: Goal): Ranked {
  const of = (value: (sample: Sample) => number) => range(samples.map(value))
  const resident = samples.map(({ residentBytes }) => residentBytes).filter((bytes) => bytes !== null)
  return {
    model,
    rounds: samples.length,
    value: of((sample) => wantedOf(sample, goal)),
    messagesPerSecond: of((sample) => sample.messagesPerSecond),
    latencyMicros: of((sample) => sample.latencyMicros),
    cpuMicrosPerMessage: of((sample) => sample.cpuMicrosPerMessage),
    cpuShareWhileWaiting: of((sample) => sample.cpuShareWhileWaiting).median,
    residentBytes: resident.length === 0 ? null : range(resident).median,
    threads: of((sample) => sample.threads).median,
  }
}

export function range(values: readonly number[]): Range {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, least: sorted[0]!, most: sorted.at(-1)! }
}
