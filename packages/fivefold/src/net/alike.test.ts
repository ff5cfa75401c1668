/**
 * The face against `node:net` itself: the same scenario over both must give the same story, event by event, with the
 * same states, counts, errors and asynchronous contexts.
 */
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import nodeNet, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { modelNamed } from '../models/choose.js'
import type { ModelName } from '../models/model.js'
import ours from './index.js'

type Net = typeof nodeNet
type Socket = nodeNet.Socket
type Server = nodeNet.Server

const folder = mkdtempSync(join(tmpdir(), 'fivefold-net-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let paths = 0

const storage = new AsyncLocalStorage<string>()

/** What happened to whom, in order. Numbers that differ from run to run are written as what they are. */
class Story {
  readonly lines = new Map<string, string[]>()
  readonly sockets: Socket[] = []
  /** Every line once only: for a scene that repeats itself as often as the kernel likes. */
  distinct = false
  readonly #ports = new Map<number, string>()

  port(port: number, name: string): void {
    this.#ports.set(port, name)
  }

  add(who: string, what: string): void {
    const lines = this.lines.get(who) ?? []
    this.lines.set(who, lines)
    for (const [port, name] of this.#ports) what = what.replaceAll(String(port), name)
    const last = lines.at(-1)
    // How bytes fall into chunks is the kernel's affair.
    if (what.startsWith('data') && last?.startsWith('data')) lines.pop()
    if (this.distinct) what = what.replace(/read \d+ written \d+/, '')
    if (this.distinct && lines.includes(what)) return
    lines.push(what)
  }

  toString(): string {
    const actors = [...this.lines].sort(([a], [b]) => (a < b ? -1 : 1))
    return actors.map(([who, lines]) => `${who}:\n  ${lines.join('\n  ')}`).join('\n')
  }
}

const socketEvents = [
  'lookup',
  'connectionAttempt',
  'connectionAttemptFailed',
  'connect',
  'ready',
  'data',
  'end',
  'finish',
  'drain',
  'timeout',
  'error',
  'close',
]

function shown(value: unknown): string {
  if (value instanceof Error) {
    const { name, code, errno, syscall, address, port, message } = value as NodeJS.ErrnoException & {
      address?: string
      port?: number
    }
    return JSON.stringify({ name, message, code, errno, syscall, address, port })
  }
  if (Buffer.isBuffer(value)) return 'bytes'
  return typeof value === 'string' && value.length > 40 ? 'text' : JSON.stringify(value)
}

/** Tells everything that happens on a socket. */
function tell(story: Story, who: string, socket: Socket, events: readonly string[] = socketEvents): Socket {
  story.sockets.push(socket)
  socket.on('close', () => gone.add(socket))
  for (const event of events) {
    socket.on(event, (...args: unknown[]) => {
      if (event === 'ready' && socket.localPort !== undefined) story.port(socket.localPort, 'LOCAL')
      const state = [
        socket.readyState,
        socket.pending ? 'pending' : '',
        socket.connecting ? 'connecting' : '',
        socket.destroyed ? 'destroyed' : '',
        `read ${socket.bytesRead}`,
        `written ${socket.bytesWritten}`,
        `buffer ${socket.bufferSize}`,
        `in ${storage.getStore()}`,
      ]
      story.add(
        who,
        `${event}(${args.map(shown).join(', ')}) ${state.filter((part) => part !== '').join(' ')}`,
      )
    })
  }
  return socket
}

const gone = new WeakSet<Socket>()

interface Scene {
  net: Net
  story: Story
  /** A server that tells what happens to it and to its connections. */
  serve(options: nodeNet.ServerOpts, connection: (socket: Socket) => void): Promise<Server>
  to(server: Server): { port: number; host: string }
  told(who: string, socket: Socket, events?: readonly string[]): Socket
}

const quiet = socketEvents.filter((event) => event !== 'data')

const scenarios: Record<string, (scene: Scene) => Promise<void>> = {
  async 'a word there and back'({ net, serve, to, told }) {
    const server = await serve({}, (socket) => socket.on('data', (chunk) => socket.write(chunk)))
    const client = told('client', net.connect(to(server)))
    client.write('hello')
    client.once('data', () => client.end('bye'))
    await once(client, 'close')
  },
  async 'the server ends first'({ net, serve, to, told }) {
    const server = await serve({}, (socket) => socket.end('that is all'))
    const client = told('client', net.connect(to(server)))
    await once(client, 'close')
  },
  async 'half-open ends'({ net, serve, to, told }) {
    const server = await serve({ allowHalfOpen: true }, (socket) => {
      socket.on('end', () => setImmediate(() => socket.end('after your end')))
    })
    const client = told('client', net.connect({ ...to(server), allowHalfOpen: true }))
    client.end('question')
    await once(client, 'close')
  },
  async 'writing after the other side has ended'({ net, serve, to, told, story }) {
    const server = await serve({}, (socket) => socket.end())
    const client = told('client', net.connect(to(server)))
    client.on('end', () => {
      setImmediate(() => client.write('too late', (error) => story.add('client', `callback ${shown(error)}`)))
    })
    await new Promise((resolve) => client.on('close', resolve))
    await turns()
  },
  async 'nobody listens'({ net, told, story }) {
    const port = await freePort()
    story.port(port, 'PORT')
    const client = told('client', net.connect({ port, host: '127.0.0.1' }))
    await new Promise((resolve) => client.on('close', resolve))
  },
  async 'nobody listens, and our side is bound'({ net, told, story }) {
    const port = await freePort()
    const localPort = await freePort()
    story.port(port, 'PORT')
    story.port(localPort, 'LOCAL')
    const client = told(
      'client',
      net.connect({ port, host: '127.0.0.1', localAddress: '127.0.0.1', localPort }),
    )
    await new Promise((resolve) => client.on('close', resolve))
  },
  async 'no such path'({ net, told }) {
    const client = told('client', net.connect({ path: '/nonexistent/fivefold' }))
    await new Promise((resolve) => client.on('close', resolve))
  },
  async 'a name, and no address for it'({ net, told }) {
    const lookup = (_: string, options: { all?: boolean }, done: (...args: unknown[]) => void) => {
      const error = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
      process.nextTick(() => (options.all ? done(error) : done(error, undefined, undefined)))
    }
    const client = told('client', net.connect({ port: 1, host: 'nowhere.invalid', lookup: lookup as never }))
    await new Promise((resolve) => client.on('close', resolve))
  },
  async 'addresses of a name, the first of them dead'({ net, serve, to, told, story }) {
    const server = await serve({}, (socket) => socket.end('x'))
    const lookup = (_: string, options: { all?: boolean }, done: (...args: unknown[]) => void) => {
      const found = [
        { address: '127.0.0.9', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ]
      process.nextTick(() => (options.all ? done(null, found) : done(null, '127.0.0.1', 4)))
    }
    const client = told(
      'client',
      net.connect({
        port: to(server).port,
        host: 'two.invalid',
        lookup: lookup as never,
        autoSelectFamily: true,
      }),
    )
    await once(client, 'close')
    story.add('client', `tried ${client.autoSelectFamilyAttemptedAddresses}`)
  },
  async 'every address of a name is dead'({ net, told, story }) {
    const port = await freePort()
    story.port(port, 'PORT')
    const lookup = (_: string, __: object, done: (...args: unknown[]) => void) => {
      done(null, [
        { address: '127.0.0.8', family: 4 },
        { address: '::1', family: 6 },
        { address: '127.0.0.9', family: 4 },
      ])
    }
    const client = told(
      'client',
      net.connect({ port, host: 'many.invalid', lookup: lookup as never, autoSelectFamily: true }),
    )
    await new Promise((resolve) => client.on('close', resolve))
  },
  async 'destroyed before it is connected'({ net, serve, to, told }) {
    const server = await serve({}, () => {})
    const client = told('client', net.connect(to(server)))
    client.write('never sent', () => {})
    client.destroy()
    await once(client, 'close')
  },
  async 'destroyed with an error'({ net, serve, to, told }) {
    const server = await serve({}, () => {})
    const client = told('client', net.connect(to(server)))
    client.on('connect', () => client.destroy(new Error('my own')))
    await new Promise((resolve) => client.on('close', resolve))
  },
  async 'writes and an end before it is connected'({ net, serve, to, told, story }) {
    const server = await serve({}, (socket) => socket.resume())
    const client = told('client', net.connect(to(server)))
    client.write('one', () => story.add('client', 'one is written'))
    client.write('two', () => story.add('client', 'two is written'))
    client.end('three', () => story.add('client', 'ended'))
    story.add('client', `before: ${client.bytesWritten} ${client.bufferSize} ${client.readyState}`)
    await once(client, 'close')
  },
  async 'a reset'({ net, serve, to, told }) {
    const server = await serve({}, (socket) => socket.once('data', () => socket.resetAndDestroy()))
    const client = told('client', net.connect(to(server)))
    client.on('connect', () => client.write('x'))
    await new Promise((resolve) => client.on('close', resolve))
  },
  async 'a reset while connecting, and one of nothing'({ net, serve, to, told }) {
    const server = await serve({}, (socket) => socket.on('error', () => {}))
    const client = told('client', net.connect(to(server)))
    client.resetAndDestroy()
    await new Promise((resolve) => client.on('close', resolve))
    const none = told('none', new net.Socket())
    none.resetAndDestroy()
    await new Promise((resolve) => none.on('close', resolve))
  },
  async 'more than fits, and drain'({ net, serve, to, told, story }) {
    let received = 0
    const server = await serve({}, (socket) => {
      socket.on('data', (chunk) => {
        received += chunk.length
      })
    })
    const client = told('client', net.connect(to(server)), quiet)
    await once(client, 'ready')
    const answers = [1, 2, 3].map((n) =>
      client.write(Buffer.alloc(4 << 20, n), () => story.add('client', `sent ${n}`)),
    )
    story.add('client', `answers ${answers} ${client.writableNeedDrain}`)
    await once(client, 'drain')
    client.end()
    await once(client, 'close')
    story.add('client', `received ${received}`)
  },
  async 'corked writes'({ net, serve, to, told, story }) {
    const server = await serve({}, (socket) => {
      let text = ''
      socket.setEncoding('utf8')
      socket.on('data', (part) => {
        text += part
      })
      socket.on('end', () => story.add('server', `text ${text}`))
    })
    const client = told('client', net.connect(to(server)))
    await once(client, 'ready')
    client.cork()
    for (const part of ['a', Buffer.from('b'), 'ü'])
      client.write(part, () => story.add('client', `sent ${part}`))
    client.write('6364', 'hex')
    client.uncork()
    client.end()
    await once(client, 'close')
  },
  async 'a time-out'({ net, serve, to, told }) {
    const server = await serve({}, () => {})
    const client = told('client', net.connect({ ...to(server), timeout: 40 }))
    client.on('timeout', () => client.end())
    await once(client, 'close')
  },
  async 'more connections than allowed'({ net, serve, to, told, story }) {
    const server = await serve({}, () => {})
    server.maxConnections = 1
    const first = told('first', net.connect(to(server)))
    await once(first, 'ready')
    const dropped = once(server, 'drop')
    const second = told('second', net.connect(to(server)))
    const [facts] = await dropped
    story.add('server', `drop ${Object.keys(facts).sort()} ${facts.localAddress} ${facts.remoteFamily}`)
    await once(second, 'close')
    first.end()
    await once(first, 'close')
  },
  async 'writes after the end, and after destroying'({ net, serve, to, told, story }) {
    const server = await serve({}, (socket) => socket.resume())
    const client = told('client', net.connect(to(server)))
    await once(client, 'ready')
    client.end()
    client.write('x', (error) => story.add('client', `after the end: ${shown(error)}`))
    await new Promise((resolve) => client.on('close', resolve))
    client.write('x', (error) => story.add('client', `after destroying: ${shown(error)}`))
    await turns()
  },
  async 'a second connection over the same socket'({ net, serve, to, told }) {
    const server = await serve({}, (socket) => socket.end('once more'))
    const client = told('client', net.connect(to(server)))
    await once(client, 'close')
    client.connect(to(server))
    await once(client, 'close')
  },
  async 'paused from the start'({ net, serve, to, told, story }) {
    const server = await serve({ pauseOnConnect: true }, (socket) => {
      story.add('server', `flowing ${socket.readableFlowing}, paused ${socket.isPaused()}`)
      setTimeout(() => {
        story.add('server', `read so far ${socket.bytesRead}`)
        socket.resume()
      }, 30)
    })
    const client = told('client', net.connect(to(server)))
    client.end('waits')
    await once(client, 'close')
  },
  async 'a buffer of one’s own'({ net, serve, to, story }) {
    const server = await serve({}, (socket) => socket.end('0123456789'))
    let text = ''
    const client = net.connect({
      ...to(server),
      onread: {
        buffer: Buffer.alloc(4),
        callback(size, buffer) {
          text += Buffer.from(buffer.buffer, buffer.byteOffset, size)
          return true
        },
      },
    })
    client.on('end', () => story.add('client', `end ${text} ${client.bytesRead}`))
    await once(client, 'close')
  },
  async 'an abort'({ net, serve, to, told }) {
    const server = await serve({}, () => {})
    const control = new AbortController()
    const client = told('client', new net.Socket({ signal: control.signal }).connect(to(server)))
    client.on('connect', () => control.abort())
    await new Promise((resolve) => client.on('close', resolve))
  },
  async 'listening that fails, and closing what does not listen'({ net, serve, to, story }) {
    const server = await serve({}, () => {})
    const second = net.createServer()
    second.listen(to(server))
    const [error] = await once(second, 'error')
    story.add('second', `${shown(error)} ${second.listening} ${second.address()}`)
    assert.throws(
      () => server.listen(0),
      (thrown) => {
        story.add('server', shown(thrown))
        return true
      },
    )
    await new Promise<void>((resolve) => {
      second.close((failure) => {
        story.add('second', `close ${shown(failure)}`)
        resolve()
      })
    })
    for (const bad of [{ port: -1 }, { port: 70000 }, {}, { path: 1 }, { port: 'x' }, { port: true }]) {
      try {
        net.createServer().listen(bad as never)
        story.add('bad', 'is taken')
      } catch (thrown) {
        story.add('bad', shown(thrown))
      }
    }
  },
  async 'arguments that are wrong'({ net, story }) {
    const bads = [
      {},
      { port: -1 },
      { port: 'http' },
      { port: null },
      { path: 7 },
      { port: 1, host: 5 },
      { port: 1, localAddress: 'here' },
      { port: 1, localPort: 'x' },
      { port: 1, lookup: 'x', host: 'a.invalid' },
      { port: 1, autoSelectFamily: 'yes' },
      { port: 1, autoSelectFamilyAttemptTimeout: -1 },
    ]
    for (const bad of bads) {
      try {
        new net.Socket()
          .on('error', () => {})
          .connect(bad as never)
          .destroy()
        story.add('bad', `${JSON.stringify(bad)} is taken`)
      } catch (thrown) {
        story.add('bad', `${JSON.stringify(bad)} ${shown(thrown)}`)
      }
    }
    for (const options of [{ objectMode: true }, { keepAliveInitialDelay: 'x' }]) {
      try {
        new net.Socket(options as never)
        story.add('bad', 'is taken')
      } catch (thrown) {
        story.add('bad', shown(thrown))
      }
    }
    for (const timeout of [-1, Number.NaN, 'x']) {
      try {
        new net.Socket().setTimeout(timeout as never)
        story.add('bad', 'is taken')
      } catch (thrown) {
        story.add('bad', shown(thrown))
      }
    }
  },
  async 'over a path'({ net, told, story }) {
    const path = join(folder, `s${paths++}`)
    const server = net.createServer((socket) => {
      told('server socket', socket)
      story.add('server', `address ${JSON.stringify(socket.address())} ${socket.remoteAddress}`)
      socket.end('hello')
    })
    server.listen({ path, readableAll: true })
    await once(server, 'listening')
    story.add('server', `at ${String(server.address()).replace(/\d+$/, 'N')}`)
    const client = told('client', net.connect(path), [
      ...quiet.filter((event) => !event.startsWith('connectionA')),
      'data',
    ])
    await once(client, 'close')
    server.close()
    await once(server, 'close')
    assert.throws(() => new net.Socket().on('error', () => {}).setTimeout('x' as never))
  },
  async 'whose work it is'({ net, serve, to, told, story }) {
    story.distinct = true
    const server = await storage.run('listener', () =>
      serve({}, (socket) => {
        story.add('server', `connection in ${storage.getStore()}`)
        socket.on('data', (chunk) => {
          story.add('server', `data in ${storage.getStore()}`)
          storage.run('answer', () => {
            socket.write(chunk, () => story.add('server', `answered in ${storage.getStore()}`))
          })
        })
      }),
    )
    const client = storage.run('dialler', () => told('client', net.connect(to(server))))
    await once(client, 'ready')
    storage.run('writer', () => {
      client.write('a', () => story.add('client', `written in ${storage.getStore()}`))
    })
    await once(client, 'data')
    storage.run('ender', () => client.end(() => story.add('client', `ended in ${storage.getStore()}`)))
    await once(client, 'close')
    await storage.run(
      'counter',
      () =>
        new Promise<void>((resolve) => {
          server.getConnections(() => {
            story.add('server', `counted in ${storage.getStore()}`)
            resolve()
          })
        }),
    )
    const refused = await freePort()
    story.port(refused, 'PORT')
    const failing = storage.run('failer', () =>
      told('failing', net.connect({ port: refused, host: '127.0.0.1' })),
    )
    await new Promise((resolve) => failing.on('close', resolve))
    const large = storage.run('big', () =>
      told('large', net.connect(to(server)), ['connect', 'drain', 'close']),
    )
    await once(large, 'ready')
    // Only when all of it is back does it end: what is on its way then would differ from run to run.
    let left = 8 << 20
    const back = new Promise<void>((resolve) => {
      large.on('data', (chunk) => {
        left -= chunk.length
        if (left === 0) resolve()
      })
    })
    storage.run('flood', () =>
      large.write(Buffer.alloc(8 << 20), () => story.add('large', `written in ${storage.getStore()}`)),
    )
    await Promise.all([once(large, 'drain'), back])
    large.end()
    await once(large, 'close')
  },
}

const turns = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

async function freePort(): Promise<number> {
  const server = nodeNet.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function play(name: string, net: Net, model: ModelName | null): Promise<string> {
  const story = new Story()
  const told = (who: string, socket: Socket, events = socketEvents) => tell(story, who, socket, events)
  const servers: Server[] = []
  const scene: Scene = {
    net,
    story,
    told,
    async serve(options, connection) {
      const server = net.createServer({ ...options, ...(model === null ? {} : { model }) })
      servers.push(server)
      server.on('connection', (socket) => {
        tell(story, 'server socket', socket, ['end', 'finish', 'error', 'close'])
        connection(socket)
        // Somebody must read, so that the end is heard of.
        if (!options.pauseOnConnect && socket.listenerCount('data') === 0) socket.resume()
      })
      server.on('close', () => story.add('server', 'close'))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      story.port((server.address() as AddressInfo).port, 'PORT')
      return server
    },
    to: (server) => ({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' }),
  }
  await storage.run('scene', () => scenarios[name]!(scene))
  const left = story.sockets.filter((socket) => !gone.has(socket))
  await Promise.all(left.map((socket) => new Promise((resolve) => socket.once('close', resolve))))
  for (const server of servers) {
    if (!server.listening) continue
    server.close()
    await once(server, 'close')
  }
  return String(story)
}

const chosen: ModelName[] = ['io_uring', 'epoll', 'poll']
for (const model of chosen) {
  const verdict = modelNamed(model).probe()
  for (const name of Object.keys(scenarios)) {
    test(`${model}: ${name}`, { skip: verdict.ok ? false : verdict.reason }, async () => {
      const expected = await play(name, nodeNet, null)
      const actual = await play(name, over(model), model)
      assert.equal(actual, expected)
    })
  }
}

/** Our face, with sockets that use one model. */
function over(model: ModelName): Net {
  class Socket extends ours.Socket {
    constructor(options?: object) {
      super({ ...options, model })
    }
  }
  return {
    ...ours,
    Socket,
    connect: (options: object | string) =>
      ours.connect({ ...(typeof options === 'string' ? { path: options } : options), model } as never),
  } as unknown as Net
}
