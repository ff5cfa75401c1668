/** What the kernel tells beside a datagram: when it came (SO_TIMESTAMPNS), and that it is several (UDP_GRO). */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { modelNamed } from '../models/choose.js'
import type { ModelName } from '../models/model.js'
import { SOL_UDP, UDP_GRO } from '../sys/socket.js'
import { createSocket, type RemoteInfo } from './index.js'

const models: ModelName[] = (['epoll', 'poll', 'rtsig', 'io_uring'] as const).filter(
  (name) => modelNamed(name).probe().ok,
)

for (const model of models) {
  test(`when each datagram came, udp and unix, ${model}`, { timeout: 60_000 }, async () => {
    for (const type of ['udp4', 'unix_dgram'] as const) {
      const name = `\0fivefold-stamp-${process.pid}-${model}`
      const socket = createSocket({ type, model, timestamps: true })
      if (type === 'udp4') socket.bind(0, '127.0.0.1')
      else socket.bind(name)
      await once(socket, 'listening')
      const infos: RemoteInfo[] = []
      const texts: string[] = []
      const all = new Promise<void>((resolve) => {
        socket.on('message', (message, info) => {
          texts.push(String(message))
          infos.push(info as RemoteInfo)
          if (texts.length === 20) resolve()
        })
      })
      for (let index = 0; index < 20; index++) {
        const text = String(index).repeat(100)
        if (type === 'udp4') socket.send(text, socket.address().port, '127.0.0.1')
        else socket.send(text, name)
      }
      await all
      assert.deepEqual(
        texts,
        Array.from({ length: 20 }, (_, index) => String(index).repeat(100)),
      )
      // The wall clock may be set meanwhile, but hardly by a day; and the kernel's order is that of arrival.
      for (const [index, { timestampNs, address }] of infos.entries()) {
        assert.equal(typeof timestampNs, 'bigint')
        assert.ok(Math.abs(Number(timestampNs! / 1_000_000n) - Date.now()) < 86_400_000)
        assert.ok(index === 0 || timestampNs! >= infos[index - 1]!.timestampNs!, 'they came in order')
        assert.equal(address, type === 'udp4' ? '127.0.0.1' : name)
      }
      await new Promise<void>((resolve) => socket.close(resolve))
    }
  })

  test(`datagrams that the kernel hands over together are told one by one, ${model}`, {
    timeout: 60_000,
  }, async () => {
    const socket = createSocket({ type: 'udp4', model, gro: true, timestamps: true })
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    assert.equal(socket.getOption(SOL_UDP, UDP_GRO), 1)
    const sender = createSocket({ type: 'udp4', model })
    const data = Buffer.from(Array.from({ length: 20_050 }, (_, index) => index % 251))
    const parts: Buffer[] = []
    const sizes: number[] = []
    const all = new Promise<void>((resolve) => {
      socket.on('message', (message, info) => {
        parts.push(message)
        sizes.push(info.size)
        if (parts.length === 41) resolve()
      })
    })
    sender.sendBatch([{ data, segmentBytes: 500, port: socket.address().port }])
    await all
    assert.ok(Buffer.concat(parts).equals(data))
    assert.deepEqual(sizes, [...Array<number>(40).fill(500), 50])
    await Promise.all([socket, sender].map((one) => new Promise<void>((resolve) => one.close(resolve))))
  })
}

test('a model without control data says so', { timeout: 60_000 }, async () => {
  const socket = createSocket({ type: 'udp4', model: 'blocking', timestamps: true })
  socket.bind(0, '127.0.0.1')
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ENOTSUP')
  await new Promise<void>((resolve) => socket.close(resolve))
})
