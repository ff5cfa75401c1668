/** The probe and options; how it sleeps, closes, and ends with its thread and its process. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, setEnvironmentData, Worker, workerData } from 'node:worker_threads'
import { rawClose } from '../../sys/descriptor.js'
import { MSG_DONTWAIT, rawSend, SOCK_DGRAM, SOCK_STREAM } from '../../sys/socket.js'
import { blocking } from '../blocking.js'
import type { Host } from '../model.js'
import { Kind } from '../operation.js'
import { pause } from '../threads/thread.js'
import { Bench, ECANCELED, hosts, pair, sleepers, socketOf, threads } from './support.test.util.js'

const here = fileURLToPath(import.meta.url)

/** A seam, also of the threads: recv is entered only a while after it was decided to. */
const dawdling = `data:text/javascript,${encodeURIComponent(`
  const dawdle = () => { for (const until = performance.now() + 5; performance.now() < until; ); }
  globalThis[Symbol.for('fivefold.seam')] = (name, call) =>
    name === 'recv' ? (...args) => { dawdle(); return call(...args) } : call
`)}`

if (isMainThread && process.argv[2] === 'child') child(process.argv[3]!, process.argv[4] as Host)
else if (!isMainThread && workerData?.blocking === 'test') void inWorker()
else if (!isMainThread && workerData?.blocking === 'asleep') void asleepInWorker(workerData.host)
else tests()

function tests(): void {
  test('blocking: the probe has a thread sleep and interrupts it', () => {
    assert.deepEqual(blocking.probe(), { ok: true })
  })

  test('blocking: a bad maxThreads is refused', () => {
    for (const maxThreads of [0, -1, 1.5, Number.NaN, 1e9]) {
      assert.throws(() => blocking.open({ host: 'embedded', maxThreads }), { code: 'ERR_OUT_OF_RANGE' })
    }
  })

  for (const host of hosts) {
    const title = (text: string) => `blocking, ${host}: ${text}`

    test(title('a signal that came before the call began is repeated'), async () => {
      const { code, error } = await runChild('late', host, ['--import', dawdling])
      assert.equal(code, 0, error)
    })

    for (const way of ['natural', 'exit', 'throw', 'worker-exit', 'worker-terminate']) {
      test(title(`the process ends (${way}) with threads asleep`), async () => {
        const { code, ms, error } = await runChild(way, host)
        assert.equal(code, way === 'natural' ? 0 : way === 'throw' ? 1 : 7, error)
        if (way === 'throw') assert.match(error, /thrown on purpose/)
        assert.ok(ms < 2000, `${ms} ms after it wanted to end`)
      })
    }

    test(title('close ends everything that waits, once, and leaves no thread'), async () => {
      const before = threads()
      const bench = new Bench(host)
      const pairs = Array.from({ length: 12 }, () => pair())
      const started = pairs.map(([left]) => bench.start(Kind.receive, left))
      await bench.until(() => sleepers(/unix|skb/) >= 8)
      // The last ones' threads are still being made.
      const late = Array.from({ length: 3 }, () => bench.start(Kind.receive, pairs[0]![1]))
      bench.close()
      for (const [, log] of [...started, ...late]) assert.deepEqual(log.results, [ECANCELED])
      const [, after] = bench.start(Kind.receive, pairs[0]![0])
      assert.deepEqual(after.results, [ECANCELED])
      const end = performance.now() + 5000
      while (threads() > before && performance.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      assert.ok(threads() <= before, `${threads()} threads, and ${before} before`)
      for (const fd of pairs.flat()) rawClose(fd)
    })
  }

  test('blocking, dedicated: a turn with a time-out ends in time, wake() ends one, a signal too', async () => {
    const bench = new Bench('dedicated')
    const start = performance.now()
    assert.equal(bench.driver.turn(50), 0)
    const took = performance.now() - start
    assert.ok(took >= 40 && took < 1000, `${took} ms`)
    bench.driver.wake()
    assert.equal(bench.driver.turn(-1), 0)
    // Not SIGUSR2: node:test makes it write a report.
    const heard = once(process, 'SIGCONT')
    spawn('sh', ['-c', `sleep 0.1; kill -CONT ${process.pid}`], { stdio: 'ignore' })
    assert.equal(bench.driver.turn(-1), 0)
    await heard
    bench.close()
  })

  test('blocking: works in a Worker, which ends with threads asleep', async () => {
    const worker = new Worker(here, { workerData: { blocking: 'test' } })
    const messages: unknown[] = []
    worker.on('message', (message) => messages.push(message))
    const code = await new Promise((resolve, reject) => {
      worker.on('error', reject)
      worker.on('exit', resolve)
    })
    assert.deepEqual(messages, ['hello'])
    assert.equal(code, 0)
  })
}

function runChild(
  way: string,
  host: Host,
  flags: string[] = [],
): Promise<{ code: number | null; ms: number; error: string }> {
  const child = spawn(process.execPath, [...flags, here, 'child', way, host], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let since = 0
  let error = ''
  child.stdout.on('data', () => {
    since = performance.now()
  })
  child.stderr.on('data', (text) => {
    error += text
  })
  const killer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  return new Promise((resolve) =>
    child.on('close', (code) => {
      clearTimeout(killer)
      resolve({ code, ms: performance.now() - since, error })
    }),
  )
}

/** A process with threads asleep in each kind of call, which then ends in one of three ways. */
async function child(way: string, host: Host): Promise<void> {
  if (way.startsWith('worker')) {
    // The threads belong to a Worker, in which nothing runs any more once it is torn down.
    const worker = new Worker(here, { workerData: { blocking: 'asleep', host } })
    worker.on('message', async () => {
      process.stdout.write('ending\n')
      if (way === 'worker-terminate') await worker.terminate()
      process.exit(7)
    })
    return
  }
  if (way === 'late') setEnvironmentData('fivefold.seam', dawdling)
  const bench = new Bench(host)
  if (way === 'late') {
    await late(bench)
    return
  }
  const [listener] = socketOf(SOCK_STREAM, 10)
  const [datagrams] = socketOf(SOCK_DGRAM)
  const [left, right] = pair()
  const [full] = pair()
  const logs = [
    bench.start(Kind.accept, listener),
    bench.start(Kind.receive, left),
    bench.start(Kind.recvfrom, datagrams),
    bench.start(Kind.send, full, { buffers: [Buffer.alloc(4 << 20)] }),
  ]
  await new Promise((resolve) => setTimeout(resolve, 500))
  assert.ok(logs.every(([, { ends }]) => ends === 0))
  // One thread waits for its driver to take what it has, and one has not begun.
  rawSend(right, Buffer.alloc(150_000), 150_000, MSG_DONTWAIT)
  pause(20)
  bench.start(Kind.recvfrom, datagrams)
  process.stdout.write('ending\n')
  if (way === 'exit') process.exit(7)
  if (way === 'throw') setImmediate(() => thrower())
}

/** Cancels while the thread has seen that it was not cancelled, and is not in its call yet. */
async function late(bench: Bench): Promise<void> {
  const [left] = pair()
  for (let round = 0; round < 5; round++) {
    const [operation, log] = bench.start(Kind.receive, left)
    if (round === 0) await bench.until(() => sleepers(/unix|skb/) > 0)
    else pause(2)
    bench.driver.cancel(operation)
    await bench.until(() => log.ends === 1, 3000)
    assert.deepEqual(log.results, [ECANCELED])
  }
  bench.close()
}

function thrower(): never {
  throw new Error('thrown on purpose')
}

async function asleepInWorker(host: Host): Promise<void> {
  const bench = new Bench(host)
  const pairs = Array.from({ length: 5 }, () => pair())
  for (const [left] of pairs) bench.start(Kind.receive, left)
  const [listener] = socketOf(SOCK_STREAM, 10)
  bench.start(Kind.accept, listener)
  const until = performance.now() + 10_000
  while (sleepers(/unix|skb|accept/) < 6 && performance.now() < until) pause(5)
  parentPort!.postMessage('asleep')
  setInterval(() => {}, 1000)
}

async function inWorker(): Promise<void> {
  const bench = new Bench('embedded')
  const [left, right] = pair()
  const [, log] = bench.start(Kind.receive, left)
  bench.start(Kind.receive, right)
  bench.start(Kind.send, right, { buffers: [Buffer.from('hello')] })
  await bench.until(() => log.chunks.length > 0)
  parentPort!.postMessage(log.bytes.toString())
}
