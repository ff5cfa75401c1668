import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KernelCall } from './event.js'
import type { RawEvent, RawWhat } from './parse.js'
import { type Cast, foldedKernel, testimonyOf } from './testimony.js'

const cast: Cast = {
  zero: 1_000_000,
  main: 10,
  threads: new Map([[11, 1]]),
  sender: 20,
  socket: { family: 2, protocol: 17 },
  strangers: new Set([12]),
  process: new Set([10, 11, 12, 13]),
}

const at = (micros: number, tid: number, what: RawWhat): RawEvent => ({
  tid,
  task: 'node',
  at: 1_000_000 + micros * 1000,
  ...what,
})

test('whose it is: the application, its threads, others of the process, the sender', () => {
  const events = testimonyOf(
    [
      at(1, 10, { what: 'enter', call: 'select', first: 5 }),
      at(2, 11, { what: 'enter', call: 'recvfrom', first: 6 }),
      at(3, 12, { what: 'enter', call: 'read', first: 7 }),
      at(4, 13, { what: 'enter', call: 'pread64', first: 8 }),
      at(4, 13, { what: 'enter', call: 'futex', first: 8 }),
      at(5, 20, { what: 'data-ready', family: 2, protocol: 17 }),
      at(5, 20, { what: 'data-ready', family: 1, protocol: 0 }),
      at(6, 20, { what: 'waking', woken: 10 }),
      at(6, 20, { what: 'waking', woken: 4711 }),
      at(7, 10, { what: 'exit', call: 'select', result: 1 }),
    ],
    cast,
  )
  assert.deepEqual(
    events.map((event) => [event.kind, event.actor]),
    [
      ['call', 0],
      ['call', 1],
      ['call', 'helper'],
      ['data-ready', 'sender'],
      ['woken', 0],
    ],
  )
  const [select] = events as KernelCall[]
  assert.deepEqual([select!.entered, select!.left, select!.result], [1, 7, 1])
})

test('a thread that leaves its processor sleeps, or was pushed aside', () => {
  const events = testimonyOf(
    [
      at(1, 10, { what: 'switch', from: 10, state: 'S', to: 99 }),
      at(2, 99, { what: 'switch', from: 99, state: 'R', to: 10 }),
      at(3, 10, { what: 'switch', from: 10, state: 'R+', to: 11 }),
    ],
    cast,
  )
  assert.deepEqual(
    events.map(({ kind, actor }) => [kind, actor]),
    [
      ['sleeps', 0],
      ['runs', 0],
      ['preempted', 0],
      ['runs', 1],
    ],
  )
})

test('what stands elsewhere is left out, and what comes again and again is counted', () => {
  const call = (entered: number, name: string, actor: KernelCall['actor'] = 'helper'): KernelCall => ({
    kind: 'call',
    actor,
    name,
    first: 3,
    entered,
    left: entered + 1,
    result: -11,
    count: 1,
  })
  const made = {
    kind: 'call',
    thread: 0,
    name: 'recv',
    arguments: ['3'],
    began: 9.5,
    returned: 12,
    ended: 12,
    result: 1,
    error: null,
    out: null,
    count: 1,
  } as const
  const events = foldedKernel(
    [
      call(1, 'read'),
      call(2, 'read'),
      { kind: 'runs', at: 3, actor: 0, value: null, text: null },
      call(4, 'read'),
      call(5, 'epoll_pwait', 0),
      call(10, 'recvfrom', 0),
      call(20, 'fcntl', 0),
    ],
    [made],
  )
  assert.deepEqual(
    events.map((event) => (event.kind === 'call' ? [event.name, event.count, event.left] : event.kind)),
    [
      ['read', 3, 5],
      ['fcntl', 1, 21],
    ],
  )
})
