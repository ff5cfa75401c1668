/** Descriptors that come and go: refused, used again, left behind by no poller. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rawClose } from '../../sys/descriptor.js'
import { EFD_CLOEXEC, EFD_NONBLOCK, eventfd } from '../../sys/eventfd.js'
import { F_DUPFD, fcntl } from '../../sys/fcntl.js'
import { getpid, gettid } from '../../sys/process.js'
import { rawTgkill, SIGIO, SignalSet, sigtimedwait } from '../../sys/signal.js'
import { AF_UNIX, rawRecv, SOCK_NONBLOCK, SOCK_STREAM, socketpair } from '../../sys/socket.js'
import { READ } from '../model.js'
import {
  drain,
  EAGAIN,
  hosts,
  isArmed,
  next,
  once,
  poke,
  pollers,
  room,
  round,
  settle,
  using,
} from './support.test.util.js'

for (const Phase1 of pollers) {
  for (const host of hosts) {
    const name = `${Phase1.name}, ${host}: `

    test(`${name}a signal of a descriptor that left is dropped, and one that took its number is not harmed`, () =>
      using(Phase1, host, 3, async (poller, [[fd, peer], [other], [fresh, freshPeer]] = [] as never) => {
        poller.set(other, 0, READ)
        poller.set(fd, 0, READ)
        await settle(poller)
        const asked = fcntl(fd, F_DUPFD, 900)
        poller.set(asked, 0, READ)
        await settle(poller)
        poke(peer)
        // The signal is on its way, or queued, and its descriptor leaves.
        poller.set(asked, READ, 0)
        poller.set(fd, READ, 0)
        assert.equal(isArmed(fd), false)
        rawClose(asked)
        for (let tries = 0; tries < 3; tries++) {
          // Plain SIGIO says nothing of whom: the one that is left may be named for it.
          for (const [which] of await once(poller)) assert.equal(which, other)
        }
        const reused = fcntl(fresh, F_DUPFD, asked)
        assert.equal(reused, asked)
        poller.set(reused, 0, READ)
        assert.deepEqual(await once(poller), [[reused, READ]], 'as a new registration')
        await settle(poller)
        poke(freshPeer)
        assert.deepEqual(await next(poller), [[reused, READ]])
        poller.set(reused, READ, 0)
        rawClose(reused)
      }))

    test(`${name}descriptors above 1024`, () =>
      using(Phase1, host, 2, async (poller, [[fd, peer], [other]] = [] as never) => {
        const high = fcntl(fd, F_DUPFD, 1030)
        poller.set(other, 0, READ)
        poller.set(high, 0, READ)
        await settle(poller)
        poke(peer)
        assert.deepEqual(await next(poller), [[high, READ]])
        poller.set(high, READ, 0)
        rawClose(high)
      }))

    test(`${name}what raises no signals is refused, and leaves nothing behind`, () =>
      using(Phase1, host, 1, async (poller, [[fd]] = [] as never) => {
        const silent = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
        assert.throws(() => poller.set(silent, 0, READ), { code: 'EPERM', syscall: 'fcntl' })
        rawClose(silent)
        assert.throws(() => poller.set(silent, 0, READ), { code: 'EBADF', syscall: 'fcntl' })
        assert.deepEqual(await once(poller), [])
        poller.set(fd, 0, READ)
        assert.deepEqual(await once(poller), [[fd, READ]])
      }))

    test(`${name}closing leaves no descriptor armed`, async () => {
      const poller = new Phase1(host)
      const pairs = [0, 1, 2].map(() => socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK))
      for (const [fd] of pairs) poller.set(fd, 0, READ)
      assert.ok(pairs.every(([fd]) => isArmed(fd)))
      poller.close()
      assert.ok(pairs.every(([fd]) => !isArmed(fd)))
      for (const fd of pairs.flat()) rawClose(fd)
      // And those who signal on cannot harm the process.
      assert.equal(rawTgkill(getpid(), gettid(), SIGIO), 0)
      assert.equal(rawTgkill(getpid(), gettid(), poller.signal), 0)
      const late = new SignalSet(SIGIO, poller.signal)
      while (sigtimedwait(late, 0) !== null);
      await round()
    })
  }
}

test('churn: descriptors that come, get data, and go', async () => {
  for (const Phase1 of pollers) {
    await using(Phase1, 'dedicated', 0, async (poller) => {
      const open: [number, number][] = []
      for (let round = 0; round < 300; round++) {
        const pair = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK)
        open.push(pair)
        poller.set(pair[0], 0, READ)
        poke(open[(round * 7) % open.length]![1])
        if (round % 3 !== 0) continue
        const [fd, peer] = open.splice((round * 5) % open.length, 1)[0]!
        poller.set(fd, READ, 0)
        rawClose(fd)
        rawClose(peer)
      }
      await settle(poller)
      for (const [fd] of open) drain(fd)
      for (const [, peer] of open) poke(peer)
      const found = new Set<number>()
      for (let tries = 0; tries < 40 && found.size < open.length; tries++) {
        for (const [fd] of await next(poller, 20)) if (rawRecv(fd, room, 64, 0) !== EAGAIN) found.add(fd)
      }
      assert.equal(found.size, open.length)
      for (const [fd, peer] of open) {
        poller.set(fd, READ, 0)
        rawClose(fd)
        rawClose(peer)
      }
    })
  }
})
