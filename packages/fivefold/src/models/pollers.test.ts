/** What every poller promises, asked of each of the six. */
import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { AF_UNIX } from '../sys/address.js'
import { rawClose, rawRead, rawWrite } from '../sys/descriptor.js'
import { F_DUPFD_CLOEXEC, fcntl } from '../sys/fcntl.js'
import { rawRecv, rawSend, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, socketpair } from '../sys/socket.js'
import { type Host, type Poller, READ, ReadyList, WRITE } from './model.js'
import { EpollPoller } from './multiplexing/epoll.js'
import { PollPoller } from './multiplexing/poll.js'
import { SelectPoller } from './multiplexing/select.js'
import { AskingPoller } from './non-blocking.js'
import { RtsigPoller } from './signal-driven/rtsig.js'
import { SigioPoller } from './signal-driven/sigio.js'

const byte = new Uint8Array([7])
const pollers: [string, new (host: Host) => Poller][] = [
  ['non-blocking', AskingPoller],
  ['select', SelectPoller],
  ['poll', PollPoller],
  ['epoll', EpollPoller],
  ['sigio', SigioPoller],
  ['rtsig', RtsigPoller],
]

const dup = (fd: number) => fcntl(fd, F_DUPFD_CLOEXEC)
const pair = () => socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)

/**
 * Waits until `fd` is reported with `interest`, as a dedicated host does: Node's loop goes round between two
 * waits, which is when the handler of a signal runs.
 */
async function reported(poller: Poller, ready: ReadyList, fd: number, interest: number): Promise<boolean> {
  for (let round = 0; round < 200; round++) {
    await new Promise(setImmediate)
    const count = poller.wait(10, ready)
    for (let index = 0; index < count; index++) {
      if (ready.fds[index] === fd && (ready.interests[index]! & interest) !== 0) return true
    }
  }
  return false
}

for (const [name, Phase1] of pollers) {
  describe(name, () => {
    const poller = new Phase1('dedicated')
    const ready = new ReadyList(64)
    after(() => poller.close())

    test('reports what is readable, what is writable, and the end', async () => {
      const [a, b] = pair()
      poller.set(a, 0, WRITE)
      assert.ok(await reported(poller, ready, a, WRITE), 'an empty buffer is writable')
      poller.set(a, WRITE, READ)
      rawSend(b, byte, 1, 0)
      assert.ok(await reported(poller, ready, a, READ), 'data are readable')
      assert.equal(rawRecv(a, new Uint8Array(8), 8, 0), 1)
      rawClose(b)
      assert.ok(await reported(poller, ready, a, READ), 'the end is readable')
      poller.set(a, READ, 0)
      rawClose(a)
    })

    test('data that were there before the interest are reported', async () => {
      const [a, b] = pair()
      rawSend(b, byte, 1, 0)
      poller.set(a, 0, READ)
      assert.ok(await reported(poller, ready, a, READ))
      poller.set(a, READ, 0)
      rawClose(a)
      rawClose(b)
    })

    test('what left is not reported, nor its number’s next owner by its events', async () => {
      const [a, b] = pair()
      poller.set(a, 0, READ)
      rawSend(b, byte, 1, 0)
      poller.set(a, READ, 0)
      const count = poller.wait(0, ready)
      assert.ok(![...ready.fds.subarray(0, count)].includes(a))
      rawClose(a)
      rawClose(b)
    })

    test('everyone gets a turn when more is ready than the list holds', async () => {
      const many = Array.from({ length: 150 }, pair)
      for (const [a, b] of many) {
        poller.set(a, 0, READ)
        rawSend(b, byte, 1, 0)
      }
      const seen = new Set<number>()
      for (let round = 0; round < 500 && seen.size < many.length; round++) {
        const count = poller.wait(10, ready)
        assert.ok(count <= ready.capacity)
        // Nothing is drained, so a level is reported again; signal pollers are told to.
        for (let index = 0; index < count; index++) {
          seen.add(ready.fds[index]!)
          poller.again?.(ready.fds[index]!, READ)
        }
      }
      assert.equal(seen.size, many.length)
      for (const [a, b] of many) {
        poller.set(a, READ, 0)
        rawClose(a)
        rawClose(b)
      }
    })

    test('descriptors above 1024', async () => {
      const [a, b] = pair()
      const high = Array.from({ length: 1100 }, () => dup(a))
      const fd = high.at(-1)!
      assert.ok(fd > 1024)
      poller.set(fd, 0, READ)
      rawSend(b, byte, 1, 0)
      assert.ok(await reported(poller, ready, fd, READ))
      poller.set(fd, READ, 0)
      for (const each of high) rawClose(each)
      rawClose(a)
      rawClose(b)
    })
  })
}

test('epoll drops events of a registration that a duplicate keeps alive', async () => {
  const poller = new EpollPoller('dedicated')
  const ready = new ReadyList(8)
  const [a, b] = pair()
  poller.set(a, 0, READ)
  // The open file lives on in the duplicate, and with it the registration under the number `a`.
  const duplicate = dup(a)
  rawClose(a)
  const [again, other] = pair()
  assert.equal(again, a, 'the number is used again')
  poller.set(again, 0, READ)
  rawSend(b, byte, 1, 0)
  assert.equal(poller.wait(20, ready), 0, 'the old owner’s event does not reach the new one')
  rawSend(other, byte, 1, 0)
  assert.ok(await reported(poller, ready, again, READ))
  for (const fd of [duplicate, again, other, b]) rawClose(fd)
  poller.close()
})

test('epoll refuses a regular file with EPERM', async () => {
  const poller = new EpollPoller('dedicated')
  const fd = openSync(new URL(import.meta.url), 'r')
  assert.throws(() => poller.set(fd, 0, READ), { code: 'EPERM', syscall: 'epoll_ctl' })
  closeSync(fd)
  poller.close()
})

test('select writes back no further than its sets', async () => {
  // 64 descriptors fit the first long: a set that were shorter than the kernel's reach would be overwritten.
  const poller = new SelectPoller('dedicated')
  const ready = new ReadyList(8)
  const [a, b] = pair()
  for (const fd of [a, b]) poller.set(fd, 0, READ | WRITE)
  rawWrite(b, byte, 1)
  assert.ok(await reported(poller, ready, a, READ))
  assert.equal(rawRead(a, new Uint8Array(1), 1), 1)
  for (const fd of [a, b]) poller.set(fd, READ | WRITE, 0)
  assert.equal(poller.wait(0, ready), 0, 'nothing is left in the sets')
  poller.close()
  rawClose(a)
  rawClose(b)
})
