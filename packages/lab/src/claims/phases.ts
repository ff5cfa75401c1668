/** The two phases: how long each holds the thread, in each mechanism, from 64 B to 1 MiB. */
import {
  bytes,
  type Experiment,
  finding,
  lines,
  micros,
  notTested,
  series,
  times,
  verdictOf,
} from './claim.js'
import { LATER_MS, type Received, receiveAll, type Way, waysHere } from './receiving.js'
import { median } from './sampling.js'

interface Measured {
  readonly way: Way
  /** Medians, by size. */
  readonly sizes: readonly number[]
  readonly waiting: readonly number[]
  readonly copying: readonly number[]
  readonly whole: boolean
  /** The shortest time that a message took. */
  readonly quickestMicros: number
}

export interface Data {
  readonly laterMs: number
  readonly ways: readonly Measured[]
}

const SIZES = [64, 1024, 16_384, 65_536, 262_144, 1_048_576] as const
const QUICK = [64, 16_384, 1_048_576] as const

/** The synchronous ones, of which the textbook says that they copy alike. */
const SYNCHRONOUS: readonly Way[] = ['blocking', 'non-blocking', 'select', 'poll', 'epoll', 'sigio']

export const phases: Experiment<Data> = {
  name: 'phases',
  claims: ['copyHolds', 'sameCopy', 'asynchronousFree'],
  probes: { receiveAll },
  needs: () => null,
  async run({ probe, quick, progress }) {
    const sizes = quick ? QUICK : SIZES
    const ways: Measured[] = []
    for (const way of waysHere()) {
      progress(way)
      const all = await probe<Received[][]>('receiveAll', { way, sizes, rounds: quick ? 5 : 15 })
      ways.push({
        way,
        sizes,
        waiting: all.map((list) => median(list.map(({ heldWaitingMicros }) => heldWaitingMicros))),
        copying: all.map((list) => median(list.map(({ heldCopyingMicros }) => heldCopyingMicros))),
        whole: all.every((list) => list.every(({ whole }) => whole)),
        quickestMicros: Math.min(...all.flat().map(({ totalMicros }) => totalMicros)),
      })
    }
    return { laterMs: LATER_MS, ways }
  },
  selfCheck: ({ ways, laterMs }) => [
    { check: 'whole', ok: ways.every(({ whole }) => whole) },
    { check: 'waited', ok: ways.every(({ quickestMicros }) => quickestMicros >= laterMs * 1000 - 1000) },
  ],
  judge({ ways }) {
    const of = (way: Way) => ways.find((each) => each.way === way)
    const epoll = of('epoll')!
    const first = epoll.copying[0]!
    const last = epoll.copying.at(-1)!
    const synchronous = ways.filter(({ way }) => SYNCHRONOUS.includes(way))
    const copies = synchronous.map(({ copying }) => copying.at(-1)!)
    const [least, most] = [Math.min(...copies), Math.max(...copies)]
    const held = (way: Way) => of(way)?.copying.at(-1)
    const [aio, ring, worker] = [held('posix-aio'), held('io_uring'), held('io_uring (IOSQE_ASYNC)')]
    // A thread that is held for less than a third of what the copy takes does not make it.
    const free = (heldMicros: number | undefined) => heldMicros !== undefined && heldMicros < last / 3
    const others = [...(free(aio) ? ['aio_read'] : []), ...(free(worker) ? ['IOSQE_ASYNC'] : [])]
    const size = bytes(epoll.sizes.at(-1)!)
    const curve = (which: 'waiting' | 'copying') =>
      ways.map((each) =>
        series(
          each.way,
          'microseconds',
          each.sizes.map((at, index) => [at, each[which][index]!]),
        ),
      )
    const x = { label: 'messageBytes', unit: 'bytes', scale: 'log' } as const
    return {
      findings: [
        finding('copyHolds', verdictOf(last > 2 * first), {
          small: bytes(epoll.sizes[0]!),
          first: micros(first),
          size,
          last: micros(last),
        }),
        finding('sameCopy', verdictOf(most < 3 * least), {
          size,
          least: micros(least),
          most: micros(most),
          ratio: times(most / least),
        }),
        aio === undefined || ring === undefined || worker === undefined
          ? notTested('asynchronousFree', { reason: 'model', what: 'posix-aio / io_uring' })
          : finding(
              'asynchronousFree',
              free(aio) && free(ring) ? 'holds' : free(aio) || free(worker) ? 'holds-when' : 'does-not-hold',
              {
                size,
                epoll: micros(last),
                aio: micros(aio),
                ring: micros(ring),
                worker: micros(worker),
              },
              { who: others.join(', ') },
            ),
      ],
      figures: [
        lines('waitingHeld', x, { label: 'held', unit: 'microseconds', scale: 'log' }, curve('waiting')),
        lines('copyingHeld', x, { label: 'held', unit: 'microseconds', scale: 'log' }, curve('copying')),
      ],
    }
  },
}
