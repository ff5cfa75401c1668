import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelName } from '../models/model.js'
import { type Deferred, engineFor } from './engine.js'

class Work implements Deferred {
  deferred = false
  readonly ran: (work: Work) => void
  constructor(ran: (work: Work) => void) {
    this.ran = ran
  }
  runDeferred(): void {
    this.ran(this)
  }
}

test('a thread has one engine per model and host', () => {
  assert.equal(engineFor('epoll'), engineFor('epoll', 'embedded'))
  assert.notEqual(engineFor('epoll'), engineFor('epoll', 'dedicated'))
  assert.notEqual(engineFor('epoll'), engineFor('poll'))
})

test('unknown names are refused with what there is', () => {
  assert.throws(() => engineFor('kqueue' as ModelName), {
    code: 'ERR_INVALID_ARG_VALUE',
    message: /io_uring/,
  })
  assert.throws(() => engineFor('epoll', 'elsewhere' as 'embedded'), { code: 'ERR_INVALID_ARG_VALUE' })
})

for (const host of ['embedded', 'dedicated'] as const) {
  test(`${host}: what is deferred runs once, and what it defers runs in a later turn`, async () => {
    const engine = engineFor('epoll', host)
    engine.ref()
    const order: string[] = []
    await new Promise<void>((resolve) => {
      const second = new Work(() => {
        order.push('second')
        resolve()
      })
      const first = new Work(() => {
        order.push('first')
        engine.defer(second)
        setImmediate(() => order.push('between'))
      })
      engine.defer(first)
      engine.defer(first)
    })
    engine.unref()
    assert.deepEqual(
      order.filter((each) => each !== 'between'),
      ['first', 'second'],
    )
  })

  test(`${host}: timers and promises run beside it`, async () => {
    const engine = engineFor('epoll', host)
    engine.ref()
    let ticks = 0
    await new Promise<void>((resolve) => {
      const timer = setInterval(async () => {
        await null
        if (++ticks < 3) return
        clearInterval(timer)
        resolve()
      }, 1)
    })
    engine.unref()
    assert.equal(ticks, 3)
  })
}
