import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as t from './time.js'

test('for ever', () => {
  for (const endless of [null, -1, -0.5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    assert.equal(t.isEndless(endless), true, String(endless))
    assert.equal(t.wholeMilliseconds(endless), -1, String(endless))
  }
  for (const finite of [0, 0.1, 5, Number.NaN]) assert.equal(t.isEndless(finite), false)
})

test('whole milliseconds are rounded up, and never wrap', () => {
  assert.equal(t.wholeMilliseconds(0), 0)
  assert.equal(t.wholeMilliseconds(0.001), 1)
  assert.equal(t.wholeMilliseconds(7), 7)
  assert.equal(t.wholeMilliseconds(7.5), 8)
  assert.equal(t.wholeMilliseconds(0x7fff_ffff), 0x7fff_ffff)
  for (const bad of [0x8000_0000, 0x7fff_ffff + 0.5, Number.NaN]) {
    assert.throws(() => t.wholeMilliseconds(bad), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
  }
})

test('timespec and timeval', () => {
  const words = t.timeWords()
  for (const [ms, seconds, nanoseconds] of [
    [0, 0, 0],
    [1, 0, 1_000_000],
    [0.000_000_1, 0, 1],
    [1234.5, 1, 234_500_000],
    [999.999_999_9, 1, 0],
    [1000, 1, 0],
    [2 ** 32 * 1000 + 1, 2 ** 32, 1_000_000],
    [-0, 0, 0],
  ] as const) {
    words.fill(-1)
    t.writeTimespec(words, ms)
    const wide = new BigInt64Array(words.buffer)
    assert.deepEqual([...wide], [BigInt(seconds), BigInt(nanoseconds)], `${ms} ms`)
    assert.equal(t.readTimespec(words), seconds * 1000 + nanoseconds / 1e6)
  }
  t.writeTimeval(words, 1234.000_1)
  assert.deepEqual([...new BigInt64Array(words.buffer)], [1n, 234_001n])
  assert.equal(t.readTimeval(words), 1234.001)
  t.writeTimeval(words, 3_000_000_000_000)
  assert.equal(t.readTimeval(words), 3_000_000_000_000)
  for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => t.writeTimespec(words, bad), { code: 'ERR_OUT_OF_RANGE' })
    assert.throws(() => t.writeTimeval(words, bad), { code: 'ERR_OUT_OF_RANGE' })
  }
})

test('what is written is never earlier than what was asked', () => {
  const words = t.timeWords()
  for (let i = 0; i < 2000; i++) {
    const ms = (i * 7919.123456789) / 3.7
    const [whole, rest] = [Math.floor(ms), ms - Math.floor(ms)]
    t.writeTimespec(words, ms)
    assert.ok(words[0]! * 1000 + Math.floor(words[2]! / 1e6) >= whole, `${ms}`)
    assert.ok(t.readTimespec(words) - whole >= rest - 1e-6, `${ms}`)
    assert.ok(words[2]! < 1e9)
    t.writeTimeval(words, ms)
    assert.ok(t.readTimeval(words) - whole >= rest - 1e-6, `${ms}`)
    assert.ok(words[2]! < 1e6)
  }
})
