/** Many datagrams in one call: what a handler does between two of them, and what is not small. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AF_INET, AF_UNIX } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import {
  bind,
  connect,
  getsockname,
  rawSend,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  socket,
  socketpair,
} from '../sys/socket.js'
import { SLOTS } from './message-slots.js'
import { EpollPoller } from './multiplexing/epoll.js'
import { type Completion, DatagramOperation, Kind, type Operation } from './operation.js'
import { ReadinessDriver } from './readiness.js'

interface Heard {
  result: number
  more: boolean
  bytes: Buffer | null
  truncated: boolean
}

/** A driver, and one end of a pair of datagram sockets that it receives from. */
function receiving(room = 65535) {
  const driver = new ReadinessDriver(new EpollPoller())
  const [fd, peer] = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  const heard: Heard[] = []
  let then = (_operation: Operation) => {}
  const owner: Completion = {
    completed(operation) {
      const { result, more, chunk } = operation
      heard.push({ result, more, bytes: chunk, truncated: (operation as DatagramOperation).truncated })
      then(operation)
    },
  }
  const operation = new DatagramOperation(Kind.recvfrom, fd, owner)
  operation.room = room
  driver.submit(operation)
  return {
    driver,
    operation,
    heard,
    send(...datagrams: Uint8Array[]) {
      for (const datagram of datagrams) {
        assert.equal(rawSend(peer, datagram, datagram.length, 0), datagram.length)
      }
    },
    whenHeard(work: (operation: Operation) => void) {
      then = work
    },
    close() {
      driver.close()
      rawClose(fd)
      rawClose(peer)
    },
  }
}

const numbered = (count: number, bytes = 8) =>
  Array.from({ length: count }, (_, index) => Buffer.alloc(bytes, index + 1))

test('many come in one turn, in order, each with memory of its own', () => {
  const { driver, heard, send, close } = receiving()
  const sent = numbered(10)
  send(...sent)
  driver.turn(0)
  const first = heard.map(({ bytes }) => bytes!)
  // What the slots hold now is not what was handed out.
  send(...numbered(10).reverse())
  driver.turn(0)
  assert.deepEqual(first, sent)
  assert.deepEqual(
    heard.slice(10).map(({ bytes }) => bytes![0]),
    [10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
  )
  close()
})

test('cancelled in the midst of those that one call brought, it ends after the last of them', () => {
  const { driver, operation, heard, send, whenHeard, close } = receiving()
  send(...numbered(5))
  whenHeard(() => {
    if (heard.length === 2) driver.cancel(operation)
    assert.equal(operation.inFlight, heard.length < 6)
  })
  driver.turn(0)
  assert.deepEqual(
    heard.map(({ result }) => result),
    [8, 8, 8, 8, 8, -125],
  )
  assert.equal(heard.at(-1)!.more, false)
  // And can be asked anew.
  whenHeard(() => {})
  driver.submit(operation)
  send(Buffer.from('again'))
  driver.turn(0)
  assert.equal(String(heard.at(-1)!.bytes), 'again')
  close()
})

test('cancelled with the last of a call, it ends as well', () => {
  const { driver, operation, heard, send, whenHeard, close } = receiving()
  send(...numbered(3))
  whenHeard(() => {
    if (heard.length === 3) driver.cancel(operation)
  })
  driver.turn(0)
  assert.deepEqual(
    heard.map(({ result, more }) => [result, more]),
    [
      [8, true],
      [8, true],
      [8, true],
      [-125, false],
    ],
  )
  close()
})

test('a driver that is closed in the midst of a call tells the end, and nothing after it', () => {
  const { driver, heard, send, whenHeard, close } = receiving()
  send(...numbered(5))
  whenHeard(() => {
    if (heard.length === 2) driver.close()
  })
  driver.turn(0)
  assert.deepEqual(
    heard.map(({ result }) => result),
    [8, 8, -125],
  )
  close()
})

test('large and small, one after the other, and of no bytes at all', () => {
  const { driver, heard, send, close } = receiving()
  const sent = [8, 9000, 8, 0, 60_000, 20_000, 8].map((size, index) => Buffer.alloc(size, index + 1))
  // Together, then each alone, then together again.
  send(...sent)
  while (heard.length < sent.length) driver.turn(0)
  for (const datagram of sent) {
    send(datagram)
    driver.turn(0)
  }
  send(...sent)
  while (heard.length < 3 * sent.length) driver.turn(0)
  assert.deepEqual(
    heard.map(({ bytes }) => Buffer.from(bytes!)),
    [...sent, ...sent, ...sent],
  )
  close()
})

test('what is cut says so, alone and among others', () => {
  const { driver, heard, send, close } = receiving(16)
  send(Buffer.alloc(16, 1), Buffer.alloc(17, 2), Buffer.alloc(3, 3))
  driver.turn(0)
  assert.deepEqual(
    heard.map(({ result, bytes, truncated }) => [result, bytes!.length, truncated]),
    [
      [16, 16, false],
      [16, 16, true],
      [3, 3, false],
    ],
  )
  close()
})

test('what a turn takes from one socket is bounded, and none is left behind', () => {
  const driver = new ReadinessDriver(new EpollPoller())
  const fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK)
  bind(fd, { family: 'IPv4', address: '127.0.0.1', port: 0 })
  const peer = socket(AF_INET, SOCK_DGRAM)
  connect(peer, getsockname(fd))
  const came: number[] = []
  const operation = new DatagramOperation(Kind.recvfrom, fd, {
    completed({ chunk }) {
      if (chunk !== null) came.push(chunk[0]!)
    },
  })
  driver.submit(operation)
  for (const datagram of numbered(3 * SLOTS, 1)) rawSend(peer, datagram, 1, 0)
  driver.turn(0)
  assert.equal(came.length, 1 + SLOTS, 'by recvfrom, and by one recvmmsg')
  driver.turn(0)
  assert.deepEqual(
    came,
    Array.from({ length: 3 * SLOTS }, (_, index) => index + 1),
  )
  driver.close()
  rawClose(fd)
  rawClose(peer)
})
