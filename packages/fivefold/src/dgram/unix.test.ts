/** Unix datagram sockets, which Node never had, in the shape of its own. */
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { modelNamed } from '../models/choose.js'
import type { ModelName } from '../models/model.js'
import { createSocket, type RemoteInfo, type Socket } from './index.js'

const folder = mkdtempSync(join(tmpdir(), 'fivefold-dgram-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const models: ModelName[] = (['epoll', 'select', 'blocking', 'io_uring'] as const).filter(
  (name) => modelNamed(name).probe().ok,
)

async function open(model: ModelName, path?: string, more: object = {}): Promise<Socket> {
  const socket = createSocket({ type: 'unix_dgram', model, ...more })
  if (path !== undefined) {
    socket.bind(path)
    await once(socket, 'listening')
  }
  return socket
}

async function close(...sockets: Socket[]): Promise<void> {
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(resolve))))
}

/** Sends; `also` is called in the callback. */
const sent = (socket: Socket, ...args: unknown[]) =>
  new Promise<unknown>((resolve) => {
    const also = args.find((one) => typeof one === 'function') as (() => void) | undefined
    const rest = args.filter((one) => one !== also)
    ;(socket.send as (...args: unknown[]) => void)(...rest, (error: Error | null, bytes: number) => {
      also?.()
      resolve(error ?? bytes)
    })
  })

for (const model of models) {
  test(`paths and abstract names, ${model}`, { timeout: 60_000 }, async () => {
    for (const name of [join(folder, `a-${model}`), `\0fivefold-${process.pid}-${model}`]) {
      const server = await open(model, name)
      assert.deepEqual(server.address(), { address: name, family: 'Unix', port: 0 })
      const client = await open(model, `${name}-client`)
      const came = once(server, 'message')
      assert.equal(await sent(client, 'hello', name), 5)
      const [message, info] = (await came) as [Buffer, RemoteInfo]
      assert.equal(String(message), 'hello')
      assert.deepEqual(info, { address: `${name}-client`, family: 'Unix', port: 0, size: 5 })
      const answer = once(client, 'message')
      assert.equal(await sent(server, Buffer.from('0123'), 1, 2, info.address), 2)
      assert.equal(String((await answer)[0]), '12')
      await close(server, client)
      assert.equal(existsSync(name), false, 'the name goes with the socket')
    }
  })

  test(`connected, and without a name of its own, ${model}`, { timeout: 60_000 }, async () => {
    const name = `\0fivefold-c-${process.pid}-${model}`
    const server = await open(model, name)
    const client = await open(model)
    client.connect(name)
    await once(client, 'connect')
    const came = once(server, 'message')
    assert.equal(await sent(client, ['in ', 'parts']), 8)
    const [message, info] = (await came) as [Buffer, RemoteInfo]
    assert.equal(String(message), 'in parts')
    assert.equal(info.address, '')
    assert.throws(() => client.send('x', name), { code: 'ERR_SOCKET_DGRAM_IS_CONNECTED' })
    assert.equal(client.remoteAddress().address, name)
    await close(server, client)
  })

  test(`nobody there, a name that is taken, what is no name, ${model}`, { timeout: 60_000 }, async () => {
    const path = join(folder, `taken-${model}`)
    const socket = await open(model, path)
    const missing = join(folder, 'missing')
    const error = (await sent(socket, 'x', missing)) as NodeJS.ErrnoException
    assert.deepEqual([error.code, error.syscall, error.message], ['ENOENT', 'send', `send ENOENT ${missing}`])
    const second = createSocket({ type: 'unix_dgram', model })
    second.bind(path)
    const [failed] = (await once(second, 'error')) as [NodeJS.ErrnoException]
    assert.deepEqual([failed.code, failed.syscall], ['EADDRINUSE', 'bind'])
    assert.throws(() => socket.send('x', ''), { code: 'ERR_INVALID_ARG_VALUE' })
    assert.throws(() => socket.send('x', 0 as never), { code: 'ERR_INVALID_ARG_VALUE' })
    assert.throws(() => socket.addMembership('224.0.0.114'), { code: 'ERR_INVALID_ARG_VALUE' })
    await close(socket, second)
  })

  test(`a full queue: everything arrives, in order, and every callback is called, ${model}`, {
    timeout: 60_000,
  }, async () => {
    const name = `\0fivefold-f-${process.pid}-${model}`
    const server = await open(model, name)
    const client = await open(model, `${name}-client`)
    const count = 500
    const seen: number[] = []
    const all = new Promise<void>((resolve) => {
      server.on('message', (message) => {
        if (seen.push(Number(String(message).slice(0, 8))) === count) resolve()
      })
    })
    const storage = new AsyncLocalStorage<number>()
    const contexts: (number | undefined)[] = []
    const results = Array.from({ length: count }, (_, index) =>
      storage.run(index, () =>
        sent(client, String(index).padStart(8, '0').padEnd(2000, '.'), name, () =>
          contexts.push(storage.getStore()),
        ),
      ),
    )
    assert.ok(client.getSendQueueCount() > 0, 'more was sent than the queue takes')
    assert.ok(client.getSendQueueSize() >= 2000)
    await all
    assert.deepEqual(new Set(await Promise.all(results)), new Set([2000]))
    assert.deepEqual(
      seen,
      Array.from({ length: count }, (_, index) => index),
    )
    assert.deepEqual(contexts, seen, 'each callback has its own context')
    await close(server, client)
  })

  test(`what is longer than maxDatagram says that it was cut, ${model}`, { timeout: 60_000 }, async () => {
    const name = `\0fivefold-m-${process.pid}-${model}`
    const server = await open(model, name, { maxDatagram: 4 })
    const client = await open(model)
    const came = once(server, 'message')
    await sent(client, 'longer', name)
    const [message, info] = (await came) as [Buffer, RemoteInfo]
    assert.equal(String(message), 'long')
    assert.deepEqual(info, { address: '', family: 'Unix', port: 0, size: 4, truncated: true })
    await close(server, client)
  })
}

test('ports are not for Unix sockets', () => {
  assert.throws(() => createSocket({ type: 'unix_dgram', reusePort: true }), {
    code: 'ERR_INVALID_ARG_VALUE',
  })
})
