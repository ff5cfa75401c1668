/**
 * Verdicts follow from the data, and from nothing else: good data pass the self-check; data that are broken in one
 * place fail exactly that check; and data that say the contrary turn the verdict.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aioThreads } from './aio-threads.js'
import { asynchronousCost } from './asynchronous-cost.js'
import type { Experiment, VerdictName } from './claim.js'
import { closedDescriptor } from './closed-descriptor.js'
import { copiedPerWait } from './copied-per-wait.js'
import { degreeOfBlocking } from './degree-of-blocking.js'
import { edgeLevel } from './edge-level.js'
import { efficiency } from './efficiency.js'
import { experiments } from './experiments.js'
import { layers } from './layers.js'
import { oneAtATime } from './one-at-a-time.js'
import { phases } from './phases.js'
import { pollArray } from './poll-array.js'
import { scaling } from './scaling.js'
import { selectLimit } from './select-limit.js'
import { sharedMemory } from './shared-memory.js'
import { shortLived } from './short-lived.js'
import { signalHandler } from './signal-handler.js'
import { signalQueue } from './signal-queue.js'
import { startOrDone } from './start-or-done.js'
import { threadPerConnection } from './thread-per-connection.js'
import { timeResolution } from './time-resolution.js'
import { uringWorkers } from './uring-workers.js'
import { waiting } from './waiting.js'
import { wakeUps } from './wake-ups.js'

type DataOf<E> = E extends Experiment<infer Data> ? Data : never

/** Each a change of the good data: the check that must fail then, or the claim and what becomes of its verdict. */
interface Case<Data> {
  readonly good: Data
  readonly breaks?: Readonly<Record<string, (data: Data) => Data>>
  readonly turns: readonly (readonly [
    claim: string,
    before: VerdictName,
    after: VerdictName,
    change: (data: Data) => Data,
  ])[]
}

const tried = new Set<string>()

function judged<Data>(experiment: Experiment<Data>, data: Data, claim: string): VerdictName | undefined {
  return experiment.judge(data).findings.find((finding) => finding.claim === claim)?.verdict
}

function holds<Data>(experiment: Experiment<Data>, { good, breaks = {}, turns }: Case<Data>): void {
  tried.add(experiment.name)
  test(`${experiment.name}: the self-check and the verdicts bite`, () => {
    const failed = (data: Data) =>
      experiment
        .selfCheck(data)
        .filter(({ ok }) => !ok)
        .map(({ check }) => check)
    assert.deepEqual(failed(good), [])
    for (const [check, change] of Object.entries(breaks)) assert.deepEqual(failed(change(good)), [check])
    assert.deepEqual(
      experiment
        .judge(good)
        .findings.map(({ claim }) => claim)
        .sort(),
      [...experiment.claims].sort(),
    )
    for (const [claim, before, after, change] of turns) {
      assert.equal(judged(experiment, good, claim), before, claim)
      assert.equal(judged(experiment, change(good), claim), after, `${claim}, changed`)
    }
  })
}

// ---- waiting and copying

const spent = { wallMs: 300, cpuMs: 0.2, voluntary: 1, involuntary: 0 }
holds(waiting, {
  good: {
    windowMs: 300,
    blocking: { spent, calls: 1, again: 1 },
    nonBlocking: { spent: { ...spent, cpuMs: 150 }, calls: 9000, again: 9000 },
    besideBlockingMs: 290,
    besideNonBlockingMs: 150,
    models: [
      { model: 'non-blocking', cpuShare: 1 },
      { model: 'sigio', cpuShare: 0.01 },
    ],
  },
  breaks: {
    waited: (data) => ({ ...data, blocking: { ...data.blocking, spent: { ...spent, wallMs: 20 } } }),
    nothingCame: (data) => ({ ...data, nonBlocking: { ...data.nonBlocking, again: 8999 } }),
    neighbourWorked: (data) => ({ ...data, besideBlockingMs: 0 }),
  },
  turns: [
    ['blockingSleeps', 'holds', 'does-not-hold', (data) => ({ ...data, blocking: data.nonBlocking })],
    ['othersRun', 'holds', 'does-not-hold', (data) => ({ ...data, besideNonBlockingMs: 2000 })],
    ['pollingBurns', 'holds', 'does-not-hold', (data) => ({ ...data, nonBlocking: data.blocking })],
    ['signalCheaper', 'holds', 'not-tested', (data) => ({ ...data, models: [] })],
    [
      'signalCheaper',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, models: data.models.map((each) => ({ ...each, cpuShare: 1 })) }),
    ],
  ],
})

const copied = (way: DataOf<typeof phases>['ways'][number]['way'], copying: number[]) => ({
  way,
  sizes: [64, 1_048_576],
  waiting: [20_000, 20_000],
  copying,
  whole: true,
  quickestMicros: 20_000,
})
holds(phases, {
  good: {
    laterMs: 20,
    ways: [
      copied('blocking', [10, 200]),
      copied('epoll', [5, 190]),
      copied('posix-aio', [5, 6]),
      copied('io_uring', [9, 210]),
      copied('io_uring (IOSQE_ASYNC)', [9, 9]),
    ],
  },
  breaks: {
    whole: (data) => ({ ...data, ways: data.ways.map((way) => ({ ...way, whole: false })) }),
    waited: (data) => ({ ...data, ways: data.ways.map((way) => ({ ...way, quickestMicros: 5 })) }),
  },
  turns: [
    [
      'copyHolds',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, ways: data.ways.map((way) => ({ ...way, copying: [5, 6] })) }),
    ],
    [
      'sameCopy',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, ways: [copied('blocking', [10, 2000]), ...data.ways.slice(1)] }),
    ],
    [
      'asynchronousFree',
      'holds-when',
      'holds',
      (data) => ({
        ...data,
        ways: data.ways.map((way) => (way.way === 'io_uring' ? copied('io_uring', [3, 3]) : way)),
      }),
    ],
    ['asynchronousFree', 'holds-when', 'not-tested', (data) => ({ ...data, ways: data.ways.slice(0, 2) })],
  ],
})

const degree = (way: DataOf<typeof degreeOfBlocking>['degrees'][number]['way'], heldShare: number) => ({
  way,
  heldShare,
  workedShare: 0.99 - heldShare,
  copyingMicros: 20,
  whole: true,
  totalMs: 21,
})
holds(degreeOfBlocking, {
  good: {
    laterMs: 20,
    size: 65_536,
    degrees: [
      degree('blocking', 0.99),
      degree('non-blocking', 0.02),
      degree('select', 0.99),
      degree('poll', 0.99),
      degree('epoll', 0.99),
      degree('sigio', 0),
      degree('posix-aio', 0),
    ],
  },
  breaks: {
    whole: (data) => ({ ...data, degrees: data.degrees.map((each) => ({ ...each, whole: false })) }),
    waited: (data) => ({ ...data, degrees: data.degrees.map((each) => ({ ...each, totalMs: 1 })) }),
    noMoreThanAll: (data) => ({
      ...data,
      degrees: data.degrees.map((each) => ({ ...each, workedShare: 1 })),
    }),
  },
  turns: [
    [
      'order',
      'does-not-hold',
      'holds',
      (data) => ({
        ...data,
        degrees: data.degrees.map((each) => (each.way === 'epoll' ? degree('epoll', 0.01) : each)),
      }),
    ],
    [
      'heldWaiting',
      'holds',
      'does-not-hold',
      (data) => ({
        ...data,
        degrees: data.degrees.map((each) => (each.way === 'poll' ? degree('poll', 0.1) : each)),
      }),
    ],
    [
      'freeWaiting',
      'holds',
      'does-not-hold',
      (data) => ({
        ...data,
        degrees: data.degrees.map((each) => (each.way === 'sigio' ? degree('sigio', 0.9) : each)),
      }),
    ],
  ],
})

holds(layers, {
  good: {
    below: { established: true, sent: 64, unacknowledged: 0, waiting: 64 },
    calls: { socket: 2, bind: 1, listen: 1, accept4: 1, connect: 1, send: 2, recv: 4 },
    messageBytes: 64,
    echoed: 64,
  },
  breaks: {
    sent: (data) => ({ ...data, below: { ...data.below, sent: 1 } }),
    echoed: (data) => ({ ...data, echoed: 0 }),
    seen: (data) => ({ ...data, calls: { recv: 1 } }),
  },
  turns: [
    [
      'transportBelow',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, below: { ...data.below, unacknowledged: 64 } }),
    ],
    ['callsAcross', 'holds', 'does-not-hold', (data) => ({ ...data, calls: {} })],
  ],
})

// ---- multiplexing

const multiplexed = {
  name: 'poll',
  readyServedMs: 0.1,
  onlyReadyReported: true,
  eventMs: 80,
  eventReported: true,
  sentMs: 80,
  timeoutMs: 40.2,
  timeoutAnswer: 0,
}
holds(oneAtATime, {
  good: {
    laterMs: 80,
    askedMs: 40,
    longMs: 30_000,
    blockingMs: 81,
    blockingBytes: 2,
    multiplexed: [multiplexed],
  },
  breaks: {
    bothServed: (data) => ({ ...data, blockingBytes: 1 }),
    sentLater: (data) => ({ ...data, multiplexed: [{ ...multiplexed, sentMs: 1 }] }),
  },
  turns: [
    ['blockingOne', 'holds', 'does-not-hold', (data) => ({ ...data, blockingMs: 0.2 })],
    [
      'multiplexerMany',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, multiplexed: [{ ...multiplexed, eventReported: false }] }),
    ],
    [
      'multiplexerTimeout',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, multiplexed: [{ ...multiplexed, timeoutMs: 1 }] }),
    ],
  ],
})

holds(selectLimit, {
  good: { highest: 5000, watched: 1501, before: 0, answer: 1, reported: [5000], setBytes: 632 },
  breaks: {
    nothingBefore: (data) => ({ ...data, before: 1 }),
    aboveLimit: (data) => ({ ...data, highest: 1000 }),
  },
  turns: [['select1024', 'does-not-hold', 'holds', (data) => ({ ...data, answer: 0, reported: [] })]],
})

const ladder = (call: string, slackNanoseconds: number, at100: number) => ({
  call,
  slackNanoseconds,
  points: [
    [10, 60],
    [100, at100],
  ] as const,
  answers: 0,
})
const calls = ['select', 'ppoll', 'epoll_pwait2'] as const
const whole = (at100: number) => [ladder('poll', 50_000, at100), ladder('epoll_wait', 50_000, at100)]
holds(timeResolution, {
  good: {
    ladders: [
      ...calls.map((call) => ladder(call, 50_000, 160)),
      ...calls.map((call) => ladder(call, 1, 110)),
      ...whole(1060),
    ],
  },
  breaks: {
    timeWasUp: (data) => ({ ladders: data.ladders.map((each) => ({ ...each, answers: 1 })) }),
    noneEarly: (data) => ({ ladders: [...data.ladders, ladder('poll', 1, 50)] }),
  },
  turns: [
    [
      'selectFinest',
      'does-not-hold',
      'holds',
      (data) => ({
        ladders: data.ladders.map((each) =>
          each.call === 'select' ? ladder('select', each.slackNanoseconds, 101) : each,
        ),
      }),
    ],
    [
      'pollWholeMilliseconds',
      'holds',
      'does-not-hold',
      (data) => ({ ladders: [...data.ladders.slice(0, 6), ...whole(160)] }),
    ],
    [
      'slackDecides',
      'holds',
      'does-not-hold',
      (data) => ({
        ladders: data.ladders.map((each) => (each.slackNanoseconds === 1 ? ladder(each.call, 1, 160) : each)),
      }),
    ],
  ],
})

holds(pollArray, {
  good: {
    entries: 16,
    ready: 3,
    answer: 3,
    changed: { fd: 0, events: 0, revents: 16 },
    movedAnswer: 3,
    movedSame: true,
    select: { answer: 3, wanted: 16, left: 3, timeLeftMicros: 899_999 },
  },
  breaks: {
    pollFound: (data) => ({ ...data, answer: 0 }),
    selectFound: (data) => ({ ...data, select: { ...data.select, answer: 0 } }),
  },
  turns: [
    [
      'pollWritesNothing',
      'holds-when',
      'holds',
      (data) => ({ ...data, changed: { fd: 0, events: 0, revents: 0 } }),
    ],
    [
      'pollWritesNothing',
      'holds-when',
      'does-not-hold',
      (data) => ({ ...data, changed: { fd: 1, events: 0, revents: 0 } }),
    ],
    ['pollList', 'does-not-hold', 'holds', (data) => ({ ...data, movedSame: false })],
    [
      'selectOverwrites',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, select: { ...data.select, left: 16 } }),
    ],
  ],
})

const row = (descriptors: number, select: number, poll: number, epoll: number) => ({
  descriptors,
  select,
  poll,
  epoll,
  epollRoom: descriptors * 12,
})
holds(copiedPerWait, {
  good: { rows: [row(10, 8, 80, 12), row(1000, 128, 8000, 12)], found: true },
  breaks: {
    foundReady: (data) => ({ ...data, found: false }),
    guardWorks: (data) => ({ ...data, rows: [row(10, 0, 0, 0)] }),
  },
  turns: [
    [
      'epollOnce',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, rows: [row(10, 8, 80, 12), row(1000, 128, 8000, 12_000)] }),
    ],
    [
      'othersEveryTime',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, rows: [row(10, 8, 80, 12), row(1000, 128, 80, 12)] }),
    ],
  ],
})

const cost = (descriptors: number, active: number, select: number, poll: number, epoll: number) => ({
  descriptors,
  active,
  cpu: { select, poll, epoll },
  found: true,
})
holds(scaling, {
  good: {
    few: [cost(10, 4, 2, 1.5, 1), cost(1000, 4, 76, 72, 1), cost(10_000, 4, 900, 800, 1)],
    all: [cost(10, 10, 2, 1.5, 2), cost(10_000, 10_000, 900, 880, 1900)],
  },
  breaks: {
    found: (data) => ({ ...data, all: data.all.map((each) => ({ ...each, found: false })) }),
    counted: (data) => ({ ...data, few: [cost(10, 4, 0, 1, 1), ...data.few.slice(1)] }),
    readyAsMeant: (data) => ({ ...data, all: data.all.map((each) => ({ ...each, active: 1 })) }),
  },
  turns: [
    [
      'linear',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, few: [data.few[0]!, cost(10_000, 4, 3, 3, 1)] }),
    ],
    [
      'constant',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, few: [data.few[0]!, cost(10_000, 4, 900, 800, 700)] }),
    ],
    [
      'epollNeedsThousand',
      'does-not-hold',
      'holds',
      (data) => ({ ...data, few: [cost(10, 4, 1, 1, 1), ...data.few.slice(1)] }),
    ],
    ['activeDecides', 'holds', 'does-not-hold', (data) => ({ ...data, all: data.few })],
  ],
})

const edgeMode = { calls: 4000, cpuMicros: 4000, received: 128_000, awake: 100, toldOfRest: true, rest: 48 }
holds(edgeLevel, {
  good: {
    messages: 2000,
    waits: 100,
    level: edgeMode,
    edge: { ...edgeMode, calls: 6000, awake: 1, toldOfRest: false },
    blockingAccepted: true,
    blockingReported: true,
  },
  breaks: {
    allReceived: (data) => ({ ...data, edge: { ...data.edge, received: 1 } }),
    restThere: (data) => ({ ...data, edge: { ...data.edge, rest: 0 } }),
  },
  turns: [
    ['edgeFaster', 'holds-when', 'holds', (data) => ({ ...data, edge: { ...data.edge, calls: 2000 } })],
    [
      'edgeFaster',
      'holds-when',
      'does-not-hold',
      (data) => ({ ...data, edge: { ...data.edge, awake: 100 } }),
    ],
    ['edgeNonBlockingOnly', 'does-not-hold', 'holds', (data) => ({ ...data, blockingAccepted: false })],
    [
      'edgeShortRead',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, edge: { ...data.edge, toldOfRest: true } }),
    ],
  ],
})

holds(closedDescriptor, {
  good: {
    before: 0,
    alone: { events: 0, numberFree: true, remove: 'EBADF' },
    duplicated: { events: 1, numberFree: true, remove: 'EBADF' },
  },
  breaks: {
    quietBefore: (data) => ({ ...data, before: 1 }),
    reallyClosed: (data) => ({ ...data, alone: { ...data.alone, numberFree: false } }),
  },
  turns: [
    ['closeRemoves', 'holds-when', 'holds', (data) => ({ ...data, duplicated: data.alone })],
    ['closeRemoves', 'holds-when', 'does-not-hold', (data) => ({ ...data, alone: data.duplicated })],
  ],
})

const woken = { connections: 100, accepted: 100, wakeUps: 100, inVain: 0, perThread: [25, 25, 25, 25] }
holds(wakeUps, {
  good: {
    threads: 4,
    plain: { ...woken, wakeUps: 400, inVain: 50 },
    exclusive: { ...woken, perThread: [100, 0, 0, 0] },
    reusePort: woken,
  },
  breaks: {
    allAccepted: (data) => ({ ...data, plain: { ...data.plain, accepted: 99 } }),
    wakeUpsSeen: (data) => ({ ...data, plain: { ...data.plain, wakeUps: 0 } }),
  },
  turns: [
    ['herd', 'holds', 'does-not-hold', (data) => ({ ...data, plain: woken })],
    ['exclusiveOne', 'holds', 'does-not-hold', (data) => ({ ...data, exclusive: data.plain })],
    ['reusePortSpreads', 'holds', 'does-not-hold', (data) => ({ ...data, reusePort: data.exclusive })],
  ],
})

// ---- signals

const raised = { sent: 100, received: 100, named: 0, plain: 1 }
holds(signalQueue, {
  good: {
    sigio: raised,
    realtime: { ...raised, named: 100, plain: 0 },
    overflow: { ...raised, named: 20 },
    queueLimit: 20,
  },
  breaks: {
    allArrived: (data) => ({ ...data, sigio: { ...raised, received: 99 } }),
    someRaised: (data) => ({ ...data, realtime: { ...raised, plain: 0 } }),
  },
  turns: [
    ['oneForMany', 'holds', 'does-not-hold', (data) => ({ ...data, sigio: { ...raised, plain: 100 } })],
    ['realtimeEach', 'holds', 'does-not-hold', (data) => ({ ...data, realtime: { ...raised, named: 1 } })],
    ['overflowLoses', 'holds', 'does-not-hold', (data) => ({ ...data, overflow: data.realtime })],
  ],
})

holds(signalHandler, {
  good: {
    interrupted: { answer: -4, afterMs: 51, sentAfterMs: 50 },
    handled: { received: 16, sameThread: true, computedMs: 100, lateMs: 101 },
    unprepared: 'SIGIO',
  },
  breaks: {
    slept: (data) => ({ ...data, interrupted: { ...data.interrupted, afterMs: 1 } }),
    handlerRan: (data) => ({ ...data, handled: { ...data.handled, received: 0 } }),
  },
  turns: [
    [
      'handlerInterrupts',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, interrupted: { ...data.interrupted, answer: -11 } }),
    ],
    [
      'handlerReceives',
      'holds-when',
      'holds',
      (data) => ({ ...data, handled: { ...data.handled, lateMs: 0.1 } }),
    ],
    [
      'handlerReceives',
      'holds-when',
      'does-not-hold',
      (data) => ({ ...data, handled: { ...data.handled, sameThread: false } }),
    ],
    ['defaultKills', 'holds', 'does-not-hold', (data) => ({ ...data, unprepared: '' })],
  ],
})

const start = { inBuffer: 0, inSocket: 64, finally: 64 }
const done = { inBuffer: 64, inSocket: 0, finally: 64 }
holds(startOrDone, {
  good: { size: 64, sigio: start, epoll: start, aio: done, uring: done, uringMissing: '' },
  breaks: { wholeMessage: (data) => ({ ...data, epoll: { ...start, finally: 3 } }) },
  turns: [
    ['signalStarts', 'holds', 'does-not-hold', (data) => ({ ...data, sigio: done })],
    ['epollAsynchronous', 'does-not-hold', 'holds', (data) => ({ ...data, epoll: done })],
    ['aioDone', 'holds', 'does-not-hold', (data) => ({ ...data, aio: start })],
    ['aioDone', 'holds', 'not-tested', (data) => ({ ...data, aio: null })],
    ['uringDone', 'holds', 'does-not-hold', (data) => ({ ...data, uring: start })],
    ['uringDone', 'holds', 'not-tested', (data) => ({ ...data, uring: null, uringMissing: 'EPERM' })],
  ],
})

// ---- asynchronous

holds(aioThreads, {
  good: {
    reads: 5,
    threadsBefore: 11,
    threadsAdded: 5,
    inRead: 5,
    threadsForMany: 20,
    many: 30,
    readsCompleted: 30,
    stalledMs: 200,
    stalled: true,
    plainWrite: 1,
    wroteAfterRead: true,
    notCancelled: true,
  },
  breaks: {
    readsCompleted: (data) => ({ ...data, readsCompleted: 29 }),
    writable: (data) => ({ ...data, plainWrite: 0 }),
    wroteInTheEnd: (data) => ({ ...data, wroteAfterRead: false }),
  },
  turns: [
    ['kernelReads', 'does-not-hold', 'holds', (data) => ({ ...data, threadsAdded: 0 })],
    ['sameDescriptor', 'does-not-hold', 'holds', (data) => ({ ...data, stalled: false })],
    ['threadEach', 'does-not-hold', 'holds', (data) => ({ ...data, threadsForMany: 30 })],
  ],
})

const reads = { workers: 0, complete: 32, cachedBefore: 32 }
holds(uringWorkers, {
  good: {
    reads: 32,
    size: 4096,
    cached: reads,
    cold: { ...reads, cachedBefore: 0 },
    forced: { ...reads, workers: 2 },
    unknown: '',
  },
  breaks: {
    allRead: (data) => ({ ...data, forced: { ...data.forced, complete: 1 } }),
    cacheKnown: (data) => ({ ...data, unknown: 'EOPNOTSUPP' }),
    wasCached: (data) => ({ ...data, cached: { ...reads, cachedBefore: 3 } }),
    wasCold: (data) => ({ ...data, cold: reads }),
  },
  turns: [
    ['cachedWithout', 'holds', 'does-not-hold', (data) => ({ ...data, cached: data.forced })],
    ['coldWithout', 'holds', 'does-not-hold', (data) => ({ ...data, cold: data.forced })],
    ['workersExist', 'holds', 'does-not-hold', (data) => ({ ...data, forced: reads })],
  ],
})

holds(sharedMemory, {
  good: {
    registered: 100,
    events: 100,
    epoll: { mappings: 0, bytes: 0 },
    mmapOfEpoll: 'ENODEV',
    ring: { mappings: 2, bytes: 8192 },
    ringRefused: '',
  },
  breaks: {
    epollWorked: (data) => ({ ...data, events: 0 }),
    mapsSeen: (data) => ({ ...data, ring: { mappings: 0, bytes: 0 } }),
  },
  turns: [
    ['epollMaps', 'does-not-hold', 'holds', (data) => ({ ...data, epoll: { mappings: 1, bytes: 4096 } })],
    ['epollMaps', 'does-not-hold', 'holds', (data) => ({ ...data, mmapOfEpoll: '' })],
    ['uringMaps', 'holds', 'not-tested', (data) => ({ ...data, ring: null, ringRefused: 'EPERM' })],
  ],
})

const way = (name: string, inFlight: number, cpuMicros: number) => ({
  name,
  inFlight,
  cpuMicros,
  wallMicros: 2,
  complete: 6400,
})
holds(asynchronousCost, {
  good: {
    reads: 6400,
    ways: [way('pread', 1, 1), way('aio_read', 1, 11), way('io_uring', 1, 3), way('io_uring', 32, 0.9)],
    uringMissing: '',
  },
  breaks: {
    allRead: (data) => ({ ...data, ways: data.ways.map((each) => ({ ...each, complete: 0 })) }),
    someTime: (data) => ({ ...data, ways: [way('pread', 1, 0), ...data.ways.slice(1)] }),
  },
  turns: [
    [
      'aioCheaper',
      'does-not-hold',
      'holds',
      (data) => ({ ...data, ways: [way('pread', 1, 12), ...data.ways.slice(1)] }),
    ],
    [
      'uringCheaper',
      'holds-when',
      'holds',
      (data) => ({ ...data, ways: [way('pread', 1, 12), ...data.ways.slice(1)] }),
    ],
    [
      'uringCheaper',
      'holds-when',
      'does-not-hold',
      (data) => ({ ...data, ways: [way('pread', 1, 0.1), ...data.ways.slice(1)] }),
    ],
    ['uringCheaper', 'holds-when', 'not-tested', (data) => ({ ...data, ways: data.ways.slice(0, 2) })],
  ],
})

// ---- servers

holds(shortLived, {
  good: {
    connections: 500,
    answered: 500,
    serverMicros: 21,
    ctlMicros: 3,
    serverCalls: 7,
    ctlCalls: 2,
    longMessages: 100,
    longShare: 0.005,
  },
  breaks: {
    allAnswered: (data) => ({ ...data, answered: 1 }),
    partOfWhole: (data) => ({ ...data, ctlMicros: 30 }),
  },
  turns: [
    ['controlCostly', 'holds-when', 'holds', (data) => ({ ...data, ctlMicros: 10 })],
    ['controlCostly', 'holds-when', 'does-not-hold', (data) => ({ ...data, ctlMicros: 0.5 })],
  ],
})

const MIB = 1024 * 1024
const held = (model: 'blocking' | 'epoll', connections: number, threads: number, residentBytes: number) => ({
  model,
  connections,
  threads,
  residentBytes,
  baseBytes: 60 * MIB,
  startMs: model === 'blocking' ? 30 * connections : 5,
  switchesPerMessage: model === 'blocking' ? 1 : 0.05,
  answered: connections * 11,
  sent: connections * 11,
})
holds(threadPerConnection, {
  good: {
    held: [
      held('blocking', 10, 10, 80 * MIB),
      held('epoll', 10, 0, MIB),
      held('blocking', 100, 100, 800 * MIB),
      held('epoll', 100, 0, 1.5 * MIB),
    ],
    memoryBytes: 24 * 1024 * MIB,
  },
  breaks: {
    allAnswered: (data) => ({ ...data, held: data.held.map((each) => ({ ...each, answered: 1 })) }),
    memorySeen: (data) => ({ ...data, held: data.held.map((each) => ({ ...each, residentBytes: 0 })) }),
  },
  turns: [
    [
      'threadEach',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, held: data.held.map((each) => ({ ...each, threads: 4 })) }),
    ],
    [
      'switches',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, held: data.held.map((each) => ({ ...each, switchesPerMessage: 1 })) }),
    ],
    [
      'startUp',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, held: data.held.map((each) => ({ ...each, startMs: 5 })) }),
    ],
    ['tensOfThousands', 'holds', 'does-not-hold', (data) => ({ ...data, memoryBytes: 1024 * 1024 * MIB })],
  ],
})

const reached = (
  model: 'blocking' | 'non-blocking' | 'epoll' | 'sigio' | 'posix-aio' | 'io_uring',
  cpu: number,
) => ({
  model,
  rate: 1e6 / cpu,
  cpuMicros: cpu,
  latencyMicros: cpu,
  errors: 0,
  reason: null,
})
const regime = {
  connections: 64,
  size: 64,
  reached: [
    reached('blocking', 12),
    reached('non-blocking', 8),
    reached('epoll', 6),
    reached('sigio', 7.5),
    reached('posix-aio', 70),
    reached('io_uring', 5.5),
  ],
  twice: [6, 6.2] as const,
}
const inOrder = {
  ...regime,
  reached: [
    reached('blocking', 12),
    reached('non-blocking', 8),
    reached('epoll', 6),
    reached('sigio', 5),
    reached('posix-aio', 3),
    reached('io_uring', 4),
  ],
}
holds(efficiency, {
  good: { regimes: [regime] },
  breaks: {
    noErrors: () => ({
      regimes: [{ ...regime, reached: regime.reached.map((each) => ({ ...each, errors: 1 })) }],
    }),
  },
  turns: [
    ['order', 'does-not-hold', 'holds', () => ({ regimes: [inOrder] })],
    ['order', 'does-not-hold', 'holds-when', () => ({ regimes: [inOrder, regime] })],
    ['order', 'does-not-hold', 'not-tested', () => ({ regimes: [{ ...regime, twice: [6, 60] as const }] })],
    [
      'order',
      'does-not-hold',
      'not-tested',
      () => ({ regimes: [{ ...regime, reached: regime.reached.slice(0, 3) }] }),
    ],
    [
      'asynchronousFirst',
      'holds',
      'does-not-hold',
      () => ({ regimes: [{ ...regime, reached: [reached('epoll', 1), ...regime.reached] }] }),
    ],
    ['aioToo', 'does-not-hold', 'holds', () => ({ regimes: [inOrder] })],
  ],
})

test('every experiment is among them', () => {
  assert.deepEqual([...tried].sort(), experiments.map(({ name }) => name).sort())
})
