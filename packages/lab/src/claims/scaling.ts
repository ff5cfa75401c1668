/** select, poll and epoll as the number of descriptors grows, few or all of them ready: the processor's time per wait. */
import { AF_UNIX, getrlimit, RLIMIT_NOFILE, SOCK_STREAM, socketpair, write } from 'fivefold/sys'
import { count, type Experiment, finding, lines, micros, series, times, verdictOf } from './claim.js'
import { median, spentOn } from './sampling.js'
import { waiters } from './waiters.js'

type Mechanism = 'select' | 'poll' | 'epoll'

/** Microseconds of CPU per wait for so many descriptors. */
interface Row {
  readonly descriptors: number
  readonly active: number
  readonly cpu: Readonly<Record<Mechanism, number>>
  /** All three found as many as are ready. */
  readonly found: boolean
}

export interface Data {
  readonly few: readonly Row[]
  readonly all: readonly Row[]
}

const SIZES = [10, 30, 100, 300, 1000, 3000, 10_000] as const
const QUICK = [10, 100, 1000, 10_000] as const
/** So many are ready where few are. */
const ACTIVE = 4
const OTHER_DESCRIPTORS = 64
/** Cheaper by less than this is alike. */
const CHEAPER = 0.9

function measure({
  sizes,
  active,
  millis,
}: {
  sizes: readonly number[]
  active: number
  millis: number
}): Row[] {
  const most = Math.max(...sizes)
  const fds: number[] = []
  while (fds.length < most) fds.push(...socketpair(AF_UNIX, SOCK_STREAM))
  // The ready ones stand anywhere; each is made so by its pair.
  const ready = new Set<number>()
  return sizes.map((descriptors): Row => {
    const wanted = Math.min(active, descriptors)
    const step = Math.max(1, Math.floor(descriptors / wanted))
    for (let index = 0; ready.size < wanted && index < descriptors; index += step) {
      if (ready.has(index)) continue
      write(fds[index ^ 1]!, Buffer.from('!'))
      ready.add(index)
    }
    const those = fds.slice(0, descriptors)
    let found = true
    const made = waiters.map((make) => make(those))
    const slices = made.map(() => [] as number[])
    // By turns, so that a disturbance meets all three.
    for (let slice = -1; slice < 7; slice++) {
      for (const [index, waiter] of made.entries()) {
        let rounds = 0
        const { cpuMs } = spentOn(() => {
          const until = performance.now() + millis
          do {
            if (waiter.wait(0) !== ready.size) found = false
            rounds++
          } while (performance.now() < until)
        })
        // The first slice is for the compiler.
        if (slice >= 0) slices[index]!.push((cpuMs * 1000) / rounds)
      }
    }
    for (const waiter of made) waiter.close()
    const of = (name: Mechanism) => median(slices[made.findIndex((waiter) => waiter.name === name)]!)
    return {
      descriptors,
      active: ready.size,
      cpu: { select: of('select'), poll: of('poll'), epoll: of('epoll') },
      found,
    }
  })
}

/** From which number on epoll is cheaper than both others; null: nowhere here. */
function crossover(rows: readonly Row[]): number | null {
  const from = rows.findIndex((_, index) =>
    rows.slice(index).every(({ cpu }) => cpu.epoll < CHEAPER * Math.min(cpu.select, cpu.poll)),
  )
  return from < 0 ? null : rows[from]!.descriptors
}

export const scaling: Experiment<Data> = {
  name: 'scaling',
  claims: ['linear', 'constant', 'epollNeedsThousand', 'activeDecides'],
  probes: { measure },
  needs: () => (getrlimit(RLIMIT_NOFILE).hard < 1200 ? { reason: 'descriptors', what: '1,200' } : null),
  async run({ probe, quick, progress }) {
    const most = getrlimit(RLIMIT_NOFILE).hard - OTHER_DESCRIPTORS
    const sizes = (quick ? QUICK : SIZES).filter((size) => size <= most)
    const millis = quick ? 6 : 20
    progress(`${ACTIVE}`)
    const few = await probe<Row[]>('measure', { sizes, active: ACTIVE, millis })
    progress('100 %')
    const all = await probe<Row[]>('measure', { sizes, active: Number.POSITIVE_INFINITY, millis })
    return { few, all }
  },
  selfCheck: ({ few, all }) => [
    { check: 'found', ok: [...few, ...all].every(({ found }) => found) },
    { check: 'counted', ok: [...few, ...all].every(({ cpu }) => Math.min(...Object.values(cpu)) > 0) },
    {
      check: 'readyAsMeant',
      ok: few.every((row) => row.active === ACTIVE) && all.every((row) => row.active === row.descriptors),
    },
  ],
  judge({ few, all }) {
    const first = few[0]!
    const last = few.at(-1)!
    const more = last.descriptors / first.descriptors
    const growth = (name: Mechanism) => last.cpu[name] / first.cpu[name]
    const from = crossover(few)
    const lastOfAll = all.at(-1)!
    const advantage = ({ cpu }: Row) => Math.min(cpu.select, cpu.poll) / cpu.epoll
    const curves = (rows: readonly Row[]) =>
      (['select', 'poll', 'epoll'] as const).map((name) =>
        series(
          name,
          'microseconds',
          rows.map(({ descriptors, cpu }) => [descriptors, cpu[name]]),
        ),
      )
    const x = { label: 'descriptors', unit: 'count', scale: 'log' } as const
    const y = { label: 'cpuPerWait', unit: 'microseconds', scale: 'log' } as const
    return {
      findings: [
        // Linear but for what every call costs: at least a tenth of the growth in number is to be seen.
        finding('linear', verdictOf(growth('select') > more / 100 && growth('poll') > more / 10), {
          few: count(first.descriptors),
          many: count(last.descriptors),
          selectFew: micros(first.cpu.select),
          selectMany: micros(last.cpu.select),
          pollFew: micros(first.cpu.poll),
          pollMany: micros(last.cpu.poll),
        }),
        finding('constant', verdictOf(growth('epoll') < 2), {
          few: count(first.descriptors),
          many: count(last.descriptors),
          epollFew: micros(first.cpu.epoll),
          epollMany: micros(last.cpu.epoll),
        }),
        finding('epollNeedsThousand', verdictOf(from === null || from >= 1000), {
          active: count(ACTIVE),
          from: count(from ?? last.descriptors),
          at100: times(advantage(few.find(({ descriptors }) => descriptors === 100) ?? first)),
        }),
        // Where all are ready, there is nothing to be saved: all have to be told.
        finding('activeDecides', verdictOf(advantage(lastOfAll) < advantage(last) / 2), {
          many: count(last.descriptors),
          active: count(ACTIVE),
          few: times(advantage(last)),
          all: times(advantage(lastOfAll)),
        }),
      ],
      figures: [lines('fewActive', x, y, curves(few)), lines('allActive', x, y, curves(all))],
    }
  },
}
