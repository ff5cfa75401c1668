import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { Coalescing, time } from './coalescing.js'

const realNowMs = time.nowMs
let nowMs = 0
let looks: string[] = []
let wakes = 0
let coalescing: Coalescing

beforeEach(() => {
  nowMs = 1000
  time.nowMs = () => nowMs
  looks = []
  wakes = 0
  const watch = { pause: () => looks.push('pause'), resume: () => looks.push('resume'), close() {} }
  coalescing = new Coalescing(watch, () => wakes++)
})

afterEach(() => {
  coalescing.close()
  time.nowMs = realNowMs
})

/** Turns that bring datagrams. @returns what the last one answered */
function turns(count: number, everyMs: number, datagrams = 1, share = 0.004): boolean {
  let held = false
  for (let turn = 0; turn < count; turn++) {
    nowMs += everyMs
    for (let index = 0; index < datagrams; index++) coalescing.arrived(share)
    held = coalescing.turned()
  }
  return held
}

test('a flood: from the 64th turn on the clock sees to the next, and nobody looks at the driver', async () => {
  assert.equal(turns(63, 0.02), false)
  assert.deepEqual(looks, [])
  assert.equal(turns(1, 0.02), true)
  assert.deepEqual(looks, ['pause'])
  const alive = setTimeout(() => {}, 60_000)
  while (wakes < 3) await new Promise(setImmediate)
  clearTimeout(alive)
})

test('what comes less often than every 100 us wakes by itself', () => {
  assert.equal(turns(1000, 0.11), false)
  assert.equal(turns(200, 0.09), true)
})

test('what was slow before does not keep a flood from being seen', () => {
  turns(10, 1000)
  assert.equal(turns(128, 0.02), true)
})

test('anything sent or asked ends it at once, and it must begin anew', () => {
  assert.equal(turns(64, 0.02), true)
  const before = wakes
  coalescing.stir()
  assert.deepEqual(looks, ['pause', 'resume'])
  assert.equal(wakes, before + 1)
  assert.equal(turns(1, 0.02), false)
  assert.equal(turns(63, 0.02), false)
  assert.equal(turns(1, 0.02), true)
  assert.deepEqual(looks, ['pause', 'resume', 'pause'])
})

test('turns before something was sent count for nothing', () => {
  turns(40, 0.02)
  coalescing.stir()
  turns(1, 0.02)
  assert.equal(turns(63, 0.02), false)
  assert.equal(turns(1, 0.02), true)
})

test('who is answered in every turn is never kept waiting', () => {
  for (let turn = 0; turn < 1000; turn++) {
    coalescing.stir()
    assert.equal(turns(1, 0.005, 4), false)
  }
  assert.deepEqual(looks, [])
})

test('it ends when few come, and lasts while many do', () => {
  turns(64, 0.02)
  assert.equal(turns(80, 0.5, 20), true)
  assert.equal(turns(7, 0.5, 0), true)
  assert.equal(turns(1, 0.5, 0), false)
  assert.deepEqual(looks, ['pause', 'resume'])
})

test('turns that bring nothing do not count', () => {
  turns(63, 0.02)
  for (let turn = 0; turn < 500; turn++) assert.equal(coalescing.turned(), false)
  assert.equal(turns(1, 0.02), true)
})

test('a turn that may have left some is followed by another', () => {
  turns(64, 0.02)
  assert.equal(turns(1, 0.5, 31), true)
  assert.equal(turns(1, 0.5, 32), false)
  assert.equal(coalescing.holds, true)
})

test('where a period would fill the receive buffer there is none', () => {
  // Of 64 KiB each: four of them are all that the buffer holds.
  assert.equal(turns(1000, 0.02, 1, 0.25), false)
  // As many small ones are kept.
  assert.equal(turns(200, 0.02, 1, 0.004), true)
})
