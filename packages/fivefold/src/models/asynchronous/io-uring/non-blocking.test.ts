/** Sockets that somebody who shares them has made O_NONBLOCK: served, and waited for without a busy loop. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rawClose } from '../../../sys/descriptor.js'
import { setNonBlocking } from '../../../sys/fcntl.js'
import { Kind } from '../../operation.js'
import {
  acceptNow,
  connected,
  hosts,
  listener,
  pattern,
  receiveNow,
  sendNow,
  Turner,
  tcpPair,
} from './support.test.util.js'

/** Completions while nothing happens: a few at most. */
const CALM = 3

for (const host of hosts) {
  test(`${host}: a receive on an O_NONBLOCK socket waits, receives, and can be cancelled`, async () => {
    const turner = new Turner(host)
    const [ours, theirs] = tcpPair()
    setNonBlocking(ours, true)
    const asked = turner.ask(Kind.receive, ours)
    for (let round = 1; round <= 3; round++) {
      const before = turner.driver.ring.cqHead
      await turner.rest(20)
      assert.ok(turner.driver.ring.cqHead - before <= CALM, 'it does not ask again and again')
      sendNow(theirs, pattern(100, round))
      await turner.until(() => asked.bytes.length === 100 * round)
    }
    assert.ok(asked.bytes.equals(Buffer.concat([1, 2, 3].map((round) => pattern(100, round)))))
    turner.cancel(asked)
    await turner.until(() => asked.over)
    assert.equal(asked.last.result, -125)
    const again = turner.ask(Kind.receive, ours)
    rawClose(theirs)
    await turner.until(() => again.over)
    assert.equal(again.last.result, 0, 'the end is heard')
    rawClose(ours)
    turner.close()
  })

  test(`${host}: an accept on an O_NONBLOCK socket waits, accepts, and can be cancelled`, async () => {
    const turner = new Turner(host)
    const { fd, port } = listener()
    setNonBlocking(fd, true)
    const asked = turner.ask(Kind.accept, fd)
    const clients: number[] = []
    for (let round = 1; round <= 3; round++) {
      const before = turner.driver.ring.cqHead
      await turner.rest(20)
      assert.ok(turner.driver.ring.cqHead - before <= CALM, 'it does not ask again and again')
      clients.push(connected(port))
      await turner.until(() => asked.heard.length === round)
    }
    // Somebody else was faster: nothing comes of it.
    const before = turner.driver.ring.cqHead
    clients.push(connected(port))
    clients.push(acceptNow(fd))
    await turner.rest(20)
    assert.ok(turner.driver.ring.cqHead - before <= 2 * CALM)
    assert.equal(asked.heard.length, 3)
    turner.cancel(asked)
    await turner.until(() => asked.over)
    assert.equal(asked.last.result, -125)
    for (const one of [...clients, ...asked.heard.slice(0, 3).map(({ result }) => result), fd]) rawClose(one)
    turner.close()
  })

  test(`${host}: a send on an O_NONBLOCK socket waits for room and sends all`, async () => {
    const turner = new Turner(host)
    const [ours, theirs] = tcpPair()
    setNonBlocking(ours, true)
    const data = pattern(20_000_000)
    const asked = turner.ask(Kind.send, ours, { buffers: [data] })
    await turner.rest(20)
    const before = turner.driver.ring.cqHead
    await turner.rest(20)
    assert.ok(turner.driver.ring.cqHead - before <= CALM, 'it does not ask again and again')
    const got: Buffer[] = []
    let length = 0
    while (length < data.length) {
      const chunk = receiveNow(theirs) as Buffer | number
      if (typeof chunk !== 'number' && chunk.length > 0) {
        got.push(chunk)
        length += chunk.length
      } else await turner.rest(1)
    }
    await turner.until(() => asked.over)
    assert.equal(asked.last.result, data.length)
    assert.ok(Buffer.concat(got).equals(data))
    rawClose(ours)
    rawClose(theirs)
    turner.close()
  })
}
