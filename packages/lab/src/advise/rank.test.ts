import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelName } from 'fivefold'
import { type Candidate, range, rank } from './rank.js'
import type { Sample } from './sample.js'

const sample = (values: Partial<Sample>): Sample => ({
  messagesPerSecond: 1000,
  latencyMicros: 30,
  cpuMicrosPerMessage: 5,
  cpuShareWhileWaiting: 0.01,
  residentBytes: 1e6,
  threads: 11,
  ...values,
})
const of = (model: ModelName, ...rounds: Partial<Sample>[]): Candidate => ({
  model,
  samples: rounds.map(sample),
})

test('each goal asks for another best', () => {
  const candidates = [
    of('epoll', { messagesPerSecond: 900, latencyMicros: 10, cpuMicrosPerMessage: 4, residentBytes: 3e6 }),
    of('poll', { messagesPerSecond: 990, latencyMicros: 20, cpuMicrosPerMessage: 3, residentBytes: 2e6 }),
    of('select', { messagesPerSecond: 500, latencyMicros: 30, cpuMicrosPerMessage: 2, residentBytes: 4e6 }),
  ]
  const best = (goal: Parameters<typeof rank>[1]) => rank(candidates, goal).ranking.map(({ model }) => model)
  assert.deepEqual(best('throughput'), ['poll', 'epoll', 'select'])
  assert.deepEqual(best('latency'), ['epoll', 'poll', 'select'])
  assert.deepEqual(best('cpu'), ['select', 'poll', 'epoll'])
  assert.deepEqual(best('memory'), ['poll', 'epoll', 'select'])
  const { recommended, runnerUp, withinSpread } = rank(candidates, 'latency')
  assert.deepEqual([recommended?.model, runnerUp?.model, withinSpread], ['epoll', 'poll', false])
})

test('rounds that lie among each other are no difference: the cheaper one is taken, and it is said', () => {
  const rates = (...values: number[]) => values.map((messagesPerSecond) => ({ messagesPerSecond }))
  const dear = of('epoll', ...rates(1000, 1200, 1100).map((each) => ({ ...each, cpuMicrosPerMessage: 9 })))
  const cheap = of('io_uring', ...rates(950, 1050, 1080).map((each) => ({ ...each, cpuMicrosPerMessage: 4 })))
  const far = of('select', ...rates(100, 110, 120).map((each) => ({ ...each, cpuMicrosPerMessage: 1 })))
  const { recommended, runnerUp, withinSpread } = rank([dear, cheap, far], 'throughput')
  assert.deepEqual([recommended?.model, runnerUp?.model, withinSpread], ['io_uring', 'epoll', true])
  const apart = rank([dear, far], 'throughput')
  assert.deepEqual([apart.recommended?.model, apart.withinSpread], ['epoll', false])
})

test('who burns a processor is not taken for saving it, and only in front where it is the best by far', () => {
  const burning = of('non-blocking', { cpuMicrosPerMessage: 1, cpuShareWhileWaiting: 1, latencyMicros: 20 })
  const asleep = of('epoll', { cpuMicrosPerMessage: 5, latencyMicros: 20 })
  const saving = rank([burning, asleep], 'cpu')
  assert.equal(saving.recommended?.model, 'epoll')
  assert.deepEqual(saving.wasteful, ['non-blocking'])
  assert.equal(rank([burning, asleep], 'latency').recommended?.model, 'epoll')
  const faster = of('non-blocking', { cpuShareWhileWaiting: 1, latencyMicros: 5 })
  assert.equal(rank([faster, asleep], 'latency').recommended?.model, 'non-blocking')
})

test('one candidate, or none', () => {
  assert.equal(rank([], 'cpu').recommended, null)
  assert.equal(rank([of('epoll')], 'cpu').recommended, null)
  const alone = rank([of('epoll', {})], 'cpu')
  assert.deepEqual([alone.recommended?.model, alone.runnerUp], ['epoll', null])
})

test('the middle of several', () => {
  assert.deepEqual(range([3, 1, 2]), { median: 2, least: 1, most: 3 })
  assert.deepEqual(range([4, 1]), { median: 2.5, least: 1, most: 4 })
})
