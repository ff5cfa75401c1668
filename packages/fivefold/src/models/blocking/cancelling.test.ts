/** Cancelling calls that sleep, and handlers that cancel. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AF_INET } from '../../sys/address.js'
import { rawClose } from '../../sys/descriptor.js'
import { MSG_NOSIGNAL, rawSend, rawSocket, SOCK_CLOEXEC, SOCK_STREAM } from '../../sys/socket.js'
import { Kind } from '../operation.js'
import {
  Bench,
  ECANCELED,
  hosts,
  loopback,
  pair,
  pattern,
  readNow,
  sleepers,
  socketOf,
} from './support.test.util.js'

for (const host of hosts) {
  const title = (text: string) => `blocking, ${host}: ${text}`

  test(title('a receive and an accept that sleep are cancelled, and their threads used again'), async () => {
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
}
