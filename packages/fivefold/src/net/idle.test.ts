import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IdleTimer } from './idle.js'

const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** A timer with what it told, and a promise for the next time. */
function timer() {
  let tell = () => {}
  const told: number[] = []
  const idle = new IdleTimer(() => {
    told.push(performance.now())
    tell()
  })
  const next = () =>
    new Promise<void>((resolve) => {
      tell = resolve
      // The timer itself keeps no process alive.
      const alive = setInterval(() => {}, 1000)
      tell = () => {
        clearInterval(alive)
        resolve()
      }
    })
  return { idle, told, next }
}

test('it is told once, and again only when something has moved since', async () => {
  const { idle, told, next } = timer()
  idle.set(5, performance.now())
  await next()
  await after(20)
  assert.equal(told.length, 1)
  idle.moved(performance.now())
  await next()
  assert.equal(told.length, 2)
})

test('what moves puts it off', async () => {
  const { idle, told, next } = timer()
  const begin = performance.now()
  idle.set(10, begin)
  // As if something moved 60 ms from now.
  idle.moved(begin + 60)
  await next()
  assert.ok(told[0]! - begin > 68, 'not before the 60 ms and its own 10 are over, but for a rounded one')
})

test('a shorter time counts at once, a longer one puts it off', async () => {
  const { idle, told, next } = timer()
  idle.set(1_000_000, performance.now())
  idle.set(5, performance.now())
  await next()
  const begin = performance.now()
  idle.set(5, begin)
  idle.set(60, begin)
  await next()
  assert.ok(told[1]! - begin > 58)
})

test('0 and close end it', async () => {
  const { idle, told } = timer()
  idle.set(5, performance.now())
  idle.set(0, performance.now())
  idle.moved(performance.now())
  await after(20)
  idle.set(5, performance.now())
  idle.close()
  idle.moved(performance.now())
  await after(20)
  assert.deepEqual(told, [])
})
