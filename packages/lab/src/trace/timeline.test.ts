import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeArguments, describeOut, describeSubmission, signalName } from './describe.js'
import type { CallEvent } from './event.js'
import { call as callOf, mark } from './events.test.util.js'
import { timelineOf } from './timeline.js'

const call = (name: string, began: number, ended: number, more: Partial<CallEvent> = {}) =>
  callOf(name, began, ended, { result: 0, ...more })
const stamps = { called: 1000, ready: 0, copied: 0, delivered: 0 }
const sent = { before: 50_000, after: 51_000 }

test('what repeats is there once, also where several calls come round, and where time-outs grow', () => {
  const waits = [1, 2, 4].flatMap((ms, index) => [
    call('epoll_wait', 2000 + index * 100, 2050 + index * 100, { arguments: ['3', `${ms} ms`] }),
    call('recv', 2060 + index * 100, 2070 + index * 100, { result: -1, error: 'EAGAIN' }),
  ])
  const { events, calls, again } = timelineOf(
    { fd: 7, threads: [], stamps, events: [...waits, mark('data', 60_000, 64)] },
    sent,
  )
  const made = events.filter((event) => event.kind === 'call')
  assert.deepEqual(
    made.map(({ name, count, arguments: parameters }) => [name, count, parameters.at(-1)]),
    [
      ['epoll_wait', 3, '1…4 ms'],
      ['recv', 3, '7'],
    ],
  )
  assert.deepEqual([calls, again], [6, 3])
})

test('phase 2 begins with the call that copies, or when data came to one that slept', () => {
  const separate = timelineOf(
    {
      fd: 7,
      threads: [],
      stamps,
      events: [call('recv', 55_000, 56_000, { result: 64 }), mark('data', 60_000, 64)],
    },
    sent,
  )
  assert.deepEqual(separate.phase1, { from: 0, to: 54 })
  assert.deepEqual(separate.phase2, { from: 54, to: 55 })
  const slept = timelineOf(
    {
      fd: 7,
      threads: [],
      stamps,
      events: [call('recv', 2000, 56_000, { result: 64 }), mark('data', 60_000, 64)],
    },
    sent,
  )
  assert.deepEqual(slept.phase2, { from: 49, to: 55 })
})

test('phase 2 of an asynchronous model ends when the application hears of it', () => {
  const events = [mark('completion', 52_000, 64), mark('data', 60_000, 64)]
  const { phase2, delivered } = timelineOf({ fd: 7, threads: [], stamps, events }, sent)
  assert.deepEqual(phase2, { from: 49, to: 51 })
  assert.equal(delivered, 59)
})

test('what was before the question, and after the answer, is left out', () => {
  const { events } = timelineOf(
    {
      fd: 7,
      threads: [],
      stamps,
      events: [call('socket', 500, 600), mark('data', 60_000), call('epoll_wait', 61_000, 62_000)],
    },
    sent,
  )
  assert.deepEqual(
    events.map((event) => (event.kind === 'mark' ? event.mark : event.name)),
    ['asked', 'sent', 'data'],
  )
  assert.throws(() => timelineOf({ fd: 7, threads: [], stamps, events: [] }, sent))
})

test('calls in words', () => {
  assert.deepEqual(describeArguments('recv', [5, 4096, 64, 0x40], null), [
    '5',
    'buffer',
    '64',
    'MSG_DONTWAIT',
  ])
  assert.deepEqual(describeArguments('epoll_ctl', [3, 1, 5, Int32Array.of(1, 5, 0, 0)], null), [
    '3',
    'EPOLL_CTL_ADD',
    '5',
    'EPOLLIN',
  ])
  const set = Uint32Array.of(0b100000, 0)
  assert.deepEqual(
    describeArguments('select', [6, set, new Uint32Array(2), null, BigInt64Array.of(0n, 1500n)], null),
    ['6', '{5}', '{}', 'NULL', '1.5 ms'],
  )
  assert.deepEqual(describeArguments('poll', [Int32Array.of(9, 1), 1, -1], null), [
    '[{9, POLLIN}]',
    '1',
    '-1',
  ])
  assert.equal(describeOut('poll', [Int32Array.of(9, 1 | (0x11 << 16)), 1], 1, null), '[{9, POLLIN|POLLHUP}]')
  assert.deepEqual(describeArguments('fcntl', [4, 10, 36], null), ['4', 'F_SETSIG', 'SIGRTMIN+2'])
  assert.equal(signalName(29), 'SIGIO')
  const entry = Int32Array.of(27 | (0x20 << 8) | (2 << 16), 12)
  assert.equal(describeSubmission(entry, 0), 'RECV 12, multishot, buffer: the kernel picks one')
})
