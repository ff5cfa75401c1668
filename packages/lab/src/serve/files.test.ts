/** Real requests to a real server in this process, over each of the mechanisms. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { models } from 'fivefold'
import { allTotals, countersFor } from './counters.js'
import { WebServer } from './server.js'

const outside = mkdtempSync(join(tmpdir(), 'fivefold-serve-'))
const folder = join(outside, 'site')
const large = randomBytes(3_000_001)
const small = '<!doctype html>\n<p>fünf</p>\n'
const agent = new Agent({ keepAlive: true, maxSockets: 4 })
const counters = countersFor(1)
let server: WebServer

before(async () => {
  mkdirSync(join(folder, 'docs'), { recursive: true })
  writeFileSync(join(outside, 'secret'), 'secret')
  writeFileSync(join(folder, 'index.html'), small)
  writeFileSync(join(folder, 'docs', 'index.html'), 'docs')
  writeFileSync(join(folder, 'a b.txt'), 'with a space')
  writeFileSync(join(folder, 'large.bin'), large)
  writeFileSync(join(folder, 'empty.txt'), '')
  writeFileSync(join(folder, '.hidden'), 'hidden')
  writeFileSync(join(folder, 'app.js'), 'export {}\n'.repeat(100))
  writeFileSync(join(folder, 'app.js.gz'), gzipSync('export {}\n'.repeat(100)))
  symlinkSync(join(outside, 'secret'), join(folder, 'leads-out'))
  symlinkSync(outside, join(folder, 'folder-out'))
  symlinkSync('index.html', join(folder, 'stays-in.html'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
  server = await start('auto')
})
after(async () => {
  agent.destroy()
  await server.stop(10_000)
  rmSync(outside, { recursive: true, force: true })
})

function start(model: WebServer['model'] | 'auto', memory = counters): Promise<WebServer> {
  const where = { folder, host: '127.0.0.1', port: 0 }
  return WebServer.start({ ...where, model, thread: 0, threads: 1, counters: memory })
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

interface Asked {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly port?: number
}

function ask(
  path: string,
  { method = 'GET', headers = {}, port = server.port }: Asked = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, path, method, headers, agent }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }),
      )
    })
    asking.on('error', reject).end()
  })
}

test('a file: its bytes, its type, its length; the second time out of memory, and the same', async () => {
  const before = allTotals(counters).fromMemory
  const first = await ask('/index.html')
  const second = await ask('/index.html')
  assert.equal(first.status, 200)
  assert.equal(first.body.toString(), small)
  assert.equal(first.headers['content-type'], 'text/html; charset=utf-8')
  assert.equal(first.headers['content-length'], String(Buffer.byteLength(small)))
  assert(first.headers.etag && first.headers['last-modified'])
  assert.equal(allTotals(counters).fromMemory, before + 1)
  const { date: _, ...headers } = first.headers
  const { date: __, ...again } = second.headers
  assert.deepEqual(again, headers)
  assert.deepEqual(second.body, first.body)
})

test('large files, empty files, spaces, queries, an index, a folder without its slash', async () => {
  const whole = await ask('/large.bin')
  assert.equal(whole.headers['content-type'], 'application/octet-stream')
  assert(whole.body.equals(large))
  assert.equal((await ask('/empty.txt')).headers['content-length'], '0')
  assert.equal((await ask('/a%20b.txt')).body.toString(), 'with a space')
  assert.equal((await ask('/index.html?a=/../x')).body.toString(), small)
  assert.equal((await ask('/docs/')).body.toString(), 'docs')
  assert.equal((await ask('/')).body.toString(), small)
  assert.equal((await ask('/stays-in.html')).body.toString(), small)
  const folderAsked = await ask('/docs?a=b')
  assert.equal(folderAsked.status, 301)
  assert.equal(folderAsked.headers.location, '/docs/?a=b')
  assert.equal((await ask('//docs')).headers.location, '/docs/')
  assert.equal((await ask(`http://127.0.0.1:${server.port}/docs/`)).body.toString(), 'docs')
})

test('HEAD: the same head, no body', async () => {
  for (const path of ['/index.html', '/large.bin', '/none']) {
    const { status, headers } = await ask(path)
    const head = await ask(path, { method: 'HEAD' })
    assert.equal(head.status, status)
    assert.equal(head.headers['content-length'], headers['content-length'])
    assert.equal(head.headers['content-type'], headers['content-type'])
    assert.equal(head.body.length, 0)
  }
})

test('ranges', async () => {
  const part = async (range: string) => await ask('/large.bin', { headers: { Range: range } })
  const cases = [
    ['bytes=0-9', 0, 10],
    ['bytes=100-1000100', 100, 1_000_101],
    ['bytes=-7', large.length - 7, large.length],
    ['bytes=2999999-', 2_999_999, large.length],
    ['bytes=5-99999999', 5, large.length],
  ] as const
  for (const [range, from, to] of cases) {
    const { status, headers, body } = await part(range)
    assert.equal(status, 206, range)
    assert.equal(headers['content-range'], `bytes ${from}-${to - 1}/${large.length}`)
    assert(body.equals(large.subarray(from, to)), range)
  }
  const beyond = await part('bytes=4000000-')
  assert.equal(beyond.status, 416)
  assert.equal(beyond.headers['content-range'], `bytes */${large.length}`)
  // One that is kept in memory has its parts as well, and keeps its whole.
  assert.equal((await ask('/index.html', { headers: { Range: 'bytes=0-1' } })).body.toString(), '<!')
  assert.equal((await ask('/index.html')).body.toString(), small)
  const { etag } = (await ask('/large.bin', { method: 'HEAD' })).headers
  const ranged = { Range: 'bytes=0-1', 'If-Range': '"other"' }
  assert.equal((await ask('/large.bin', { headers: ranged })).status, 200)
  assert.equal((await ask('/large.bin', { headers: { ...ranged, 'If-Range': etag! } })).status, 206)
})

test('conditions', async () => {
  for (const path of ['/index.html', '/large.bin']) {
    const { etag, 'last-modified': modified } = (await ask(path)).headers
    const same = await ask(path, { headers: { 'If-None-Match': etag! } })
    assert.equal(same.status, 304)
    assert.equal(same.body.length, 0)
    assert.equal(same.headers.etag, etag)
    assert.equal((await ask(path, { headers: { 'If-Modified-Since': modified! } })).status, 304)
    assert.equal((await ask(path, { headers: { 'If-None-Match': '"other"' } })).status, 200)
    assert.equal((await ask(path, { headers: { 'If-Match': '"other"' } })).status, 412)
  }
})

test('compressed where it lies beside the file, and is wanted', async () => {
  const plain = 'export {}\n'.repeat(100)
  const packed = await ask('/app.js', { headers: { 'Accept-Encoding': 'gzip, br' } })
  assert.equal(packed.headers['content-encoding'], 'gzip')
  assert.match(packed.headers['content-type']!, /javascript; charset=utf-8/)
  assert.equal(packed.headers.vary, 'Accept-Encoding')
  assert(packed.body.equals(gzipSync(plain)))
  for (const accepts of ['', 'br', 'gzip;q=0', 'identity']) {
    const { headers, body } = await ask('/app.js', { headers: { 'Accept-Encoding': accepts } })
    assert.equal(headers['content-encoding'], undefined, accepts)
    assert.equal(headers.vary, 'Accept-Encoding')
    assert.equal(body.toString(), plain, accepts)
  }
  const again = await ask('/app.js', { headers: { 'Accept-Encoding': 'gzip, br' } })
  assert.equal(again.headers['content-encoding'], 'gzip')
  const none = await ask('/index.html', { headers: { 'Accept-Encoding': 'gzip' } })
  assert.equal(none.headers['content-encoding'], undefined)
  assert.equal(none.body.toString(), small)
})

test('nothing from outside, nothing hidden, nothing that is no file', async () => {
  const paths = [
    '/../secret',
    '/../../../../../../etc/passwd',
    '/%2e%2e/secret',
    '/..%2fsecret',
    '/docs/../../secret',
    '/docs/..%2f..%2fsecret',
    '/%00',
    '/index.html%00.js',
    '/%',
    '/leads-out',
    '/folder-out/secret',
    '/.hidden',
    '/docs/../.hidden',
    '/pipe',
    '/none',
    '/docs/none/',
    '/index.html/x',
    '/\\..\\secret',
  ]
  for (const path of paths) {
    const { status, body } = await ask(path)
    assert([400, 403, 404].includes(status), `${path}: ${status}`)
    assert(!/secret|hidden|root:/.test(body.toString()), path)
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const refused = await ask('/index.html', { method })
    assert.equal(refused.status, 405)
    assert.equal(refused.headers.allow, 'GET, HEAD')
  }
})

test('a file that changes, goes and comes is noticed', async () => {
  const path = join(folder, 'changes.txt')
  // However long that takes: it must happen at last.
  const until = async (what: string) => {
    for (;;) {
      const { status, body } = await ask('/changes.txt')
      if ((status === 200 ? body.toString() : String(status)) === what) return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  writeFileSync(path, 'one')
  await until('one')
  writeFileSync(path, 'another')
  await until('another')
  rmSync(path)
  await until('404')
  writeFileSync(path, 'third')
  await until('third')
})

for (const model of models) {
  const verdict = model.probe()
  test(`over ${model.name}`, { skip: !verdict.ok && verdict.reason }, async () => {
    const memory = countersFor(1)
    const own = await start(model.name, memory)
    assert.equal(own.model, model.name)
    const paths = ['/', '/large.bin', '/none', '/docs', '/index.html', '/index.html']
    const answers = await Promise.all(paths.map((path) => ask(path, { port: own.port })))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 404, 301, 200, 200],
    )
    assert(answers[1]!.body.equals(large))
    const bytes = answers.reduce((sum, { body }) => sum + body.length, 0)
    const metrics = await ask('/metrics', { port: own.port })
    const totals = allTotals(memory)
    assert.equal(totals.requests, paths.length + 1)
    assert.equal(totals.bodyBytes, bytes + metrics.body.length)
    // The page was written before it was itself counted.
    const lines = metrics.body.toString().split('\n')
    const sum = (name: string) =>
      lines
        .filter((line) => line.startsWith(`${name}{`) && line.includes(`model="${model.name}"`))
        .reduce((total, line) => total + Number(line.split(' ').at(-1)), 0)
    assert.equal(sum('fivefold_requests_total'), paths.length)
    assert.equal(sum('fivefold_response_body_bytes_total'), bytes)
    assert.equal(sum('fivefold_connections_total'), totals.accepted)
    assert(sum('process_cpu_seconds_total') > 0)
    // Who has connected and said nothing is let go as well, without waiting for the time limit.
    const mute = connect(own.port, '127.0.0.1').on('error', () => {})
    while (allTotals(memory).accepted === totals.accepted)
      await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal(await own.stop(10_000), 0)
    mute.destroy()
    assert.equal(allTotals(memory).open, 0)
    await assert.rejects(ask('/', { port: own.port }), { code: 'ECONNREFUSED' })
  })
}
