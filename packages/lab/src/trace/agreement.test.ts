/** Differences are counted from given times; none is measured here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agreementOf, apart, beside, type Sighting, sightings } from './agreement.js'
import type { Event } from './event.js'
import { call, mark } from './events.test.util.js'
import type { KernelCall, KernelEvent } from './kernel/event.js'

const seen = (name: string, entered: number, left: number, actor: KernelCall['actor'] = 0): KernelCall => ({
  kind: 'call',
  actor,
  name,
  first: 7,
  entered,
  left,
  result: 1,
  count: 1,
})
const ready: KernelEvent = { kind: 'data-ready', at: 107, actor: 'sender', value: null, text: null }
const timeline = { fd: 7, stamps: { called: 0, ready: 130, copied: 151, delivered: 160 } }

/** [boundary, the kernel's time less ours] */
function found(events: readonly Event[], kernel: readonly KernelEvent[]) {
  return Object.fromEntries(
    sightings(timeline, beside(events, kernel), kernel).map(({ boundary, ours, kernels }) => [
      boundary,
      kernels - ours,
    ]),
  )
}

test('a call that waits and one that copies', () => {
  const events = [call('select', 10, 125), mark('sent', 100), call('recv', 140, 150, { result: 64 })]
  const kernel = [seen('pselect6', 13, 120), ready, seen('recvfrom', 142, 149)]
  assert.deepEqual(found(events, kernel), {
    'wait-begins': 3,
    'data-arrives': 7,
    'wait-ends': -5,
    'copy-begins': 2,
    'copy-ends': -1,
    'stamp-ready': -10,
    'stamp-copied': -2,
  })
})

test('one call that sleeps and copies, in a thread', () => {
  const events = [mark('sent', 100), call('recv', 10, 150, { result: 64, thread: 1 })]
  const kernel = [seen('recvfrom', 11, 12, 0), seen('recvfrom', 14, 130, 1), ready]
  assert.deepEqual(found(events, kernel), {
    'wait-begins': 4,
    'data-arrives': 7,
    'copy-ends': -20,
    'stamp-copied': -21,
  })
})

test('asking again and again: it begins with the first question', () => {
  const events = [
    call('recv', 10, 138, { result: -1, error: 'EAGAIN', returned: 12, count: 3 }),
    mark('sent', 100),
    call('recv', 140, 150, { result: 64 }),
  ]
  const kernel = [seen('recvfrom', 11, 11.5), seen('recvfrom', 20, 21), seen('recvfrom', 142, 149), ready]
  assert.deepEqual(found(events, kernel), {
    'wait-begins': 1,
    'data-arrives': 7,
    'copy-begins': 2,
    'copy-ends': -1,
    'stamp-ready': 12,
    'stamp-copied': -2,
  })
})

test('somebody else copies', () => {
  const events = [call('io_uring_enter', 10, 125), mark('sent', 100), mark('completion', 130, 64)]
  const done: KernelEvent = { kind: 'ring-complete', at: 110, actor: 0, value: 64, text: null }
  const all = sightings(timeline, beside(events, [seen('io_uring_enter', 12, 120), done]), [
    seen('io_uring_enter', 12, 120),
    done,
  ])
  const ends = all.find(({ boundary }) => boundary === 'copy-ends')
  assert.deepEqual(ends, { boundary: 'copy-ends', ours: 130, kernels: 110, cause: 'told-later' })
})

test('what the kernel did not see is not compared', () => {
  const events = [call('select', 10, 125), mark('sent', 100), call('recv', 140, 150, { result: 64 })]
  assert.deepEqual(found(events, [seen('recvfrom', 142, 149)]), {
    'copy-begins': 2,
    'copy-ends': -1,
    'stamp-copied': -2,
  })
  assert.equal(agreementOf([[], []]), null)
})

test('a call is matched with one of its own thread, name and time', () => {
  const events = [call('recv', 10, 20), call('recv', 30, 40), call('recv', 50, 60, { thread: 1 })]
  const kernel = [
    seen('recvfrom', 5, 6),
    seen('recvfrom', 12, 13, 1),
    seen('epoll_pwait', 14, 15),
    seen('recvfrom', 31, 39),
    seen('recvfrom', 51, 59, 1),
  ]
  assert.deepEqual(
    beside(events, kernel).map((event) => (event.kind === 'call' ? event.kernel?.entered : null)),
    [undefined, 31, 51],
  )
})

test('the median decides, of the boundaries of the phases', () => {
  const message = (kernels: number, stamp: number): Sighting[] => [
    { boundary: 'copy-ends', ours: 100, kernels: 100 + kernels, cause: 'way-back' },
    { boundary: 'stamp-ready', ours: 100, kernels: 100 + stamp, cause: 'library' },
  ]
  const near = agreementOf([message(-3, -90), message(900, -90), message(5, -90)])!
  assert.deepEqual([near.agree, near.worstMedianMicros, apart(near)], [true, 5, []])
  assert.deepEqual(near.boundaries[0], {
    boundary: 'copy-ends',
    medianMicros: 5,
    medianDistanceMicros: 5,
    worstDistanceMicros: 900,
    repeats: 3,
    cause: 'way-back',
  })
  const far = agreementOf([message(-21, 0), message(-20.5, 0)])!
  assert.equal(far.agree, false)
  assert.deepEqual(
    apart(far).map(({ boundary }) => boundary),
    ['copy-ends'],
  )
})
