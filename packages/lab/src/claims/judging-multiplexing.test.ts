import { closedDescriptor } from './closed-descriptor.js'
import { copiedPerWait } from './copied-per-wait.js'
import { edgeLevel } from './edge-level.js'
import { bites } from './judging.testing.js'
import { oneAtATime } from './one-at-a-time.js'
import { pollArray } from './poll-array.js'
import { scaling } from './scaling.js'
import { selectLimit } from './select-limit.js'
import { timeResolution } from './time-resolution.js'
import { wakeUps } from './wake-ups.js'

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
bites(oneAtATime, {
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

bites(selectLimit, {
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
bites(timeResolution, {
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

bites(pollArray, {
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
bites(copiedPerWait, {
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
bites(scaling, {
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
bites(edgeLevel, {
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

bites(closedDescriptor, {
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
bites(wakeUps, {
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
