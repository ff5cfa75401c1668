import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listen, type Socket } from 'fivefold'
import { Load } from './load.js'

test('of those that are open, only as many as are wanted talk', async () => {
  const received = new Map<Socket, number>()
  const listener = await listen({
    port: 0,
    hostname: '127.0.0.1',
    socket: {
      data(socket, chunk) {
        received.set(socket, (received.get(socket) ?? 0) + chunk.length)
        socket.write(chunk)
      },
    },
  })
  const load = new Load({ protocol: 'tcp', port: listener.port as number, path: '', size: 64 })
  try {
    assert.equal(await load.open(6), null)
    assert.equal(load.start(2), 2)
    while (load.messages < 100) await new Promise((resolve) => setTimeout(resolve, 1))
    await load.stop()
    const talked = [...received.values()].filter((bytes) => bytes > 64)
    assert.equal(received.size, 6)
    assert.equal(talked.length, 2)
    assert.equal(load.start(9), 6, 'no more than there are')
    await load.stop()
    assert.equal(load.complaints.total, 0)
  } finally {
    // It would go on for ever, and the test's process with it.
    await load.stop()
    listener.close(true)
  }
})
