/** Selector, on every multiplexing model. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelName } from '../models/model.js'
import { rawClose } from '../sys/descriptor.js'
import { EFD_CLOEXEC, EFD_NONBLOCK, eventfd, rawEventfdRead, rawEventfdWrite } from '../sys/eventfd.js'
import { EVENT_READ, EVENT_WRITE, Selector } from './selector.js'

const code = (expected: string) => (error: NodeJS.ErrnoException) => error.code === expected
const bell = () => eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)

for (const model of ['epoll', 'poll', 'select'] satisfies ModelName[]) {
  test(`${model}: register, select, modify, unregister`, () => {
    const selector = new Selector<string>({ model })
    const [a, b] = [bell(), bell()]
    const key = selector.register(a, EVENT_READ, 'a')
    assert.deepEqual(key, { fd: a, events: EVENT_READ, data: 'a' })
    selector.register(b, EVENT_READ | EVENT_WRITE, 'b')
    assert.deepEqual(selector.select(0), [[selector.getKey(b), EVENT_WRITE]])
    rawEventfdWrite(a, 1)
    rawEventfdWrite(b, 1)
    const found = new Map(selector.select().map(([{ data }, events]) => [data, events]))
    assert.deepEqual(
      found,
      new Map([
        ['a', EVENT_READ],
        ['b', EVENT_READ | EVENT_WRITE],
      ]),
    )
    rawEventfdRead(a)
    selector.modify(b, EVENT_WRITE, 'B')
    assert.deepEqual(selector.select(-1), [[{ fd: b, events: EVENT_WRITE, data: 'B' }, EVENT_WRITE]])
    assert.deepEqual([...selector.getMap().keys()], [a, b])
    assert.equal(selector.unregister(b).data, 'B')
    assert.deepEqual(selector.select(1), [], 'the time is up')
    selector.close()
    selector.close()
    assert.throws(() => selector.select(0), code('EBADF'))
    for (const fd of [a, b]) rawClose(fd)
  })

  test(`${model}: what is wrong is refused, and changes nothing`, () => {
    using selector = new Selector({ model })
    const fd = bell()
    assert.throws(() => selector.register(fd, 0), code('ERR_OUT_OF_RANGE'))
    assert.throws(() => selector.register(fd, 4), code('ERR_OUT_OF_RANGE'))
    assert.throws(() => selector.register(-1, EVENT_READ), code('ERR_INVALID_ARG_VALUE'))
    assert.throws(() => selector.modify(fd, EVENT_READ), code('ENOENT'))
    assert.throws(() => selector.unregister(fd), code('ENOENT'))
    assert.throws(() => selector.getKey(fd), code('ENOENT'))
    selector.register(fd, EVENT_WRITE)
    assert.throws(() => selector.register(fd, EVENT_READ), code('EEXIST'))
    assert.equal(selector.select(0).length, 1)
    rawClose(fd)
    assert.equal(selector.unregister(fd).fd, fd, 'after it was closed')
    assert.deepEqual(selector.select(0), [])
    const next = bell()
    assert.equal(next, fd)
    selector.register(next, EVENT_WRITE)
    assert.equal(selector.select(0).length, 1)
    rawClose(next)
  })
}

test('a model without readiness is refused', () => {
  assert.throws(() => new Selector({ model: 'io_uring' }), code('ENOTSUP'))
})
