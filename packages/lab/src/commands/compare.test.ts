/** Real traffic through every model, of which every byte is checked: short, for no time decides anything here. */
import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type ModelName, models } from 'fivefold'
import type { Comparison, Result } from '../measure/results.js'
import { run, start } from '../testing.js'

const folder = mkdtempSync(join(tmpdir(), 'fivefold-lab-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const available = models.filter((model) => model.probe().ok)

async function compared(...parameters: string[]): Promise<Comparison> {
  const { status, out, err, left } = await run(['compare', '--json', ...parameters])
  assert.equal(status, 0, err)
  assert.deepEqual(left, [])
  return JSON.parse(out) as Comparison
}

/** Every field is there: a number, or null and a reason. */
function complete(result: Result): void {
  const what = `${result.model} ${result.protocol}`
  assert(result.reason === null, `${what}: ${result.reason}`)
  // A datagram may get lost, or come back later than it is waited for: that is told.
  if (result.protocol === 'udp' && result.errors !== 0) assert(result.reasons.errors, what)
  else assert.equal(result.errors, 0, `${what}: ${result.reasons.errors}`)
  const positive = (value: number | null | undefined, name: string) =>
    assert(typeof value === 'number' && value > 0 && Number.isFinite(value), `${what}: ${name} is ${value}`)
  const number = (value: number | null | undefined, name: string) =>
    assert(typeof value === 'number' && value >= 0 && Number.isFinite(value), `${what}: ${name} is ${value}`)
  positive(result.messagesPerSecond, 'messagesPerSecond')
  positive(result.latencyMicros?.p50, 'p50')
  assert(result.latencyMicros!.p99 >= result.latencyMicros!.p50, what)
  positive(result.latencySamples, 'latencySamples')
  number(result.cpuMicrosPerMessage?.user, 'user')
  number(result.cpuMicrosPerMessage?.system, 'system')
  positive(result.cpuMicrosPerMessage!.user + result.cpuMicrosPerMessage!.system, 'user + system')
  positive(result.syscallsPerMessage, 'syscallsPerMessage')
  number(result.againPerMessage, 'againPerMessage')
  number(result.contextSwitchesPerMessage?.voluntary, 'voluntary')
  number(result.contextSwitchesPerMessage?.involuntary, 'involuntary')
  number(result.cpuShareWhileWaiting, 'cpuShareWhileWaiting')
  positive(result.threads, 'threads')
  for (const name of ['residentBytesPerConnection', 'maxConnections'] as const) {
    if (result[name] === null) assert(result.reasons[name], `${what}: ${name} is null without a reason`)
    else assert(Number.isFinite(result[name]), `${what}: ${name}`)
  }
  const { lowest, highest } = result.messagesPerSecondSpread!
  assert(lowest <= highest, what)
}

test('all nine over TCP, and files through those that read them', async () => {
  const { environment, results } = await compared('--connections', '4', '--duration', '100ms')
  const streams = results.filter(({ protocol }) => protocol === 'tcp')
  assert.deepEqual(
    streams.map(({ model }) => model),
    models.map(({ name }) => name),
  )
  assert.deepEqual(
    results.filter(({ protocol }) => protocol === 'file').map(({ model }) => model),
    models.filter(({ limits }) => limits.files).map(({ name }) => name),
  )
  for (const result of results) {
    if (!available.some(({ name }) => name === result.model)) {
      assert.equal(result.messagesPerSecond, null)
      assert(result.reason)
    } else complete(result)
  }
  for (const result of streams.filter(({ reason }) => reason === null)) {
    assert.equal(result.connections, 4)
    assert(result.connectionsHeld! >= 4)
    assert(result.maxConnections! >= 4)
  }
  assert.match(environment.command, /^fivefold compare/)
  assert(environment.kernel && environment.cpu && environment.node === process.version)
  assert.equal(typeof environment.takenByOthers, 'number')
  promised(streams)
})

/** What the models' names say about their calls. */
function promised(results: readonly Result[]): void {
  const calls = (model: ModelName) => {
    const result = results.find((candidate) => candidate.model === model)
    return result === undefined || result.reason !== null ? null : result.callsPerMessage!
  }
  const makes = (model: ModelName, name: string) => {
    const made = calls(model)
    if (made !== null) assert(made[name]! > 0, `${model} calls ${name}: ${Object.keys(made).join(', ')}`)
  }
  makes('blocking', 'recv')
  makes('non-blocking', 'recv')
  makes('select', 'select')
  makes('poll', 'poll')
  makes('epoll', 'epoll_wait')
  makes('sigio', 'recv')
  makes('rtsig', 'sigtimedwait')
  makes('posix-aio', 'aio_read')
  makes('io_uring', 'io_uring_enter')
  for (const name of ['recv', 'read', 'recvfrom', 'send', 'sendmsg'])
    assert.equal(calls('io_uring')?.[name], undefined)
}

test('UDP: one socket serves all', async () => {
  const { results } = await compared(
    ...['--models', 'epoll,blocking', '--protocol', 'udp', '--connections', '4', '--duration', '60ms'],
  )
  const datagrams = results.filter(({ protocol }) => protocol === 'udp')
  assert.equal(datagrams.length, 2)
  for (const result of datagrams) complete(result)
})

test('Unix sockets, messages larger than any buffer', async () => {
  const { results } = await compared(
    ...[
      '--models',
      'poll,epoll',
      '--protocol',
      'unix',
      '--connections',
      '2',
      '--size',
      '1MiB',
      '--duration',
      '200ms',
    ],
  )
  assert.equal(results.length, 2)
  for (const result of results) complete(result)
})

test('a named file, and what a model cannot hold', async () => {
  const path = join(folder, 'data')
  writeFileSync(path, randomFillSync(Buffer.alloc(200_000)))
  const { results } = await compared(
    ...['--models', 'blocking', '--connections', '1,1000', '--duration', '60ms', '--file', path],
  )
  const [one, thousand, file] = results
  complete(one!)
  assert.equal(thousand!.messagesPerSecond, null)
  assert.match(thousand!.reason!, /1,001/)
  complete(file!)
})

test('as people read it: within a hundred columns, with the environment, progress on stderr', async () => {
  const { status, out, err } = await run([
    'compare',
    '--models',
    'epoll',
    '--connections',
    '2',
    '--duration',
    '60ms',
  ])
  assert.equal(status, 0, err)
  for (const line of out.split('\n')) assert(line.length <= 100, line)
  assert(!out.includes('\x1b'), 'no colours where there is no terminal')
  assert.match(out, /TCP, 2 connections, messages of 64 B/)
  assert.match(out, /^epoll +[\d,]+ /m)
  assert.match(out, /Linux \d/)
  assert.match(err, /^\[1\/1\] epoll/m)
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
  test(`${signal} leaves nothing running`, async () => {
    const running = start(['compare', '--models', 'blocking', '--connections', '8', '--duration', '30s'])
    // The server and the generator.
    await running.untilAlive(3)
    running.process.kill(signal)
    const { status, signal: by, left } = await running.done
    assert.deepEqual(left, [])
    if (signal === 'SIGKILL') assert.equal(by, 'SIGKILL')
    else assert.equal(status, signal === 'SIGINT' ? 130 : 143)
  })
}
