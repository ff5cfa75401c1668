/** Every entry of the package loads by import and by require, on every Node that the package supports. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'

const require = createRequire(import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  name: string
  exports: Record<string, { default: string }>
  scripts?: Record<string, string>
  dependencies: Record<string, string>
}

for (const entry of Object.keys(manifest.exports)) {
  if (entry.endsWith('.json')) continue
  const name = manifest.name + entry.slice(1)
  test(`${name} loads by import and by require, and is the same module`, async () => {
    const imported = (await import(name)) as Record<string, unknown>
    const required = require(name) as Record<string, unknown>
    assert.ok(Object.keys(imported).length > (entry === './register' ? 0 : 1))
    for (const key of Object.keys(imported)) assert.equal(required[key], imported[key], key)
  })
}

test('what is published exports what the modules export', async () => {
  for (const [entry, { default: published }] of Object.entries(manifest.exports)) {
    if (entry.endsWith('.json')) continue
    const modules = published.replace('/bundle/', '/dist/')
    assert.notEqual(modules, published)
    // register.js puts its faces in place when it is loaded: once is enough.
    if (entry === './register') continue
    const [ours, made] = await Promise.all(
      [modules, published].map((path) => import(new URL(`../${path}`, import.meta.url).href)),
    )
    assert.deepEqual(Object.keys(made).sort(), Object.keys(ours).sort(), entry)
  }
})

test('nothing runs at install, and koffi is the one dependency', () => {
  assert.deepEqual(Object.keys(manifest.dependencies), ['koffi'])
  assert.equal(manifest.scripts, undefined)
})

test('the entries share what is process-wide: one Socket, one engine, one library of calls', async () => {
  const http = require('fivefold/http') as typeof import('./http/index.js')
  const net = require('fivefold/net') as typeof import('./net/index.js')
  const server = http.createServer((request, response) => {
    response.end(String(request.socket instanceof net.Socket && request.socket.constructor === net.Socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const answer = await new Promise<string>((resolve, reject) => {
    http
      .get({ port, host: '127.0.0.1', agent: false }, (response) => {
        response.setEncoding('utf8').on('data', resolve)
      })
      .on('error', reject)
  })
  server.close()
  assert.equal(answer, 'true')
})

for (const model of ['blocking', 'select', 'poll'] as const) {
  test(`${model}: the programs of its threads are found from what is published`, async () => {
    const { listen, connect } = require('fivefold') as typeof import('./index.js')
    const server = await listen({
      port: 0,
      model,
      socket: { data: (socket, chunk) => void socket.write(chunk) },
    })
    const echoed = await new Promise<string>((resolve, reject) => {
      void connect({
        hostname: '127.0.0.1',
        port: server.port,
        model,
        socket: {
          open: (socket) => void socket.write('there and back'),
          data: (socket, chunk) => {
            resolve(Buffer.from(chunk).toString())
            socket.end()
          },
        },
      }).catch(reject)
    })
    assert.equal(echoed, 'there and back')
    server.close()
  })
}

test('what is published is few files: each costs a program half a millisecond at its start', () => {
  const bundle = new URL('../bundle/', import.meta.url)
  const seen = new Set<string>()
  const load = (url: URL): void => {
    if (seen.has(url.href)) return
    seen.add(url.href)
    for (const [, path] of readFileSync(url, 'utf8').matchAll(/^(?:\} from|import) "(\.[^"]+)";$/gm)) {
      load(new URL(path!, url))
    }
  }
  load(new URL('index.js', bundle))
  assert.ok(seen.size > 1 && seen.size <= 12, [...seen].join(' '))
})
