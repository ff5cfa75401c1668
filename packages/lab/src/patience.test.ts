import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Patience } from './patience.js'

test('time in which the process stood still does not count', () => {
  let at = 0
  const passes = (milliseconds: number) => {
    at += milliseconds
  }
  const patience = new Patience(2000, () => at)
  for (let step = 0; step < 3; step++) {
    passes(400)
    assert.equal(patience.over(), false)
  }
  passes(600_000)
  assert.equal(patience.over(), false, 'stopped for ten minutes')
  passes(300)
  assert.equal(patience.over(), true, '3 × 400 + 500 + 300')
  patience.renew()
  passes(499)
  assert.equal(patience.over(), false)
})

test('after so long, once; and not at all when the waiting is ended', async () => {
  let calls = 0
  Patience.after(20, () => calls++)()
  await new Promise<void>((resolve) => Patience.after(30, resolve))
  assert.equal(calls, 0)
})
