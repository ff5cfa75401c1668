/** Streams and connected datagrams: both ways at once, whole, in order. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Address } from '../../../sys/address.js'
import { rawClose } from '../../../sys/descriptor.js'
import { isNonBlocking, O_CREAT, O_RDWR, setNonBlocking } from '../../../sys/fcntl.js'
import { AT_FDCWD, openat } from '../../../sys/file.js'
import {
  AF_INET,
  AF_UNIX,
  bind,
  connect,
  getsockname,
  listen,
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
} from '../../../sys/socket.js'
import { type Details, Kind } from '../../operation.js'
import { encoded, folder, on, pattern, threadsSleepIn } from './support.test.util.js'

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
  })
}
