import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { AF_INET, AF_UNIX, encodeAddress, type InternetAddress } from '../../sys/address.js'
import { rawClose } from '../../sys/descriptor.js'
import { eventfd } from '../../sys/eventfd.js'
import { rawPoll } from '../../sys/poll.js'
import { getrlimit, RLIMIT_NOFILE, setrlimit } from '../../sys/process.js'
import {
  getsockname,
  rawBind,
  rawListen,
  rawRecv,
  rawSend,
  rawSocket,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  socketpair,
} from '../../sys/socket.js'
import { READ, WRITE } from '../model.js'
import { pause } from '../threads/thread.js'
import type { WaiterMechanism } from './layout.js'
import { Waiter } from './waiter.js'

const here = fileURLToPath(import.meta.url)
const mechanisms: WaiterMechanism[] = ['select', 'poll']

/** Is it readable within so long? */
function readable(fd: number, withinMs: number): boolean {
  const entry = new Int32Array([fd, 1])
  return rawPoll(entry, 1, withinMs) === 1
}

/** The kernel says that a thread of ours sleeps in select or poll (Node's own sleep in epoll, or on a futex). */
function asleep(): number {
  let count = 0
  for (const tid of readdirSync('/proc/self/task')) {
    try {
      if (/^(poll_schedule_timeout|do_sys_poll|do_poll|do_select)/.test(wchan(tid))) count++
    } catch {
      // It has ended.
    }
  }
  return count
}

function wchan(tid: string): string {
  return readFileSync(`/proc/self/task/${tid}/wchan`, 'utf8')
}

async function until(what: () => boolean): Promise<void> {
  const end = performance.now() + 5000
  while (!what()) {
    assert.ok(performance.now() < end, `not within 5 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** What a loop does that finds nothing: turns until wakeFd is quiet. Then the thread sleeps, and goes on to. */
async function quiet(waiter: Waiter): Promise<void> {
  await until(() => {
    waiter.settle(false)
    return !readable(waiter.wakeFd, 0) && asleep() === 1
  })
  assert.equal(readable(waiter.wakeFd, 30), false)
  assert.equal(asleep(), 1)
}

function pair(): [number, number] {
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC)
}

function say(fd: number): void {
  assert.equal(rawSend(fd, Buffer.from('x'), 1, 0), 1)
}

function hear(fd: number): void {
  assert.equal(rawRecv(fd, Buffer.alloc(1), 1, 0), 1)
}

if (process.argv[2] === 'child') child(process.argv[3]!, process.argv[4] as WaiterMechanism)
else tests()

function tests(): void {
  for (const mechanism of mechanisms) {
    const title = (text: string) => `waiter, ${mechanism}: ${text}`

    test(
      title('a thread that finds no descriptors is started again, and meanwhile the loop is woken'),
      async () => {
        const [left, right] = pair()
        const limit = getrlimit(RLIMIT_NOFILE)
        // The waiter's own two, and none for its thread.
        const first = eventfd(0)
        const second = eventfd(0)
        rawClose(second)
        rawClose(first)
        setrlimit(RLIMIT_NOFILE, { ...limit, soft: second + 1 })
        let waiter: Waiter
        try {
          waiter = new Waiter(mechanism)
          waiter.set(left, READ)
          say(right)
          for (let times = 0; times < 2; times++) {
            await until(() => readable(waiter.wakeFd, 0))
            waiter.settle(false)
          }
        } finally {
          setrlimit(RLIMIT_NOFILE, limit)
        }
        await until(() => asleep() === 0 && readable(waiter.wakeFd, 0))
        hear(left)
        await quiet(waiter)
        say(right)
        assert.equal(readable(waiter.wakeFd, 5000), true)
        waiter.close()
        rawClose(left)
        rawClose(right)
      },
    )

    test(title('reports what is ready, then parks until it is armed'), async () => {
      const waiter = new Waiter(mechanism)
      const [left, right] = pair()
      waiter.set(left, READ)
      await until(() => asleep() === 1)
      assert.equal(readable(waiter.wakeFd, 30), false)
      say(right)
      assert.equal(readable(waiter.wakeFd, 5000), true)
      // Something was found: the loop comes again, and wakeFd stays as it is.
      waiter.settle(true)
      assert.equal(readable(waiter.wakeFd, 0), true)
      await until(() => asleep() === 0)
      hear(left)
      await quiet(waiter)
      // Level-triggered: what nobody took is reported again.
      say(right)
      assert.equal(readable(waiter.wakeFd, 5000), true)
      await until(() => {
        waiter.settle(false)
        return !readable(waiter.wakeFd, 0)
      })
      assert.equal(readable(waiter.wakeFd, 5000), true)
      waiter.close()
      rawClose(left)
      rawClose(right)
    })

    test(title('a change of interest ends the sleep: readers, writers, and none'), async () => {
      const waiter = new Waiter(mechanism)
      const [left, right] = pair()
      const [other, another] = pair()
      waiter.set(other, READ)
      await until(() => asleep() === 1)
      say(right)
      waiter.set(left, READ)
      assert.equal(readable(waiter.wakeFd, 5000), true)
      hear(left)
      await quiet(waiter)
      waiter.set(left, READ | WRITE)
      assert.equal(readable(waiter.wakeFd, 5000), true)
      waiter.set(left, READ)
      await quiet(waiter)
      waiter.set(left, 0)
      say(right)
      await quiet(waiter)
      // Without anybody to arm it again: it held back for a moment only.
      waiter.set(other, 0)
      waiter.set(other, READ)
      say(another)
      assert.equal(readable(waiter.wakeFd, 5000), true)
      waiter.close()
      for (const fd of [left, right, other, another]) rawClose(fd)
    })

    test(title('taken out and closed while it sleeps, a descriptor is really gone'), async () => {
      const waiter = new Waiter(mechanism)
      const [stays, peer] = pair()
      waiter.set(stays, READ)
      for (let round = 0; round < 50; round++) {
        const listener = rawSocket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)
        const memory = new Uint8Array(128)
        const length = encodeAddress({ family: 'IPv4', address: '127.0.0.1', port: 0 }, memory)
        assert.equal(rawBind(listener, memory, length), 0)
        assert.equal(rawListen(listener, 1), 0)
        const { port } = getsockname(listener) as InternetAddress
        waiter.set(listener, READ)
        waiter.arm()
        if (round === 0) await until(() => asleep() === 1)
        else pause(round % 3)
        waiter.set(listener, 0)
        rawClose(listener)
        // The port is free at once only if nobody holds on to the socket, asleep.
        const again = rawSocket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)
        encodeAddress({ family: 'IPv4', address: '127.0.0.1', port }, memory)
        assert.equal(rawBind(again, memory, length), 0, `round ${round}`)
        assert.equal(rawListen(again, 1), 0, `round ${round}`)
        rawClose(again)
      }
      waiter.arm()
      say(peer)
      assert.equal(readable(waiter.wakeFd, 5000), true)
      waiter.close()
      rawClose(stays)
      rawClose(peer)
    })

    test(title('the number that is used again is waited for anew'), async () => {
      const waiter = new Waiter(mechanism)
      const [left, right] = pair()
      waiter.set(left, READ)
      await until(() => asleep() === 1)
      waiter.set(left, 0)
      rawClose(left)
      rawClose(right)
      // Until somebody gets the number; other threads open and close descriptors too.
      const pairs = [pair()]
      while (!pairs.at(-1)!.includes(left)) pairs.push(pair())
      const [one, two] = pairs.pop()!
      const [fresh, peer] = one === left ? [one, two] : [two, one]
      waiter.set(fresh, READ)
      waiter.settle(false)
      await until(() => asleep() === 1)
      assert.equal(readable(waiter.wakeFd, 20), false)
      say(peer)
      assert.equal(readable(waiter.wakeFd, 5000), true)
      waiter.close()
      for (const fd of [fresh, peer, ...pairs.flat()]) rawClose(fd)
    })

    test(
      title('a descriptor that was closed without a word is reported, not lost, and does not break it'),
      async () => {
        const waiter = new Waiter(mechanism)
        const [stays, peer] = pair()
        const [left, right] = pair()
        waiter.set(stays, READ)
        waiter.set(left, READ)
        await until(() => asleep() === 1)
        rawClose(left)
        // A change makes it look again, and there is no such descriptor.
        waiter.set(stays, READ | WRITE)
        waiter.set(stays, READ)
        assert.equal(readable(waiter.wakeFd, 5000), true)
        waiter.set(left, 0)
        await quiet(waiter)
        say(peer)
        assert.equal(readable(waiter.wakeFd, 5000), true)
        waiter.close()
        for (const fd of [stays, peer, right]) rawClose(fd)
      },
    )

    test(title('close: at once, asleep, parked; no thread stays'), async () => {
      const before = readdirSync('/proc/self/task').length
      new Waiter(mechanism).close()
      const sleeping = new Waiter(mechanism)
      const parked = new Waiter(mechanism)
      const [left, right] = pair()
      say(right)
      parked.set(left, READ)
      assert.equal(readable(parked.wakeFd, 5000), true)
      await until(() => asleep() === 1)
      sleeping.close()
      sleeping.close()
      parked.close()
      await until(() => readdirSync('/proc/self/task').length <= before)
      rawClose(left)
      rawClose(right)
    })

    test(title('a descriptor beyond the table is refused'), () => {
      const waiter = new Waiter(mechanism)
      assert.throws(() => waiter.set(1 << 22, READ), { code: 'EMFILE' })
      waiter.close()
    })

    for (const way of ['natural', 'exit', 'throw', 'worker-exit']) {
      test(title(`the process ends (${way}) while it sleeps`), async () => {
        const process_ = spawn(process.execPath, [here, 'child', way, mechanism], {
          stdio: ['ignore', 'pipe', 'ignore'],
        })
        let since = 0
        process_.stdout.on('data', () => {
          since = performance.now()
        })
        const killer = setTimeout(() => process_.kill('SIGKILL'), 20_000)
        const code = await new Promise((resolve) => process_.on('close', resolve))
        clearTimeout(killer)
        assert.equal(code, way === 'natural' ? 0 : way === 'throw' ? 1 : 7)
        const ms = performance.now() - since
        assert.ok(ms < 2000, `${ms} ms after it wanted to end`)
      })
    }
  }
}

async function child(way: string, mechanism: WaiterMechanism): Promise<void> {
  if (way === 'worker-exit' && isMainThread) {
    const worker = new Worker(here, { argv: process.argv.slice(2) })
    worker.on('message', () => {
      process.stdout.write('ending\n')
      process.exit(7)
    })
    return
  }
  const waiter = new Waiter(mechanism)
  const [left] = pair()
  waiter.set(left, READ)
  await until(() => asleep() === 1)
  if (!isMainThread) {
    parentPort!.postMessage('asleep')
    setInterval(() => {}, 1000)
    return
  }
  process.stdout.write('ending\n')
  if (way === 'exit') process.exit(7)
  if (way === 'throw') throw new Error('thrown on purpose')
}
