/** Every kind of operation, over real sockets and files, in both hosts. */
import assert from 'node:assert/strict'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { AF_INET, AF_UNIX } from '../../../sys/address.js'
import { rawClose } from '../../../sys/descriptor.js'
import { getpeername, rawSendto, rawShutdown, rawSocket, socketpair } from '../../../sys/socket.js'
import { Kind } from '../../operation.js'
import {
  acceptNow,
  connected,
  cooperative,
  datagramSocket,
  deferred,
  encoded,
  hosts,
  listener,
  localhost,
  pattern,
  receiveAll,
  receiveNow,
  sendNow,
  Turner,
  tcpPair,
} from './support.test.util.js'

const STREAM = 1 | 0o2000000

const folder = mkdtempSync(join(tmpdir(), 'fivefold-'))
after(() => rmSync(folder, { recursive: true }))

for (const host of hosts) {
  for (const tier of [deferred, cooperative]) {
    describe(`${host}, ${tier.setup}`, () => {
      const open = (sizes = {}) => new Turner(host, sizes, tier)

      test('accept repeats, and ends when it is cancelled', async () => {
        const turner = open()
        const server = listener()
        const accepting = turner.ask(Kind.accept, server.fd)
        const clients: number[] = []
        for (let round = 1; round <= 3; round++) {
          for (let index = 0; index < 20; index++) clients.push(connected(server.port))
          await turner.until(() => accepting.heard.length === round * 20)
        }
        const ports = new Set<number>()
        for (const { result, more } of accepting.heard) {
          assert.ok(result >= 0 && more)
          const peer = getpeername(result)
          assert.ok(peer.family === 'IPv4')
          ports.add(peer.port)
          rawClose(result)
        }
        assert.equal(ports.size, 60)
        turner.cancel(accepting)
        await turner.until(() => accepting.over)
        assert.equal(accepting.last.result, -125)
        for (const fd of [...clients, server.fd]) rawClose(fd)
        turner.close()
      })

      test('connect reaches, and is refused', async () => {
        const turner = open()
        const server = listener()
        const fd = rawSocket(AF_INET, STREAM, 0)
        const reached = turner.ask(Kind.connect, fd, { address: encoded(localhost(server.port)) })
        await turner.until(() => reached.over)
        assert.equal(reached.last.result, 0)
        rawClose(acceptNow(server.fd))
        rawClose(server.fd)
        const other = rawSocket(AF_INET, STREAM, 0)
        const refused = turner.ask(Kind.connect, other, { address: encoded(localhost(server.port)) })
        await turner.until(() => refused.over)
        assert.equal(refused.last.result, -111)
        rawClose(fd)
        rawClose(other)
        turner.close()
      })

      test('receive brings every byte in order, then the end', async () => {
        const turner = open()
        const [ours, theirs] = tcpPair()
        const receiving = turner.ask(Kind.receive, ours)
        const sent: Buffer[] = []
        let total = 0
        for (const length of [1, 2, 3, 64, 65, 1000, 7, 8191, 8192, 8193, 40000, 3, 65536, 5, 100000, 64]) {
          const data = pattern(length, length)
          sent.push(data)
          total += length
          sendNow(theirs, data)
          const want = total
          await turner.until(() => receiving.bytes.length === want, `${want} bytes`)
        }
        rawShutdown(theirs, 1)
        await turner.until(() => receiving.over)
        assert.equal(receiving.last.result, 0)
        assert.equal(receiving.last.chunk, null)
        assert.ok(receiving.bytes.equals(Buffer.concat(sent)))
        assert.ok(
          receiving.heard.slice(0, -1).every(({ more, result, chunk }) => more && result === chunk?.length),
        )
        rawClose(ours)
        rawClose(theirs)
        turner.close()
      })

      test('chunks stay what they are while much more is received', async () => {
        const turner = open()
        const [ours, theirs] = tcpPair()
        const receiving = turner.ask(Kind.receive, ours)
        let total = 0
        const sent: Buffer[] = []
        for (let round = 0; round < 300; round++) {
          const data = pattern(((round * 797) % 20000) + 1, round)
          sent.push(data)
          total += data.length
          sendNow(theirs, data)
          const want = total
          await turner.until(() => receiving.heard.reduce((sum, { result }) => sum + result, 0) === want)
        }
        assert.ok(receiving.bytes.equals(Buffer.concat(sent)))
        rawClose(theirs)
        await turner.until(() => receiving.over)
        rawClose(ours)
        turner.close()
      })

      test('send takes one buffer or many, of every size', async () => {
        const turner = open()
        const [ours, theirs] = tcpPair()
        const cases = [[0], [1], [16384], [16385], [100000], [1, 2, 3], [0, 5, 0], [16000, 384], [16000, 385]]
        cases.push(Array(400).fill(100), Array(130).fill(10))
        for (const lengths of cases) {
          const buffers = lengths.map((length, index) => pattern(length, index))
          const whole = Buffer.concat(buffers)
          const sending = turner.ask(Kind.send, ours, { buffers })
          const got: Buffer[] = []
          await turner.until(() => {
            const some = receiveNow(theirs)
            if (typeof some !== 'number') got.push(some)
            return sending.over
          }, `${lengths}`)
          const missing = whole.length - Buffer.concat(got).length
          if (missing > 0) got.push(receiveAll(theirs, missing))
          assert.equal(sending.last.result, whole.length)
          const all = Buffer.concat(got)
          assert.ok(all.equals(whole), `${lengths.length} buffers`)
        }
        rawClose(ours)
        rawClose(theirs)
        turner.close()
      })

      test('a small send has copied its buffer when submit returns', async () => {
        const turner = open()
        const [ours, theirs] = tcpPair()
        const data = pattern(5000)
        const sending = turner.ask(Kind.send, ours, { buffers: [data] })
        data.fill(0)
        await turner.until(() => sending.over)
        assert.ok(receiveAll(theirs, 5000).equals(pattern(5000)))
        rawClose(ours)
        rawClose(theirs)
        turner.close()
      })

      test('8 MiB each way through a slow reader', async () => {
        const turner = open()
        const [left, right] = tcpPair()
        const length = 8 << 20
        const one = pattern(length, 1)
        const other = pattern(length, 2)
        const there = turner.ask(Kind.send, left, { buffers: [one] })
        const back = turner.ask(Kind.send, right, { buffers: [other.subarray(0, 100), other.subarray(100)] })
        await turner.rest(30) // nobody reads: both fill up
        assert.equal(there.over || back.over, false)
        const atRight = turner.ask(Kind.receive, right)
        const atLeft = turner.ask(Kind.receive, left)
        await turner.until(() => there.over && back.over, 'both sends', 30_000)
        const sum = (heard: { result: number }[]) => heard.reduce((total, { result }) => total + result, 0)
        await turner.until(() => sum(atLeft.heard) === length && sum(atRight.heard) === length)
        assert.equal(there.last.result, length)
        assert.equal(back.last.result, length)
        assert.ok(atRight.bytes.equals(one))
        assert.ok(atLeft.bytes.equals(other))
        turner.close()
        rawClose(left)
        rawClose(right)
      })

      test('a send to a peer that is gone fails, and raises no signal', async () => {
        const turner = open()
        const [ours, theirs] = socketpair(AF_UNIX, STREAM)
        rawClose(theirs)
        const sending = turner.ask(Kind.send, ours, { buffers: [pattern(10)] })
        await turner.until(() => sending.over)
        assert.equal(sending.last.result, -32)
        rawClose(ours)
        turner.close()
      })

      test('datagrams arrive whole, with their sender, also empty ones', async () => {
        const turner = open()
        const server = datagramSocket()
        const clients = [datagramSocket(), datagramSocket()]
        const receiving = turner.ask(Kind.recvfrom, server.fd)
        const to = encoded(localhost(server.port))
        const lengths = [1, 0, 1400, 65507, 16384, 16385, 3]
        const expected: { from: number; data: Buffer }[] = []
        for (const length of lengths) {
          for (const client of clients) {
            const data = pattern(length, client.port)
            const sending = turner.ask(Kind.sendto, client.fd, { buffers: [data], address: to })
            await turner.until(() => sending.over)
            assert.equal(sending.last.result, length)
            expected.push({ from: client.port, data })
            await turner.until(() => receiving.heard.length === expected.length)
          }
        }
        receiving.heard.forEach(({ result, more, chunk, from, truncated }, index) => {
          const { data, from: port } = expected[index]!
          assert.ok(more && !truncated)
          assert.equal(result, data.length)
          assert.ok(chunk!.equals(data))
          assert.deepEqual(from, localhost(port))
        })
        turner.cancel(receiving)
        await turner.until(() => receiving.over)
        assert.equal(receiving.last.result, -125)
        for (const { fd } of [server, ...clients]) rawClose(fd)
        turner.close()
      })

      test('a datagram longer than the room arrives cut, and says so', async () => {
        const turner = open()
        const server = datagramSocket()
        const client = datagramSocket()
        const receiving = turner.ask(Kind.recvfrom, server.fd, { room: 100 })
        const to = encoded(localhost(server.port))
        for (const length of [100, 101, 2000]) {
          const data = pattern(length)
          assert.equal(rawSendto(client.fd, data, length, 0, to, to.length), length)
        }
        await turner.until(() => receiving.heard.length === 3)
        assert.deepEqual(
          receiving.heard.map(({ result, truncated }) => [result, truncated]),
          [
            [100, false],
            [100, true],
            [100, true],
          ],
        )
        for (const { chunk } of receiving.heard) assert.ok(chunk!.equals(pattern(100)))
        turner.close()
        rawClose(server.fd)
        rawClose(client.fd)
      })

      test('a connected datagram socket needs no address, and hears that nobody listens', async () => {
        const turner = open()
        const gone = datagramSocket()
        rawClose(gone.fd)
        const client = datagramSocket()
        const connecting = turner.ask(Kind.connect, client.fd, { address: encoded(localhost(gone.port)) })
        await turner.until(() => connecting.over)
        const receiving = turner.ask(Kind.recvfrom, client.fd)
        const sending = turner.ask(Kind.sendto, client.fd, { buffers: [pattern(10)] })
        await turner.until(() => sending.over && receiving.heard.length > 0)
        assert.equal(sending.last.result, 10)
        assert.deepEqual([receiving.last.result, receiving.last.more], [-111, true])
        turner.close()
        rawClose(client.fd)
      })

      test('Unix datagrams, named and nameless', async () => {
        const turner = open()
        const [ours, theirs] = socketpair(AF_UNIX, 2 | 0o2000000)
        const receiving = turner.ask(Kind.recvfrom, ours)
        const sending = turner.ask(Kind.sendto, theirs, { buffers: [pattern(70)] })
        await turner.until(() => sending.over && receiving.heard.length === 1)
        assert.deepEqual(receiving.last.from, { family: 'Unix', path: '' })
        assert.ok(receiving.last.chunk!.equals(pattern(70)))
        turner.close()
        rawClose(ours)
        rawClose(theirs)
      })

      test('files: read, write and fsync at a position, or at the file’s own', async () => {
        const turner = open()
        const path = join(folder, `${host}-${tier.setup}`)
        writeFileSync(path, pattern(100_000))
        const fd = openSync(path, 'r+')
        const room = Buffer.alloc(5000)
        const read = async (position: number) => {
          const reading = turner.ask(Kind.read, fd, { buffers: [room], position })
          await turner.until(() => reading.over)
          return reading.last.result
        }
        assert.equal(await read(70_000), 5000)
        assert.ok(room.equals(pattern(100_000).subarray(70_000, 75_000)))
        assert.equal(await read(-1), 5000)
        assert.equal(await read(-1), 5000)
        assert.ok(room.equals(pattern(100_000).subarray(5000, 10_000)))
        assert.equal(await read(99_000), 1000)
        assert.equal(await read(100_000), 0)
        assert.equal(await read(2 ** 40), 0)
        const writing = turner.ask(Kind.write, fd, { buffers: [Buffer.from('hello')], position: 2 ** 33 })
        await turner.until(() => writing.over)
        assert.equal(writing.last.result, 5)
        assert.equal(await read(2 ** 33), 5)
        assert.equal(room.toString('latin1', 0, 5), 'hello')
        const overwriting = turner.ask(Kind.write, fd, { buffers: [Buffer.from('abc')], position: 1 })
        const syncing = turner.ask(Kind.fsync, fd)
        await turner.until(() => overwriting.over && syncing.over)
        assert.equal(syncing.last.result, 0)
        const small = openSync(path, 'r')
        rawClose(small)
        rawClose(fd)
        turner.close()
      })

      test('many reads in flight', async () => {
        const turner = open()
        const path = join(folder, `many-${host}-${tier.setup}`)
        const contents = pattern(1 << 20)
        writeFileSync(path, contents)
        const fd = openSync(path, 'r')
        const reads = Array.from({ length: 300 }, (_, index) => {
          const position = (index * 7919 * 13) % (1 << 20)
          const buffer = Buffer.alloc(4096)
          return { position, buffer, asked: turner.ask(Kind.read, fd, { buffers: [buffer], position }) }
        })
        await turner.until(() => reads.every(({ asked }) => asked.over))
        for (const { position, buffer, asked } of reads) {
          const expected = contents.subarray(position, position + 4096)
          assert.equal(asked.last.result, expected.length)
          assert.ok(buffer.subarray(0, expected.length).equals(expected))
        }
        assert.ok(readFileSync(path).equals(contents))
        rawClose(fd)
        turner.close()
      })

      test('an errno of a bad descriptor is the answer', async () => {
        const turner = open()
        const kinds = [Kind.accept, Kind.receive, Kind.recvfrom, Kind.fsync]
        const asked = kinds.map((kind) => turner.ask(kind, 999_999))
        await turner.until(() => asked.every(({ over }) => over))
        for (const { last } of asked) assert.equal(last.result, -9)
        turner.close()
      })

      test('stamps say when each step was', async () => {
        const turner = open()
        const [ours, theirs] = tcpPair()
        const stamps = { called: 0, ready: 0, copied: 0, delivered: 0 }
        const receiving = turner.ask(Kind.receive, ours, { stamps })
        sendNow(theirs, pattern(10))
        await turner.until(() => receiving.heard.length === 1)
        assert.ok(stamps.called > 0 && stamps.ready >= stamps.called)
        assert.ok(stamps.copied === stamps.ready && stamps.delivered >= stamps.copied)
        turner.close()
        rawClose(ours)
        rawClose(theirs)
      })
    })
  }
}
