/** A flood that nobody answers is coalesced, unless the socket was made otherwise; a batch that is sent ends that. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { engineFor } from '../loop/engine.js'
import { everythingFloods } from '../loop/flooding.test.util.js'
import { AF_INET } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import { connect, rawSend, SOCK_DGRAM, socket } from '../sys/socket.js'
import { createSocket, type Socket } from './index.js'

everythingFloods()

/** @returns sends one datagram and waits until it has come */
async function flood(receiver: Socket): Promise<{ send: () => Promise<void>; close: () => Promise<void> }> {
  receiver.bind(0, '127.0.0.1')
  await once(receiver, 'listening')
  const fd = socket(AF_INET, SOCK_DGRAM)
  connect(fd, { family: 'IPv4', address: '127.0.0.1', port: receiver.address().port })
  const bytes = new Uint8Array(64)
  return {
    async send() {
      const came = once(receiver, 'message')
      assert.equal(rawSend(fd, bytes, 64, 0), 64)
      await came
      // The turn that told it is over.
      await new Promise(setImmediate)
    },
    async close() {
      rawClose(fd)
      await new Promise<void>((resolve) => receiver.close(resolve))
    },
  }
}

test('a socket that only receives is coalesced, until it sends a batch', { timeout: 60_000 }, async () => {
  const engine = engineFor('epoll')
  const receiver = createSocket({ type: 'udp4', model: 'epoll' })
  const { send, close } = await flood(receiver)
  for (let round = 0; !engine.coalescing; round++) {
    assert.ok(round < 1000, 'it begins')
    await send()
  }
  receiver.sendBatch([{ data: 'away', port: 9 }])
  await send()
  assert.equal(engine.coalescing, false)
  await close()
})

test('coalesce: false', { timeout: 60_000 }, async () => {
  const engine = engineFor('epoll')
  const { send, close } = await flood(createSocket({ type: 'udp4', model: 'epoll', coalesce: false }))
  for (let round = 0; round < 300; round++) {
    await send()
    assert.equal(engine.coalescing, false)
  }
  await close()
})
