/** `fivefold serve` as a process: how it starts, what it holds, and that its end drops no request. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, get, type IncomingMessage } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { models } from 'fivefold'
import { type Run, type Running, run, start } from '../testing.js'

const folder = mkdtempSync(join(tmpdir(), 'fivefold-serve-'))
const started: Running[] = []
after(() => {
  // Those of a test that failed half way.
  for (const { process } of started) process.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})
const small = randomBytes(1024)
const large = randomBytes(16 << 20)
writeFileSync(join(folder, 'small'), small)
writeFileSync(join(folder, 'large'), large)

interface Listening {
  readonly event: 'listening'
  readonly port: number
  readonly model: string
  readonly threads: number
}
interface Stopped {
  readonly event: 'stopped'
  readonly requests: number
  readonly connections: number
  readonly bodyBytes: number
  readonly statuses: Readonly<Record<string, number>>
  readonly cut: number
}

interface Serving extends Listening {
  readonly running: Running
  stop(signal?: NodeJS.Signals): Promise<{ run: Run; stopped: Stopped }>
}

async function serving(...parameters: string[]): Promise<Serving> {
  const running = start(['serve', folder, '--port', '0', '--json', ...parameters])
  started.push(running)
  let out = ''
  running.process.stdout!.on('data', (text: string) => {
    out += text
  })
  const ended = running.done.then(({ err }) => Promise.reject(new Error(err)))
  while (!out.includes('\n')) await Promise.race([once(running.process.stdout!, 'data'), ended])
  ended.catch(() => {})
  const listening = JSON.parse(out.slice(0, out.indexOf('\n'))) as Listening
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    running.process.kill(signal)
    const run = await running.done
    assert.deepEqual(run.left, [])
    return { run, stopped: JSON.parse(run.out.split('\n')[1] || 'null') as Stopped }
  }
  return { ...listening, running, stop }
}

/** @returns the body, and whether the server will keep the connection */
function fetched(port: number, path: string, agent: Agent | false): Promise<{ body: Buffer; kept: boolean }> {
  return new Promise((resolve, reject) => {
    const asking = get({ host: '127.0.0.1', port, path, agent }, (response: IncomingMessage) => {
      const chunks: Buffer[] = []
      response.on('error', reject)
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ body: Buffer.concat(chunks), kept: response.headers.connection !== 'close' }),
      )
    })
    asking.on('error', reject)
  })
}

async function metrics(port: number): Promise<(name: string) => number> {
  const { body } = await fetched(port, '/metrics', false)
  const lines = body.toString().split('\n')
  return (name) =>
    lines
      .filter((line) => line.startsWith(`${name}{`))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

test('2000 connections are held, each is answered and answered again; the counters say so', async () => {
  const server = await serving()
  const agent = new Agent({ keepAlive: true, maxSockets: 2000, maxFreeSockets: 2000 })
  for (let round = 0; round < 2; round++) {
    const answers = await Promise.all(
      Array.from({ length: 2000 }, () => fetched(server.port, '/small', agent)),
    )
    assert(answers.every(({ body, kept }) => kept && body.equals(small)))
  }
  const value = await metrics(server.port)
  assert.equal(value('fivefold_connections_open'), 2001)
  assert.equal(value('fivefold_requests_total'), 4000)
  assert.equal(value('fivefold_response_body_bytes_total'), 4000 * small.length)
  agent.destroy()
  const { run, stopped } = await server.stop('SIGINT')
  assert.equal(run.status, 0, run.err)
  assert.deepEqual(stopped.statuses, { 200: 4001 })
  assert.equal(stopped.connections, 2001)
  assert.equal(stopped.cut, 0)
})

/**
 * Clients that ask without a pause while the server ends. Whatever was asked on an open connection must be answered
 * whole; what ends a client is a connection that was announced to close, or one that is refused.
 */
async function endUnderLoad(...parameters: string[]): Promise<void> {
  // So long that nobody is closed for being silent: on a busy machine that could be one who is about to ask.
  const server = await serving('--grace', '60m', ...parameters)
  let asked = 0
  let answered = 0
  let ending = false
  const client = async (number: number) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const path = number % 4 === 0 ? '/large' : '/small'
    const whole = path === '/large' ? large : small
    for (let kept = true; kept; ) {
      asked++
      const answer = await fetched(server.port, path, agent)
      assert(answer.body.equals(whole))
      answered++
      kept = answer.kept
      assert(kept || ending, 'closed before the end')
    }
    agent.destroy()
  }
  // One that has connected and says nothing, and one that has been answered and is silent since.
  const mute = connect(server.port, '127.0.0.1')
  await once(mute, 'connect')
  const silent = new Agent({ keepAlive: true })
  await fetched(server.port, '/small', silent)
  const clients = Promise.all(Array.from({ length: 24 }, (_, number) => client(number)))
  while (answered < 100) await new Promise((resolve) => setTimeout(resolve, 5))
  ending = true
  const stopping = server.stop()
  await clients
  mute.destroy()
  silent.destroy()
  const { run, stopped } = await stopping
  assert.equal(run.status, 0, run.err)
  assert.equal(answered, asked)
  assert.equal(stopped.requests, asked + 1)
  assert.equal(stopped.cut, 0)
}

for (const name of ['io_uring', 'epoll'] as const) {
  const verdict = models.find((model) => model.name === name)!.probe()
  const skip = !verdict.ok && verdict.reason
  test(`${name}: the end drops no request`, { skip }, () => endUnderLoad('--model', name))
  test(`${name}: the end of three threads drops no request`, { skip }, () =>
    endUnderLoad('--model', name, '--workers', '3'),
  )
}

test('threads share the connections, and whichever is asked knows what all have done', async () => {
  const server = await serving('--workers', '2', '--model', 'epoll')
  assert.equal(server.threads, 2)
  const agent = new Agent({ keepAlive: true, maxSockets: 200, maxFreeSockets: 200 })
  await Promise.all(Array.from({ length: 200 }, () => fetched(server.port, '/small', agent)))
  for (let page = 0; page < 4; page++) {
    const value = await metrics(server.port)
    assert.equal(value('fivefold_requests_total'), 200 + page)
  }
  const { body } = await fetched(server.port, '/metrics', false)
  const shares = [...body.toString().matchAll(/^fivefold_connections_total\{thread="\d".*\} (\d+)$/gm)].map(
    (found) => Number(found[1]),
  )
  assert.equal(shares.length, 2)
  assert(
    shares.every((share) => share > 20),
    shares.join(),
  )
  agent.destroy()
  assert.equal((await server.stop()).run.status, 0)
})

/** Asks for what does not fit into the socket's buffers, and does not read it. */
async function stuck(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'readable')
  return socket
}

test('who does not read what he asked for is cut when the time is up', async () => {
  const server = await serving('--grace', '300ms')
  const socket = await stuck(server.port)
  const { run, stopped } = await server.stop()
  assert.equal(run.status, 1)
  assert.equal(stopped.cut, 1)
  assert.match(run.err, /cut because the time was up: 1 /)
  socket.destroy()
})

for (const parameters of [[], ['--workers', '2']]) {
  test(`a second Ctrl-C ends it at once ${parameters.join(' ')}`, async () => {
    const server = await serving('--grace', '60m', ...parameters)
    const socket = await stuck(server.port)
    server.running.process.kill('SIGINT')
    // Nobody can connect any more: the first has been heard.
    for (let refused = false; !refused; ) {
      const again = connect(server.port, '127.0.0.1')
      refused = await Promise.race([
        once(again, 'connect').then(() => false),
        once(again, 'error').then(() => true),
      ]).catch(() => true)
      again.destroy()
    }
    const { run } = await server.stop('SIGINT')
    assert.equal(run.signal, 'SIGINT')
    socket.destroy()
  })
}

test('as people read it', async () => {
  const running = start(['serve', folder, '--port', '0', '--model', 'poll'])
  const [line] = (await once(running.process.stdout!, 'data')) as [string]
  assert.match(line, /^poll serves .* at http:\/\/127\.0\.0\.1:\d+\/ /)
  running.process.kill('SIGINT')
  const { status, out, err } = await running.done
  assert.equal(status, 0, err)
  assert.match(out, /Served: 0 requests, 0 connections, 0 bytes/)
  const quiet = start(['serve', folder, '--port', '0', '--quiet'])
  started.push(quiet)
  await untilListening(quiet)
  quiet.process.kill('SIGTERM')
  const ended = await quiet.done
  assert.deepEqual([ended.status, ended.out, ended.err], [0, '', ''])
})

/** It says nothing, so the kernel is asked whether one of its sockets listens. */
async function untilListening({ process: { pid } }: Running): Promise<void> {
  const own = () => {
    const names = readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`)
      } catch {
        return ''
      }
    })
    return new Set(names)
  }
  // `sl local_address rem_address st …`: the fourth is the state, 0A LISTEN; the tenth the inode.
  const listening = () =>
    readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state]) => state === '0A')
      .map((fields) => `socket:[${fields[9]}]`)
  for (let found = false; !found; ) {
    const sockets = own()
    found = listening().some((name) => sockets.has(name))
    if (!found) await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('what cannot be served is said in one line', async () => {
  const fails = async (why: RegExp, status: number, ...parameters: string[]) => {
    const ended = await run(['serve', ...parameters])
    assert.equal(ended.status, status, ended.err)
    assert.equal(ended.err.trim().split('\n').length, 1, ended.err)
    assert.match(ended.err, why)
    assert.deepEqual(ended.left, [])
  }
  await fails(/which folder\?/, 2)
  await fails(/there is no folder .*none/, 1, join(folder, 'none'), '--port', '0')
  await fails(/there is no folder .*small/, 1, join(folder, 'small'), '--port', '0')
  await fails(/there is no folder .*none/, 1, join(folder, 'none'), '--port', '0', '--workers', '2')
  await fails(/'0' is not a number of threads/, 2, folder, '--workers', '0')
  await fails(/no model 'kqueue'/, 2, folder, '--model', 'kqueue')
  await fails(/cannot listen on 192\.0\.2\.1/, 1, folder, '--port', '0', '--host', '192.0.2.1')
  const sigio = models.find(({ name }) => name === 'sigio')!
  if (sigio.probe().ok) await fails(/main thread only/, 2, folder, '--model', 'sigio', '--workers', '2')
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  await fails(new RegExp(`port ${port} is in use`), 1, folder, '--port', String(port))
  taken.close()
})
