/** What a face means for its process: what is sent when it exits, what keeps it alive, which descriptors it takes. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import nodeNet, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { dup } from '../sys/fcntl.js'
import { AF_UNIX, SOCK_STREAM, socketpair } from '../sys/socket.js'
import net, { Server, Socket } from './index.js'

const folder = mkdtempSync(join(tmpdir(), 'fivefold-net-process-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const face = JSON.stringify(new URL('./index.js', import.meta.url).href)

/** Runs a program with `net` and `port`; it is to end by itself. */
async function run(
  body: string,
  port: number,
  model: string,
): Promise<{ code: number | null; output: string }> {
  const text = `import net from ${face}\nconst port = ${port}\nconst model = ${JSON.stringify(model)}\n${body}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

/** A server of Node's: what each connection sends, and how many there were. */
async function listener(): Promise<{ port: number; texts: string[]; closed: () => Promise<void> }> {
  const texts: string[] = []
  const server = nodeNet.createServer((socket) => {
    const at = texts.push('') - 1
    socket.write('hello')
    socket.on('data', (chunk) => {
      texts[at] += chunk
    })
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    texts,
    async closed() {
      server.close()
      await once(server, 'close')
    },
  }
}

for (const model of ['io_uring', 'epoll']) {
  test(`${model}: what was written is sent when the process exits, within a turn too`, async () => {
    const { port, texts, closed } = await listener()
    const bodies = [
      `const socket = net.connect({ port, host: '127.0.0.1', model })
       socket.once('data', () => { socket.write('one '); socket.write('two'); process.exit(3) })`,
      `const socket = net.connect({ port, host: '127.0.0.1', model })
       socket.once('data', () => setTimeout(() => { socket.write('one '); socket.write('two'); process.exit(3) }, 5))`,
      `const socket = net.connect({ port, host: '127.0.0.1', model })
       socket.once('data', () => { socket.write('one '); socket.write('two', () => process.exit(3)) })`,
      `const socket = net.connect({ port, host: '127.0.0.1', model })
       process.on('uncaughtException', () => process.exit(3))
       socket.once('data', () => { socket.write('one '); socket.write('two'); throw new Error('uncaught') })`,
    ]
    for (const body of bodies) assert.equal((await run(body, port, model)).code, 3)
    await closed()
    assert.deepEqual(texts, ['one two', 'one two', 'one two', 'one two'])
  })

  test(`${model}: what keeps a process alive, and what does not`, async () => {
    const { port, closed } = await listener()
    const bodies = {
      'a server that is unref’ed': `net.createServer({ model }).listen(0).unref()`,
      'a server, unref’ed before it listens': `net.createServer({ model }).unref().listen(0)`,
      'a socket that is unref’ed': `net.connect({ port, host: '127.0.0.1', model }).unref().on('data', () => {})`,
      'a socket that nobody reads': `const server = net.createServer({ model, pauseOnConnect: true })
         server.listen(0, '127.0.0.1', () => {
           const client = net.connect({ port: server.address().port, host: '127.0.0.1', model })
           server.on('connection', () => setTimeout(() => { server.unref(); client.unref() }, 20))
         })`,
      'a socket that is destroyed': `const socket = net.connect({ port, host: '127.0.0.1', model })
         socket.on('connect', () => { socket.unref(); socket.destroy() })
         socket.on('close', () => process.stdout.write('closed'))`,
      'nothing but having listened': `const server = net.createServer({ model }).listen(0, () => server.close())`,
    }
    for (const [what, body] of Object.entries(bodies)) {
      const { code, output } = await run(body, port, model)
      assert.equal(code, 0, what)
      if (what.endsWith('destroyed')) assert.equal(output, 'closed', 'its close is told')
    }
    // And this one does keep it alive, until the timer ends it.
    const { output } = await run(
      `net.connect({ port, host: '127.0.0.1', model }).on('data', () => {})
       setTimeout(() => { process.stdout.write('alive'); process.exit() }, 300).unref()`,
      port,
      model,
    )
    assert.equal(output, 'alive')
    await closed()
  })

  test(`${model}: a socket that is unref’ed between its end and its close`, async () => {
    const { port, closed } = await listener()
    const { code } = await run(
      `const { connect } = await import(${JSON.stringify(new URL('../index.js', import.meta.url).href)})
       const socket = await connect({ port, hostname: '127.0.0.1', model, socket: {} })
       socket.pause()
       await new Promise((resolve) => setTimeout(resolve, 20))
       socket.terminate()
       socket.unref()
       setTimeout(() => process.exit(3), 5000).unref()`,
      port,
      model,
    )
    assert.equal(code, 0, 'nothing keeps the process alive')
    await closed()
  })

  test(`${model}: descriptors that are passed in`, async () => {
    const [left, right] = socketpair(AF_UNIX, SOCK_STREAM)
    const one = new Socket({ fd: left, model: model as never })
    const two = new Socket({ fd: right, model: model as never })
    assert.equal(one.fd, left)
    assert.equal(one.pending, false)
    one.end('through a pair')
    let text = ''
    for await (const chunk of two) text += chunk
    assert.equal(text, 'through a pair')
    assert.equal(one.peerCredentials.pid, process.pid)
    two.destroy()
    one.destroy()

    // A listening descriptor of somebody else.
    const theirs = nodeNet.createServer()
    theirs.listen(0, '127.0.0.1')
    await once(theirs, 'listening')
    const { port } = theirs.address() as AddressInfo
    const fd = dup((theirs as unknown as { _handle: { fd: number } })._handle.fd)
    theirs.close()
    const server = new Server({ model: model as never }, (socket) => socket.end('from a descriptor'))
    server.listen({ fd })
    await once(server, 'listening')
    assert.equal((server.address() as AddressInfo).port, port)
    const client = nodeNet.connect(port, '127.0.0.1')
    let back = ''
    for await (const chunk of client) back += chunk
    assert.equal(back, 'from a descriptor')
    server.close()
    await once(server, 'close')
    const bad = new Server().listen({ fd: 0x7ffffff })
    const [error] = await once(bad, 'error')
    assert.equal(error.code, 'EINVAL')
    assert.equal(error.syscall, 'listen')
  })

  test(`${model}: abstract names, and a path that is free again after close`, async () => {
    const abstract = `\0fivefold-face-${process.pid}-${model}`
    const path = join(folder, model)
    for (const name of [abstract, path, path]) {
      const server = net.createServer({ model: model as never }, (socket) => socket.end('here'))
      server.listen(name)
      await once(server, 'listening')
      assert.equal(server.address(), name)
      const client = net.connect({ path: name, model: model as never })
      let text = ''
      for await (const chunk of client) text += chunk
      assert.equal(text, 'here')
      server.close()
      // At once, not when `close` is told.
      const next = net.createServer({ model: model as never })
      next.listen(name === abstract ? `${abstract}2` : name)
      await once(next, 'listening')
      next.close()
      await Promise.all([once(server, 'close'), once(next, 'close')])
    }
  })

  test(`${model}: a port is free again at once`, async () => {
    const server = net.createServer({ model: model as never }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    const next = net.createServer({ model: model as never }).listen(port, '127.0.0.1')
    await once(next, 'listening')
    next.close()
    await once(next, 'close')
  })
}

test('what is no stream socket stays with Node', () => {
  const socket = new Socket({ fd: 1, readable: false } as never)
  assert.ok(socket instanceof nodeNet.Socket)
  assert.throws(() => new Socket({ fd: 0x7ffffff }), { code: /ERR_INVALID_FD_TYPE|EBADF/ })
  assert.throws(() => new Socket({ fd: -1 }), { code: 'ERR_OUT_OF_RANGE' })
})
