/** A flood that nobody answers wakes the loop by the clock: nothing is lost by it, and whoever answers never meets it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { engineFor } from '../loop/engine.js'
import { everythingFloods } from '../loop/flooding.test.util.js'
import { modelNamed } from '../models/choose.js'
import type { ModelName } from '../models/model.js'
import { AF_INET, encodeAddress } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import { connect, rawSend, SOCK_DGRAM, socket } from '../sys/socket.js'
import { bind } from './bind.js'
import type { BindOptions } from './handlers.js'
import type { DatagramSocket } from './socket.js'

const models: ModelName[] = (['blocking', 'poll', 'epoll', 'rtsig', 'io_uring'] as const).filter(
  (name) => modelNamed(name).probe().ok,
)

everythingFloods()

const elsewhere = new Uint8Array(16)
encodeAddress({ family: 'IPv4', address: '127.0.0.1', port: 9 }, elsewhere)

interface Flood {
  receiver: DatagramSocket
  came: number[]
  /** Sends the next so many, one a turn of Node's loop, and waits until all have come. */
  send(count: number): Promise<void>
  close(): Promise<void>
}

async function flood(
  model: ModelName,
  options: Partial<BindOptions> = {},
  answer: (receiver: DatagramSocket) => void = () => {},
): Promise<Flood> {
  const came: number[] = []
  let waits = () => {}
  const receiver = await bind({
    ...options,
    model,
    socket: {
      data(receiver, datagram) {
        came.push(datagram.readUInt32LE())
        answer(receiver)
        waits()
      },
    },
  })
  const fd = socket(AF_INET, SOCK_DGRAM)
  connect(fd, { family: 'IPv4', address: '127.0.0.1', port: receiver.port })
  const datagram = Buffer.alloc(64)
  let sent = 0
  return {
    receiver,
    came,
    async send(count) {
      for (let index = 0; index < count; index++) {
        datagram.writeUInt32LE(sent++)
        assert.equal(rawSend(fd, datagram, 64, 0), 64)
        await new Promise(setImmediate)
      }
      await new Promise<void>((resolve) => {
        waits = () => {
          if (came.length >= sent) resolve()
        }
        waits()
      })
      waits = () => {}
    },
    async close() {
      rawClose(fd)
      await receiver.close()
    },
  }
}

for (const model of models) {
  test(`a flood is coalesced, and arrives whole and in order, ${model}`, { timeout: 60_000 }, async () => {
    const { came, send, close } = await flood(model)
    const engine = engineFor(model)
    // One that nobody joins is told as well: by the clock.
    for (let round = 0; !engine.coalescing; round++) {
      assert.ok(round < 2000, 'it begins')
      await send(1)
    }
    await send(1)
    await send(100)
    await send(100)
    assert.deepEqual(
      came,
      Array.from(came, (_, index) => index),
    )
    await close()
  })

  // What is sent at once passes the model by.
  for (const [how, act] of [
    ['send', (receiver) => void receiver.send('away', { port: 9 })],
    ['sendNow', (receiver) => receiver.sendNow(Buffer.from('away'), elsewhere, () => {})],
    ['stir', (receiver) => receiver.stir()],
  ] as [string, (receiver: DatagramSocket) => void][]) {
    test(`it ends with something that is sent, by ${how}, ${model}`, {
      timeout: 60_000,
    }, async () => {
      const engine = engineFor(model)
      const { receiver, send, close } = await flood(model)
      while (!engine.coalescing) await send(1)
      act(receiver)
      assert.equal(engine.coalescing, false)
      // Whose answer, say, is told like anything else.
      await send(1)
      await close()
    })
  }

  for (const [what, options, answer] of [
    ['a socket that answers', {}, (receiver) => void receiver.send('x', { port: 9 })],
    ['a socket with coalesce: false', { coalesce: false }, () => {}],
  ] as [string, Partial<BindOptions>, (receiver: DatagramSocket) => void][]) {
    test(`${what} is never kept waiting, ${model}`, { timeout: 60_000 }, async () => {
      const engine = engineFor(model)
      const { send, close } = await flood(model, options, (receiver) => {
        assert.equal(engine.coalescing, false)
        answer(receiver)
      })
      // No more at a time than the receive buffer holds.
      for (let round = 0; round < 4; round++) await send(100)
      await close()
    })
  }
}
