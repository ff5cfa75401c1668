/** Which reads io_uring does by itself, and for which it takes threads of the kernel: the iou-wrk appear as they do. */
import { tmpdir } from 'node:os'
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
import { ioUringMissing } from './available.js'
import { bars, bytes, count, type Experiment, finding, notTested, share, verdictOf } from './claim.js'
import { isCached, makeCold, scratchFile } from './scratch.js'
import { since, tasks } from './tasks.js'

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
  /** The cached reads once more, from a file system that lives in memory; null: there is none. */
  readonly memory: Reads | null
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

/** Afterwards all places are in the page cache. */
function readOnce(fd: number): void {
  const page = Buffer.allocUnsafeSlow(SIZE)
  for (let index = 0; index < READS; index++) rawPread(fd, addressOf(page), SIZE, index * STRIDE)
}

const IN_MEMORY = '/dev/shm'

/** In a process of its own: a worker that is there already would do this work, too. */
function measureInMemory(): Reads | null {
  let fd: number
  try {
    fd = scratchFile(READS * STRIDE, IN_MEMORY)
  } catch {
    return null
  }
  readOnce(fd)
  return readAll(openRing(64, 128, 0), fd, 0, READS)
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
  readOnce(fd)
  const ring = openRing(64, 128, 0)
  const cached = readAll(ring, fd, 0, cachedPlaces())
  makeCold(fd)
  const cold = readAll(ring, fd, 0, cachedPlaces())
  const forced = readAll(ring, fd, IOSQE_ASYNC, READS)
  return { reads: READS, size: SIZE, cached, cold, forced, unknown, memory: null }
}

export const uringWorkers: Experiment<Data> = {
  name: 'uring-workers',
  claims: ['cachedWithout', 'coldWithout', 'workersExist'],
  probes: { measure, measureInMemory },
  needs: () => {
    const missing = ioUringMissing()
    return missing === '' ? null : { reason: 'noUring', what: missing }
  },
  async run({ probe }) {
    const onDisk = await probe<Data>('measure')
    return { ...onDisk, memory: await probe<Reads | null>('measureInMemory') }
  },
  selfCheck: ({ reads, cached, cold, forced, unknown, memory }) => [
    {
      check: 'allRead',
      ok: [cached, cold, forced, memory].every((each) => each === null || each.complete === reads),
    },
    { check: 'wasCached', ok: unknown !== '' || cached.cachedBefore === reads },
  ],
  judge: ({ reads, size, cached, cold, forced, unknown, memory }) => ({
    findings: [
      finding(
        'cachedWithout',
        cached.workers > 0 ? 'does-not-hold' : memory !== null && memory.workers > 0 ? 'holds-when' : 'holds',
        {
          reads: count(reads),
          size: bytes(size),
          workers: count(cached.workers),
          memory: count(memory?.workers ?? 0),
        },
        { folder: IN_MEMORY },
      ),
      // A file system that lives in memory has no cold places.
      unknown !== '' || cold.cachedBefore >= reads / 2
        ? notTested('coldWithout', { reason: 'noDisk', what: unknown === '' ? tmpdir() : unknown })
        : finding('coldWithout', verdictOf(cold.workers === 0), {
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
        ...(memory === null ? [] : [[IN_MEMORY, memory.workers] as const]),
        ['IOSQE_ASYNC', forced.workers],
      ]),
    ],
  }),
}
