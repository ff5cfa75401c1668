import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CallEvent } from './event.js'
import { call as callOf } from './events.test.util.js'
import type { KernelMark, KernelMarkKind } from './kernel/event.js'
import { statesOf } from './states.js'

const call = (began: number, ended: number, more: Partial<CallEvent> = {}) =>
  callOf('recv', began, ended, more)
const mark = (kind: KernelMarkKind, at: number, actor: KernelMark['actor'] = 0): KernelMark => ({
  kind,
  at,
  actor,
  value: null,
  text: null,
})
const told = (...parameters: Parameters<typeof statesOf>) =>
  statesOf(...parameters).map(({ thread, state, from, to }) => [thread, state, from, to])

test('by the scheduler: it runs, sleeps, is woken, and runs when a processor is free', () => {
  const kernel = [
    mark('sleeps', 100),
    mark('woken', 300),
    mark('runs', 350),
    mark('preempted', 400),
    mark('runs', 500),
    mark('sleeps', 10, 1),
  ]
  assert.deepEqual(told([], kernel, 600), [
    [0, 'running', 0, 100],
    [0, 'asleep', 100, 300],
    [0, 'runnable', 300, 350],
    [0, 'running', 350, 400],
    [0, 'runnable', 400, 500],
    [0, 'running', 500, 600],
  ])
})

test('by the calls, where nobody can ask the scheduler: what takes long slept', () => {
  const events = [call(100, 5000), call(5100, 5110), call(200, 9000, { thread: 1 })]
  assert.deepEqual(told(events, null, 6000), [
    [0, 'running', 0, 100],
    [0, 'asleep', 100, 5000],
    [0, 'running', 5000, 6000],
    [1, 'asleep', 200, 6000],
  ])
})

test('who asks again and again runs, and is told apart', () => {
  const asked = call(100, 5000, { error: 'EAGAIN', result: -1, count: 1000 })
  assert.deepEqual(told([asked], null, 6000), [
    [0, 'running', 0, 100],
    [0, 'polling', 100, 5000],
    [0, 'running', 5000, 6000],
  ])
  assert.deepEqual(told([asked], [mark('preempted', 1000), mark('runs', 2000)], 6000), [
    [0, 'running', 0, 100],
    [0, 'polling', 100, 1000],
    [0, 'runnable', 1000, 2000],
    [0, 'polling', 2000, 5000],
    [0, 'running', 5000, 6000],
  ])
})
