/** POSIX aio on glibc: who reads, and what becomes of a write behind a read of the same descriptor. */
import {
  AF_UNIX,
  allocateSlab,
  ControlBlocks,
  check,
  IN_PROGRESS,
  rawAioError,
  rawAioRead,
  rawAioReturn,
  rawAioWrite,
  SOCK_STREAM,
  socketpair,
  write,
} from 'fivefold/sys'
import { aioWorks } from './available.js'
import { bars, count, type Experiment, finding, millis, verdictOf } from './claim.js'
import { sleep } from './sampling.js'
import { since, tasks } from './tasks.js'

export interface Data {
  readonly reads: number
  readonly threadsBefore: number
  readonly threadsAdded: number
  /** Of the added ones, those that sleep in read(2) of one of our descriptors. */
  readonly inRead: number
  readonly threadsForMany: number
  readonly many: number
  readonly readsCompleted: number
  /** A write behind a read that waits, on one descriptor. */
  readonly stalledMs: number
  readonly stalled: boolean
  readonly plainWrite: number
  readonly wroteAfterRead: boolean
}

const READS = 5
const MANY = 30
const STALL_MS = 200
const READ_CALL = process.arch === 'x64' ? 0 : 63

/** Until glibc's threads are where they go. */
async function settled(done: () => boolean): Promise<boolean> {
  for (let tries = 0; tries < 400 && !done(); tries++) await sleep(5)
  return done()
}

async function measure(): Promise<Data> {
  const { address } = allocateSlab(4096)
  const blocks = new ControlBlocks()
  const ask = (submit: (block: number) => number, name: string, fd: number, at: number): number => {
    const block = blocks.acquire()
    blocks.prepare(block, fd, address + at, 1)
    check(submit(blocks.address(block)), name)
    return blocks.address(block)
  }
  const over = (block: number) => rawAioError(block) !== IN_PROGRESS

  const before = tasks()
  const pairs = Array.from({ length: MANY }, () => socketpair(AF_UNIX, SOCK_STREAM))
  const ours = new Set(pairs.map(([reader]) => reader))
  const reading = (fds: Set<number>) =>
    since(before).filter(({ call, fd }) => call === READ_CALL && fd !== null && fds.has(fd)).length
  const flights = pairs.slice(0, READS).map(([reader], index) => ask(rawAioRead, 'aio_read', reader, index))
  await settled(() => since(before).length >= READS)
  await settled(() => reading(ours) >= READS)
  const threadsAdded = since(before).length
  const inRead = reading(ours)
  for (let index = READS; index < MANY; index++) {
    flights.push(ask(rawAioRead, 'aio_read', pairs[index]![0], index))
  }
  await sleep(100)
  const threadsForMany = since(before).length
  for (const [, writer] of pairs) write(writer, Buffer.from('!'))
  await settled(() => flights.every(over))
  const readsCompleted = flights.filter((block) => over(block) && rawAioReturn(block) === 1).length

  const [fd, peer] = socketpair(AF_UNIX, SOCK_STREAM)
  ask(rawAioRead, 'aio_read', fd, 100)
  await sleep(20)
  const behind = ask(rawAioWrite, 'aio_write', fd, 101)
  const plainWrite = write(fd, Buffer.from('!'))
  await sleep(STALL_MS)
  const stalled = !over(behind)
  write(peer, Buffer.from('!'))
  const wroteAfterRead = await settled(() => over(behind))
  return {
    reads: READS,
    threadsBefore: before.length,
    threadsAdded,
    inRead,
    threadsForMany,
    many: MANY,
    readsCompleted,
    stalledMs: STALL_MS,
    stalled,
    plainWrite,
    wroteAfterRead,
  }
}

export const aioThreads: Experiment<Data> = {
  name: 'aio-threads',
  claims: ['kernelReads', 'sameDescriptor', 'threadEach'],
  probes: { measure },
  needs: () => (aioWorks() ? null : { reason: 'model', what: 'posix-aio' }),
  run: ({ probe }) => probe('measure'),
  selfCheck: ({ readsCompleted, many, plainWrite, wroteAfterRead }) => [
    { check: 'readsCompleted', ok: readsCompleted === many },
    // The socket itself takes a write at any time.
    { check: 'writable', ok: plainWrite === 1 },
    { check: 'wroteInTheEnd', ok: wroteAfterRead },
  ],
  judge: ({ reads, threadsBefore, threadsAdded, inRead, threadsForMany, many, stalled, stalledMs }) => ({
    findings: [
      finding('kernelReads', verdictOf(threadsAdded === 0), {
        reads: count(reads),
        threads: count(threadsAdded),
        inRead: count(inRead),
      }),
      finding('sameDescriptor', verdictOf(!stalled), { stalled: millis(stalledMs) }),
      finding('threadEach', verdictOf(threadsForMany === many), {
        many: count(many),
        threads: count(threadsForMany),
      }),
    ],
    figures: [
      bars('threads', 'count', [
        ['before', threadsBefore],
        ['someReads', threadsBefore + threadsAdded],
        ['manyReads', threadsBefore + threadsForMany],
      ]),
    ],
  }),
}
