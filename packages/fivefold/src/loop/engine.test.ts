import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listen } from '../index.js'
import { ioUring } from '../models/asynchronous/io-uring.js'
import { engineFor } from './engine.js'

test('an engine for each model, host and tuning; what is off makes none of its own', () => {
  const plain = engineFor('epoll', 'embedded')
  assert.equal(engineFor('epoll', 'embedded', {}), plain)
  assert.equal(engineFor('epoll', 'embedded', { busyPoll: false }), plain)
  const busy = engineFor('epoll', 'embedded', { busyPoll: true })
  assert.notEqual(busy, plain)
  assert.equal(engineFor('epoll', 'embedded', { busyPoll: true }), busy)
  busy.close()
  plain.close()
})

test('a tuning that the model does not know is refused, not ignored', async () => {
  for (const tuning of [{ sqPoll: true }, { zeroCopyFrom: 1 }, { registeredFiles: true }]) {
    assert.throws(() => engineFor('epoll', 'embedded', tuning), {
      code: 'ERR_INVALID_ARG_VALUE',
      message: /the model 'epoll' has no (sqPoll|zeroCopyFrom|registeredFiles)/,
    })
  }
  await assert.rejects(listen({ model: 'poll', tuning: { sqPoll: true }, socket: {} }), {
    code: 'ERR_INVALID_ARG_VALUE',
  })
})

test('a busy engine without sockets lets the process be, and serves those that keep nobody alive', {
  skip: !ioUring.probe().ok,
}, async () => {
  const server = await listen({
    model: 'io_uring',
    tuning: { busyPoll: true },
    socket: { data: (socket, chunk) => void socket.write(chunk) },
  })
  server.unref()
  const { connect } = await import('node:net')
  const client = connect(server.port, '127.0.0.1')
  client.write('hello')
  const [answer] = await new Promise<Buffer[]>((resolve) => client.once('data', (data) => resolve([data])))
  assert.equal(String(answer), 'hello')
  client.destroy()
  await server.close(true)
})
