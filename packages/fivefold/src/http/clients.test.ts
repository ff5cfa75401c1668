/** undici on our sockets, and curl, against our server. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, type TestContext, test } from 'node:test'
import tls from 'node:tls'
import { Client, Agent as Dispatcher, fetch } from 'undici'
import https from '../https/index.js'
import type { ModelName } from '../models/model.js'
import {
  missing,
  models,
  pattern,
  programPath,
  selfSigned,
  temporaryFolder,
  withoutModel,
} from '../net/clients/servers.test.util.js'
import net, { type Socket } from '../net/index.js'
import { isOurs } from '../net/socket.js'
import http, { type Server } from './index.js'

const large = pattern(5_000_001)

/** Answers with what it got, with a large body, or with who serves. */
const listener: RequestListener = (request, response) => {
  if (request.method === 'POST') request.pipe(response)
  else if (request.url === '/large') response.end(large)
  else if (request.url === '/endless') response.write('this goes on')
  else response.end(`${isOurs(request.socket)} ${request.url}`)
}

async function serve(
  t: TestContext,
  server: Pick<Server, 'listen' | 'close' | 'closeAllConnections' | 'address'>,
) {
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  server.listen(0, '127.0.0.1')
  await once(server as Server, 'listening')
  return (server.address() as AddressInfo).port
}

for (const model of models) {
  describe(`undici, ${model}`, { skip: withoutModel(model) }, () => {
    /** How undici is given sockets: a function in the place of the options of its connector. */
    function connector(sockets: Socket[]): Client.Options['connect'] {
      return ({ hostname, port }, callback) => {
        const socket = net.connect({ host: hostname, port: Number(port), model })
        sockets.push(socket)
        socket.once('connect', () => callback(null, socket)).once('error', (error) => callback(error, null))
      }
    }

    test('fetch: many at a time, large bodies both ways, and one that is given up', async (t) => {
      const port = await serve(t, http.createServer({ model }, listener))
      const sockets: Socket[] = []
      const dispatcher = new Dispatcher({ connect: connector(sockets)!, connections: 4 })
      t.after(() => dispatcher.destroy())
      const url = `http://127.0.0.1:${port}`
      const small = Array.from({ length: 200 }, async (_, i) => {
        const response = await fetch(`${url}/${i}`, { dispatcher })
        assert.equal(await response.text(), `true /${i}`)
      })
      await Promise.all(small)
      assert.ok(sockets.length <= 4 && sockets.every((socket) => socket.model === model && isOurs(socket)))
      const down = await fetch(`${url}/large`, { dispatcher })
      assert.ok(Buffer.from(await down.arrayBuffer()).equals(large))
      const up = await fetch(url, { dispatcher, method: 'POST', body: large })
      assert.ok(Buffer.from(await up.arrayBuffer()).equals(large))
      const giveUp = new AbortController()
      const endless = await fetch(`${url}/endless`, { dispatcher, signal: giveUp.signal })
      giveUp.abort()
      await assert.rejects(endless.text(), { name: 'AbortError' })
    })

    test('requests in a pipeline', async (t) => {
      const port = await serve(t, http.createServer({ model }, listener))
      const sockets: Socket[] = []
      const client = new Client(`http://127.0.0.1:${port}`, { connect: connector(sockets)!, pipelining: 10 })
      t.after(() => client.destroy())
      const answers = Array.from({ length: 300 }, async (_, i) => {
        const { body } = await client.request({ path: `/${i}`, method: 'GET' })
        return body.text()
      })
      assert.deepEqual(
        await Promise.all(answers),
        answers.map((_, i) => `true /${i}`),
      )
      assert.equal(sockets.length, 1)
    })

    test('a server that is not there', async (t) => {
      const server = http.createServer()
      const port = await serve(t, server)
      server.close()
      await once(server, 'close')
      const client = new Client(`http://127.0.0.1:${port}`, { connect: connector([])! })
      t.after(() => client.destroy())
      await assert.rejects(client.request({ path: '/', method: 'GET' }), { code: 'ECONNREFUSED' })
    })
  })
}

async function curl(args: readonly string[], input: Buffer = Buffer.alloc(0)): Promise<Buffer> {
  const child = spawn(
    programPath('curl'),
    ['--silent', '--no-progress-meter', '--show-error', '--noproxy', '*', ...args],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  // It may not want to read it.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const exit = once(child, 'exit')
  const parts: Buffer[] = []
  for await (const part of child.stdout) parts.push(part as Buffer)
  assert.equal((await exit)[0], 0)
  return Buffer.concat(parts)
}

describe('curl, and what needs a certificate', { skip: missing('curl', 'openssl') }, () => {
  let folder: ReturnType<typeof temporaryFolder>
  before(() => {
    folder = temporaryFolder()
  })
  after(() => folder?.remove())

  const secured = (model: ModelName, listener: RequestListener) => {
    const { key, cert } = selfSigned(folder.path)
    return https.createServer({ model, key: readFileSync(key), cert: readFileSync(cert) }, listener)
  }

  for (const model of models) {
    test(`${model}: HTTP/1.0 and 1.1, one connection for many, bodies both ways`, {
      skip: withoutModel(model),
    }, async (t) => {
      const port = await serve(t, http.createServer({ model }, listener))
      const url = `http://127.0.0.1:${port}`
      assert.equal(String(await curl([url])), 'true /')
      assert.equal(String(await curl(['--http1.0', `${url}/old`])), 'true /old')
      const many = await curl(['-w', ' by %{num_connects}\n', `${url}/[1-3]`])
      assert.equal(String(many), 'true /1 by 1\ntrue /2 by 0\ntrue /3 by 0\n')
      assert.ok((await curl([`${url}/large`])).equals(large))
      // Of more than a megabyte it sends the head alone, and waits for a 100 before the body.
      const expect = await curl(['-H', 'Expect: 100-continue', '--data-binary', '@-', url], large)
      assert.ok(expect.equals(large))
      assert.ok(
        (await curl(['-H', 'Transfer-Encoding: chunked', '--data-binary', '@-', url], large)).equals(large),
      )
      const parallel = await curl(['--parallel', '--parallel-max', '20', `${url}/same?[1-100]`])
      assert.equal(String(parallel).match(/true \/same\?\d+/g)?.length, 100)
    })

    test(`${model}: undici by TLS over our sockets`, { skip: withoutModel(model) }, async (t) => {
      const port = await serve(t, secured(model, listener))
      const ca = readFileSync(`${folder.path}/cert.pem`)
      const connect: Client.Options['connect'] = ({ hostname, port, servername }, callback) => {
        const socket = net.connect({ host: hostname, port: Number(port), model })
        const secure = tls.connect({ socket, servername: servername ?? hostname, ca })
        secure.once('secureConnect', () => callback(null, secure))
        secure.once('error', (error) => callback(error, null))
      }
      const dispatcher = new Dispatcher({ connect })
      t.after(() => dispatcher.destroy())
      const response = await fetch(`https://localhost:${port}/large`, { dispatcher })
      assert.ok(Buffer.from(await response.arrayBuffer()).equals(large))
    })

    test(`${model}: over TLS, and over a Unix socket`, { skip: withoutModel(model) }, async (t) => {
      const port = await serve(t, secured(model, listener))
      const ca = ['--cacert', `${folder.path}/cert.pem`]
      assert.ok((await curl([...ca, `https://localhost:${port}/large`])).equals(large))
      const server = http.createServer({ model }, listener)
      t.after(() => server.close())
      const path = `${folder.path}/${model}.sock`
      server.listen(path)
      await once(server, 'listening')
      assert.equal(String(await curl(['--unix-socket', path, 'http://any/where'])), 'true /where')
    })
  }
})
