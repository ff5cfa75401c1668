import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, connect as netConnect, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, setEnvironmentData, Worker, workerData } from 'node:worker_threads'
import { AF_INET, AF_UNIX, encodeAddress, type InternetAddress } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import { watchInLoop } from '../sys/ffi.js'
import { getrlimit, RLIMIT_NOFILE, setrlimit } from '../sys/process.js'
import {
  getsockname,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  rawBind,
  rawListen,
  rawRecv,
  rawSend,
  rawSendto,
  rawShutdown,
  rawSocket,
  SHUT_WR,
  SO_SNDBUF,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  setsockoptInt,
  socketpair,
} from '../sys/socket.js'
import { BlockingDriver } from './blocking/driver.js'
import { atTheBound } from './blocking/threads.js'
import { blocking } from './blocking.js'
import type { Host } from './model.js'
import { type Completion, type Details, Kind, type Operation, operationOf } from './operation.js'
import { pause } from './threads/thread.js'

const here = fileURLToPath(import.meta.url)
const ECANCELED = -125
const hosts: Host[] = ['embedded', 'dedicated']

/** What an operation was told. */
class Log implements Completion {
  readonly results: number[] = []
  readonly chunks: Buffer[] = []
  readonly from: (InternetAddress | null)[] = []
  readonly truncated: boolean[] = []
  ends = 0
  heard: ((operation: Operation) => void) | null = null

  completed(operation: Operation): void {
    assert.equal(this.ends, 0, 'a completion after the last one')
    this.results.push(operation.result)
    if (operation.chunk !== null) {
      this.chunks.push(operation.chunk)
      const { from = null, truncated = false } = operation as Details
      this.from.push(from as InternetAddress | null)
      this.truncated.push(truncated)
    }
    assert.equal(operation.inFlight, operation.more)
    if (!operation.more) this.ends++
    this.heard?.(operation)
  }

  get last(): number | undefined {
    return this.ends === 0 ? undefined : this.results.at(-1)
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }
}

/** A driver and the thread that hosts it. */
class Bench {
  readonly driver: BlockingDriver
  readonly host: Host
  #watch: { close(): void } | null = null
  #scheduled = false
  #closed = false

  constructor(host: Host, maxThreads?: number) {
    this.host = host
    this.driver = new BlockingDriver(maxThreads === undefined ? { host } : { host, maxThreads })
    if (host === 'embedded') this.#watch = watchInLoop(this.driver.wakeFd, () => this.#schedule())
  }

  // Only a readable wakeFd, or a turn that did something, makes another turn: as the contract promises.
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (!this.#closed && this.driver.turn(0) > 0) this.#schedule()
    })
  }

  start(kind: Kind, fd: number, more: Details = {}): [Operation, Log] {
    const log = new Log()
    const operation = Object.assign(operationOf(kind, fd, log), more)
    this.driver.submit(operation)
    if (this.host === 'embedded') this.#schedule()
    return [operation, log]
  }

  async until(what: () => boolean, timeoutMs = 10_000): Promise<void> {
    const end = performance.now() + timeoutMs
    while (!what()) {
      assert.ok(performance.now() < end, `not within ${timeoutMs} ms: ${what}`)
      if (this.host === 'dedicated') this.driver.turn(20)
      await new Promise((resolve) =>
        this.host === 'dedicated' ? setImmediate(resolve) : setTimeout(resolve, 1),
      )
    }
  }

  close(): void {
    this.#closed = true
    this.#watch?.close()
    this.driver.close()
  }
}

function threads(): number {
  return readdirSync('/proc/self/task').length
}

/** Sleeping in this system call, by the kernel's word? */
function sleepers(call: RegExp): number {
  let count = 0
  for (const tid of readdirSync('/proc/self/task')) {
    try {
      if (call.test(readFileSync(`/proc/self/task/${tid}/wchan`, 'utf8'))) count++
    } catch {
      // It has ended.
    }
  }
  return count
}

function loopback(port = 0): Uint8Array {
  const address = new Uint8Array(128)
  return address.subarray(0, encodeAddress({ family: 'IPv4', address: '127.0.0.1', port }, address))
}

function socketOf(type: number, listenBacklog?: number): [number, number] {
  const fd = rawSocket(AF_INET, type | SOCK_CLOEXEC, 0)
  const address = loopback()
  assert.equal(rawBind(fd, address, address.length), 0)
  if (listenBacklog !== undefined) assert.equal(rawListen(fd, listenBacklog), 0)
  return [fd, (getsockname(fd) as InternetAddress).port]
}

function pair(type = SOCK_STREAM): [number, number] {
  return socketpair(AF_UNIX, type | SOCK_CLOEXEC)
}

function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length)
  for (let index = 0; index < length; index++) bytes[index] = (index * 31 + (index >>> 8) * 7 + seed) & 0xff
  return bytes
}

/** Reads what is there now, without waiting. */
function readNow(fd: number, most = 1 << 20): Buffer {
  const bytes = Buffer.allocUnsafeSlow(most)
  const length = rawRecv(fd, bytes, most, MSG_DONTWAIT)
  return bytes.subarray(0, Math.max(0, length))
}

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

    test(title('accept, both ways, the end, and forty connections'), async () => {
      const bench = new Bench(host)
      const [listener, port] = socketOf(SOCK_STREAM, 100)
      const served: Log[] = []
      const [accepting, accepted] = bench.start(Kind.accept, listener)
      const open = new Set<number>()
      accepted.heard = ({ result, more }) => {
        if (!more) return
        open.add(result)
        const [receiving, received] = bench.start(Kind.receive, result)
        served.push(received)
        received.heard = ({ chunk, more }) => {
          if (chunk !== null) bench.start(Kind.send, receiving.fd, { buffers: [chunk] })
          if (more) return
          rawClose(receiving.fd)
          open.delete(receiving.fd)
        }
      }
      const messages = Array.from({ length: 40 }, (_, index) => pattern(100 + index * 211, index))
      const echoes = messages.map((message) => {
        const socket = netConnect(port, '127.0.0.1')
        const chunks: Buffer[] = []
        socket.on('data', (chunk) => chunks.push(chunk))
        socket.write(message.subarray(0, 50))
        setTimeout(() => socket.end(message.subarray(50)), 5)
        return new Promise<Buffer>((resolve, reject) => {
          socket.on('error', reject)
          socket.on('close', () => resolve(Buffer.concat(chunks)))
        })
      })
      let done = false
      const all = Promise.all(echoes).then((got) => {
        done = true
        return got
      })
      await bench.until(() => done, 30_000)
      assert.deepEqual(await all, messages)
      await bench.until(() => open.size === 0)
      assert.deepEqual(
        served.map(({ last }) => last),
        messages.map(() => 0),
      )
      bench.driver.cancel(accepting)
      await bench.until(() => accepted.ends === 1)
      assert.equal(accepted.last, ECANCELED)
      bench.close()
      rawClose(listener)
    })

    test(title('connect, and connect refused'), async () => {
      const bench = new Bench(host)
      const server = await listening()
      const { port } = server.address() as { port: number }
      const first = rawSocket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)
      const [, connected] = bench.start(Kind.connect, first, { address: loopback(port) })
      await bench.until(() => connected.ends === 1)
      assert.equal(connected.last, 0)
      await new Promise((resolve) => server.close(resolve))
      const second = rawSocket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)
      const [, refused] = bench.start(Kind.connect, second, { address: loopback(port) })
      await bench.until(() => refused.ends === 1)
      assert.equal(refused.last, -111)
      bench.close()
      rawClose(first)
      rawClose(second)
    })

    test(
      title('a receive and an accept that sleep are cancelled, and their threads used again'),
      async () => {
        const bench = new Bench(host, 2)
        const [listener] = socketOf(SOCK_STREAM, 10)
        for (let round = 0; round < 20; round++) {
          const [left, right] = pair()
          const [receiving, received] = bench.start(Kind.receive, left)
          const [accepting, accepted] = bench.start(Kind.accept, listener)
          // Now before the threads are in their calls, now after, now about then.
          if (round % 3 === 0) await bench.until(() => sleepers(/unix|skb/) > 0 && sleepers(/accept/) > 0)
          else if (round % 3 === 1) await new Promise((resolve) => setTimeout(resolve, 1))
          bench.driver.cancel(receiving)
          bench.driver.cancel(accepting)
          await bench.until(() => received.ends + accepted.ends === 2)
          assert.deepEqual([received.results, accepted.results], [[ECANCELED], [ECANCELED]])
          rawClose(left)
          rawClose(right)
        }
        bench.close()
        rawClose(listener)
      },
    )

    test(title('recvfrom: who sent it, what was cut, nothing at all; cancelled'), async () => {
      const bench = new Bench(host)
      const [receiver, port] = socketOf(SOCK_DGRAM)
      const [sender, senderPort] = socketOf(SOCK_DGRAM)
      const [operation, log] = bench.start(Kind.recvfrom, receiver, { room: 100 })
      const to = loopback(port)
      for (const length of [5, 0, 100, 101, 1000]) {
        bench.start(Kind.sendto, sender, { buffers: [pattern(length, length)], address: to })
      }
      await bench.until(() => log.results.length === 5)
      assert.deepEqual(log.results, [5, 0, 100, 100, 100])
      assert.deepEqual(log.truncated, [false, false, false, true, true])
      assert.deepEqual(log.chunks[3], pattern(101, 101).subarray(0, 100))
      assert.ok(log.from.every((from) => from!.port === senderPort && from!.address === '127.0.0.1'))
      bench.driver.cancel(operation)
      await bench.until(() => log.ends === 1)
      assert.equal(log.last, ECANCELED)
      bench.close()
      rawClose(receiver)
      rawClose(sender)
    })

    test(title('recvfrom goes on after the network said that an earlier datagram was refused'), async () => {
      const bench = new Bench(host)
      const [gone, port] = socketOf(SOCK_DGRAM)
      const [socket, own] = socketOf(SOCK_DGRAM)
      rawClose(gone)
      const [connecting, connected] = bench.start(Kind.connect, socket, { address: loopback(port) })
      await bench.until(() => connected.ends === 1)
      assert.equal(connecting.result, 0)
      const [, log] = bench.start(Kind.recvfrom, socket)
      bench.start(Kind.sendto, socket, { buffers: [Buffer.from('anybody?')] })
      await bench.until(() => log.results.length === 1)
      assert.deepEqual(log.results, [-111])
      const peer = rawSocket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)
      const as = loopback(port)
      assert.equal(rawBind(peer, as, as.length), 0)
      const to = loopback(own)
      assert.equal(rawSendto(peer, Buffer.from('yes'), 3, 0, to, to.length), 3)
      await bench.until(() => log.results.length === 2)
      assert.equal(log.bytes.toString(), 'yes')
      bench.close()
      assert.equal(log.last, ECANCELED)
      rawClose(socket)
      rawClose(peer)
    })

    test(title('a connect that nobody answers is cancelled'), async () => {
      const bench = new Bench(host)
      // A listener whose queue is full drops what comes.
      const [listener, port] = socketOf(SOCK_STREAM, 0)
      const [, first] = bench.start(Kind.connect, rawSocket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), {
        address: loopback(port),
      })
      await bench.until(() => first.ends === 1)
      const sockets = [1, 2, 3].map(() => rawSocket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
      const asked = sockets.map((fd) => bench.start(Kind.connect, fd, { address: loopback(port) }))
      await new Promise((resolve) => setTimeout(resolve, 100))
      const waiting = asked.filter(([operation]) => operation.inFlight)
      assert.ok(waiting.length > 0)
      for (const [operation] of waiting) bench.driver.cancel(operation)
      await bench.until(() => asked.every(([, { ends }]) => ends === 1), 900)
      for (const [, log] of waiting) assert.equal(log.last, ECANCELED)
      bench.close()
      for (const fd of [listener, ...sockets]) rawClose(fd)
    })

    test(title('a signal that came before the call began is repeated'), async () => {
      const { code, error } = await runChild('late', host, ['--import', dawdling])
      assert.equal(code, 0, error)
    })

    test(title('no announcement is slept through: 10,000 hops of one message'), async () => {
      const bench = new Bench(host)
      const [left, right] = pair()
      let hops = 0
      const pass = (to: number) => (operation: Operation) => {
        if (operation.chunk !== null && ++hops < 10_000) rawSend(to, operation.chunk, operation.result, 0)
      }
      bench.start(Kind.receive, left)[1].heard = pass(left)
      bench.start(Kind.receive, right)[1].heard = pass(right)
      rawSend(left, Buffer.from('hop'), 3, 0)
      await bench.until(() => hops === 10_000, 20_000)
      bench.close()
      rawClose(left)
      rawClose(right)
    })

    test(title('cancel races with data: none is lost, and there is one end'), async () => {
      const bench = new Bench(host)
      const [left, right] = pair()
      const received: Buffer[] = []
      let sent = 0
      const total = pattern(200 * 97)
      for (let round = 0; round < 200; round++) {
        const [operation, log] = bench.start(Kind.receive, left)
        if (round === 0) await bench.until(() => sleepers(/unix|skb/) > 0)
        const message = total.subarray(sent, sent + 97)
        if (round % 2 === 0) assert.equal(rawSend(right, message, 97, 0), 97)
        bench.driver.cancel(operation)
        if (round % 2 === 1) assert.equal(rawSend(right, message, 97, 0), 97)
        sent += 97
        await bench.until(() => log.ends === 1)
        assert.equal(log.last, ECANCELED)
        received.push(...log.chunks)
      }
      received.push(readNow(left))
      assert.deepEqual(Buffer.concat(received), total)
      bench.close()
      rawClose(left)
      rawClose(right)
    })

    test(title('without descriptors for a thread an operation waits for some; accepting ends'), async () => {
      const bench = new Bench(host)
      const pairs = Array.from({ length: 3 }, () => pair())
      const [listener, port] = socketOf(SOCK_STREAM, 8)
      const [, accepts] = bench.start(Kind.accept, listener)
      // Its thread has begun when it accepts.
      const peer = netConnect(port, '127.0.0.1')
      await bench.until(() => accepts.results.length === 1)
      rawClose(accepts.results[0]!)
      peer.destroy()
      const [, first] = bench.start(Kind.receive, pairs[0]![0])
      rawSend(pairs[0]![1], Buffer.from('first'), 5, 0)
      await bench.until(() => first.chunks.length === 1)
      const warnings: string[] = []
      const onWarning = (warning: Error) => void warnings.push((warning as { code?: string }).code!)
      process.on('warning', onWarning)
      const limit = getrlimit(RLIMIT_NOFILE)
      setrlimit(RLIMIT_NOFILE, { ...limit, soft: readdirSync('/proc/self/fd').length + 8 })
      try {
        const [called, off] = bench.start(Kind.receive, pairs[1]![0])
        const [, waits] = bench.start(Kind.receive, pairs[2]![0])
        // The one that accepts is told; its thread goes to the first in the queue.
        await bench.until(() => accepts.last === -24)
        assert.deepEqual([off.ends, waits.ends], [0, 0])
        rawSend(pairs[1]![1], Buffer.from('second'), 6, 0)
        await bench.until(() => off.chunks.length === 1)
        const [, refused] = bench.start(Kind.accept, listener)
        assert.deepEqual(refused.results, [-24])
        rawSend(pairs[2]![1], Buffer.from('third'), 5, 0)
        // A thread that is free again is the next one's.
        bench.driver.cancel(called)
        await bench.until(() => off.last === ECANCELED && waits.chunks.length === 1)
        // Called off while it waits, and closed while it waits.
        const [given, up] = bench.start(Kind.receive, pairs[1]![0])
        bench.driver.cancel(given)
        assert.deepEqual(up.results, [ECANCELED])
        const [, late] = bench.start(Kind.receive, pairs[1]![0])
        setrlimit(RLIMIT_NOFILE, limit)
        rawSend(pairs[1]![1], Buffer.from('fourth'), 6, 0)
        await bench.until(() => late.chunks.length === 1)
        assert.equal(
          Buffer.concat([...off.chunks, ...waits.chunks, ...late.chunks]).toString(),
          'secondthirdfourth',
        )
        setrlimit(RLIMIT_NOFILE, { ...limit, soft: readdirSync('/proc/self/fd').length + 8 })
        const [left, right] = pairs[0]!
        setsockoptInt(left, SOL_SOCKET, SO_SNDBUF, 4096)
        const [, sends] = bench.start(Kind.send, left, { buffers: [Buffer.alloc(1 << 20)] })
        const [, behind] = bench.start(Kind.send, left, { buffers: [Buffer.from('behind')] })
        assert.deepEqual([sends.ends, behind.ends], [0, 0])
        bench.close()
        assert.deepEqual([sends.last, behind.last], [ECANCELED, ECANCELED])
        assert.ok(rawSend(right, Buffer.from('x'), 1, 0) === 1)
        // Whoever accepts tells of the shortage, and nobody else.
        assert.deepEqual(warnings, [])
      } finally {
        setrlimit(RLIMIT_NOFILE, limit)
        process.off('warning', onWarning)
        bench.close()
      }
      for (const fd of [listener, ...pairs.flat()]) rawClose(fd)
    })

    test(title('at the bound an operation fails with EAGAIN, and it is said why'), async () => {
      const bench = new Bench(host, 3)
      const pairs = Array.from({ length: 4 }, () => pair())
      const started = pairs.map(([left]) => bench.start(Kind.receive, left))
      const [beyond, log] = started[3]!
      assert.deepEqual(log.results, [-11])
      assert.equal(bench.driver.explain(beyond), atTheBound(3))
      assert.match(atTheBound(3), /all 3 are taken: raise maxThreads/)
      // With a thread free again there is room.
      bench.driver.cancel(started[0]![0])
      await bench.until(() => started[0]![1].ends === 1)
      const [, again] = bench.start(Kind.receive, pairs[3]![0])
      rawSend(pairs[3]![1], Buffer.from('here'), 4, 0)
      await bench.until(() => again.chunks.length === 1)
      assert.equal(again.bytes.toString(), 'here')
      bench.close()
      for (const fd of pairs.flat()) rawClose(fd)
    })

    test(
      title('4 MiB through a slow reader, in order, with a second send behind; then cancelled'),
      async () => {
        const bench = new Bench(host)
        const [left, right] = pair()
        setsockoptInt(left, SOL_SOCKET, SO_SNDBUF, 32 * 1024)
        const data = pattern(4 << 20)
        const parts: Buffer[] = []
        // More buffers than one sendmsg takes, some of them empty.
        for (let at = 0; at < data.length; ) {
          const length = at < 600_000 ? (at * 7) % 300 : 1_000_003
          parts.push(data.subarray(at, at + length))
          at += Math.max(length, 1)
          if (length === 0) parts.push(data.subarray(at - 1, at))
        }
        assert.ok(parts.length > 2048)
        const [first, one] = bench.start(Kind.send, left, { buffers: parts })
        const [second, two] = bench.start(Kind.send, left, { buffers: [Buffer.from('the end')] })
        assert.ok(first.inFlight && second.inFlight)
        const got: Buffer[] = []
        let length = 0
        await bench.until(() => {
          const chunk = readNow(right, 50_000)
          length += chunk.length
          got.push(chunk)
          return two.ends === 1 && length === data.length + 7
        }, 30_000)
        assert.deepEqual([one.results, two.results], [[data.length], [7]])
        assert.deepEqual(Buffer.concat(got), Buffer.concat([data, Buffer.from('the end')]))

        const [stuck, log] = bench.start(Kind.send, left, { buffers: [data] })
        const [behind, behindLog] = bench.start(Kind.send, left, { buffers: [data] })
        const [last, lastLog] = bench.start(Kind.send, left, { buffers: [Buffer.from('!')] })
        await new Promise((resolve) => setTimeout(resolve, 20))
        bench.driver.cancel(behind)
        assert.deepEqual(behindLog.results, [ECANCELED])
        bench.driver.cancel(stuck)
        const rest: Buffer[] = []
        await bench.until(() => {
          rest.push(readNow(right))
          return log.ends === 1 && lastLog.ends === 1
        })
        rest.push(readNow(right))
        assert.equal(log.last, ECANCELED)
        assert.ok(stuck.sent > 0 && stuck.sent < data.length)
        assert.equal(last.result, 1)
        const bytes = Buffer.concat(rest)
        assert.equal(bytes.length, stuck.sent + 1)
        assert.deepEqual(bytes.subarray(0, stuck.sent), data.subarray(0, stuck.sent))
        bench.close()
        rawClose(left)
        rawClose(right)
      },
    )

    test(title('16 MiB received whole by a driver that is slower than the sender'), async () => {
      const bench = new Bench(host)
      const [left, right] = pair()
      const data = pattern(16 << 20)
      const [, log] = bench.start(Kind.receive, left)
      const [, sent] = bench.start(Kind.send, right, { buffers: [data] })
      await bench.until(() => log.chunks.length > 0)
      // Nobody takes anything: the thread may be two answers ahead and no more.
      pause(30)
      await bench.until(() => sent.ends === 1, 30_000)
      rawShutdown(right, SHUT_WR)
      await bench.until(() => log.ends === 1, 30_000)
      assert.equal(log.last, 0)
      assert.ok(log.bytes.equals(data))
      bench.close()
      rawClose(left)
      rawClose(right)
    })

    test(
      title('files: at a position, at the file’s own, the end, fsync, many at once, and refusals'),
      async () => {
        const bench = new Bench(host)
        const path = join(tmpdir(), `fivefold-blocking-${process.pid}-${host}`)
        const data = pattern(300_000)
        writeFileSync(path, data)
        const fd = openSync(path, 'r+')
        const into = Buffer.alloc(1000)
        const run = async (kind: Kind, more: Details) => {
          const [operation, log] = bench.start(kind, fd, more)
          await bench.until(() => log.ends === 1)
          return operation.result
        }
        assert.equal(await run(Kind.read, { buffers: [into], position: 299_500 }), 500)
        assert.deepEqual(into.subarray(0, 500), data.subarray(299_500))
        assert.equal(await run(Kind.read, { buffers: [into], position: 300_000 }), 0)
        assert.equal(await run(Kind.read, { buffers: [into] }), 1000)
        assert.equal(await run(Kind.read, { buffers: [into] }), 1000)
        assert.deepEqual(into, data.subarray(1000, 2000))
        assert.equal(await run(Kind.write, { buffers: [Buffer.from('written')], position: 5_000_000_000 }), 7)
        assert.equal(await run(Kind.fsync, {}), 0)
        assert.equal(await run(Kind.read, { buffers: [into], position: 5_000_000_002 }), 5)
        assert.equal(into.toString('latin1', 0, 5), 'itten')
        const many = Array.from({ length: 24 }, (_, index) => {
          const buffers = [Buffer.alloc(4096)]
          const [, log] = bench.start(Kind.read, fd, { buffers, position: index * 4096 })
          return { log, buffer: buffers[0]! }
        })
        await bench.until(() => many.every(({ log }) => log.ends === 1))
        many.forEach(({ log, buffer }, index) => {
          assert.equal(log.last, 4096)
          assert.ok(buffer.equals(data.subarray(index * 4096, (index + 1) * 4096)))
        })
        closeSync(fd)
        const [, bad] = bench.start(Kind.read, fd, { buffers: [into], position: 0 })
        await bench.until(() => bad.ends === 1)
        assert.equal(bad.last, -9)
        bench.close()
        rmSync(path)
      },
    )

    test(title('a socket that is O_NONBLOCK after all is waited for all the same'), async () => {
      const bench = new Bench(host)
      const [left, right] = pair(SOCK_STREAM | SOCK_NONBLOCK)
      const [receiving, received] = bench.start(Kind.receive, left)
      await bench.until(() => sleepers(/^(poll_schedule_timeout|do_sys_poll|do_poll)/) > 0)
      const data = pattern(3 << 20)
      const [, sent] = bench.start(Kind.send, right, { buffers: [data.subarray(0, 9), data.subarray(9)] })
      await bench.until(() => sent.ends === 1 && received.bytes.length === data.length)
      assert.ok(received.bytes.equals(data))
      await bench.until(() => sleepers(/^(poll_schedule_timeout|do_sys_poll|do_poll)/) > 0)
      bench.driver.cancel(receiving)
      await bench.until(() => received.ends === 1)
      assert.equal(received.last, ECANCELED)
      bench.close()
      rawClose(left)
      rawClose(right)
    })

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

    test(title('a handler may cancel, submit and close in the midst of a turn'), async () => {
      const bench = new Bench(host)
      const pairs = Array.from({ length: 6 }, () => pair())
      const logs = pairs.map(([left]) => bench.start(Kind.receive, left)[1])
      await bench.until(() => sleepers(/unix|skb/) >= 6)
      for (const log of logs) {
        log.heard = ({ more }) => {
          if (more) bench.close()
        }
      }
      for (const [, right] of pairs) rawSend(right, Buffer.from('x'), 1, MSG_NOSIGNAL)
      await bench.until(() => logs.every(({ ends }) => ends === 1))
      for (const log of logs) assert.equal(log.last, ECANCELED)
      for (const fd of pairs.flat()) rawClose(fd)
    })

    for (const way of ['natural', 'exit', 'throw', 'worker-exit', 'worker-terminate']) {
      test(title(`the process ends (${way}) with threads asleep`), async () => {
        const { code, ms, error } = await runChild(way, host)
        assert.equal(code, way === 'natural' ? 0 : way === 'throw' ? 1 : 7, error)
        if (way === 'throw') assert.match(error, /thrown on purpose/)
        assert.ok(ms < 2000, `${ms} ms after it wanted to end`)
      })
    }
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

async function listening(): Promise<Server> {
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
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
