/** The order of the five by degree of blocking: how long the thread can do nothing else, while a message is awaited. */
import { bars, bytes, type Experiment, finding, micros, millis, share, verdictOf } from './claim.js'
import { LATER_MS, type Received, receiveAll, type Way, waysHere } from './receiving.js'
import { median } from './sampling.js'

interface Degree {
  readonly way: Way
  /** Of the whole time: held in the waiting; and doing other work. */
  readonly heldShare: number
  readonly workedShare: number
  readonly copyingMicros: number
  readonly whole: boolean
  readonly totalMs: number
}

export interface Data {
  readonly laterMs: number
  readonly size: number
  readonly degrees: readonly Degree[]
}

const SIZE = 65_536

/** The five, by the mechanism that stands for each, in the notes' order: most blocking first. */
const FIVE: readonly Way[] = ['blocking', 'non-blocking', 'epoll', 'sigio', 'posix-aio']
const HELD: readonly Way[] = ['blocking', 'select', 'poll', 'epoll']
/** Two that differ by less than this share of the time are alike. */
const ALIKE = 0.02

export const degreeOfBlocking: Experiment<Data> = {
  name: 'degree-of-blocking',
  claims: ['order', 'heldWaiting', 'freeWaiting'],
  probes: { receiveAll },
  needs: () => (waysHere().includes('posix-aio') ? null : { reason: 'model', what: 'posix-aio' }),
  async run({ probe, quick, progress }) {
    const degrees: Degree[] = []
    for (const way of waysHere()) {
      progress(way)
      const parameters = { way, sizes: [SIZE], rounds: quick ? 7 : 41 }
      const [list = []] = await probe<Received[][]>('receiveAll', parameters)
      const of = (take: (received: Received) => number) => median(list.map(take))
      degrees.push({
        way,
        heldShare: of(({ heldWaitingMicros, totalMicros }) => heldWaitingMicros / totalMicros),
        workedShare: of(({ workedMicros, totalMicros }) => workedMicros / totalMicros),
        copyingMicros: of(({ heldCopyingMicros }) => heldCopyingMicros),
        whole: list.every(({ whole }) => whole),
        totalMs: of(({ totalMicros }) => totalMicros / 1000),
      })
    }
    return { laterMs: LATER_MS, size: SIZE, degrees }
  },
  selfCheck: ({ degrees, laterMs }) => [
    { check: 'whole', ok: degrees.every(({ whole }) => whole) },
    { check: 'waited', ok: degrees.every(({ totalMs }) => totalMs >= laterMs - 1) },
    // Held and at work at once: then one of the two is not measured.
    { check: 'noMoreThanAll', ok: degrees.every((each) => each.heldShare + each.workedShare < 1.02) },
  ],
  judge({ degrees, size, laterMs }) {
    const of = (way: Way) => degrees.find((each) => each.way === way)!
    const five = FIVE.map(of)
    const falls = five.every(
      (each, index) => index === 0 || each.heldShare <= five[index - 1]!.heldShare + ALIKE,
    )
    const held = HELD.map(of)
    const least = Math.min(...held.map(({ heldShare }) => heldShare))
    const heldWork = Math.max(...held.map(({ workedShare }) => workedShare))
    const free = degrees.filter(({ way }) => !HELD.includes(way))
    const freeWork = Math.min(...free.map(({ workedShare }) => workedShare))
    return {
      findings: [
        finding('order', verdictOf(falls), {
          later: millis(laterMs),
          blocking: share(of('blocking').heldShare),
          nonBlocking: share(of('non-blocking').heldShare),
          multiplexing: share(of('epoll').heldShare),
          signal: share(of('sigio').heldShare),
          asynchronous: share(of('posix-aio').heldShare),
        }),
        finding('heldWaiting', verdictOf(least > 0.9 && heldWork < 0.1), {
          held: share(least),
          worked: share(heldWork),
        }),
        finding('freeWaiting', verdictOf(freeWork > 0.5), {
          worked: share(freeWork),
          size: bytes(size),
          signal: micros(of('sigio').copyingMicros),
          asynchronous: micros(of('posix-aio').copyingMicros),
        }),
      ],
      figures: [
        bars(
          'heldWaitingShare',
          'share',
          degrees.map(({ way, heldShare }) => [way, heldShare]),
        ),
        bars(
          'workedShare',
          'share',
          degrees.map(({ way, workedShare }) => [way, workedShare]),
        ),
        bars(
          'heldCopying',
          'microseconds',
          degrees.map(({ way, copyingMicros }) => [way, copyingMicros]),
        ),
      ],
    }
  },
}
