import assert from 'node:assert/strict'
import { test } from 'node:test'
import { efficiency } from './efficiency.js'
import { bites } from './judging.testing.js'
import { shortLived } from './short-lived.js'
import { threadPerConnection } from './thread-per-connection.js'

bites(shortLived, {
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
bites(threadPerConnection, {
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
  active: 64,
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
/** Others than in the one before, and fewer of them. */
const few = {
  ...regime,
  connections: 200,
  active: 10,
  reached: regime.reached.map((each) => ({ ...each, active: 10, cpuMicros: each.cpuMicros * 2 })),
  twice: [12, 12] as const,
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
bites(efficiency, {
  good: { regimes: [regime] },
  breaks: {
    noErrors: () => ({
      regimes: [{ ...regime, reached: regime.reached.map((each) => ({ ...each, errors: 1 })) }],
    }),
    activeAsMeant: () => ({
      regimes: [regime, { ...few, reached: few.reached.map((each) => ({ ...each, active: 9 })) }],
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

test('efficiency: what was not measured was not meant to be active', () => {
  const refused = { ...reached('blocking', 1), active: null, reason: 'refused', errors: 0 }
  const failed = efficiency
    .selfCheck({ regimes: [{ ...regime, reached: [refused] }] })
    .filter(({ ok }) => !ok)
  assert.deepEqual(failed, [])
})

test('efficiency: the numbers that are told are those of the regime that is named, wherever it stands', () => {
  const large = {
    ...regime,
    size: 65_536,
    reached: regime.reached.filter(({ model }) => model !== 'posix-aio'),
  }
  for (const regimes of [
    [regime, few, large],
    [large, few, regime],
  ]) {
    const told = new Map(efficiency.judge({ regimes }).findings.map((each) => [each.claim, each]))
    const { facts, names } = told.get('order')!
    assert.equal(names.regime, '64 × 64 B')
    assert.equal(facts.blocking?.value, 12)
    assert.equal(told.get('aioToo')!.names.regime, '64 × 64 B')
    assert.match(told.get('asynchronousFirst')!.names.cheapest!, /10 \/ 200 × 64 B: io_uring/)
  }
  const alone = efficiency.judge({ regimes: [few] }).findings.find(({ claim }) => claim === 'order')!
  assert.deepEqual([alone.names.regime, alone.facts.blocking?.value], ['10 / 200 × 64 B', 24])
})

test('efficiency: where the ring is first is told also where another is as cheap', () => {
  const alike = { ...few, reached: [{ ...few.reached[2]!, cpuMicros: 10.5 }, few.reached[5]!] }
  const other = { ...regime, reached: [reached('epoll', 1), reached('io_uring', 5)] }
  const { findings } = efficiency.judge({ regimes: [alike, other] })
  const { verdict, facts, names } = findings.find(({ claim }) => claim === 'asynchronousFirst')!
  assert.deepEqual([verdict, facts.first?.value, names.where], ['holds-when', 1, '10 / 200 × 64 B'])
})
