/** Cancelled: what has not begun ends at once, what has begun with what comes next. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { rawClose } from '../../../sys/descriptor.js'
import {
  AF_UNIX,
  rawShutdown,
  SHUT_RDWR,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  send,
  socketpair,
} from '../../../sys/socket.js'
import { Kind } from '../../operation.js'
import { on, pattern, Recorded, threadsSleepIn } from './support.test.util.js'

for (const host of ['embedded', 'dedicated'] as const) {
  describe(host, () => {
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
  })
}
