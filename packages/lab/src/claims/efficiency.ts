/** The order of the five by efficiency, in several regimes: the same measurement that `fivefold compare` makes. */
import { type Model, type ModelName, modelNamed, models } from 'fivefold'
import { getrlimit, RLIMIT_NOFILE } from 'fivefold/sys'
import { measureLoad } from '../measure/cell.js'
import { chooseProcessors } from '../measure/pinning.js'
import type { Result } from '../measure/results.js'
import { timesOf } from '../measure/times.js'
import {
  bars,
  count,
  type Experiment,
  type Figure,
  finding,
  type Judgement,
  micros,
  notTested,
  times,
  verdictOf,
} from './claim.js'

/** What a mechanism reached in one regime; null: it was not measured there. */
export interface Reached {
  readonly model: ModelName
  /** How many connections had messages under way. */
  readonly active: number | null
  /** Messages per second, of the connections that are active. */
  readonly rate: number | null
  /** Of the server, per message. */
  readonly cpuMicros: number | null
  /** One message at a time, on one of the connections: the others have nothing to do. */
  readonly latencyMicros: number | null
  readonly errors: number
  /** Why there are no numbers; null: there are. */
  readonly reason: string | null
}

export interface Regime {
  readonly connections: number
  /** So many of them have messages under way; without it, all. */
  readonly active?: number
  readonly size: number
  readonly reached: readonly Reached[]
  /** CPU per message of one mechanism measured twice, first and last: how much is noise. */
  readonly twice: readonly [first: number | null, last: number | null]
}

export interface Data {
  readonly regimes: readonly Regime[]
}

/** One mechanism for each of the five, least efficient first, as the notes have it. */
const FIVE: readonly ModelName[] = ['blocking', 'non-blocking', 'epoll', 'sigio', 'io_uring']
const DESCRIPTORS_BESIDE = 64
const MOST_THREADS = 250
/** Two that differ by less are alike: they break no order. */
const ALIKE = 0.1
/** What is measured twice may differ by so much. */
const NOISE = 0.3
const TWICE: ModelName = 'epoll'

const cpuOf = ({ cpuMicrosPerMessage: cpu }: Result) => (cpu === null ? null : cpu.user + cpu.system)

/** What is compared: more is better, or less is. */
const metrics = [
  { label: 'rate', unit: 'count', take: (each: Reached) => each.rate, better: 1 },
  { label: 'cpu', unit: 'microseconds', take: (each: Reached) => each.cpuMicros, better: -1 },
  { label: 'latency', unit: 'microseconds', take: (each: Reached) => each.latencyMicros, better: -1 },
] as const
type Metric = (typeof metrics)[number]

const sizeName = (size: number) => (size < 1024 ? `${size} B` : `${size / 1024} KiB`)
/** `10 / 1000 × 64 B`: ten active among a thousand. */
const regimeName = ({ connections, active, size }: Pick<Regime, 'connections' | 'active' | 'size'>) =>
  `${active === undefined ? '' : `${active} / `}${connections} × ${sizeName(size)}`

/** Whether the five stand in the notes' order; null: one of them is missing. */
function ordered({ reached }: Regime, { take, better }: Metric): boolean | null {
  const values = FIVE.map((name) => {
    const found = reached.find(({ model }) => model === name)
    return found === undefined ? null : take(found)
  })
  if (values.some((value) => value === null)) return null
  return values.every((value, index) => {
    if (index === 0) return true
    const before = values[index - 1]!
    return better > 0 ? value! >= before * (1 - ALIKE) : value! <= before * (1 + ALIKE)
  })
}

function figuresOf(regime: Regime): Figure[] {
  return metrics.map(({ label, unit, take }) => ({
    ...bars(
      label,
      unit,
      regime.reached.flatMap((each) => {
        const value = take(each)
        return value === null ? [] : [[each.model, value] as const]
      }),
    ),
    group: regimeName(regime),
  }))
}

/** Why there are no numbers where there are none; or else where nobody looked for them. */
function missing(regimes: readonly Regime[]): string {
  const found = regimes.flatMap((regime) =>
    regime.reached
      .filter(({ reason }) => reason !== null)
      .map(({ model, reason }) => `${regimeName(regime)}, ${model}: ${reason}`),
  )
  return found.length > 0 ? found.join('; ') : regimes.map(regimeName).join(', ')
}

/** Whether a regime's numbers can rank anything: the same, measured twice, came out the same. */
function quiet({ twice: [first, last] }: Regime): boolean {
  return first !== null && last !== null && Math.max(first, last) <= Math.min(first, last) * (1 + NOISE)
}

const cpuIn = ({ reached }: Regime, name: ModelName): number | null =>
  reached.find(({ model }) => model === name)?.cpuMicros ?? null

const activeIn = ({ connections, active = connections }: Regime): number => active

/** Of those in which all of these were measured: the one with the most active connections, the smallest messages. */
function busiest(regimes: readonly Regime[], names: readonly ModelName[]): Regime | null {
  const [found = null] = regimes
    .filter((regime) => names.every((name) => cpuIn(regime, name) !== null))
    .sort((a, b) => activeIn(b) - activeIn(a) || a.size - b.size)
  return found
}

function judge({ regimes: all }: Data): Judgement {
  const regimes = all.filter(quiet)
  const figures = all.flatMap(figuresOf)
  if (regimes.length === 0) {
    const noisy = { reason: 'noisy', what: all.map(regimeName).join(', ') } as const
    return { findings: efficiency.claims.map((claim) => notTested(claim, noisy)), figures }
  }
  const verdicts = regimes.flatMap((regime) =>
    metrics.map((metric) => ({ regime, metric, holds: ordered(regime, metric) })),
  )
  const known = verdicts.filter(({ holds }) => holds !== null)
  const holding = known.filter(({ holds }) => holds === true)
  const where = holding.map(({ regime, metric }) => `${regimeName(regime)} (${metric.label})`).join(', ')
  // The cheapest and the dearest by CPU in each regime.
  const places = regimes.map(({ reached }) =>
    reached.filter((each) => each.cpuMicros !== null).sort((a, b) => a.cpuMicros! - b.cpuMicros!),
  )
  const first = places.map((list) => list[0])
  const ringIsFirst = places.map((list) => {
    const ring = list.find(({ model }) => model === 'io_uring')
    return ring !== undefined && ring.cpuMicros! <= list[0]!.cpuMicros! * (1 + ALIKE)
  })
  const ringFirst = ringIsFirst.filter(Boolean).length
  const all5 = busiest(regimes, FIVE)
  const both = busiest(regimes, ['posix-aio', 'epoll'])
  return {
    findings: [
      all5 === null
        ? notTested('order', { reason: 'nothing', what: missing(regimes) })
        : finding(
            'order',
            holding.length === 0 ? 'does-not-hold' : holding.length === known.length ? 'holds' : 'holds-when',
            {
              holding: count(holding.length),
              compared: count(known.length),
              blocking: micros(cpuIn(all5, 'blocking')!),
              nonBlocking: micros(cpuIn(all5, 'non-blocking')!),
              multiplexing: micros(cpuIn(all5, 'epoll')!),
              signal: micros(cpuIn(all5, 'sigio')!),
              asynchronous: micros(cpuIn(all5, 'io_uring')!),
            },
            { regime: regimeName(all5), where: where === '' ? '–' : where },
          ),
      finding(
        'asynchronousFirst',
        ringFirst === regimes.length ? 'holds' : ringFirst > 0 ? 'holds-when' : 'does-not-hold',
        { regimes: count(regimes.length), first: count(ringFirst) },
        {
          cheapest: regimes
            .map((regime, index) => `${regimeName(regime)}: ${first[index]?.model ?? '–'}`)
            .join(', '),
          where: regimes
            .filter((_, index) => ringIsFirst[index])
            .map(regimeName)
            .join(', '),
        },
      ),
      both === null ? notTested('aioToo', { reason: 'nothing', what: missing(regimes) }) : aioToo(both),
    ],
    figures,
  }
}

function aioToo(regime: Regime) {
  const [aio, epoll] = [cpuIn(regime, 'posix-aio')!, cpuIn(regime, 'epoll')!]
  return finding(
    'aioToo',
    verdictOf(aio < epoll),
    { aio: micros(aio), epoll: micros(epoll), ratio: times(aio / epoll) },
    { regime: regimeName(regime) },
  )
}

export const efficiency: Experiment<Data> = {
  name: 'efficiency',
  claims: ['order', 'asynchronousFirst', 'aioToo'],
  probes: {},
  needs() {
    const missing = FIVE.filter((name) => !models.find((model) => model.name === name)!.probe().ok)
    return missing.length === 0 ? null : { reason: 'model', what: missing.join(', ') }
  },
  async run({ quick, signal, text, progress }) {
    const most = getrlimit(RLIMIT_NOFILE).hard - DESCRIPTORS_BESIDE
    const wanted: readonly (readonly [connections: number, size: number, active?: number])[] = quick
      ? [
          [64, 65_536],
          [100, 64, 5],
          [64, 64],
        ]
      : [
          [1, 64],
          [10_000, 64],
          [10_000, 64, 100],
          [1000, 64, 10],
          [1000, 64],
          [200, 64, 10],
          [64, 65_536],
          [64, 64],
        ]
    const chosen = (model: Model, connections: number, size: number, active?: number) => {
      if (!model.probe().ok) return false
      // In a short run POSIX aio is tried once.
      if (quick) {
        return (
          FIVE.includes(model.name) || (model.name === 'posix-aio' && size === 64 && active === undefined)
        )
      }
      // Where a thread waits for each connection, thousands of them are another experiment's business.
      const threads = model.limits.tunings?.includes('maxThreads') === true
      return (
        connections < Math.min(model.limits.maxWaiting, threads ? MOST_THREADS : Number.POSITIVE_INFINITY)
      )
    }
    const regimes: Regime[] = []
    for (const [connections, size, active] of wanted.filter(([number]) => number <= most)) {
      const some = active === undefined ? {} : { active }
      const reach = async (model: Model): Promise<Reached> => {
        progress(`${regimeName({ connections, size, ...some })} · ${model.name}`)
        const { result, active: started } = await measureLoad({
          model,
          protocol: 'tcp',
          connections,
          size,
          ...some,
          port: 0,
          times: timesOf(quick ? 250 : 1500, true),
          processors: chooseProcessors(),
          text,
          signal,
          hold: false,
          progress: () => {},
        })
        return {
          model: model.name,
          active: started,
          rate: result.messagesPerSecond,
          cpuMicros: cpuOf(result),
          latencyMicros: result.latencyMicros?.p50 ?? null,
          errors: result.errors ?? 0,
          reason: result.reason,
        }
      }
      const reached: Reached[] = []
      for (const model of models)
        if (chosen(model, connections, size, active)) reached.push(await reach(model))
      const first = reached.find(({ model }) => model === TWICE)
      const again = await reach(modelNamed(TWICE))
      regimes.push({
        connections,
        size,
        ...some,
        reached,
        twice: [first?.cpuMicros ?? null, again.cpuMicros],
      })
    }
    return { regimes }
  },
  selfCheck: ({ regimes }) => [
    { check: 'noErrors', ok: regimes.every(({ reached }) => reached.every(({ errors }) => errors === 0)) },
    {
      check: 'activeAsMeant',
      ok: regimes.every((regime) =>
        regime.reached.every(({ active, reason }) => reason !== null || active === activeIn(regime)),
      ),
    },
  ],
  judge,
}
