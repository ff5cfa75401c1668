/** Where rings run full, run dry, and where cancellation meets completion. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, test } from 'node:test'
import { AF_UNIX } from '../../../sys/address.js'
import { rawClose } from '../../../sys/descriptor.js'
import {
  rawBind,
  rawConnect,
  rawListen,
  rawSocket,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
  socketpair,
} from '../../../sys/socket.js'
import { release } from '../../lender.js'
import { Kind } from '../../operation.js'
import {
  type Asked,
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
  receiveNow,
  sendNow,
  Turner,
  tcpPair,
} from './support.test.util.js'

const pair = () => socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC)
const descriptors = () => readdirSync('/proc/self/fd').length
const received = (asked: Asked) => asked.heard.reduce((sum, { result }) => sum + Math.max(result, 0), 0)

for (const host of hosts) {
  for (const tier of [deferred, cooperative]) {
    describe(`${host}, ${tier.setup}`, () => {
      const open = (sizes = {}) => new Turner(host, sizes, tier)

      for (const incremental of [true, false]) {
        test(`512 sockets with data at once on two buffers lose nothing (incremental: ${incremental})`, async () => {
          const turner = open({ receive: { incremental, bytes: 1024, first: 2, most: 2 } })
          const pairs = Array.from({ length: 512 }, pair)
          const asked = pairs.map(([fd]) => turner.ask(Kind.receive, fd))
          await turner.rest(5)
          const before = turner.driver.ring.cqHead
          pairs.forEach(([, fd], index) => {
            sendNow(fd, pattern(3000, index))
          })
          await turner.until(() => asked.every((one) => received(one) === 3000))
          asked.forEach((one, index) => {
            assert.ok(one.bytes.equals(pattern(3000, index)))
          })
          // Each kilobyte at least one completion; each found the ring dry some times, but not a storm of times.
          const completions = turner.driver.ring.cqHead - before
          assert.ok(completions >= 512 * 3 && completions < 512 * 3 * 4, `${completions} completions`)
          turner.close()
          for (const fd of pairs.flat()) rawClose(fd)
        })
      }

      test('a block is used again when all its large parts came back, and not before', async () => {
        const turner = open({ receive: { incremental: true, bytes: 65536, first: 1, most: 1 } })
        const [ours, theirs] = pair()
        const receiving = turner.ask(Kind.receive, ours)
        const part = async (seed: number) => {
          const seen = received(receiving)
          sendNow(theirs, pattern(16384, seed))
          await turner.until(() => received(receiving) === seen + 16384)
          return receiving.last.chunk!
        }
        const chunks: Buffer[] = []
        for (let seed = 0; seed < 4; seed++) chunks.push(await part(seed))
        const [first] = chunks
        assert.ok(chunks.every((chunk) => chunk.buffer === first!.buffer))
        release(Buffer.from('not ours'))
        for (let index = 0; index < 3; index++) release(chunks[index]!)
        // One part is still out: its bytes stay, however much is received.
        const kept = chunks[3]!
        for (let seed = 4; seed < 16; seed++) assert.notEqual((await part(seed)).buffer, kept.buffer)
        assert.ok(kept.equals(pattern(16384, 3)))
        release(kept)
        for (let seed = 16; seed < 20; seed++) await part(seed)
        const again = await part(20)
        assert.equal(again.buffer, kept.buffer)
        assert.ok(again.equals(pattern(16384, 20)))
        turner.close()
        rawClose(ours)
        rawClose(theirs)
      })

      test('the ring of buffers grows when it runs dry', async () => {
        const turner = open({ receive: { incremental: false, bytes: 1024, first: 2, most: 256 } })
        const pairs = Array.from({ length: 200 }, pair)
        const asked = pairs.map(([fd]) => turner.ask(Kind.receive, fd))
        await turner.rest(5)
        for (let round = 1; round <= 3; round++) {
          pairs.forEach(([, fd]) => {
            sendNow(fd, pattern(1000))
          })
          await turner.until(() => asked.every((one) => received(one) === 1000 * round))
        }
        const before = turner.driver.ring.cqHead
        pairs.forEach(([, fd]) => {
          sendNow(fd, pattern(1000))
        })
        await turner.until(() => asked.every((one) => received(one) === 4000))
        assert.equal(turner.driver.ring.cqHead - before, 200, 'no receive found it dry any more')
        turner.close()
        for (const fd of pairs.flat()) rawClose(fd)
      })

      test('datagrams on two buffers', async () => {
        const turner = open({ datagrams: 2 })
        const servers = Array.from({ length: 50 }, datagramSocket)
        const client = datagramSocket()
        const asked = servers.map(({ fd }) => turner.ask(Kind.recvfrom, fd))
        for (const { port } of servers) {
          for (let index = 0; index < 20; index++) {
            turner.ask(Kind.sendto, client.fd, {
              buffers: [pattern(index + 1, port)],
              address: encoded(localhost(port)),
            })
          }
        }
        await turner.until(() => asked.every((one) => one.heard.length === 20))
        asked.forEach((one, at) => {
          one.heard.forEach(({ chunk }, index) => {
            assert.ok(chunk!.equals(pattern(index + 1, servers[at]!.port)))
          })
        })
        turner.close()
        for (const { fd } of [...servers, client]) rawClose(fd)
      })

      test('a completion ring of 16 overflows and loses nothing', async () => {
        const turner = open({ entries: 8, completions: 16 })
        const pairs = Array.from({ length: 300 }, pair)
        const asked = pairs.map(([fd]) => turner.ask(Kind.receive, fd))
        await turner.rest(5)
        let overflowed = false
        for (const one of asked) one.whenHeard = () => (overflowed ||= turner.driver.ring.wantsEnter())
        for (let round = 1; round <= 5; round++) {
          pairs.forEach(([, fd], index) => {
            sendNow(fd, pattern(100, index))
          })
          await turner.until(() => asked.every((one) => received(one) === 100 * round))
        }
        assert.ok(overflowed, 'the ring never overflowed: this test tests nothing')
        asked.forEach((one, index) => {
          assert.ok(one.bytes.subarray(400).equals(pattern(100, index)))
        })
        assert.equal(turner.driver.ring.lost, 0)
        turner.close()
        for (const fd of pairs.flat()) rawClose(fd)
      })

      test('a submission ring of 4 takes 400 operations at once, from outside and from a handler', async () => {
        const turner = open({ entries: 4, completions: 8 })
        const pairs = Array.from({ length: 100 }, pair)
        const asked = pairs.map(([fd]) => turner.ask(Kind.receive, fd))
        const sends = pairs.map(([, fd]) => turner.ask(Kind.send, fd, { buffers: [pattern(100)] }))
        await turner.until(
          () => sends.every(({ over }) => over) && asked.every((one) => received(one) === 100),
        )
        const more: Asked[] = []
        sends[0]!.whenHeard = () => {
          for (const [, fd] of pairs) more.push(turner.ask(Kind.send, fd, { buffers: [pattern(50, 3)] }))
          for (const one of asked) turner.cancel(one)
        }
        turner.submit(sends[0]!)
        await turner.until(
          () => more.length === 100 && more.every(({ over }) => over) && asked.every(({ over }) => over),
        )
        for (const { last } of more) assert.equal(last.result, 50)
        for (const { last } of asked) assert.equal(last.result, -125)
        turner.close()
        for (const fd of pairs.flat()) rawClose(fd)
      })

      test('a connection accepted while its accept is cancelled is delivered, not dropped', async () => {
        const turner = open()
        const before = descriptors()
        for (let round = 0; round < 60; round++) {
          const server = listener()
          const accepting = turner.ask(Kind.accept, server.fd)
          if (round % 3 !== 0) await turner.rest(1)
          const clients = [connected(server.port), connected(server.port)]
          turner.cancel(accepting)
          if (round % 3 === 2) clients.push(connected(server.port))
          await turner.until(() => accepting.over)
          assert.equal(accepting.last.result, -125)
          const taken = accepting.heard.slice(0, -1).map(({ result }) => result)
          for (const fd of taken) rawClose(fd)
          for (let left = clients.length - taken.length; left > 0; left--) rawClose(acceptNow(server.fd))
          for (const fd of [...clients, server.fd]) rawClose(fd)
        }
        assert.equal(descriptors(), before)
        turner.close()
      })

      test('bytes received while their receive is cancelled are delivered, or still in the socket', async () => {
        const turner = open()
        for (let round = 0; round < 60; round++) {
          const [ours, theirs] = round % 2 === 0 ? pair() : tcpPair()
          const receiving = turner.ask(Kind.receive, ours)
          if (round % 3 !== 0) await turner.rest(1)
          sendNow(theirs, pattern(500))
          turner.cancel(receiving)
          turner.cancel(receiving)
          sendNow(theirs, pattern(500, 9))
          await turner.until(() => receiving.over)
          assert.equal(receiving.last.result, -125)
          assert.equal(receiving.heard.filter(({ more }) => !more).length, 1)
          const rest = receiveNow(ours)
          const all = Buffer.concat([receiving.bytes, typeof rest === 'number' ? Buffer.alloc(0) : rest])
          assert.ok(all.equals(Buffer.concat([pattern(500), pattern(500, 9)])))
          rawClose(ours)
          rawClose(theirs)
        }
        turner.close()
      })

      test('a handler may cancel, submit again, and submit others', async () => {
        const turner = open()
        const [ours, theirs] = pair()
        const receiving = turner.ask(Kind.receive, ours)
        const echo = turner.ask(Kind.send, ours, { buffers: [pattern(0)] })
        let restarts = 0
        receiving.whenHeard = (operation) => {
          if (operation.more) turner.cancel(receiving)
          else if (restarts++ < 20) {
            turner.submit(receiving)
            echo.operation.buffers = [pattern(10)]
            if (!echo.operation.inFlight) turner.submit(echo)
            sendNow(theirs, pattern(5))
          }
        }
        sendNow(theirs, pattern(5))
        await turner.until(() => restarts === 21)
        assert.equal(receiving.heard.filter(({ more }) => !more).length, 21)
        turner.close()
        rawClose(ours)
        rawClose(theirs)
      })

      test('a cancelled send tells how much went out', async () => {
        const turner = open()
        for (const buffers of [[pattern(4 << 20)], [pattern(1 << 20), pattern(3 << 20)]]) {
          const [ours, theirs] = tcpPair()
          const sending = turner.ask(Kind.send, ours, { buffers })
          await turner.rest(20)
          assert.equal(sending.over, false)
          turner.cancel(sending)
          await turner.until(() => sending.over)
          assert.equal(sending.last.result, -125)
          const { sent } = sending.operation
          rawClose(ours)
          let got = 0
          for (let part = receiveNow(theirs); ; part = receiveNow(theirs)) {
            if (typeof part === 'number') await new Promise((resolve) => setTimeout(resolve, 1))
            else if (part.length === 0) break
            else {
              const whole = Buffer.concat(buffers)
              assert.ok(part.equals(whole.subarray(got, got + part.length)))
              got += part.length
            }
          }
          assert.equal(got, sent)
          rawClose(theirs)
        }
        turner.close()
      })

      test('Unix datagrams to a full peer wait in order, and can be cancelled', async () => {
        const turner = open()
        const peer = rawSocket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
        const address = encoded({ family: 'Unix', path: `\0fivefold-${process.pid}-${host}-${tier.setup}` })
        assert.equal(rawBind(peer, address, address.length), 0)
        const ours = rawSocket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
        const send = (index: number) =>
          turner.ask(Kind.sendto, ours, { buffers: [pattern(20, index)], address })
        for (const rest of [0, 20]) {
          const sends = Array.from({ length: 60 }, (_, index) => send(index))
          if (rest > 0) await turner.rest(rest)
          for (const [index, one] of sends.entries()) if (index >= 40) turner.cancel(one)
          let got = 0
          const read = () => {
            for (let data = receiveNow(peer); typeof data !== 'number'; data = receiveNow(peer)) {
              assert.ok(data.equals(pattern(20, got++)), `datagram ${got - 1}`)
            }
          }
          await turner.until(() => {
            read()
            turner.nudge()
            return sends.every(({ over }) => over)
          })
          read()
          assert.ok(got >= 40 && sends.slice(0, 40).every(({ last }) => last.result === 20))
          assert.equal(sends.filter(({ last }) => last.result === 20).length, got)
        }
        // Nobody reads any more.
        const sends = Array.from({ length: 60 }, (_, index) => send(index))
        for (const one of sends) turner.cancel(one)
        await turner.until(() => sends.every(({ over }) => over))
        const late = Array.from({ length: 60 }, (_, index) => send(index))
        await turner.rest(20)
        // One that waits behind a full batch ends at once, though nothing moves.
        const behind = [send(1), send(2), send(3)]
        turner.cancel(behind[1]!)
        await turner.until(() => behind[1]!.over)
        assert.equal(behind[1]!.last.result, -125)
        late.push(behind[0]!, behind[2]!)
        for (const one of late) turner.cancel(one)
        await turner.until(() => late.every(({ over }) => over))
        turner.close()
        rawClose(peer)
        rawClose(ours)
      })

      test('a datagram submitted by a handler does not overtake those that wait', async () => {
        const turner = open()
        const [ours, theirs] = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC)
        let next = 0
        const sends: Asked[] = []
        const send = () => {
          const one = turner.ask(Kind.sendto, ours, { buffers: [pattern(8, next++)] })
          sends.push(one)
          return one
        }
        const more = () => {
          if (next < 150) send().whenHeard = more
        }
        for (let round = 0; round < 3; round++) more()
        turner.driver.turn(0)
        for (let round = 0; round < 20; round++) more()
        let got = 0
        await turner.until(() => {
          for (let data = receiveNow(theirs); typeof data !== 'number'; data = receiveNow(theirs)) {
            assert.ok(data.equals(pattern(8, got++)), `datagram ${got - 1}`)
          }
          turner.nudge()
          return got === 150
        })
        // Nobody reads any more: what is cancelled behind the one that waits for room ends at once.
        const stuck = Array.from({ length: 200 }, () =>
          turner.ask(Kind.sendto, ours, { buffers: [pattern(8000)] }),
        )
        await turner.rest(10)
        turner.cancel(stuck[198]!)
        await turner.until(() => stuck[198]!.over, 'the end of the cancelled one', 2000)
        assert.equal(stuck[197]!.over || stuck[199]!.over, false)
        turner.close()
        rawClose(ours)
        rawClose(theirs)
      })

      test('a late cancel does not reach the slot’s next operation', async () => {
        const turner = open()
        const quiet = pair()
        for (let round = 0; round < 20; round++) {
          const [ours, theirs] = pair()
          const [ended, gone] = pair()
          sendNow(theirs, pattern(1))
          rawClose(gone)
          // Both are complete when they are submitted, in this order.
          const first = turner.ask(Kind.receive, ours)
          const second = turner.ask(Kind.receive, ended)
          let third: Asked | null = null
          first.whenHeard = () => turner.cancel(second)
          second.whenHeard = () => {
            third = turner.ask(Kind.receive, quiet[0])
          }
          await turner.until(() => third !== null)
          await turner.rest(2)
          assert.equal(second.last.result, 0)
          assert.equal(third!.operation.slot, second.operation.slot)
          assert.equal(third!.heard.length, 0)
          first.whenHeard = null
          turner.cancel(first)
          turner.cancel(third!)
          await turner.until(() => first.over && third!.over)
          for (const fd of [ours, theirs, ended]) rawClose(fd)
        }
        turner.close()
        for (const fd of quiet) rawClose(fd)
      })

      test('a connect that waits for a full backlog is cancelled, at whatever step it is', async () => {
        const turner = open()
        const server = rawSocket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)
        const address = encoded({ family: 'Unix', path: `\0fivefold-${process.pid}-${host}-${tier.setup}-c` })
        assert.equal(rawBind(server, address, address.length), 0)
        assert.equal(rawListen(server, 0), 0)
        const socket = () => rawSocket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)
        const first = socket()
        assert.equal(rawConnect(first, address, address.length), 0)
        for (let round = 0; round < 8; round++) {
          const fds = [socket(), socket()]
          const connects = fds.map((fd) => turner.ask(Kind.connect, fd, { address }))
          for (let turns = 0; turns < round % 4; turns++) turner.driver.turn(0)
          if (round >= 6) await turner.rest(10)
          for (const one of connects) turner.cancel(one)
          await turner.until(() => connects.every(({ over }) => over), 'the end of both', 3000)
          for (const { last } of connects) assert.equal(last.result, -125)
          for (const fd of fds) rawClose(fd)
        }
        turner.close()
        rawClose(first)
        rawClose(server)
      })

      test('what is cancelled before its first turn ends as well', async () => {
        const turner = open()
        const [ours, theirs] = pair()
        const server = listener()
        const asked = [
          turner.ask(Kind.receive, ours),
          turner.ask(Kind.accept, server.fd),
          turner.ask(Kind.recvfrom, datagramSocket().fd),
        ]
        for (const one of asked) turner.cancel(one)
        await turner.until(() => asked.every(({ over }) => over))
        for (const one of asked) {
          assert.equal(one.heard.length, 1)
          assert.equal(one.last.result, -125)
          rawClose(one.operation.fd)
        }
        rawClose(theirs)
        turner.close()
      })

      test('a receive that waits for a buffer can be cancelled', async () => {
        const turner = open({ receive: { incremental: false, bytes: 64, first: 1, most: 1 } })
        const pairs = Array.from({ length: 20 }, pair)
        const asked = pairs.map(([fd]) => turner.ask(Kind.receive, fd))
        await turner.rest(2)
        for (const [, fd] of pairs) sendNow(fd, pattern(5000))
        for (const one of asked) {
          one.whenHeard = () => {
            for (const other of asked) turner.cancel(other)
          }
        }
        await turner.until(() => asked.every(({ over }) => over))
        for (const [index, one] of asked.entries()) {
          assert.equal(one.last.result, -125)
          const rest = receiveNow(pairs[index]![0])
          assert.ok(Buffer.concat([one.bytes, rest as Buffer]).equals(pattern(5000)))
        }
        turner.close()
        for (const fd of pairs.flat()) rawClose(fd)
      })

      test('slots and descriptor numbers are used again without mixing owners up', async () => {
        const turner = open()
        const before = descriptors()
        for (let round = 0; round < 200; round++) {
          const [ours, theirs] = pair()
          const receiving = turner.ask(Kind.receive, ours)
          sendNow(theirs, pattern(20, round))
          if (round % 2 === 0) await turner.until(() => receiving.heard.length === 1)
          turner.cancel(receiving)
          // Another operation, on the peer, before the first is over.
          const sending = turner.ask(Kind.send, theirs, { buffers: [pattern(3)] })
          await turner.until(() => receiving.over && sending.over)
          assert.equal(sending.heard.length, 1)
          assert.equal(sending.last.result, 3)
          assert.equal(receiving.last.result, -125)
          for (const { chunk } of receiving.heard.slice(0, -1)) {
            assert.ok(Buffer.concat([pattern(20, round), pattern(3)]).includes(chunk!))
          }
          rawClose(ours)
          rawClose(theirs)
        }
        assert.equal(descriptors(), before)
        turner.close()
      })
    })
  }
}
