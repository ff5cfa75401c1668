/** Scenes played over node:dgram and over this face, by every model that lives in Node's loop cheaply: what happens must be the same. */
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import nodeDgram from 'node:dgram'
import diagnostics from 'node:diagnostics_channel'
import { once } from 'node:events'
import { test } from 'node:test'
import { modelNamed } from '../models/choose.js'
import type { ModelName } from '../models/model.js'
import ours from './index.js'

type Dgram = typeof nodeDgram
type Say = (...what: unknown[]) => void
type Options = { type: 'udp4' | 'udp6' } & Record<string, unknown>

/** Makes sockets of one of the two kinds. */
interface Stage {
  make(
    options?: Partial<Options>,
    listener?: (message: Buffer, info: nodeDgram.RemoteInfo) => void,
  ): nodeDgram.Socket
  say: Say
}

const models: ModelName[] = (['epoll', 'poll', 'io_uring'] as const).filter(
  (name) => modelNamed(name).probe().ok,
)

/** What an error tells, without what differs from run to run. */
function told(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { code, errno, syscall, address, name, message } = error as NodeJS.ErrnoException & {
    address?: string
  }
  return { code, errno, syscall, address, name, message: message.replace(/:\d{4,5}\b/g, ':PORT') }
}

function thrown(what: () => unknown): unknown {
  try {
    return what()
  } catch (error) {
    return told(error)
  }
}

const bound = async (socket: nodeDgram.Socket, port = 0, address = '127.0.0.1') => {
  socket.bind(port, address)
  await once(socket, 'listening')
  return socket.address().port
}

const closed = async (...sockets: nodeDgram.Socket[]) => {
  await Promise.all(
    sockets.map((socket) => {
      const end = once(socket, 'close')
      socket.close()
      return end
    }),
  )
}

/** Plays a scene on one stage and gives what was said. */
async function play(
  scene: (stage: Stage) => Promise<void>,
  module: Dgram,
  extra: object,
): Promise<unknown[]> {
  const said: unknown[] = []
  await scene({
    make: (options = {}, listener) =>
      module.createSocket({ type: 'udp4', ...options, ...extra } as never, listener as never),
    say: (...what) => {
      said.push(what.map(told))
    },
  })
  return said
}

function scene(name: string, body: (stage: Stage) => Promise<void>): void {
  for (const model of models) {
    test(`${name}, ${model}`, { timeout: 30_000 }, async () => {
      const expected = await play(body, nodeDgram, {})
      const actual = await play(body, ours as unknown as Dgram, { model })
      assert.deepEqual(actual, expected)
      assert.ok(expected.length > 0, 'the scene says something')
    })
  }
}

scene('a datagram goes and comes back', async ({ make, say }) => {
  const server = make({}, (message, { port, address }) => server.send(message, port, address))
  const port = await bound(server)
  const client = make()
  client.send('hello', port, '127.0.0.1', (error, bytes) => say('sent', error, bytes))
  const [message, info] = (await once(client, 'message')) as [Buffer, nodeDgram.RemoteInfo]
  say(String(message), info.address, info.family, info.size, info.port === port, Object.keys(info).sort())
  say(client.address().address, client.address().family, Object.keys(server.address()).sort())
  await closed(client, server)
})

scene('every form of send', async ({ make, say }) => {
  const server = make()
  const port = await bound(server)
  const client = make()
  const data = Buffer.from('0123456789')
  const forms: unknown[][] = [
    [data, port],
    [data, port, '127.0.0.1'],
    [data, 2, 3, port],
    [data, 2, 3, port, '127.0.0.1'],
    [data, 10, 0, port],
    ['text', 1, 2, port],
    [new Uint16Array([0x4241, 0x4443]), port],
    [new DataView(data.buffer, data.byteOffset + 4, 2), port],
    [['a', Buffer.from('b'), new Uint8Array([99])], port],
    [[], port],
    ['', port, ''],
    [data, String(port)],
    [data, 0, 4, port, null],
  ]
  for (const form of forms) {
    for (const withCallback of [false, true]) {
      const came = once(server, 'message')
      const sent = withCallback
        ? new Promise((resolve) =>
            (client.send as (...args: unknown[]) => void)(...form, (...args: unknown[]) => resolve(args)),
          )
        : (client.send as (...args: unknown[]) => void)(...form)
      say(String((await came)[0]), await sent)
    }
  }
  await closed(client, server)
})

scene('every form of send, connected', async ({ make, say }) => {
  const server = make()
  const port = await bound(server)
  const client = make()
  client.connect(port, '127.0.0.1', () => say('connected'))
  await once(client, 'connect')
  say(client.remoteAddress().address, client.remoteAddress().port === port)
  for (const form of [['whole'], ['0123456789', 2, 3], [['a', 'b']], [[]]] as unknown[][]) {
    const came = once(server, 'message')
    const sent = new Promise((resolve) =>
      (client.send as (...args: unknown[]) => void)(...form, (...args: unknown[]) => resolve(args)),
    )
    say(String((await came)[0]), await sent)
  }
  say(thrown(() => client.send('x', port)))
  say(thrown(() => client.send('x', 0, 1, port)))
  say(thrown(() => client.connect(port)))
  client.disconnect()
  say(thrown(() => client.disconnect()))
  say(thrown(() => client.remoteAddress()))
  const came = once(server, 'message')
  client.send('again', port)
  say(String((await came)[0]))
  await closed(client, server)
})

scene('sent in a listener, and disconnected', async ({ make, say }) => {
  const server = make()
  const port = await bound(server)
  const client = make()
  client.connect(port, '127.0.0.1')
  await once(client, 'connect')
  const trigger = make({}, () => {
    client.send('before', (error, bytes) => say('sent', error, bytes))
    client.disconnect()
  })
  const triggerPort = await bound(trigger)
  const came = once(server, 'message')
  const sender = make()
  sender.send('go', triggerPort, '127.0.0.1')
  say(String((await came)[0]))
  await closed(server, client, trigger, sender)
})

scene('arguments that are none', async ({ make, say }) => {
  const socket = make()
  const send = socket.send as (...args: unknown[]) => void
  for (const args of [
    [],
    [23, 1, '127.0.0.1'],
    [['a', 23], 1],
    ['x', -1],
    ['x', 65536],
    ['x', 'port'],
    ['x', 0],
    ['x', 1, 7],
    ['x', 1, 1, 1, 7],
    [Buffer.alloc(4), 5, 0, 1],
    [Buffer.alloc(4), 0, 5, 1],
    [{}, 0, 1, 1],
  ]) {
    say(thrown(() => send.apply(socket, args)))
  }
  say(thrown(() => socket.connect(0)))
  say(thrown(() => socket.connect('x' as never)))
  say(thrown(() => socket.connect(1, 7 as never)))
  say(thrown(() => socket.disconnect()))
  say(thrown(() => socket.setTTL('x' as never)))
  say(thrown(() => socket.setMulticastTTL('x' as never)))
  say(thrown(() => socket.setMulticastInterface(7 as never)))
  say(thrown(() => socket.addMembership('' as never)))
  say(thrown(() => socket.addMembership('nonsense')))
  say(thrown(() => socket.addSourceSpecificMembership(1 as never, '232.1.1.1')))
  say(thrown(() => socket.addSourceSpecificMembership('127.0.0.1', 'x')))
  say(thrown(() => socket.setRecvBufferSize(-1)))
  // Nothing of that has bound it.
  say(thrown(() => socket.address()))
  say(
    thrown(() => socket.setTTL(4)),
    thrown(() => socket.setBroadcast(true)),
  )
  say(thrown(() => socket.getRecvBufferSize()))
  await closed(socket)
  say(thrown(() => socket.send('x', 1)))
  say(thrown(() => socket.bind()))
  say(thrown(() => socket.address()))
  say(thrown(() => socket.close()))
  say(thrown(() => socket.addMembership('224.0.0.114')))
  say(socket.ref() === socket, socket.unref() === socket)
})

scene('options that are none', async ({ make, say }) => {
  for (const options of [
    { type: 'tcp' },
    { type: undefined },
    { lookup: 7 },
    { recvBufferSize: 'x' },
    { sendBufferSize: -1 },
    { signal: {} },
  ]) {
    say(thrown(() => make(options as never)))
  }
})

scene('a port that is taken, and another bind of the same socket', async ({ make, say }) => {
  const first = make()
  const port = await bound(first)
  say(thrown(() => first.bind()))
  const second = make()
  second.bind(port, '127.0.0.1', () => say('never'))
  say((await once(second, 'error'))[0])
  second.bind(0, '127.0.0.1', () => say('listening'))
  await once(second, 'listening')
  say(second.listenerCount('listening'), second.listenerCount('error'))
  await closed(first, second)
  const third = make()
  third.bind(0, '192.0.2.1')
  say((await once(third, 'error'))[0])
  await closed(third)
})

scene('what fails on the way goes to the callback, and to nobody without one', async ({ make, say }) => {
  const socket = make()
  await bound(socket)
  const port = socket.address().port
  const send = (...args: unknown[]) =>
    new Promise((resolve) =>
      (socket.send as (...args: unknown[]) => void)(...args, (...told: unknown[]) =>
        resolve(told.map((one) => String(one).replace(/\d{4,5}$/, 'PORT'))),
      ),
    )
  say(await send(Buffer.alloc(70_000), port, '127.0.0.1'))
  say(await send('x', port, '::1'))
  say(await send('x', port, '255.255.255.255'))
  socket.send(Buffer.alloc(70_000), port)
  socket.send('x', port, '::1')
  say(await send('still', port))
  await closed(socket)
})

scene('a name that is looked up, and one that is not found', async ({ make, say }) => {
  const lookup = (name: string, family: unknown, found: (error: Error | null, address: string) => void) => {
    say('asked', name, family)
    setImmediate(() => {
      if (name === 'nowhere')
        found(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), undefined as never)
      else found(null, '127.0.0.1')
    })
  }
  const socket = make({ lookup })
  socket.on('error', (error) => say('error', error))
  const port = await bound(socket, 0, 'somewhere')
  const came = once(socket, 'message')
  socket.send('x', port, 'elsewhere')
  say(String((await came)[0]))
  say(await new Promise((resolve) => socket.send('x', port, 'nowhere', (error) => resolve(told(error)))))
  socket.send('x', port, 'nowhere')
  await once(socket, 'error')
  await new Promise<void>((resolve) => {
    const heard = ((error: Error) => {
      say('connect', error)
      resolve()
    }) as never
    socket.connect(port, 'nowhere', heard)
  })
  await closed(socket)
  const other = make({ lookup })
  other.bind(0, 'nowhere')
  say((await once(other, 'error'))[0])
  await closed(other)
})

scene('sends before the bind wait for it, in order', async ({ make, say }) => {
  const server = make()
  const port = await bound(server)
  const client = make()
  client.on('listening', () => say('listening'))
  const all = new Promise<void>((resolve) => {
    server.on('message', (message) => {
      say(String(message))
      if (String(message) === '4') resolve()
    })
  })
  const sent: Promise<void>[] = []
  for (let index = 0; index < 5; index++) {
    sent.push(new Promise((resolve) => client.send(String(index), port, () => resolve())))
  }
  await Promise.all([all, ...sent])
  say(client.address().port > 0)
  await closed(client, server)
})

scene('nobody is there: a connected socket hears of it', async ({ make, say }) => {
  const gone = make()
  const port = await bound(gone)
  await closed(gone)
  const socket = make()
  socket.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.send('x')
  say((await once(socket, 'error'))[0])
  await closed(socket)
})

scene('groups, hops and buffers', async ({ make, say }) => {
  const socket = make({ recvBufferSize: 20_000, sendBufferSize: 30_000, reuseAddr: true })
  const port = await bound(socket, 0, '0.0.0.0')
  say(socket.getRecvBufferSize(), socket.getSendBufferSize())
  socket.setRecvBufferSize(40_000)
  say(socket.getRecvBufferSize(), socket.getSendQueueSize(), socket.getSendQueueCount())
  say(
    socket.setTTL(3),
    thrown(() => socket.setTTL(0)),
    thrown(() => socket.setTTL(256)),
  )
  say(
    socket.setMulticastTTL(2),
    thrown(() => socket.setMulticastTTL(1000)),
    socket.setMulticastLoopback(true),
  )
  say(
    thrown(() => socket.setMulticastInterface('127.0.0.1')),
    thrown(() => socket.setMulticastInterface('x')),
  )
  say(thrown(() => socket.addMembership('224.0.0.114', '127.0.0.1')))
  say(thrown(() => socket.addMembership('224.0.0.114', '127.0.0.1')))
  const came = once(socket, 'message')
  socket.send('to the group', port, '224.0.0.114')
  say(String((await came)[0]))
  say(thrown(() => socket.dropMembership('224.0.0.114', '127.0.0.1')))
  say(thrown(() => socket.dropMembership('224.0.0.114', '127.0.0.1')))
  say(thrown(() => socket.addSourceSpecificMembership('127.0.0.1', '232.1.1.1', '127.0.0.1')))
  say(thrown(() => socket.dropSourceSpecificMembership('127.0.0.1', '232.1.1.1', '127.0.0.1')))
  await closed(socket)
})

scene('a group joined before the bind', async ({ make, say }) => {
  const socket = make({ reuseAddr: true })
  say(thrown(() => socket.addMembership('224.0.0.115', '127.0.0.1')))
  say(socket.address().port > 0)
  socket.bind(0)
  say((await once(socket, 'error'))[0])
  await closed(socket)
})

scene('the context of callbacks and listeners', async ({ make, say }) => {
  const storage = new AsyncLocalStorage<string>()
  const server = make()
  const port = await bound(server)
  let client!: nodeDgram.Socket
  storage.run('made', () => {
    client = make({}, () => say('message', storage.getStore()))
    client.on('close', () => say('close', storage.getStore()))
  })
  storage.run('bound', () => client.bind(0, '127.0.0.1', () => say('listening', storage.getStore())))
  await once(client, 'listening')
  const came = once(client, 'message')
  await storage.run(
    'sent',
    () =>
      new Promise<void>((resolve) =>
        client.send('x', client.address().port, '127.0.0.1', () => {
          say('sent', storage.getStore())
          resolve()
        }),
      ),
  )
  await came
  say(port > 0)
  await closed(client, server)
})

scene('closing: by signal, twice, in a listener, by dispose', async ({ make, say }) => {
  const controller = new AbortController()
  const signalled = make({ signal: controller.signal })
  await bound(signalled)
  const end = once(signalled, 'close')
  controller.abort()
  await end
  say('closed by the signal')
  await once(make({ signal: AbortSignal.abort() }), 'close')
  say('closed from the start')
  const socket = make()
  socket.on('close', () => say('close'))
  socket.bind(0, '127.0.0.1', () => socket.close(() => say('callback')))
  await once(socket, 'close')
  const disposed = make()
  await bound(disposed)
  await disposed[Symbol.asyncDispose]()
  await disposed[Symbol.asyncDispose]()
  say(thrown(() => disposed.address()))
  const quick = make()
  quick.on('listening', () => say('never'))
  quick.bind(0)
  await closed(quick)
})

scene('the channel of new sockets', async ({ make, say }) => {
  const seen: unknown[] = []
  const listen = (message: unknown) => seen.push((message as { socket: unknown }).socket)
  diagnostics.subscribe('udp.socket', listen)
  const socket = make()
  diagnostics.unsubscribe('udp.socket', listen)
  say(seen.length, seen[0] === socket)
  await closed(socket)
})

scene('the largest datagram, and the smallest', async ({ make, say }) => {
  const socket = make()
  const port = await bound(socket)
  const large = Buffer.alloc(65_507, 'large ')
  for (const data of [large, Buffer.alloc(0), large.subarray(0, 1)]) {
    const came = once(socket, 'message')
    socket.send(data, port, '127.0.0.1')
    const [message, info] = (await came) as [Buffer, nodeDgram.RemoteInfo]
    say(message.equals(data), info.size)
  }
  await closed(socket)
})

test('a socket is an instance of both classes, and heirs are made as of Node’s', async () => {
  const socket = ours.createSocket('udp4')
  assert.ok(socket instanceof nodeDgram.Socket)
  assert.ok(socket instanceof ours.Socket)
  assert.ok(nodeDgram.createSocket('udp4').close() instanceof ours.Socket)
  class Heir extends ours.Socket {}
  const heir = new Heir({ type: 'udp4' })
  assert.equal((await bound(heir as never)) > 0, true)
  await closed(socket as never, heir as never)
})

test('a descriptor that was passed in, and one that is no datagram socket', { timeout: 30_000 }, async () => {
  for (const model of models) {
    const giver = ours.createSocket({ type: 'udp4', model })
    await bound(giver as never)
    const { dup } = await import('../sys/fcntl.js')
    const taker = ours.createSocket({ type: 'udp4', model })
    taker.bind({ fd: dup(giver.fd) })
    assert.deepEqual(taker.address(), giver.address())
    await closed(giver as never, taker as never)
    const wrong = ours.createSocket({ type: 'udp4', model })
    assert.throws(() => wrong.bind({ fd: 1 }), { code: 'ERR_INVALID_FD_TYPE' })
    await closed(wrong as never)
  }
})
