import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelName } from 'fivefold'
import { en } from '../text/en.js'
import { callsPerMessage, cpuShare, difference } from './per-message.js'
import { reading } from './reading.js'
import { type Result, without } from './results.js'
import { enoughForP99, percentiles, rounded } from './statistics.js'
import type { Usage } from './usage.js'

function result(model: ModelName, rate: number, spread: number, more: Partial<Result> = {}): Result {
  return {
    ...without(model, 'multiplexing', 'tcp', 64, 64, ''),
    reason: null,
    messagesPerSecond: rate,
    messagesPerSecondSpread: { lowest: rate * (1 - spread), highest: rate * (1 + spread) },
    ...more,
  }
}

test('a difference within the spread of a run is not called one', () => {
  const said = reading([result('epoll', 100_000, 0.1), result('poll', 95_000, 0.02)], en)
  assert.equal(said.length, 1)
  assert.match(said[0]!, /epoll and poll carried about the same \(100,000\/s\).*10 %/)
})

test('a difference beyond it is', () => {
  const said = reading([result('poll', 50_000, 0.02), result('epoll', 100_000, 0.02)], en)
  assert.deepEqual(said, ['epoll carried the most, 100,000/s: 2.0 times as many as poll.'])
})

test('a run that strays ranks nothing', () => {
  const said = reading([result('poll', 50_000, 0.7), result('epoll', 100_000, 0.02)], en)
  assert.match(said.join(), /The rate of poll strayed by up to 70 %/)
  assert.doesNotMatch(said.join(), /carried/)
})

test('who burns the processor while waiting, and who adds threads', () => {
  const said = reading(
    [
      result('non-blocking', 100, 0, { cpuShareWhileWaiting: 0.98 }),
      result('epoll', 100, 0, { cpuShareWhileWaiting: 0.004, threads: 11, threadsAtStart: 11 }),
      result('blocking', 100, 0, { cpuShareWhileWaiting: 0.005, threads: 76, threadsAtStart: 11 }),
    ],
    en,
  )
  assert(
    said.includes(
      'With nothing to do, non-blocking used 98 % of a processor; none of the others used more than 0.5 %.',
    ),
  )
  assert(said.includes('blocking added 65 threads for 64 connections.'))
})

test('nothing measured, nothing said', () => {
  assert.deepEqual(reading([without('epoll', 'multiplexing', 'tcp', 1, 64, 'why')], en), [])
})

test('percentiles', () => {
  const samples = Float64Array.from({ length: 1000 }, (_, index) => 1000 - index)
  assert.deepEqual(percentiles(samples), { p50: 500, p99: 990 })
  assert.deepEqual(percentiles(Float64Array.of(7)), { p50: 7, p99: 7 })
  assert.equal(percentiles(new Float64Array()), null)
  assert(!enoughForP99(9999))
  assert(enoughForP99(10_000))
})

test('numbers are rounded to what is known', () => {
  assert.equal(rounded(123_456), 123_000)
  assert.equal(rounded(12.345), 12.3)
  assert.equal(rounded(0.012345, 2), 0.012)
  assert.equal(rounded(0), 0)
})

const used = (nanoseconds: number, messages: number, micros: number, loopRounds: number): Usage => ({
  nanoseconds,
  messages,
  userMicros: micros,
  systemMicros: micros,
  voluntarySwitches: 0,
  involuntarySwitches: 0,
  loopRounds,
})

test('calls per message: the differences, with the polls of Node', () => {
  const before = {
    usage: used(0, 10, 0, 5),
    calls: { recv: { calls: 10, again: 0 }, bind: { calls: 1, again: 0 } },
  }
  const after = {
    usage: used(1e9, 20, 250_000, 10),
    calls: { recv: { calls: 30, again: 10 }, bind: { calls: 1, again: 0 } },
  }
  assert.deepEqual(callsPerMessage(before, after), {
    counted: {
      syscallsPerMessage: 2.5,
      againPerMessage: 1,
      callsPerMessage: { recv: 2, 'epoll_wait (Node)': 0.5 },
    },
    unseen: false,
  })
  assert.equal(cpuShare(difference(before.usage, after.usage)), 0.5)
})

test('what glibc does in its own threads is a lower bound', () => {
  const before = { usage: used(0, 0, 0, 0), calls: {} }
  const calls = { aio_read: { calls: 10, again: 0 }, aio_return: { calls: 10, again: 0 } }
  const { counted, unseen } = callsPerMessage(before, { usage: used(1, 10, 0, 0), calls })
  assert.equal(counted.syscallsPerMessage, 1)
  assert(unseen)
})
