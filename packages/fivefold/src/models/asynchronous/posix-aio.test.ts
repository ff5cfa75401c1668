/** The driver itself, with nothing above it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { ADDRESS_BYTES, type Address, encodeAddress } from '../../sys/address.js'
import { rawClose } from '../../sys/descriptor.js'
import { isNonBlocking, O_APPEND, O_CREAT, O_RDWR, setNonBlocking } from '../../sys/fcntl.js'
import { AT_FDCWD, lseek, openat, SEEK_CUR, SEEK_SET } from '../../sys/file.js'
import { pipe2 } from '../../sys/pipe.js'
import { getpid, gettid } from '../../sys/process.js'
import { rawTgkill, SIGIO } from '../../sys/signal.js'
import {
  AF_INET,
  AF_UNIX,
  bind,
  connect,
  getsockname,
  listen,
  rawSend,
  rawShutdown,
  recv,
  SHUT_RDWR,
  SHUT_WR,
  SO_SNDBUF,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  send,
  setsockoptInt,
  socket,
  socketpair,
} from '../../sys/socket.js'
import { type Driver, type Host, ReadyList } from '../model.js'
import { type Details, FileOperation, Kind } from '../operation.js'
import { RtsigPoller } from '../signal-driven/rtsig.js'
import { posixAio } from './posix-aio.js'

const folder = fs.mkdtempSync(join(tmpdir(), 'fivefold-posix-aio-'))
after(() => fs.rmSync(folder, { recursive: true }))

/** What an operation was told. */
interface Told {
  result: number
  more: boolean
  chunk: Buffer | null
}

/** An operation that remembers what it was told. */
class Recorded extends FileOperation {
  readonly told: Told[]
  heard: ((told: Told) => void) | null = null

  constructor(kind: Kind, fd: number) {
    const told: Told[] = []
    super(kind, fd, {
      completed: (operation) => {
        assert.ok(told.length === 0 || told.at(-1)!.more, 'nothing comes after the last completion')
        const { result, more, chunk } = operation
        told.push({ result, more, chunk })
        this.heard?.(told.at(-1)!)
      },
    })
    this.told = told
  }

  get over(): boolean {
    return this.told.length > 0 && !this.told.at(-1)!.more
  }

  get bytes(): Buffer {
    return Buffer.concat(this.told.map(({ chunk }) => chunk ?? Buffer.alloc(0)))
  }

  get last(): number {
    return this.told.at(-1)!.result
  }

  get text(): string {
    return this.bytes.toString()
  }
}

const TIME = 10_000

class Bench {
  readonly driver: Driver
  readonly host: Host
  readonly #fds: number[] = []

  constructor(host: Host, maxThreads?: number) {
    this.host = host
    this.driver = posixAio.open(maxThreads === undefined ? { host } : { host, maxThreads })
    // As the engine does it: turns until one finds nothing.
    this.driver.onWork = () => {
      while (this.driver.turn(0) > 0);
    }
  }

  pair(type: number = SOCK_STREAM): readonly [number, number] {
    const [a, b] = socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0)
    this.#fds.push(a, b)
    return [a, b]
  }

  own(fd: number): number {
    this.#fds.push(fd)
    return fd
  }

  submit(kind: Kind, fd: number, change: Details = {}): Recorded {
    const operation = new Recorded(kind, fd)
    Object.assign(operation, change)
    this.driver.submit(operation)
    return operation
  }

  send(fd: number, ...data: (string | Uint8Array)[]): Recorded {
    return this.submit(Kind.send, fd, { buffers: data.map((each) => Buffer.from(each as Uint8Array)) })
  }

  async until(what: () => boolean, why = 'it did not happen in time'): Promise<void> {
    const until = performance.now() + TIME
    // What was submitted outside a turn is followed by one: so does the engine.
    this.driver.onWork!()
    while (!what()) {
      assert.ok(performance.now() < until, why)
      if (this.host === 'dedicated') this.driver.turn(20)
      await new Promise(setImmediate)
    }
  }

  async idle(ms: number): Promise<void> {
    const until = performance.now() + ms
    await this.until(() => performance.now() >= until)
  }

  /** @returns how long the closing took */
  end(): number {
    for (const fd of this.#fds) rawShutdown(fd, SHUT_RDWR)
    const before = performance.now()
    this.driver.close()
    const took = performance.now() - before
    for (const fd of this.#fds) rawClose(fd)
    return took
  }
}

async function on(host: Host, use: (bench: Bench) => Promise<void>, maxThreads?: number): Promise<void> {
  const before = openDescriptors()
  const bench = new Bench(host, maxThreads)
  let failure: unknown = null
  await use(bench).catch((error) => {
    failure = error
  })
  const took = bench.end()
  if (failure !== null) throw failure
  assert.ok(took < 200, `with its sockets shut down, closing does not wait (${took} ms)`)
  // A Worker's own go a moment later.
  const until = performance.now() + TIME
  while (openDescriptors() > before && performance.now() < until) await new Promise(setImmediate)
  assert.ok(openDescriptors() <= before, 'no descriptor is left open')
}

const openDescriptors = () => fs.readdirSync('/proc/self/fd').length

function encoded(address: Address): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_BYTES)
  return bytes.subarray(0, encodeAddress(address, bytes))
}

function pattern(bytes: number): Buffer {
  const data = Buffer.allocUnsafe(bytes)
  for (let at = 0; at + 4 <= bytes; at += 4) data.writeUInt32LE(Math.imul(at, 0x9e3779b1) >>> 0, at)
  return data
}

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
    test('data go both ways while a read waits', () =>
      on(host, async (bench) => {
        const [a, b] = bench.pair()
        const ours = bench.submit(Kind.receive, a)
        const theirs = bench.submit(Kind.receive, b)
        for (let round = 0; round < 20; round++) {
          const ping = bench.send(a, `ping ${round};`)
          const pong = bench.send(b, `pong `, `${round};`)
          await bench.until(() => ping.over && pong.over && theirs.text.endsWith(`ping ${round};`))
          await bench.until(() => ours.text.endsWith(`pong ${round};`))
          assert.equal(ping.last, `ping ${round};`.length)
          assert.equal(pong.last, `pong ${round};`.length)
        }
        assert.ok(!ours.over && !theirs.over)
        assert.equal(
          ours.told.every(({ result, chunk }) => result === chunk!.length),
          true,
        )
      }))

    test('the end is told once, after the data', () =>
      on(host, async (bench) => {
        const [a, b] = bench.pair()
        const receive = bench.submit(Kind.receive, a)
        const sent = bench.send(b, 'last words')
        await bench.until(() => sent.over)
        rawShutdown(b, SHUT_WR)
        await bench.until(() => receive.over)
        assert.equal(receive.text, 'last words')
        assert.equal(receive.last, 0)
        // The other direction lives.
        const back = bench.send(a, 'still here')
        await bench.until(() => back.over)
        assert.equal(recv(b, Buffer.alloc(100)), 10)
      }))

    test('4 MiB arrive whole at a slow reader, and sends keep their order', () =>
      on(host, async (bench) => {
        const [a, b] = bench.pair()
        const data = pattern(4 << 20)
        const first = bench.submit(Kind.send, a, {
          buffers: [data.subarray(0, 10), data.subarray(10, 40_000), data.subarray(40_000, 40_001)],
        })
        const second = bench.submit(Kind.send, a, { buffers: [data.subarray(40_001, 3 << 20)] })
        const many: Uint8Array[] = []
        for (let at = 3 << 20; at < data.length; at += 1000) many.push(data.subarray(at, at + 1000))
        const third = bench.submit(Kind.send, a, { buffers: many })
        await bench.idle(30)
        assert.ok(first.over && !second.over && !third.over, 'there is no room yet')
        const receive = bench.submit(Kind.receive, b)
        let got = 0
        receive.heard = ({ result }) => {
          got += result
        }
        await bench.until(() => got === data.length)
        await bench.until(() => third.over)
        assert.deepEqual([first.last, second.last, third.last], [40_001, (3 << 20) - 40_001, 1 << 20])
        assert.ok(receive.bytes.equals(data))
        assert.ok(
          receive.told.some(({ result }) => result > 32 * 1024),
          'much is read at once',
        )
      }))

    test('short writes are gone on with', () =>
      on(host, async (bench) => {
        const [a, b] = bench.pair()
        setsockoptInt(a, SOL_SOCKET, SO_SNDBUF, 4096)
        // O_NONBLOCK makes writes short, and reads fail: the driver undoes it.
        setNonBlocking(a, true)
        const data = pattern(1 << 20)
        const sent = bench.submit(Kind.send, a, { buffers: [data] })
        await bench.until(() => !isNonBlocking(a), 'it meets EAGAIN')
        const receive = bench.submit(Kind.receive, b)
        await bench.until(() => sent.over && receive.bytes.length === data.length)
        assert.equal(sent.last, data.length)
        assert.ok(receive.bytes.equals(data))
      }))

    test('a peer that has gone is an error of the send', () =>
      on(host, async (bench) => {
        const [a, b] = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)
        rawClose(b)
        const sent = bench.send(a, 'anyone?')
        const queued = bench.send(a, 'anyone at all?')
        await bench.until(() => sent.over && queued.over)
        assert.deepEqual([sent.last, queued.last], [-32, -32])
        rawClose(a)
      }))

    test('what waits in vain ends with -EBADF, -ENOTCONN', () =>
      on(host, async (bench) => {
        const receive = bench.submit(Kind.receive, 99999)
        const send = bench.send(99999, 'x')
        const read = bench.submit(Kind.read, 99999, { buffers: [Buffer.alloc(1)], position: 0 })
        const own = bench.submit(Kind.read, 99999, { buffers: [Buffer.alloc(1)] })
        const sync = bench.submit(Kind.fsync, 99999)
        const accept = bench.submit(Kind.accept, 99999)
        const all = [receive, send, read, own, sync, accept]
        await bench.until(() => all.every(({ over }) => over))
        assert.deepEqual(
          all.map(({ last }) => last),
          [-9, -9, -9, -9, -9, -9],
        )
        const lonely = bench.own(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC))
        const nobody = bench.submit(Kind.receive, lonely)
        await bench.until(() => nobody.over)
        assert.equal(nobody.last, -107)
      }))

    test('a cancelled read ends with what comes next, and is not begun again', () =>
      on(host, async (bench) => {
        const [a, b] = bench.pair()
        const receive = bench.submit(Kind.receive, a)
        await bench.until(() => threadsSleepIn(a))
        bench.driver.cancel(receive)
        bench.driver.cancel(receive)
        await bench.idle(20)
        assert.equal(receive.over, false, 'a thread sleeps in it')
        send(b, Buffer.from('late'))
        await bench.until(() => receive.over)
        assert.deepEqual(
          receive.told.map(({ result, more }) => [result, more]),
          [[4, false]],
        )
        assert.equal(receive.text, 'late')
        send(b, Buffer.from('later'))
        await bench.idle(10)
        const again = bench.submit(Kind.receive, a)
        await bench.until(() => again.told.length > 0)
        assert.equal(again.text, 'later')
        // shutdown(2) ends a read that is cancelled.
        bench.driver.cancel(again)
        rawShutdown(a, SHUT_RDWR)
        await bench.until(() => again.over)
        // Unless no thread had it yet.
        assert.ok(again.last === 0 || again.last === -125)
      }))

    test('cancelled within its own completion, a read ends there', () =>
      on(host, async (bench) => {
        const [a, b] = bench.pair()
        const receive = new Recorded(Kind.receive, a)
        receive.heard = () => bench.driver.cancel(receive)
        bench.driver.submit(receive)
        send(b, Buffer.from('once'))
        await bench.until(() => receive.over)
        assert.deepEqual(
          receive.told.map(({ result, more }) => [result, more]),
          [
            [4, true],
            [-125, false],
          ],
        )
        // And the same object can be submitted again.
        receive.told.length = 0
        receive.heard = null
        bench.driver.submit(receive)
        send(b, Buffer.from('twice'))
        await bench.until(() => receive.told.length > 0)
        assert.equal(receive.text, 'twice')
      }))

    test('sends that have not begun are cancelled at once, one that has is not', () =>
      on(host, async (bench) => {
        const [a, b] = bench.pair()
        const big = bench.submit(Kind.send, a, { buffers: [pattern(2 << 20)] })
        const queued = [bench.send(a, 'one'), bench.send(a, 'two'), bench.send(a, 'three')]
        await bench.idle(20)
        bench.driver.cancel(queued[1]!)
        assert.ok(queued[1]!.over)
        assert.equal(queued[1]!.last, -125)
        bench.driver.cancel(big)
        // What is begun may come whole, then the next.
        const receive = bench.submit(Kind.receive, b)
        await bench.until(() => queued[2]!.over && big.over && receive.text.endsWith('onethree'))
        assert.deepEqual([queued[0]!.last, queued[2]!.last], [3, 5])
        assert.ok(big.last === 2 << 20 || big.last === -125)
      }))

    test('handlers send, cancel and submit from within completions', () =>
      on(host, async (bench) => {
        const [a, b] = bench.pair()
        const echo = bench.submit(Kind.receive, b)
        const answers: Recorded[] = []
        echo.heard = ({ chunk }) => {
          if (chunk === null) return
          const answer = bench.send(b, chunk!, '!')
          answers.push(answer, bench.send(b, '?'))
          answer.heard = () => {
            const other = bench.send(b, 'no')
            bench.driver.cancel(other)
            assert.ok(other.over)
          }
        }
        const receive = bench.submit(Kind.receive, a)
        bench.send(a, 'a')
        await bench.until(() => receive.text === 'a!?')
        bench.send(a, 'b')
        await bench.until(() => receive.text === 'a!?b!?')
        await bench.until(() => answers.every(({ over }) => over))
      }))

    test('200 reads wait, and each gets its own', () =>
      on(host, async (bench) => {
        const pairs = Array.from({ length: 200 }, () => bench.pair())
        const receives = pairs.map(([a]) => bench.submit(Kind.receive, a))
        await bench.until(() => threadsSleepIn(...pairs.map(([a]) => a)))
        for (const [index, [, b]] of pairs.entries()) send(b, Buffer.from(`for ${index}`))
        await bench.until(() => receives.every(({ told }) => told.length > 0))
        for (const [index, receive] of receives.entries()) assert.equal(receive.text, `for ${index}`)
        // Writes find their way although all of them wait again.
        const sends = pairs.map(([a], index) => bench.send(a, `from ${index}`))
        await bench.until(() => sends.every(({ over }) => over))
        for (const [index, [, b]] of pairs.entries()) {
          const bytes = Buffer.alloc(100)
          assert.equal(bytes.subarray(0, recv(b, bytes)).toString(), `from ${index}`)
        }
      }))

    test('more than can wait are refused, not left to wait', () =>
      on(
        host,
        async (bench) => {
          const warnings: Error[] = []
          const warned = (warning: Error) => void warnings.push(warning)
          process.on('warning', warned)
          const pairs = Array.from({ length: 8 }, () => bench.pair())
          // The dedicated host's own request takes one.
          const most = host === 'dedicated' ? 7 : 8
          const receives = pairs.slice(0, most).map(([a]) => bench.submit(Kind.receive, a))
          const [c, d] = bench.pair()
          const refused = bench.submit(Kind.receive, c)
          assert.ok(refused.over)
          assert.equal(refused.last, -11)
          const unsent = bench.send(d, 'x')
          assert.equal(unsent.last, -11)
          await bench.until(() => warnings.length > 0)
          assert.equal((warnings[0] as NodeJS.ErrnoException).code, 'EAGAIN')
          assert.match(warnings[0]!.message, /choose epoll or io_uring/)
          // Files do not wait for a peer.
          const fd = bench.own(openat(AT_FDCWD, join(folder, `bound ${host}`), O_RDWR | O_CREAT))
          const write = bench.submit(Kind.write, fd, { buffers: [Buffer.from('file')], position: 0 })
          await bench.until(() => write.over)
          assert.equal(write.last, 4)
          // When one is over, there is room.
          rawShutdown(pairs[0]![0], SHUT_RDWR)
          await bench.until(() => receives[0]!.over)
          const served = bench.submit(Kind.receive, c)
          send(d, Buffer.from('room'))
          await bench.until(() => served.told.length > 0)
          assert.equal(served.text, 'room')
          process.off('warning', warned)
          assert.equal(warnings.length, 1)
        },
        8,
      ))

    test('connected datagrams keep their bounds, and an empty one is no end', () =>
      on(host, async (bench) => {
        const [a, b] = bench.pair(SOCK_DGRAM)
        const receive = bench.submit(Kind.receive, a)
        const big = pattern(60_000)
        const sends = [
          bench.send(b, 'one'),
          bench.send(b, ''),
          bench.send(b, big.subarray(0, 30_000), big.subarray(30_000)),
          bench.send(b, 'four'),
        ]
        await bench.until(() => receive.told.length === 4 && sends.every(({ over }) => over))
        assert.deepEqual(
          receive.told.map(({ result, more }) => [result, more]),
          [
            [3, true],
            [0, true],
            [60_000, true],
            [4, true],
          ],
        )
        assert.ok(receive.told[2]!.chunk!.equals(big))
        assert.equal(receive.told[1]!.chunk!.length, 0)
        assert.deepEqual(
          sends.map(({ last }) => last),
          [3, 0, 60_000, 4],
        )
        bench.driver.cancel(receive)
        rawShutdown(a, SHUT_RDWR)
        await bench.until(() => receive.over)
      }))

    test('a descriptor number that is used again is nobody’s but its new owner’s', () =>
      on(host, async (bench) => {
        let [a, b] = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)
        for (let round = 0; round < 30; round++) {
          const receive = bench.submit(Kind.receive, a)
          const sent = bench.send(a, `round ${round}`)
          if (round % 3 === 0) await bench.until(() => sent.over)
          bench.driver.cancel(receive)
          rawShutdown(a, SHUT_RDWR)
          await bench.until(() => receive.over && sent.over)
          const old = [a, b]
          rawClose(a)
          rawClose(b)
          ;[a, b] = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)
          assert.deepEqual([a, b], old, 'the numbers come again')
          const fresh = bench.submit(Kind.receive, a)
          send(b, Buffer.from(`new ${round}`))
          await bench.until(() => fresh.told.length > 0)
          assert.equal(fresh.text, `new ${round}`)
          bench.driver.cancel(fresh)
          rawShutdown(a, SHUT_RDWR)
          await bench.until(() => fresh.over)
        }
        rawClose(a)
        rawClose(b)
      }))

    test('files are read and written at offsets, and synced', () =>
      on(host, async (bench) => {
        const path = join(folder, `file ${host}`)
        const fd = bench.own(openat(AT_FDCWD, path, O_RDWR | O_CREAT))
        const far = 2 ** 32 + 4096
        const data = pattern(1 << 20)
        const writes = [
          bench.submit(Kind.write, fd, { buffers: [data], position: 0 }),
          bench.submit(Kind.write, fd, { buffers: [data.subarray(0, 100)], position: far }),
        ]
        const sync = bench.submit(Kind.fsync, fd)
        await bench.until(() => sync.over && writes.every(({ over }) => over))
        assert.deepEqual([...writes.map(({ last }) => last), sync.last], [1 << 20, 100, 0])
        const reads = Array.from({ length: 64 }, (_, index) =>
          bench.submit(Kind.read, fd, { buffers: [Buffer.alloc(4096)], position: index * 4096 }),
        )
        const farther = bench.submit(Kind.read, fd, { buffers: [Buffer.alloc(200)], position: far })
        const beyond = bench.submit(Kind.read, fd, { buffers: [Buffer.alloc(10)], position: 2 ** 40 })
        const nothing = bench.submit(Kind.read, fd, { buffers: [Buffer.alloc(0)], position: 0 })
        await bench.until(() => [...reads, farther, beyond, nothing].every(({ over }) => over))
        for (const [index, { last, buffers }] of reads.entries()) {
          assert.equal(last, 4096)
          assert.deepEqual(buffers[0], data.subarray(index * 4096, index * 4096 + 4096))
        }
        assert.deepEqual([farther.last, beyond.last, nothing.last], [100, 0, 0])
        assert.equal(fs.statSync(path).size, far + 100)
      }))

    test('a file’s own position moves on, one request after the other', () =>
      on(host, async (bench) => {
        const path = join(folder, `position ${host}`)
        const fd = bench.own(openat(AT_FDCWD, path, O_RDWR | O_CREAT))
        const writes = ['one ', 'two ', 'three'].map((words) =>
          bench.submit(Kind.write, fd, { buffers: [Buffer.from(words)] }),
        )
        await bench.until(() => writes.every(({ over }) => over))
        assert.equal(fs.readFileSync(path, 'latin1'), 'one two three')
        assert.equal(lseek(fd, 0, SEEK_CUR), 13)
        lseek(fd, 4, SEEK_SET)
        const reads = [4, 100].map((bytes) => bench.submit(Kind.read, fd, { buffers: [Buffer.alloc(bytes)] }))
        await bench.until(() => reads.every(({ over }) => over))
        assert.deepEqual(
          reads.map(({ last, buffers }) => buffers[0]!.subarray(0, last).toString()),
          ['two ', 'three'],
        )
        const appending = bench.own(openat(AT_FDCWD, path, O_RDWR | O_APPEND))
        const append = bench.submit(Kind.write, appending, { buffers: [Buffer.from(' four')] })
        await bench.until(() => append.over)
        assert.equal(lseek(appending, 0, SEEK_CUR), 18)
        // A pipe has none.
        const [reader, writer] = pipe2().map((end) => bench.own(end)) as [number, number]
        const waits = bench.submit(Kind.read, reader, { buffers: [Buffer.alloc(100)] })
        await bench.idle(10)
        assert.equal(waits.over, false)
        const piped = bench.submit(Kind.write, writer, { buffers: [Buffer.from('piped')] })
        await bench.until(() => waits.over && piped.over)
        assert.equal(waits.buffers[0]!.subarray(0, waits.last).toString(), 'piped')
      }))

    test('accept, connect, recvfrom and sendto are borrowed', () =>
      on(host, async (bench) => {
        const listener = bench.own(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC))
        bind(listener, { family: 'IPv4', address: '127.0.0.1', port: 0 } as Address)
        listen(listener)
        const address = encoded(getsockname(listener))
        const accept = bench.submit(Kind.accept, listener)
        const client = bench.own(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC))
        const connected = bench.submit(Kind.connect, client, { address })
        await bench.until(() => connected.over && accept.told.length === 1)
        assert.equal(connected.last, 0)
        const server = bench.own(accept.told[0]!.result)
        assert.equal(isNonBlocking(client), false, 'aio needs it to be blocking')
        assert.equal(isNonBlocking(server), false)
        const receive = bench.submit(Kind.receive, server)
        const sent = bench.send(client, 'over TCP')
        await bench.until(() => receive.text === 'over TCP' && sent.over)

        const udp = [0, 1].map(() => bench.own(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC)))
        for (const fd of udp) bind(fd, { family: 'IPv4', address: '127.0.0.1', port: 0 } as Address)
        const from = bench.submit(Kind.recvfrom, udp[0]!, { room: 10 })
        let sender: Address | null = null
        let truncated = false
        from.heard = () => {
          ;({ from: sender = null, truncated = false } = from as Details)
        }
        const to = encoded(getsockname(udp[0]!))
        const datagram = bench.submit(Kind.sendto, udp[1]!, {
          buffers: [Buffer.from('a long datagram')],
          address: to,
        })
        await bench.until(() => from.told.length === 1 && datagram.over)
        assert.equal(from.text, 'a long dat')
        assert.equal(truncated, true)
        assert.deepEqual(sender, getsockname(udp[1]!))
        bench.driver.cancel(from)
        bench.driver.cancel(accept)
        await bench.until(() => from.over && accept.over)
        assert.deepEqual([from.last, accept.last], [-125, -125])
        // A later connection is nobody's.
        connect(bench.own(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC)), getsockname(listener))
        await bench.idle(10)

        const refusing = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC)
        bind(refusing, { family: 'IPv4', address: '127.0.0.1', port: 0 } as Address)
        const closed = encoded(getsockname(refusing))
        rawClose(refusing)
        const vain = bench.own(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC))
        const refused = bench.submit(Kind.connect, vain, { address: closed })
        await bench.until(() => refused.over)
        assert.equal(refused.last, -111)
        assert.equal(isNonBlocking(vain), false)
      }))

    test('stamps are in order', () =>
      on(host, async (bench) => {
        const [a, b] = bench.pair()
        const stamps = { called: 0, ready: 0, copied: 0, delivered: 0 }
        const receive = bench.submit(Kind.receive, a, { stamps })
        send(b, Buffer.from('x'))
        await bench.until(() => receive.told.length > 0)
        const { called, ready, copied, delivered } = stamps
        assert.ok(called > 0 && called <= ready && ready === copied && copied <= delivered)
      }))

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
    const { posixAio } = await import(${JSON.stringify(new URL('./posix-aio.js', import.meta.url).href)})
    const { Operation, Kind } = await import(${JSON.stringify(new URL('../operation.js', import.meta.url).href)})
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
    import { posixAio } from ${JSON.stringify(new URL('./posix-aio.js', import.meta.url).href)}
    import { Operation, Kind } from ${JSON.stringify(new URL('../operation.js', import.meta.url).href)}
    import { listen, socket, socketpair } from ${JSON.stringify(new URL('../../sys/socket.js', import.meta.url).href)}
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

/** Whether threads of this process sleep in reading or writing each of these descriptors. */
function threadsSleepIn(...fds: number[]): boolean {
  const calls = process.arch === 'x64' ? ['0', '1'] : ['63', '64']
  const slept = new Set<number>()
  for (const task of fs.readdirSync('/proc/self/task')) {
    try {
      const [call, fd] = fs.readFileSync(`/proc/self/task/${task}/syscall`, 'latin1').split(' ')
      if (calls.includes(call!)) slept.add(Number(fd))
    } catch {
      // It has ended meanwhile.
    }
  }
  return fds.every((fd) => slept.has(fd))
}

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
