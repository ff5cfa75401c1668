/** The frameworks' programs of examples/, run as a reader would run them, and asked by clients of others. */
import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import nodeHttp from 'node:http'
import nodeNet from 'node:net'
import type { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Socket as IoSocket, io } from 'socket.io-client'
import { WebSocket } from 'ws'
import { choose, modelNamed } from '../models/choose.js'
import net from '../net/index.js'

const folder = fileURLToPath(new URL('../../../../examples/', import.meta.url))
const register = import.meta.resolve('fivefold/register')
const models = ['io_uring', 'epoll'] as const
type Model = (typeof models)[number]
const chosen = choose().model.name

type Running = ChildProcessByStdio<null, Readable, null>

/**
 * Starts an example and reads where it listens.
 * @param model the one that is chosen anyway serves the program as it is; for another, register is there
 */
function start(t: TestContext, name: string, model: Model): Promise<URL> {
  return run(t, [...(model === chosen ? [] : ['--import', register]), folder + name], model)
}

async function run(t: TestContext, args: readonly string[], model: Model): Promise<URL> {
  const child: Running = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, FIVEFOLD_MODEL: model },
  })
  t.after(() => child.kill('SIGKILL'))
  let text = ''
  for await (const part of child.stdout.iterator({ destroyOnReturn: false })) {
    text += part
    if (text.includes('\n')) return new URL(text.trim())
  }
  throw new Error(`it ended and had said: ${text}`)
}

function skip(model: Model): string | false {
  const verdict = modelNamed(model).probe()
  if (!existsSync(folder)) return 'no examples here'
  return verdict.ok ? false : verdict.reason
}

/** Bytes of which no two pieces are alike. */
function pattern(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  for (let at = 0; at + 4 <= bytes; at += 4) buffer.writeUInt32LE((at * 2654435761) >>> 0, at)
  return buffer
}

// ---- HTTP

async function send(
  url: URL,
  options: nodeHttp.RequestOptions,
  body?: Buffer,
): Promise<{ status: number; body: Buffer }> {
  const request = nodeHttp.request(url, options)
  request.end(body)
  const [response] = (await once(request, 'response')) as [nodeHttp.IncomingMessage]
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part as Buffer)
  return { status: response.statusCode!, body: Buffer.concat(parts) }
}

/** Requests one behind the other, before any is answered. @returns everything that came back */
async function pipelined(url: URL, requests: number): Promise<string> {
  const socket = nodeNet.connect(Number(url.port), url.hostname)
  const head = (last: boolean) =>
    `GET / HTTP/1.1\r\nHost: ${url.host}\r\nConnection: ${last ? 'close' : 'keep-alive'}\r\n\r\n`
  socket.write(Array.from({ length: requests }, (_, index) => head(index === requests - 1)).join(''))
  let text = ''
  for await (const part of socket) text += part
  return text
}

for (const name of ['express.mjs', 'fastify.mjs', 'koa.mjs', 'hono.mjs']) {
  for (const model of models) {
    test(`examples/${name}, ${model}`, { skip: skip(model) }, async (t) => {
      const url = await start(t, name, model)
      const agent = new nodeHttp.Agent({ keepAlive: true, maxSockets: 4 })
      t.after(() => agent.destroy())
      const root = await send(url, { agent })
      assert.deepEqual(JSON.parse(String(root.body)), { model }, 'the socket of the request is ours')

      const bodies = [0, 1, 16 * 1024, 700_001].map(pattern)
      const echoes = bodies.map(async (body) => {
        const headers = { 'Content-Type': 'application/octet-stream', 'Content-Length': body.length }
        const path = new URL('/echo', url)
        const { status, body: back } = await send(path, { agent, method: 'POST', headers }, body)
        assert.equal(status, 200)
        assert.ok(back.equals(body), `${body.length} bytes came back as they went`)
      })
      await Promise.all(echoes)

      assert.equal((await send(new URL('/nowhere', url), { agent })).status, 404)
      const text = await pipelined(url, 20)
      assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 20)
      assert.equal(text.split(`{"model":"${model}"}`).length, 21)
    })
  }
}

// ---- WebSockets

/** Messages in the order in which they come. */
async function* messages(socket: WebSocket): AsyncGenerator<{ data: Buffer; binary: boolean }, never> {
  const came: { data: Buffer; binary: boolean }[] = []
  let wake = () => {}
  socket.on('message', (data: Buffer, binary) => {
    came.push({ data, binary })
    wake()
  })
  for (;;) {
    const next = came.shift()
    if (next !== undefined) yield next
    else {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
}

for (const model of models) {
  for (const client of ['node:net', 'fivefold/net']) {
    test(`examples/ws.mjs, ${model}: a client on ${client}`, { skip: skip(model) }, async (t) => {
      const { host } = await start(t, 'ws.mjs', model)
      const dialled: nodeNet.Socket[] = []
      const createConnection: (...args: never) => nodeNet.Socket = (...args) => {
        const socket = net.connect(...(args as [number]))
        dialled.push(socket)
        return socket
      }
      const ours = client === 'fivefold/net'
      const socket = new WebSocket(
        `ws://${host}/`,
        ours ? { createConnection: createConnection as typeof net.connect } : {},
      )
      t.after(() => socket.terminate())
      const came = messages(socket)
      const hello = (await came.next()).value
      assert.deepEqual(JSON.parse(String(hello.data)), { model }, 'the socket of the server is ours')
      assert.equal(dialled.length, ours ? 1 : 0)

      const sent: (Buffer | string)[] = [
        '',
        'text, 文',
        pattern(0),
        pattern(1),
        pattern(125),
        pattern(65_536),
      ]
      for (let index = 0; index < 200; index++) sent.push(`message ${index}`)
      sent.push(pattern(3_000_000))
      for (const message of sent) socket.send(message)
      for (const message of sent) {
        const { data, binary } = (await came.next()).value
        assert.equal(binary, typeof message !== 'string')
        assert.ok(data.equals(Buffer.from(message as string)), 'it came back as it went, and in its place')
      }

      const ponged = once(socket, 'pong')
      socket.ping('are you there')
      assert.equal(String((await ponged)[0]), 'are you there')
      const closed = once(socket, 'close')
      socket.close(4001, 'enough')
      assert.equal((await closed)[0], 4001)
    })
  }
}

// ---- Socket.IO

const ways = { polling: ['polling'], websocket: ['websocket'], 'polling, then websocket': undefined }

async function open(
  t: TestContext,
  url: URL,
  transports: (typeof ways)[keyof typeof ways],
): Promise<IoSocket> {
  const socket = io(url.href, { ...(transports && { transports }), forceNew: true, reconnection: false })
  t.after(() => socket.disconnect())
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
  const { engine } = socket.io
  if (!transports && engine.transport.name !== 'websocket') {
    await new Promise((resolve) => engine.once('upgrade', resolve))
  }
  assert.equal(engine.transport.name, transports?.[0] ?? 'websocket')
  return socket
}

for (const model of models) {
  test(`examples/socket-io.mjs, ${model}`, { skip: skip(model) }, async (t) => {
    const url = await start(t, 'socket-io.mjs', model)
    for (const [way, transports] of Object.entries(ways)) {
      await t.test(way, async (t) => {
        const socket = await open(t, url, transports)
        assert.equal(await socket.emitWithAck('who serves'), model, 'the socket of the server is ours')
        const data = { text: '文', numbers: [1, 2, 3], bytes: pattern(300_000) }
        assert.deepEqual(await socket.emitWithAck('echo', data), data)
        const answers = Array.from({ length: 100 }, (_, index) => socket.emitWithAck('echo', index))
        assert.deepEqual(await Promise.all(answers), [...answers.keys()])
        const other = await open(t, url, transports)
        const said = new Promise((resolve) => other.once('said', resolve))
        socket.emit('say', 'hello')
        assert.equal(await said, 'hello')
      })
    }
  })
}

// ---- programs that have never heard of fivefold

const unchanged = {
  'express.cjs': `const app = require('express')()
    app.get('/', (request, response) => response.json({ model: request.socket.model }))
    const server = app.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port))`,
  'koa.cjs': `const Koa = require('koa'), app = new Koa()
    app.use((context) => { context.body = { model: context.socket.model } })
    const server = app.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port))`,
  'fastify.mjs': `import Fastify from 'fastify'
    const app = Fastify()
    app.get('/', (request) => ({ model: request.socket.model }))
    console.log(await app.listen({ port: 0, host: '127.0.0.1' }))`,
  'hono.mjs': `import { serve } from '@hono/node-server'
    import { Hono } from 'hono'
    const app = new Hono().get('/', (context) => context.json({ model: context.env.incoming.socket.model }))
    serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => console.log('http://127.0.0.1:' + port))`,
}

for (const [name, program] of Object.entries(unchanged)) {
  test(`${name}, unchanged, with fivefold/register`, { skip: skip('epoll') }, async (t) => {
    const path = fileURLToPath(new URL(`unchanged-${process.pid}-${name}`, import.meta.url))
    writeFileSync(path, program)
    t.after(() => rmSync(path, { force: true }))
    const url = await run(t, ['--import', register, path], 'epoll')
    assert.deepEqual(JSON.parse(String((await send(url, {})).body)), { model: 'epoll' })
  })
}
