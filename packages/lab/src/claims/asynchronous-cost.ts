/** What "asynchronous" costs: the processor's time of a cached read, by pread, POSIX aio and io_uring. */
import {
  allocateSlab,
  ControlBlocks,
  CQE_WORDS,
  check,
  getrusage,
  IN_PROGRESS,
  IORING_OP_READ,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  openRing,
  type Ring,
  rawAioError,
  rawAioRead,
  rawAioReturn,
  rawAioSuspend,
  rawPread,
} from 'fivefold/sys'
import { aioWorks, ioUringMissing } from './available.js'
import { bars, count, type Experiment, finding, micros, notTested, verdictOf } from './claim.js'
import { scratchFile } from './scratch.js'

interface Way {
  readonly name: string
  readonly inFlight: number
  readonly cpuMicros: number
  /** Of the reads, those that brought everything. */
  readonly complete: number
}

export interface Data {
  readonly reads: number
  readonly ways: readonly Way[]
  readonly uringMissing: string
}

const SIZE = 4096
const PLACES = 256
const BATCH = 32

/** Of the whole process: what other threads do for a read belongs to it. */
function costOf(name: string, inFlight: number, reads: number, run: (place: number) => number): Way {
  // Once for the compiler and the cache.
  for (let at = 0; at < 4 * PLACES; at += inFlight) run(at % PLACES)
  const before = getrusage()
  let complete = 0
  for (let at = 0; at < reads; at += inFlight) complete += run(at % PLACES)
  const after = getrusage()
  const cpu = after.userMicros + after.systemMicros - before.userMicros - before.systemMicros
  return { name, inFlight, cpuMicros: cpu / reads, complete }
}

function byRing(ring: Ring, fd: number, address: number, many: number) {
  return (place: number): number => {
    for (let index = 0; index < many; index++) {
      const at = ring.push(IORING_OP_READ, fd, address + index * SIZE, SIZE, 0, index, 0)
      ring.sqes[at + 2] = ((place + index) % PLACES) * SIZE
    }
    let complete = 0
    for (let seen = 0; seen < many; ) {
      check(ring.enter(many - seen, 10_000), 'io_uring_enter')
      for (const tail = ring.completionTail(); ring.cqHead !== tail; ring.cqHead = (ring.cqHead + 1) | 0) {
        seen++
        if (ring.words[ring.cqes + (ring.cqHead & ring.cqMask) * CQE_WORDS + 2] === SIZE) complete++
      }
    }
    return complete
  }
}

function measure(reads: number): Data {
  const fd = scratchFile(PLACES * SIZE)
  const { address } = allocateSlab(BATCH * SIZE)
  const ways: Way[] = [
    costOf('pread', 1, reads, (place) => (rawPread(fd, address, SIZE, place * SIZE) === SIZE ? 1 : 0)),
  ]
  if (aioWorks()) {
    const blocks = new ControlBlocks()
    const block = blocks.acquire()
    const at = blocks.address(block)
    const list = new Uint32Array(2)
    blocks.list(block, list, 0)
    ways.push(
      costOf('aio_read', 1, reads, (place) => {
        blocks.prepare(block, fd, address, SIZE, place * SIZE)
        check(rawAioRead(at), 'aio_read')
        while (rawAioError(at) === IN_PROGRESS) rawAioSuspend(list, 1, null)
        return rawAioReturn(at) === SIZE ? 1 : 0
      }),
    )
  }
  const uringMissing = ioUringMissing()
  if (uringMissing === '') {
    let ring: Ring
    try {
      ring = openRing(64, 128, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
    } catch {
      ring = openRing(64, 128, 0)
    }
    ways.push(costOf('io_uring', 1, reads, byRing(ring, fd, address, 1)))
    ways.push(costOf('io_uring', BATCH, reads, byRing(ring, fd, address, BATCH)))
  }
  return { reads, ways, uringMissing }
}

export const asynchronousCost: Experiment<Data> = {
  name: 'asynchronous-cost',
  claims: ['aioCheaper', 'uringCheaper'],
  probes: { measure },
  needs: () => null,
  run: ({ probe, quick }) => probe('measure', quick ? 25_600 : 128_000),
  selfCheck: ({ reads, ways }) => [
    { check: 'allRead', ok: ways.every(({ complete }) => complete === reads) },
    { check: 'someTime', ok: ways.every(({ cpuMicros }) => cpuMicros > 0) },
  ],
  judge({ ways, uringMissing }) {
    const of = (name: string, inFlight: number) =>
      ways.find((way) => way.name === name && way.inFlight === inFlight)
    const pread = of('pread', 1)!
    const aio = of('aio_read', 1)
    const one = of('io_uring', 1)
    const many = of('io_uring', BATCH)
    return {
      findings: [
        aio === undefined
          ? notTested('aioCheaper', { reason: 'model', what: 'posix-aio' })
          : finding('aioCheaper', verdictOf(aio.cpuMicros < pread.cpuMicros), {
              pread: micros(pread.cpuMicros),
              aio: micros(aio.cpuMicros),
            }),
        one === undefined || many === undefined
          ? notTested('uringCheaper', { reason: 'noUring', what: uringMissing })
          : finding(
              'uringCheaper',
              one.cpuMicros < pread.cpuMicros
                ? 'holds'
                : many.cpuMicros < pread.cpuMicros
                  ? 'holds-when'
                  : 'does-not-hold',
              {
                pread: micros(pread.cpuMicros),
                one: micros(one.cpuMicros),
                batch: count(BATCH),
                many: micros(many.cpuMicros),
              },
            ),
      ],
      figures: [
        bars(
          'cpuPerRead',
          'microseconds',
          ways.map(({ name, inFlight, cpuMicros }) => [
            inFlight === 1 ? name : `${name} × ${inFlight}`,
            cpuMicros,
          ]),
        ),
      ],
    }
  },
}
