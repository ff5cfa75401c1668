/** Sockets and servers that are sent to a child process, and from one: the child runs Node's own `net`. */
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import nodeNet, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import http from '../http/index.js'
import { engineFor } from '../loop/engine.js'
import net, { type Server, type Socket } from './index.js'

const folder = mkdtempSync(join(tmpdir(), 'fivefold-net-sending-'))
after(() => rmSync(folder, { recursive: true, force: true }))

let programs = 0
/** A child of plain Node that runs this, with `net`; or, with `face`, with ours in its place. */
function child(body: string, face = false): ChildProcess {
  const path = join(folder, `${programs++}.mjs`)
  const from = face ? new URL('./index.js', import.meta.url).href : 'node:net'
  writeFileSync(path, `import net from ${JSON.stringify(from)}\n${body}`)
  return fork(path, { execArgv: [] })
}

/** Answers with what it got, and who it is; ends when the parent lets go. */
const echo = `
  const serve = (socket) => {
    let text = ''
    socket.setEncoding('utf8').on('data', (part) => { text += part })
    socket.on('end', () => socket.end('child: ' + text))
    socket.resume()
  }
  process.on('message', (what, handle) => {
    if (handle instanceof net.Server) handle.on('connection', serve)
    else if (handle instanceof net.Socket) serve(handle)
    process.send([what, handle?.constructor.name ?? null])
  })
  process.on('disconnect', () => process.exit())`

async function ask(at: nodeNet.NetConnectOpts, text: string): Promise<string> {
  const socket = nodeNet.connect({ ...at, allowHalfOpen: true } as nodeNet.NetConnectOpts)
  socket.end(text)
  let answer = ''
  for await (const chunk of socket) answer += chunk
  return answer
}

async function closed(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}

async function ended(program: ChildProcess): Promise<void> {
  if (program.connected) program.disconnect()
  if (program.exitCode === null) await once(program, 'exit')
}

const sockets = () => readdirSync('/proc/self/fd').length

for (const model of ['io_uring', 'epoll'] as const) {
  for (const kind of ['TCP', 'Unix'] as const) {
    test(`${model}: a ${kind} server that is sent goes on in the child when ours is closed`, async () => {
      const program = child(echo)
      const server = net.createServer({ model }, (socket) => socket.resume().end('parent'))
      const path = join(folder, `${model}.sock`)
      server.listen(kind === 'TCP' ? { port: 0, host: '127.0.0.1' } : { path })
      await once(server, 'listening')
      const at = kind === 'TCP' ? { port: (server.address() as AddressInfo).port } : { path }
      program.send('a server', server)
      assert.deepEqual(await once(program, 'message'), [['a server', 'Server'], undefined])
      // Both listen; and ours does not look again and again when the child was faster.
      const engine = engineFor(model)
      const turns = engine.turns
      const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => ask(at, `${n}`)))
      for (const [n, answer] of answers.entries()) assert.ok(['parent', `child: ${n}`].includes(answer))
      assert.ok(engine.turns - turns < 1000, 'no busy loop')
      if (kind === 'TCP') {
        await closed(server)
        assert.equal(await ask(at, 'alone'), 'child: alone')
      } else server.close()
      await ended(program)
    })
  }

  test(`${model}: a socket that is sent brings all its bytes to the child, and counts until it is closed there`, async () => {
    const program = child(echo)
    const server = net.createServer({ model, pauseOnConnect: true, allowHalfOpen: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const client = nodeNet.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    client.write('x'.repeat(100_000))
    const [socket] = (await once(server, 'connection')) as [Socket]
    let told = ''
    for (const event of ['end', 'close', 'error', 'data']) socket.on(event, () => (told += event))
    await new Promise<void>((resolve, reject) => {
      program.send('a socket', socket, (error) => (error ? reject(error) : resolve()))
    })
    assert.equal(socket.fd, -1)
    assert.equal(socket.pending, true)
    assert.deepEqual(await once(program, 'message'), [['a socket', 'Socket'], undefined])
    const count = await new Promise((resolve) => server.getConnections((_, number) => resolve(number)))
    assert.equal(count, 1, 'the child is asked')
    client.end()
    let answer = ''
    for await (const chunk of client) answer += chunk
    assert.equal(answer, `child: ${'x'.repeat(100_000)}`)
    await closed(server)
    assert.equal(told, '', 'here nothing is heard of it any more')
    await ended(program)
  })

  test(`${model}: what was written before goes first, in the middle of reading too`, async () => {
    const program = child(`process.on('message', (_, socket) => socket.end('from the child'))`)
    const server = net.createServer({ model }, (socket) => {
      socket.on('data', () => {
        socket.write('from the parent, ')
        program.send('', socket)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = nodeNet.connect((server.address() as AddressInfo).port, '127.0.0.1')
    client.write('go')
    let text = ''
    for await (const chunk of client) text += chunk
    assert.equal(text, 'from the parent, from the child')
    await closed(server)
    await ended(program)
  })

  test(`${model}: what still waits for room when it is sent is sent all the same`, async () => {
    const program = child(`
      let socket
      process.on('message', (what, handle) => {
        socket ??= handle
        if (what === 'end') socket.end()
        process.send(what)
      })
      process.on('disconnect', () => process.exit())`)
    const server = net.createServer({ model, pauseOnConnect: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = nodeNet.connect((server.address() as AddressInfo).port, '127.0.0.1').pause()
    const [socket] = (await once(server, 'connection')) as [Socket]
    const size = 16_000_000
    socket.write(Buffer.alloc(size, 'x'))
    program.send('have it', socket)
    assert.deepEqual(await once(program, 'message'), ['have it', undefined])
    let length = 0
    client.resume().on('data', (chunk) => {
      length += chunk.length
      if (length === size) program.send('end')
    })
    await once(client, 'end')
    assert.equal(length, size)
    await closed(server)
    await ended(program)
  })

  test(`${model}: keepOpen: both have it`, async () => {
    const program = child(`
      process.on('message', (_, socket) => socket.write('child'))
      process.on('disconnect', () => process.exit())`)
    const server = net.createServer({ model, pauseOnConnect: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = nodeNet.connect((server.address() as AddressInfo).port, '127.0.0.1')
    client.setEncoding('utf8')
    const [socket] = (await once(server, 'connection')) as [Socket]
    program.send('', socket, { keepOpen: true })
    assert.deepEqual(await once(client, 'data'), ['child'])
    socket.write('parent')
    assert.deepEqual(await once(client, 'data'), ['parent'])
    await ended(program)
    client.write('to the parent')
    assert.equal(String((await once(socket.resume(), 'data'))[0]), 'to the parent')
    client.end()
    await once(socket, 'close')
    // It is not waited for: Node asks a process that is gone, and waits for its answer.
    server.close()
  })

  test(`${model}: many one after the other, answered or not; no descriptor is left`, async () => {
    const program = child(`${echo}\nprocess.on('message', (what) => { if (what === 'quit') process.exit() })`)
    const server = net.createServer({ model, pauseOnConnect: true, allowHalfOpen: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const before = sockets()
    server.on('connection', (socket: Socket) => {
      program.send('many', socket)
    })
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => ask({ port, host: '127.0.0.1' }, `${n}`)),
    )
    for (const [n, answer] of answers.entries()) assert.equal(answer, `child: ${n}`)
    assert.equal(program.listenerCount('disconnect'), 0)
    // A child that is gone: the sockets that wait for it are let go, too.
    server.removeAllListeners('connection')
    const waiting: Socket[] = []
    server.on('connection', (socket) => waiting.push(socket as Socket))
    const clients = Array.from({ length: 5 }, () => nodeNet.connect(port, '127.0.0.1'))
    for (const client of clients) client.on('error', () => {})
    while (waiting.length < 5) await once(server, 'connection')
    program.on('error', () => {})
    program.send('quit')
    for (const socket of waiting) program.send('too late', socket)
    await once(program, 'exit')
    for (const socket of waiting) socket.destroy()
    for (const client of clients) client.destroy()
    // Node itself leaves one, for whose arrival it waits; the child's channel is gone.
    while (sockets() > before) await new Promise((resolve) => setTimeout(resolve, 5))
    await closed(server)
  })

  test(`${model}: an HTTP connection goes without its parser and its response`, async () => {
    const program = child(`
      process.on('message', (_, socket) => socket.end('HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\nfrom the child'))`)
    const server = http.createServer({ model }, async ({ socket }) => {
      // Within the parser's own call Node cannot let go of it.
      await new Promise(setImmediate)
      program.send('', socket)
      assert.equal((socket as { parser?: unknown }).parser, null)
      assert.equal((socket as { _httpMessage?: unknown })._httpMessage, null)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    assert.equal(await response.text(), 'from the child')
    await closed(server as unknown as Server)
    await ended(program)
  })

  test(`${model}: from the child to its parent`, async () => {
    const program = child(
      `
      const server = net.createServer({ pauseOnConnect: true, model: ${JSON.stringify(model)} }, (socket) => {
        process.send(socket.model, socket)
      })
      server.listen(0, '127.0.0.1', () => process.send(server.address().port))
      process.on('disconnect', () => server.close())`,
      true,
    )
    const [port] = (await once(program, 'message')) as [number]
    const client = nodeNet.connect(port, '127.0.0.1')
    const [served, socket] = (await once(program, 'message')) as [string, nodeNet.Socket]
    assert.equal(served, model)
    socket.end('from the parent')
    let text = ''
    for await (const chunk of client) text += chunk
    assert.equal(text, 'from the parent')
    await ended(program)
    assert.equal(program.exitCode, 0, 'nothing keeps it alive')
  })

  test(`${model}: a server listens on what another listens on`, async () => {
    const first = net.createServer({ model }, (socket) => socket.end('first'))
    first.listen(0, '127.0.0.1')
    await once(first, 'listening')
    const second = net.createServer({ model }, (socket) => socket.end('second'))
    second.listen(first)
    await once(second, 'listening')
    assert.deepEqual(second.address(), first.address())
    assert.notEqual(second.fd, first.fd)
    await closed(first)
    assert.equal(await ask({ port: (second.address() as AddressInfo).port }, ''), 'second')
    await closed(second)
  })
}

for (const model of ['blocking', 'posix-aio'] as const) {
  test(`${model}: cannot share a socket, and says so`, async () => {
    const program = child(echo)
    const server = net.createServer({ model, pauseOnConnect: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = nodeNet.connect((server.address() as AddressInfo).port, '127.0.0.1')
    const [socket] = (await once(server, 'connection')) as [Socket]
    const refused = { code: 'ERR_INVALID_HANDLE_TYPE', message: /another model/ }
    assert.throws(() => program.send('', server), refused)
    assert.throws(() => program.send('', socket), refused)
    socket.resume().end('still here')
    let text = ''
    for await (const chunk of client) text += chunk
    assert.equal(text, 'still here')
    await closed(server)
    await ended(program)
  })
}

test('what has nothing to send goes as Node sends it: the message alone', async () => {
  const program = child(echo)
  const socket = new net.Socket()
  socket.destroy()
  for (const handle of [socket, net.createServer()]) {
    program.send('nothing', handle)
    assert.deepEqual(await once(program, 'message'), [['nothing', null], undefined])
  }
  // And a callback, an option and a refused message are what they are without a socket.
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  assert.throws(() => program.send(undefined as never, server), { code: 'ERR_MISSING_ARGS' })
  assert.throws(() => program.send('', server, 7 as never), { code: 'ERR_INVALID_ARG_TYPE' })
  program.disconnect()
  const error = await new Promise((resolve) => program.send('', server, resolve))
  assert.equal((error as NodeJS.ErrnoException).code, 'ERR_IPC_CHANNEL_CLOSED')
  program.send('', server)
  const [told] = await once(program, 'error')
  assert.equal(told.code, 'ERR_IPC_CHANNEL_CLOSED')
  await closed(server)
  await ended(program)
})
