/** Every kind of operation, over sockets and files: whole, in order, and no announcement slept through. */
import assert from 'node:assert/strict'
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, connect as netConnect, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { AF_INET } from '../../sys/address.js'
import { rawClose } from '../../sys/descriptor.js'
import {
  rawBind,
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
} from '../../sys/socket.js'
import { type Details, Kind, type Operation } from '../operation.js'
import { pause } from '../threads/thread.js'
import {
  Bench,
  ECANCELED,
  hosts,
  type Log,
  loopback,
  pair,
  pattern,
  readNow,
  sleepers,
  socketOf,
} from './support.test.util.js'

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
}

async function listening(): Promise<Server> {
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
