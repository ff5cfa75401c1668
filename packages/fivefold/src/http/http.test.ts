/** Node's HTTP on our sockets: what it must do, and that it is our sockets it does it on. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import nodeHttp, { type ClientRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import nodeNet from 'node:net'
import { type TestContext, test } from 'node:test'
import { modelNamed } from '../models/choose.js'
import type { ModelName } from '../models/model.js'
import { isOurs } from '../net/socket.js'
import http, { Agent, createServer, get, request, Server } from './index.js'

async function answer(
  sent: ClientRequest,
): Promise<{ status: number; text: string; response: IncomingMessage }> {
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += chunk
  return { status: response.statusCode!, text, response }
}

async function listening(t: TestContext, server: Server): Promise<number> {
  t.after(() => {
    server.close()
    server.closeAllConnections()
    http.globalAgent.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

for (const model of ['io_uring', 'epoll', 'poll'] as ModelName[]) {
  const verdict = modelNamed(model).probe()
  test(`${model}: requests over a connection that is kept`, {
    skip: verdict.ok ? false : verdict.reason,
  }, async (t) => {
    const server = createServer({ model }, (incoming, response) => {
      assert.ok(isOurs(incoming.socket))
      assert.equal(incoming.socket.remoteAddress, '127.0.0.1')
      incoming.pipe(response)
    })
    assert.equal(server.model, model)
    const port = await listening(t, server)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.after(() => agent.destroy())
    const sockets = new Set<unknown>()
    for (const text of ['one', 'x'.repeat(200_000), '']) {
      const sent = request({ port, host: '127.0.0.1', method: 'POST', agent })
      sent.on('socket', (socket) => sockets.add(socket))
      sent.end(text)
      const { status, text: back } = await answer(sent)
      assert.equal(status, 200)
      assert.equal(back, text)
    }
    assert.equal(sockets.size, 1, 'one connection served them all')
    for (const socket of sockets) assert.ok(isOurs(socket))
    agent.destroy()
    server.close()
    await once(server, 'close')
  })
}

test('the agents: the shared one, none, one of Node’s', async (t) => {
  const server = createServer((_, response) => response.end('ok'))
  const port = await listening(t, server)
  const kinds: unknown[] = []
  const ask = async (options: object) => {
    const sent = get({ port, host: '127.0.0.1', ...options })
    sent.on('socket', (socket) => kinds.push(isOurs(socket)))
    assert.equal((await answer(sent)).text, 'ok')
  }
  await ask({})
  await ask({ agent: false })
  await ask({ agent: new nodeHttp.Agent() })
  await ask({ createConnection: () => nodeNet.connect(port, '127.0.0.1') })
  assert.deepEqual(kinds, [true, true, false, false])
  const sent = get(`http://127.0.0.1:${port}/path`, { headers: { a: 'b' } })
  assert.equal((await answer(sent)).text, 'ok')
  assert.ok(http.globalAgent instanceof Agent)
  const mine = new Agent()
  const before = http.globalAgent
  http.globalAgent = mine
  assert.equal(http.globalAgent, mine)
  http.globalAgent = before
  before.destroy()
  server.close()
  await once(server, 'close')
})

test('an idle connection that is spoken on is given up', async (t) => {
  // A response nobody asked for must not answer the next request.
  const server = nodeNet.createServer((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok')
      setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'), 20)
    })
    socket.on('error', () => {})
  })
  t.after(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const first = get({ port, host: '127.0.0.1', agent })
  const [socket] = (await once(first, 'socket')) as [nodeNet.Socket]
  assert.equal((await answer(first)).text, 'ok')
  await once(socket, 'close')
  const second = get({ port, host: '127.0.0.1', agent })
  const [other] = await once(second, 'socket')
  assert.notEqual(other, socket)
  assert.equal((await answer(second)).text, 'ok')
  agent.destroy()
  server.close()
})

test('upgrade, CONNECT, and a request with its end', async (t) => {
  const server = createServer((incoming, response) => {
    incoming.on('end', () => response.end('after the end'))
    incoming.resume()
  })
  server.on('upgrade', (_, socket, head) => {
    assert.ok(isOurs(socket))
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    socket.write(head)
    socket.pipe(socket)
  })
  server.on('connect', (_, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\ntunnel'))
  const port = await listening(t, server)
  const talk = async (text: string): Promise<string> => {
    const socket = nodeNet.connect(port, '127.0.0.1')
    socket.end(text)
    let back = ''
    for await (const chunk of socket) back += chunk
    return back
  }
  assert.match(
    await talk('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhead'),
    /\r\n\r\nhead$/,
  )
  assert.match(await talk('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'), /tunnel$/)
  assert.match(await talk('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody'), /after the end/)
  server.close()
  await once(server, 'close')
})

test('a request that is paused at its first chunk and answered is not thrown away', async (t) => {
  const server = createServer((incoming, response) => {
    incoming.once('data', () => {
      incoming.pause()
      response.end('answered')
      response.on('close', async () => {
        let rest = ''
        for await (const chunk of incoming) rest += chunk
        server.emit('the rest', rest)
      })
    })
  })
  const port = await listening(t, server)
  const client = nodeNet.connect(port, '127.0.0.1')
  t.after(() => client.destroy())
  // Head and body in one piece.
  client.write(
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n',
  )
  assert.deepEqual(await once(server, 'the rest'), ['second'])
  client.destroy()
  server.close()
})

test('the kind of request that a server is given is the one it makes; else it is Node’s by name', async (t) => {
  class Mine extends nodeHttp.IncomingMessage {}
  const options = Object.create({ IncomingMessage: Mine, keepAliveTimeout: 1234 })
  for (const [server, kind] of [
    [createServer(options), Mine],
    [createServer({ keepAliveTimeout: 1234 }), nodeHttp.IncomingMessage],
  ] as const) {
    assert.equal(server.keepAliveTimeout, 1234)
    server.on('request', (incoming, response) => {
      assert.ok(incoming instanceof kind)
      response.end(incoming.constructor.name)
    })
    const port = await listening(t, server)
    const { text } = await answer(get({ port, host: '127.0.0.1', agent: false }))
    assert.equal(text, kind.name)
    server.close()
  }
  for (const wrong of [7, 'a', []]) {
    assert.throws(() => createServer(wrong as never), { code: 'ERR_INVALID_ARG_TYPE' })
  }
})

test('closing: idle connections go, busy ones are waited for', async (t) => {
  let finish: () => void = () => {}
  const server = new Server((incoming, response) => {
    if (incoming.url === '/slow') finish = () => response.end('slow')
    else response.end('quick')
  })
  const port = await listening(t, server)
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  assert.equal((await answer(get({ port, host: '127.0.0.1', agent }))).text, 'quick')
  const slow = get({ port, host: '127.0.0.1', agent, path: '/slow' })
  await once(server, 'request')
  let closed = false
  server.close(() => {
    closed = true
  })
  assert.equal(server.listening, false)
  await new Promise((resolve) => setTimeout(resolve, 30))
  assert.equal(closed, false)
  finish()
  assert.equal((await answer(slow)).text, 'slow')
  await once(server, 'close')
  agent.destroy()
  const never = createServer()
  await assert.rejects(new Promise((_, reject) => never.close(reject)), { code: 'ERR_SERVER_NOT_RUNNING' })
})

test('what Node’s module exports is there', () => {
  for (const name of Object.keys(nodeHttp)) assert.ok(name in http, name)
})
