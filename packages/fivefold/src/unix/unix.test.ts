/** Unix sockets with messages, descriptors and credentials, over every model that waits for readiness. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { ModelName } from '../models/model.js'
import { adopt, connect, listen, socketpair, type UnixHandlers, type UnixSocket } from './index.js'

const folder = fs.mkdtempSync(join(tmpdir(), 'fivefold-unix-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))
let names = 0
const fresh = () => join(folder, `s${names++}`)
const code = (expected: string) => (error: NodeJS.ErrnoException) => error.code === expected
const soon = () => new Promise((resolve) => setImmediate(resolve))
/** What these tests open. (Threads that begin or end have descriptors of their own.) */
const openFds = () =>
  fs.readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /^socket:|\/dev\/null/.test(fs.readlinkSync(`/proc/self/fd/${fd}`))
    } catch {
      return false
    }
  }).length

/** What a socket heard, and waits for it. */
class Heard implements UnixHandlers {
  readonly events: unknown[] = []
  readonly fds: number[] = []
  #waiting: { count: number; resolve: () => void } | null = null

  #note(event: unknown): void {
    this.events.push(event)
    if (this.#waiting !== null && this.events.length >= this.#waiting.count) this.#waiting.resolve()
  }

  /** Resolves once there have been so many events. */
  async until(count: number): Promise<unknown[]> {
    if (this.events.length < count) {
      await new Promise<void>((resolve) => {
        this.#waiting = { count, resolve }
      })
    }
    return this.events
  }

  message(_: UnixSocket, message: Buffer, fds: number[]): void {
    this.fds.push(...fds)
    this.#note(fds.length === 0 ? message.toString() : [message.toString(), fds.length])
  }
  drain(): void {
    this.#note('DRAIN')
  }
  end(): void {
    this.#note('END')
  }
  error(_: UnixSocket, error: Error): void {
    this.#note(['ERROR', (error as NodeJS.ErrnoException).code ?? error.message])
  }
  close(_: UnixSocket, error?: Error): void {
    this.#note(error === undefined ? 'CLOSE' : 'CLOSE with an error')
  }
}

for (const model of ['epoll', 'poll', 'select'] satisfies ModelName[]) {
  test(`${model}: seqpacket: messages as they were sent, empty ones too, then the end`, async () => {
    const path = fresh()
    const heard = new Heard()
    const server = await listen({ path, model, socket: heard })
    const client = await connect({ path, model })
    assert.equal(client.send('one'), true)
    client.send('')
    client.send(Buffer.alloc(100_000, 'x'))
    client.send('last')
    client.end()
    assert.throws(() => client.send('more'), code('EPIPE'))
    assert.deepEqual(await heard.until(6), ['one', '', 'x'.repeat(100_000), 'last', 'END', 'CLOSE'])
    await server.close()
    assert.equal(fs.existsSync(path), false)
  })

  test(`${model}: backpressure: what has no room waits, in order, and drain tells`, async () => {
    const receiver = new Heard()
    const sender = new Heard()
    const [a, b] = socketpair({ model, socket: sender }, { model, socket: receiver })
    b.pause()
    let sent = 0
    while (a.send(`message ${sent++}`)) {}
    for (let more = 0; more < 50; more++) assert.equal(a.send(`message ${sent++}`), false)
    assert.equal(a.waiting, 51)
    for (let turns = 0; turns < 5; turns++) await soon()
    assert.deepEqual(receiver.events, [])
    b.resume()
    await receiver.until(sent)
    assert.deepEqual(
      receiver.events,
      Array.from({ length: sent }, (_, index) => `message ${index}`),
    )
    await sender.until(1)
    assert.deepEqual(sender.events, ['DRAIN'])
    a.close()
    b.close()
  })

  test(`${model}: descriptors: the receiver has its own, also of those that had to wait`, async () => {
    const heard = new Heard()
    const [a, b] = socketpair({ model }, { model, socket: heard })
    b.pause()
    const path = fresh()
    fs.writeFileSync(path, 'through a descriptor')
    while (a.send('filler')) {}
    const fd = fs.openSync(path, 'r')
    const before = a.waiting
    a.send('with two', { fds: [fd, fd] })
    fs.closeSync(fd)
    b.resume()
    a.end()
    await new Promise<void>((resolve) => {
      const look = () => (heard.events.includes('END') ? resolve() : setImmediate(look))
      look()
    })
    assert.ok(before > 0)
    assert.deepEqual(heard.events.at(-2), ['with two', 2])
    assert.equal(new Set(heard.fds).size, 2)
    for (const each of heard.fds) {
      assert.equal(
        fs.readFileSync(each, 'utf8').length + fs.readSync(each, Buffer.alloc(1), 0, 1, 0) > 0,
        true,
      )
      fs.closeSync(each)
    }
    b.close()
  })

  test(`${model}: a stream: bytes and descriptors, in order`, async () => {
    const path = `\0fivefold-unix-${process.pid}-${names++}`
    let text = ''
    const fds: number[] = []
    let over = () => {}
    const done = new Promise<void>((resolve) => {
      over = resolve
    })
    const server = await listen({
      path,
      type: 'stream',
      model,
      socket: {
        message(_, chunk, came) {
          text += chunk
          fds.push(...came)
        },
        close: () => over(),
      },
    })
    const client = await connect({ path, type: 'stream', model })
    const fd = fs.openSync('/dev/null', 'r')
    client.send('a'.repeat(500_000))
    client.send('b', { fds: [fd] })
    assert.throws(() => client.send('', { fds: [fd] }), code('ERR_INVALID_ARG_VALUE'))
    fs.closeSync(fd)
    client.send('c')
    client.end()
    await done
    await server.close()
    assert.equal(text, `${'a'.repeat(500_000)}bc`)
    assert.equal(fds.length, 1)
    assert.equal(fs.fstatSync(fds[0]!).isCharacterDevice(), true)
    fs.closeSync(fds[0]!)
  })

  test(`${model}: closing: nothing is left open, and a peer that is gone is an error of the send`, async () => {
    const [warm] = socketpair({ model })
    warm.close()
    await soon()
    const before = openFds()
    const heard = new Heard()
    const [a, b] = socketpair({ model, socket: heard }, { model })
    const fd = fs.openSync('/dev/null', 'r')
    // Nobody takes them at b: they are closed there.
    a.send('fds', { fds: [fd] })
    await soon()
    await soon()
    b.pause()
    while (a.send('x', { fds: [fd] })) {}
    fs.closeSync(fd)
    b.close()
    // There was something unread.
    assert.deepEqual(await heard.until(2), [['ERROR', 'ECONNRESET'], 'CLOSE with an error'])
    assert.throws(() => a.send('x'), code('EPIPE'))
    await soon()
    assert.equal(openFds(), before)
  })

  test(`${model}: half open, and what a handler throws`, async () => {
    const heard = new Heard()
    const [a, b] = socketpair({ model, socket: heard, allowHalfOpen: true }, { model, allowHalfOpen: true })
    b.end()
    assert.deepEqual(await heard.until(1), ['END'])
    assert.equal(a.send('still'), true)
    a.end()
    assert.deepEqual(await heard.until(2), ['END', 'CLOSE'])
    b.close()
    const thrown = new Heard()
    const [c, d] = socketpair({
      model,
      socket: {
        message() {
          throw new Error('mine')
        },
        error: (socket, error) => thrown.error(socket, error),
        close: (socket, error) => thrown.close(socket, error),
      },
    })
    d.send('x')
    assert.deepEqual(await thrown.until(2), [['ERROR', 'mine'], 'CLOSE with an error'])
    assert.equal(c.closed, true)
    d.close()
  })
}

test('credentials: of the peer, when it connected', async () => {
  const path = fresh()
  let credentials: unknown
  const server = await listen({ path, socket: { open: (socket) => (credentials = socket.credentials) } })
  const client = await connect({ path })
  const mine = { pid: process.pid, uid: process.getuid!(), gid: process.getgid!() }
  while (credentials === undefined) await soon()
  assert.deepEqual(credentials, mine)
  assert.deepEqual(client.credentials, mine)
  client.close()
  await server.close(true)
  const [a, b] = socketpair()
  a.close()
  assert.deepEqual(a.credentials, mine, 'also afterwards')
  b.close()
})

test('dgram pairs, and a socket that was passed', async () => {
  const heard = new Heard()
  const [a, b] = socketpair({ type: 'dgram' }, { socket: heard })
  a.send('')
  a.send('datagram')
  assert.deepEqual(await heard.until(2), ['', 'datagram'])
  const [c, d] = socketpair()
  const adopted = new Heard()
  const passed: UnixSocket[] = []
  const receiver = await new Promise<UnixSocket>((resolve) => {
    const [left] = socketpair(
      {},
      {
        socket: {
          message(socket, _, fds) {
            passed.push(adopt(fds[0]!, { socket: adopted }))
            resolve(socket)
          },
        },
      },
    )
    left.send('take it', { fds: [d.fd] })
    left.end()
  })
  c.send('to the adopted one')
  d.pause()
  assert.equal((await adopted.until(1))[0], 'to the adopted one')
  for (const each of [a, b, c, d, receiver, ...passed]) each.close()
})

test('refused: the wrong type, nobody there, in use, not a type', async () => {
  const path = fresh()
  await assert.rejects(connect({ path }), (error: NodeJS.ErrnoException & { address?: string }) => {
    assert.deepEqual([error.code, error.syscall, error.address], ['ENOENT', 'connect', path])
    return true
  })
  await using server = await listen({ path })
  await assert.rejects(listen({ path }), code('EADDRINUSE'))
  await assert.rejects(connect({ path, type: 'stream' }), code('EPROTOTYPE'))
  await assert.rejects(connect({ path: fresh(), signal: AbortSignal.abort(new Error('no')) }), /no/)
  await assert.rejects(listen({ path: fresh(), type: 'raw' as never }), code('ERR_INVALID_ARG_VALUE'))
  assert.throws(() => socketpair({ type: 'raw' as never }), code('ERR_INVALID_ARG_VALUE'))
  const [a, b] = socketpair()
  assert.throws(() => a.send('x', { fds: [-1] }), code('ERR_INVALID_ARG_VALUE'))
  assert.throws(() => a.send('x', { fds: Array(254).fill(0) }), code('ERR_INVALID_ARG_VALUE'))
  assert.throws(() => a.send('x', { fds: [987654] }), code('EBADF'))
  assert.throws(() => a.send(Buffer.alloc(10_000_000)), code('EMSGSIZE'))
  a.close()
  b.close()
  assert.equal(server.connections, 0)
})

test('a full backlog: connect waits its turn, and a signal ends the wait', async () => {
  const path = fresh()
  const server = await listen({ path, backlog: 1 })
  // Accepted in later turns: until then the backlog is full.
  const clients = Array.from({ length: 20 }, () => connect({ path }))
  const controller = new AbortController()
  controller.abort(new Error('enough'))
  await assert.rejects(connect({ path, signal: controller.signal }), /enough/)
  for (const client of await Promise.all(clients)) client.close()
  await server.close(true)
})

test('out of descriptors: the listener says so, and accepts when there are some', () => {
  const module = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
  const program = `
    import { openSync, closeSync } from 'node:fs'
    import { connect, listen } from ${module('./index.js')}
    import * as sys from ${module('../sys/index.js')}
    const path = '\\0fivefold-emfile-' + process.pid
    const hogs = []
    const server = await listen({
      path,
      socket: { open(socket) { console.log('open'); socket.close(); server.close() } },
      error(error) {
        if (hogs.length > 0) console.log(error.code)
        for (const fd of hogs.splice(0)) closeSync(fd)
      },
    })
    const fd = sys.socket(sys.AF_UNIX, sys.SOCK_SEQPACKET)
    sys.connect(fd, { family: 'Unix', path })
    sys.setrlimit(sys.RLIMIT_NOFILE, { soft: 100, hard: 100 })
    try { for (;;) hogs.push(openSync('/dev/null')) } catch (error) { if (error.code !== 'EMFILE') throw error }`
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  assert.equal(output, 'EMFILE\nopen\n')
})

test('between two processes: a Python’s SEQPACKET, its descriptor and its pid', async (t) => {
  try {
    execFileSync('python3', ['-c', 'import socket; socket.send_fds'])
  } catch {
    t.skip('no python3 with socket.send_fds')
    return
  }
  const path = fresh()
  const program = `
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(${JSON.stringify(path)})
f = os.open("/proc/self/exe", os.O_RDONLY)
socket.send_fds(s, [b"hello"], [f])
assert s.recv(100) == b"welcome"
print(os.getpid())
`
  const came: unknown[] = []
  const server = await listen({
    path,
    socket: {
      message(socket, message, [fd]) {
        came.push(message.toString(), socket.credentials.pid, fs.readlinkSync(`/proc/self/fd/${fd}`))
        fs.closeSync(fd!)
        socket.send('welcome')
      },
    },
  })
  const child = spawn('python3', ['-c', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', (chunk) => {
    said += chunk
  })
  const status = await new Promise((resolve) => child.on('close', resolve))
  await server.close(true)
  const [message, pid, link] = came
  assert.deepEqual([status, message, pid], [0, 'hello', Number(said)])
  assert.match(String(link), /python/)
})
