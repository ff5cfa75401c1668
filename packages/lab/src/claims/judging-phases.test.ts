import { degreeOfBlocking } from './degree-of-blocking.js'
import { bites, type DataOf } from './judging.testing.js'
import { layers } from './layers.js'
import { phases } from './phases.js'
import { waiting } from './waiting.js'

const spent = { wallMs: 300, cpuMs: 0.2, voluntary: 1, involuntary: 0 }
bites(waiting, {
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
bites(phases, {
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
bites(degreeOfBlocking, {
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

bites(layers, {
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
