/** What it says of itself; how it sleeps, closes, and ends with its thread and its process. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { rawClose } from '../../../sys/descriptor.js'
import { getpid, gettid } from '../../../sys/process.js'
import { rawTgkill, SIGIO } from '../../../sys/signal.js'
import {
  AF_INET,
  AF_UNIX,
  listen,
  rawSend,
  rawShutdown,
  SHUT_RDWR,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  send,
  socket,
  socketpair,
} from '../../../sys/socket.js'
import { type Host, ReadyList } from '../../model.js'
import { Kind } from '../../operation.js'
import { RtsigPoller } from '../../signal-driven/rtsig.js'
import { posixAio } from '../posix-aio.js'
import { Bench, folder, on, pattern, threadsSleepIn } from './support.test.util.js'

test('it says of itself what is so', () => {
  assert.deepEqual(posixAio.probe(), { ok: true })
  assert.equal(posixAio.synchronous, false)
  assert.ok(posixAio.limits.maxWaiting >= 200)
  assert.equal(posixAio.limits.cancels, false)
  // Node's pipe for signals is opened by the first listener, and stays.
  posixAio.open({ host: 'embedded' }).close()
})

for (const host of ['embedded', 'dedicated'] as const) {
  describe(host, () => {
    test('close ends everything once, with sleeping threads left behind', async () => {
      const bench = new Bench(host)
      const [a, b] = bench.pair()
      const [c] = bench.pair()
      const listener = bench.own(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC))
      listen(listener)
      const receives = [bench.submit(Kind.receive, a), bench.submit(Kind.receive, c)]
      const accept = bench.submit(Kind.accept, listener)
      const big = bench.submit(Kind.send, a, { buffers: [pattern(4 << 20)] })
      const queued = bench.send(a, 'never')
      await bench.until(() => threadsSleepIn(a, c))
      const before = performance.now()
      bench.driver.close()
      assert.ok(performance.now() - before < 1000)
      for (const each of [...receives, accept, big, queued]) {
        assert.ok(each.over)
        assert.equal(each.last, -125)
      }
      assert.equal(bench.driver.turn(0), 0)
      const late = bench.submit(Kind.receive, a)
      assert.equal(late.last, -125)
      // The thread that was left behind writes into memory that is nobody's: new drivers do not share it.
      const next = new Bench(host)
      const [d, e] = next.pair()
      const fresh = next.submit(Kind.receive, d)
      rawSend(b, Buffer.alloc(100, '#'), 100, 0)
      await next.idle(20)
      send(e, Buffer.from('clean'))
      await next.until(() => fresh.told.length > 0)
      assert.equal(fresh.text, 'clean')
      for (const fd of [a, b, c]) rawShutdown(fd, SHUT_RDWR)
      next.end()
      bench.end()
    })

    test('close from within a completion', async () => {
      const bench = new Bench(host)
      const [a, b] = bench.pair()
      const [c, d] = bench.pair()
      const receives = [bench.submit(Kind.receive, a), bench.submit(Kind.receive, c)]
      for (const receive of receives) {
        receive.heard = ({ more }) => {
          if (!more) return
          for (const fd of [a, c]) rawShutdown(fd, SHUT_RDWR)
          bench.driver.close()
        }
      }
      send(b, Buffer.from('x'))
      send(d, Buffer.from('y'))
      await bench.until(() => receives.every(({ over }) => over))
      bench.end()
    })
  })
}

test('a dedicated host sleeps without work, and is woken', () =>
  on('dedicated', async (bench) => {
    let before = performance.now()
    assert.equal(bench.driver.turn(40), 0)
    assert.ok(performance.now() - before >= 39)
    bench.driver.wake()
    before = performance.now()
    bench.driver.turn(5000)
    assert.ok(performance.now() - before < 1000)
    // Once: the next one sleeps again.
    before = performance.now()
    while (performance.now() - before < 60) bench.driver.turn(60)
    const used = process.cpuUsage()
    for (let turns = 0; turns < 4; turns++) bench.driver.turn(50)
    const { user, system } = process.cpuUsage(used)
    assert.ok(user + system < 50_000, `waiting costs nothing (${user + system} us in 200 ms)`)
  }))

test('a Worker has it in the dedicated host, and ends although a read waits', async () => {
  const [a, b] = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)
  const worker = new Worker(
    `
    const { posixAio } = await import(${JSON.stringify(new URL('../posix-aio.js', import.meta.url).href)})
    const { Operation, Kind } = await import(${JSON.stringify(new URL('../../operation.js', import.meta.url).href)})
    const { parentPort, workerData } = await import('node:worker_threads')
    try { posixAio.open({ host: 'embedded' }) } catch (error) { parentPort.postMessage(error.cure) }
    const driver = posixAio.open({ host: 'dedicated' })
    const told = []
    const receive = new Operation(Kind.receive, workerData, { completed: ({ chunk }) => told.push(String(chunk)) })
    driver.submit(receive)
    while (told.length === 0) driver.turn(100)
    parentPort.postMessage(told[0])
    `,
    { eval: true, workerData: a, execArgv: ['--input-type=module'] },
  )
  const messages: string[] = []
  worker.on('message', (message) => messages.push(message))
  const ended = new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject))
  send(b, Buffer.from('to the worker'))
  assert.equal(await ended, 0)
  assert.deepEqual(messages, ["Use it in the main thread, or with host: 'dedicated'.", 'to the worker'])
  rawShutdown(a, SHUT_RDWR)
  rawClose(a)
  rawClose(b)
})

describe('the process ends although reads wait', () => {
  const program = (ending: string, host: Host) => `
    import { posixAio } from ${JSON.stringify(new URL('../posix-aio.js', import.meta.url).href)}
    import { Operation, Kind } from ${JSON.stringify(new URL('../../operation.js', import.meta.url).href)}
    import { listen, socket, socketpair } from ${JSON.stringify(new URL('../../../sys/socket.js', import.meta.url).href)}
    const driver = posixAio.open({ host: '${host}' })
    driver.onWork = () => { while (driver.turn(0) > 0); }
    const listener = socket(2, 1)
    listen(listener)
    const nothing = { completed() {} }
    driver.submit(new Operation(Kind.accept, listener, nothing))
    for (let index = 0; index < 20; index++) {
      const [a, b] = socketpair(1, 1)
      driver.submit(new Operation(Kind.receive, a, nothing))
      const big = new Operation(Kind.send, b, nothing)
      big.buffers = [Buffer.alloc(1 << 20)]
      if (index % 2) driver.submit(big)
    }
    driver.turn(0)
    setTimeout(() => { ${ending} }, 30)`
  for (const host of ['embedded', 'dedicated'] as const) {
    for (const [how, ending, status] of [
      ['by itself', '', 0],
      ['by process.exit', 'process.exit(7)', 7],
      ['by an uncaught exception', "throw new Error('thrown')", 1],
      ['closed first', 'driver.close()', 0],
      ['closed first, with process.exit', 'driver.close(); process.exit(3)', 3],
    ] as const) {
      test(`${how} (${host})`, () => {
        const path = join(folder, 'ending.mjs')
        fs.writeFileSync(path, program(ending, host))
        const child = spawnSync(process.execPath, [path], {
          timeout: 20_000,
          encoding: 'latin1',
        })
        assert.equal(child.signal, null, child.stderr)
        assert.equal(child.status, status, child.stderr)
      })
    }
  }
})

test('a completion is heard of, too, when a poller of signals in this thread takes the SIGIO that tells of it', async () => {
  const driver = posixAio.open({ host: 'embedded' })
  const poller = new RtsigPoller('embedded')
  try {
    let turns = 0
    driver.onWork = () => void turns++
    // Blocked in this thread, and aimed at it: nobody but the poller can take it.
    rawTgkill(getpid(), gettid(), SIGIO)
    poller.wait(0, new ReadyList(8))
    assert.equal(poller.overflows, 1, 'it has taken one')
    for (let rounds = 0; rounds < 4; rounds++) await new Promise(setImmediate)
    assert.equal(turns, 1)
  } finally {
    poller.close()
    driver.close()
  }
})
