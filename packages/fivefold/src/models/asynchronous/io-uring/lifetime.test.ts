/** Beginnings and ends: closing with work in flight, the collector, the end of the process and of a Worker. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { AF_UNIX } from '../../../sys/address.js'
import { rawClose } from '../../../sys/descriptor.js'
import { SOCK_CLOEXEC, SOCK_STREAM, socketpair } from '../../../sys/socket.js'
import { Kind } from '../../operation.js'
import {
  type Asked,
  cooperative,
  datagramSocket,
  deferred,
  hosts,
  listener,
  pattern,
  sendNow,
  Turner,
  tcpPair,
} from './support.test.util.js'

const pair = () => socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC)
const descriptors = () => readdirSync('/proc/self/fd').length
const large = pattern(2 << 20)
const half = large.subarray(1 << 20)
const gc = (globalThis as { gc?: () => void }).gc

for (const host of hosts) {
  for (const tier of [deferred, cooperative]) {
    describe(`${host}, ${tier.setup}`, () => {
      const open = (sizes = {}) => new Turner(host, sizes, tier)

      /** About 500 operations that wait, of every kind that can. */
      const fill = (turner: Turner): { asked: Asked[]; fds: number[] } => {
        const asked: Asked[] = []
        const fds: number[] = []
        for (let index = 0; index < 100; index++) {
          const [ours, theirs] = pair()
          const datagrams = datagramSocket().fd
          const server = listener().fd
          fds.push(ours, theirs, datagrams, server)
          asked.push(turner.ask(Kind.receive, ours))
          asked.push(turner.ask(Kind.send, ours, { buffers: [large] }))
          asked.push(turner.ask(Kind.send, theirs, { buffers: [half, half] }))
          asked.push(turner.ask(Kind.recvfrom, datagrams))
          asked.push(turner.ask(Kind.accept, server))
        }
        return { asked, fds }
      }

      test('close with 500 operations in flight ends each exactly once', async () => {
        const before = descriptors()
        for (const rest of [0, 10]) {
          const turner = open()
          const { asked, fds } = fill(turner)
          if (rest > 0) await turner.rest(rest)
          turner.close()
          for (const one of asked) {
            assert.equal(one.heard.filter(({ more }) => !more).length, 1)
            assert.ok(one.over && !one.operation.inFlight)
            assert.equal(one.last.result, -125)
          }
          assert.equal(turner.driver.turn(0), 0)
          turner.close() // a second time: nothing
          for (const fd of fds) rawClose(fd)
        }
        assert.equal(descriptors(), before)
      })

      test('close from within a handler; what is submitted afterwards ends at once', async () => {
        const before = descriptors()
        const turner = open()
        const { asked, fds } = fill(turner)
        const [ours, theirs] = pair()
        const trigger = turner.ask(Kind.receive, ours)
        let late: Asked | null = null
        trigger.whenHeard = (operation) => {
          if (!operation.more) return
          turner.close()
          late = turner.ask(Kind.receive, theirs)
        }
        sendNow(theirs, pattern(1))
        await turner.until(() => trigger.heard.length > 0)
        assert.ok(asked.every(({ over }) => over))
        assert.ok(trigger.over)
        assert.equal(late!.last.result, -125)
        for (const fd of [...fds, ours, theirs]) rawClose(fd)
        assert.equal(descriptors(), before)
      })

      test('wake ends a sleeping turn', () => {
        const turner = open()
        turner.driver.turn(0)
        turner.driver.wake()
        const before = performance.now()
        if (host === 'dedicated') {
          assert.ok(turner.driver.turn(5000) >= 0)
          assert.ok(performance.now() - before < 1000)
          // Once: the next turn sleeps again.
          const again = performance.now()
          turner.driver.turn(30)
          assert.ok(performance.now() - again >= 28)
        }
        turner.close()
      })

      test('an idle loop sleeps, and misses nothing that comes as it falls asleep', async () => {
        if (host === 'dedicated') return
        const turner = open()
        const [ours, theirs] = pair()
        const receiving = turner.ask(Kind.receive, ours)
        for (let round = 1; round <= 5; round++) {
          sendNow(theirs, pattern(1))
          await turner.until(() => receiving.heard.length === round)
        }
        await new Promise((resolve) => setTimeout(resolve, 20))
        const { turns } = turner
        await new Promise((resolve) => setTimeout(resolve, 50))
        assert.equal(turner.turns, turns, 'turns while nothing happened')
        // In the gap before notifications are switched on nobody is told.
        const { ring } = turner.driver
        const notify = ring.notify.bind(ring)
        for (let round = 6; round <= 20; round++) {
          let sent = false
          ring.notify = (on) => {
            if (on && !sent) {
              sent = true
              sendNow(theirs, pattern(1))
            }
            notify(on)
          }
          turner.nudge()
          await turner.until(() => receiving.heard.length === round, `byte ${round}`, 2000)
          ring.notify = notify
        }
        turner.close()
        rawClose(ours)
        rawClose(theirs)
      })

      test('the collector takes nothing that is in flight', async (context) => {
        if (gc === undefined) return context.skip('needs --expose-gc')
        const turner = open()
        const [ours, theirs] = tcpPair()
        const receiving = turner.ask(Kind.receive, ours)
        let total = 0
        for (let round = 0; round < 40; round++) {
          const length = 50_000 + round * 1000
          // Nobody but the driver holds the buffer, and what malloc gives next is likely the same place.
          turner.ask(Kind.send, theirs, { buffers: [pattern(length, round)] })
          total += length
          gc()
          const litter = Array.from({ length: 20 }, () => Buffer.alloc(length, 0xee))
          gc()
          await turner.until(() => receiving.heard.reduce((sum, { result }) => sum + result, 0) === total)
          assert.equal(litter.length, 20)
        }
        const all = receiving.bytes
        let at = 0
        for (let round = 0; round < 40; round++) {
          const length = 50_000 + round * 1000
          assert.ok(all.subarray(at, at + length).equals(pattern(length, round)), `round ${round}`)
          at += length
        }
        turner.close()
        rawClose(ours)
        rawClose(theirs)
      })
    })
  }
}

test('drivers that come and go leave no mapping, no descriptor', async (context) => {
  if (gc === undefined) return context.skip('needs --expose-gc')
  const mappings = () => readFileSync('/proc/self/maps', 'utf8').split('\n').length
  const round = () => {
    const turner = new Turner('dedicated')
    const [ours, theirs] = pair()
    turner.ask(Kind.receive, ours)
    turner.ask(Kind.recvfrom, datagramSocket().fd)
    turner.driver.turn(0)
    turner.close()
    rawClose(ours)
    rawClose(theirs)
  }
  const settle = async () => {
    for (let index = 0; index < 5; index++) {
      gc()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  for (let index = 0; index < 10; index++) round()
  await settle()
  const before = mappings()
  for (let index = 0; index < 100; index++) round()
  // The collector takes its time; what is reachable it never takes.
  for (let tries = 0; tries < 20 && mappings() > before + 10; tries++) await settle()
  assert.ok(mappings() <= before + 10, `${before} mappings became ${mappings()}`)
})

describe('a process ends with operations in flight', () => {
  const beginning = `
    const { ioUring } = await import('${new URL('../io-uring.js', import.meta.url)}')
    const { Kind, Operation } = await import('${new URL('../../operation.js', import.meta.url)}')
    const { socketpair } = await import('${new URL('../../../sys/socket.js', import.meta.url)}')
    const { watchInLoop } = await import('${new URL('../../../sys/ffi.js', import.meta.url)}')
    const driver = ioUring.open({ host: 'embedded' })
    watchInLoop(driver.wakeFd, () => setImmediate(() => driver.turn(0)))
    let heard = 0
    const owner = { completed() { heard++ } }
    for (let index = 0; index < 100; index++) {
      const [ours, theirs] = socketpair(1, 1)
      driver.submit(new Operation(Kind.receive, ours, owner))
      const send = new Operation(Kind.send, ours, owner)
      send.buffers = [Buffer.alloc(1 << 20)]
      driver.submit(send)
    }
    driver.turn(0)
    process.on('exit', () => console.log('heard', heard))
  `
  const run = (code: string, worker = false) => {
    const text = worker
      ? `import { Worker } from 'node:worker_threads'
         const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(beginning + code)})))
         worker.on('error', (error) => console.log('worker', error.message))
         worker.on('exit', (code) => { console.log('worker ended', code); setTimeout(() => {}, 50) })`
      : beginning + code
    return spawnSync(process.execPath, ['--input-type=module', '-e', text], { encoding: 'utf8' })
  }
  for (const worker of [false, true]) {
    const where = worker ? 'in a Worker' : 'on the main thread'
    test(`by itself, ${where}`, () => {
      const { status, signal, stdout, stderr } = run('', worker)
      assert.deepEqual({ status, signal }, { status: 0, signal: null }, stderr)
      assert.match(stdout, worker ? /worker ended 0/ : /heard 0/)
    })
    test(`by process.exit, ${where}`, () => {
      const { status, signal, stdout, stderr } = run('process.exit(3)', worker)
      assert.deepEqual({ status, signal }, { status: worker ? 0 : 3, signal: null }, stderr)
      assert.match(stdout, worker ? /worker ended 3/ : /heard 0/)
    })
    test(`by a throw, ${where}`, () => {
      const { status, signal, stdout, stderr } = run(
        "setImmediate(() => { throw new Error('boom') })",
        worker,
      )
      assert.deepEqual({ status, signal }, { status: worker ? 0 : 1, signal: null }, stderr)
      assert.match(worker ? stdout : stderr, /boom/)
    })
  }
})
