/** Many datagrams in one call, and sends that the kernel cuts. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { modelNamed } from '../models/choose.js'
import type { ModelName } from '../models/model.js'
import { close as close_ } from '../sys/descriptor.js'
import { AF_UNIX, bind, socket as openSocket, recv, SOCK_DGRAM, SOCK_NONBLOCK } from '../sys/socket.js'
import { type BatchMessage, createSocket, type Socket } from './index.js'

const models: ModelName[] = (['epoll', 'io_uring'] as const).filter((name) => modelNamed(name).probe().ok)

/** A bound socket, and what comes to it until so many have come. */
async function receiver(options: { type: 'udp4' | 'unix_dgram'; model: ModelName }, name?: string) {
  const socket = createSocket(options)
  const came: Buffer[] = []
  let wanted = Number.POSITIVE_INFINITY
  let enough = () => {}
  socket.on('message', (message) => {
    came.push(message)
    if (came.length >= wanted) enough()
  })
  if (name === undefined) socket.bind(0, '127.0.0.1')
  else socket.bind(name)
  await once(socket, 'listening')
  const all = (count: number) =>
    new Promise<Buffer[]>((resolve) => {
      wanted = count
      enough = () => resolve(came.splice(0, count))
      if (came.length >= count) enough()
    })
  return { socket, all }
}

const batch = (socket: Socket, messages: BatchMessage[]) =>
  new Promise<[Error | null, number]>((resolve) =>
    socket.sendBatch(messages, (error, sent) => resolve([error, sent])),
  )

const close = (...sockets: Socket[]) =>
  Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(resolve))))

for (const model of models) {
  test(`a batch to two receivers, of all sizes, by an unbound socket, ${model}`, {
    timeout: 60_000,
  }, async () => {
    const first = await receiver({ type: 'udp4', model })
    const second = await receiver({ type: 'udp4', model })
    const sender = createSocket({ type: 'udp4', model })
    const sizes = [0, 1, 64, 2048, 2049, 5000, ...Array.from({ length: 140 }, (_, index) => index)]
    const data = sizes.map((size, index) => Buffer.alloc(size, `${index} `))
    const ports = [first.socket.address().port, second.socket.address().port]
    const messages = data.map((bytes, index) => ({ data: bytes, port: ports[index % 2]! }))
    assert.deepEqual(await batch(sender, messages), [null, sizes.length])
    const wanted = [0, 1].map((which) => data.filter((_, index) => index % 2 === which))
    for (const [index, { all }] of [first, second].entries()) {
      assert.deepEqual(await all(wanted[index]!.length), wanted[index])
    }
    await close(sender, first.socket, second.socket)
  })

  test(`one that cannot be sent does not hold up the rest, ${model}`, { timeout: 60_000 }, async () => {
    const { socket, all } = await receiver({ type: 'udp4', model })
    const { port } = socket.address()
    const data = ['a', Buffer.alloc(70_000), 'b', 'c']
    const [error, sent] = await batch(
      socket,
      data.map((bytes) => ({ data: bytes, port })),
    )
    assert.deepEqual([(error as NodeJS.ErrnoException).code, sent], ['EMSGSIZE', 3])
    assert.deepEqual((await all(3)).map(String), ['a', 'b', 'c'])
    assert.throws(() => socket.sendBatch([{ data: 'x', port, address: 'localhost' }]), {
      code: 'ERR_INVALID_ARG_VALUE',
    })
    assert.throws(() => socket.sendBatch([{ data: 'x', port: 0 }]), { code: 'ERR_INVALID_ARG_VALUE' })
    assert.throws(() => socket.sendBatch([{ data: 'x', port, segmentBytes: -1 }]), {
      code: 'ERR_OUT_OF_RANGE',
    })
    await close(socket)
  })

  test(`a Unix socket whose receiver is slow: all, in order, ${model}`, { timeout: 60_000 }, async () => {
    const name = `\0fivefold-batch-${process.pid}-${model}`
    const { socket, all } = await receiver({ type: 'unix_dgram', model }, name)
    const sender = createSocket({ type: 'unix_dgram', model })
    sender.connect(name)
    await once(sender, 'connect')
    const numbers = Array.from({ length: 300 }, (_, index) => String(index))
    const outcome = batch(
      sender,
      numbers.map((data) => ({ data })),
    )
    assert.deepEqual((await all(300)).map(String), numbers)
    assert.deepEqual(await outcome, [null, 300])
    await close(sender, socket)
  })

  test(`behind what waits everything waits, ${model}`, { timeout: 60_000 }, async () => {
    // A receiver that reads when the test says so.
    const name = `\0fivefold-behind-${process.pid}-${model}`
    const fd = openSocket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK)
    bind(fd, { family: 'Unix', path: name })
    const buffer = Buffer.alloc(64)
    const read = () => buffer.toString('utf8', 0, recv(fd, buffer))
    const sender = createSocket({ type: 'unix_dgram', model })
    sender.connect(name)
    await once(sender, 'connect')
    const numbers = Array.from({ length: 100 }, (_, index) => String(index))
    const first = batch(
      sender,
      numbers.map((data) => ({ data })),
    )
    assert.ok(sender.getSendQueueCount() > 0, 'the queue is full')
    // There is room for one now.
    const came = [read()]
    const second = batch(sender, [{ data: 'last' }])
    while (came.at(-1) !== 'last') {
      try {
        came.push(read())
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN')
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    assert.deepEqual(came, [...numbers, 'last'])
    assert.deepEqual(await Promise.all([first, second]), [
      [null, 100],
      [null, 1],
    ])
    close_(fd)
    await close(sender)
  })

  for (const type of ['udp4', 'unix_dgram'] as const) {
    test(`one message that is many datagrams, ${type}, ${model}`, { timeout: 60_000 }, async () => {
      const name = type === 'udp4' ? undefined : `\0fivefold-cut-${process.pid}-${model}`
      const { socket, all } = await receiver({ type, model }, name)
      const to = name === undefined ? { port: socket.address().port } : { address: name }
      const sender = createSocket({ type, model })
      // More than the kernel cuts in one go.
      const data = Buffer.from(Array.from({ length: 20_850 }, (_, index) => index % 251))
      const came = all(70)
      assert.deepEqual(await batch(sender, [{ data, segmentBytes: 300, ...to }]), [null, 70])
      const parts = await came
      assert.deepEqual(
        parts.map((part) => part.length),
        [...Array<number>(69).fill(300), 150],
      )
      assert.ok(Buffer.concat(parts).equals(data))
      const shorter = all(1)
      assert.deepEqual(await batch(sender, [{ data: 'whole', segmentBytes: 300, ...to }]), [null, 1])
      assert.equal(String((await shorter)[0]), 'whole')
      await close(sender, socket)
    })
  }
}
