/** Which reads io_uring does by itself, and for which it takes threads of the kernel: the iou-wrk appear as they do. */
import {
  addressOf,
  allocateSlab,
  CQE_WORDS,
  check,
  IORING_OP_READ,
  IOSQE_ASYNC,
  openRing,
  type Ring,
  rawPread,
} from 'fivefold/sys'
import { bars, bytes, count, type Experiment, finding, share, verdictOf } from './claim.js'
import { isCached, makeCold, scratchFile } from './scratch.js'
import { since, tasks } from './tasks.js'
import { ioUringMissing } from './uring.js'

interface Reads {
  /** iou-wrk threads that appeared. */
  readonly workers: number
  readonly complete: number
  /** Of the places to read, those in the page cache beforehand. */
  readonly cachedBefore: number
}

export interface Data {
  readonly reads: number
  readonly size: number
  readonly cached: Reads
  readonly cold: Reads
  /** Left to the kernel's threads on purpose: IOSQE_ASYNC. */
  readonly forced: Reads
  readonly unknown: string
}

const READS = 32
const SIZE = 4096
const STRIDE = 256 * 1024

function readAll(ring: Ring, fd: number, flags: number, cachedBefore: number): Reads {
  const { address } = allocateSlab(READS * SIZE)
  const before = tasks()
  for (let index = 0; index < READS; index++) {
    const at = ring.push(IORING_OP_READ | flags, fd, address + index * SIZE, SIZE, 0, index, 0)
    ring.sqes[at + 2] = index * STRIDE
  }
  check(ring.submit(), 'io_uring_enter')
  // A worker stays for some seconds when it has no work; so they are all here when the last read is done.
  let complete = 0
  for (let seen = 0; seen < READS; ) {
    check(ring.enter(1, 60_000), 'io_uring_enter')
    for (const tail = ring.completionTail(); ring.cqHead !== tail; ring.cqHead = (ring.cqHead + 1) | 0) {
      seen++
      if (ring.words[ring.cqes + (ring.cqHead & ring.cqMask) * CQE_WORDS + 2] === SIZE) complete++
    }
  }
  return {
    workers: since(before).filter(({ name }) => name.startsWith('iou-wrk')).length,
    complete,
    cachedBefore,
  }
}

function measure(): Data {
  const fd = scratchFile(READS * STRIDE)
  let unknown = ''
  const cachedPlaces = () => {
    let cached = 0
    for (let index = 0; index < READS; index++) {
      const answer = isCached(fd, index * STRIDE)
      if (answer === true) cached++
      else if (typeof answer === 'string') unknown = answer
    }
    return cached
  }
  const page = Buffer.allocUnsafeSlow(SIZE)
  for (let index = 0; index < READS; index++) rawPread(fd, addressOf(page), SIZE, index * STRIDE)
  const ring = openRing(64, 128, 0)
  const cached = readAll(ring, fd, 0, cachedPlaces())
  makeCold(fd)
  const cold = readAll(ring, fd, 0, cachedPlaces())
  const forced = readAll(ring, fd, IOSQE_ASYNC, READS)
  return { reads: READS, size: SIZE, cached, cold, forced, unknown }
}

export const uringWorkers: Experiment<Data> = {
  name: 'uring-workers',
  claims: ['cachedWithout', 'coldWithout', 'workersExist'],
  probes: { measure },
  needs: () => {
    const missing = ioUringMissing()
    return missing === '' ? null : { reason: 'noUring', what: missing }
  },
  run: ({ probe }) => probe('measure'),
  selfCheck: ({ reads, cached, cold, forced, unknown }) => [
    { check: 'allRead', ok: [cached, cold, forced].every(({ complete }) => complete === reads) },
    { check: 'cacheKnown', ok: unknown === '' },
    { check: 'wasCached', ok: cached.cachedBefore === reads },
    { check: 'wasCold', ok: cold.cachedBefore < reads / 2 },
  ],
  judge: ({ reads, size, cached, cold, forced }) => ({
    findings: [
      finding('cachedWithout', verdictOf(cached.workers === 0), {
        reads: count(reads),
        size: bytes(size),
        workers: count(cached.workers),
      }),
      finding('coldWithout', verdictOf(cold.workers === 0), {
        reads: count(reads),
        cold: share(1 - cold.cachedBefore / reads),
        workers: count(cold.workers),
      }),
      finding('workersExist', verdictOf(forced.workers > 0), {
        reads: count(reads),
        workers: count(forced.workers),
      }),
    ],
    figures: [
      bars('workers', 'count', [
        ['cached', cached.workers],
        ['cold', cold.workers],
        ['IOSQE_ASYNC', forced.workers],
      ]),
    ],
  }),
}
