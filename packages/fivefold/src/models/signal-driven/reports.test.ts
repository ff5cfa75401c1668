/** What a wait reports, of both pollers in both hosts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rawClose } from '../../sys/descriptor.js'
import { F_DUPFD, fcntl } from '../../sys/fcntl.js'
import { AF_UNIX, rawSend, rawShutdown, SOCK_DGRAM, SOCK_NONBLOCK, socketpair } from '../../sys/socket.js'
import { READ, ReadyList, WRITE } from '../model.js'
import {
  byte,
  drain,
  fill,
  helper,
  hosts,
  next,
  once,
  poke,
  pollers,
  settle,
  using,
} from './support.test.util.js'

for (const Phase1 of pollers) {
  for (const host of hosts) {
    const name = `${Phase1.name}, ${host}: `

    test(`${name}a new registration is reported once, data or none`, () =>
      using(Phase1, host, 2, async (poller, [[a, peer], [b]] = [] as never) => {
        poke(peer)
        poller.set(a, 0, READ)
        assert.deepEqual(await once(poller), [[a, READ]])
        assert.deepEqual(await once(poller), [])
        poller.set(b, 0, WRITE)
        assert.deepEqual(await once(poller, 10_000), [[b, WRITE]], 'without sleeping')
        assert.deepEqual(await once(poller), [])
      }))

    test(`${name}what becomes ready is reported, by name`, () =>
      using(Phase1, host, 5, async (poller, pairs) => {
        for (const [fd] of pairs) poller.set(fd, 0, READ)
        await settle(poller)
        for (const index of [3, 1]) {
          const [fd, peer] = pairs[index]!
          poke(peer)
          assert.deepEqual(await next(poller), [[fd, READ]])
          drain(fd)
          await settle(poller)
        }
        for (const index of [0, 2, 4]) poke(pairs[index]![1])
        const found = new Set<number>()
        for (let tries = 0; tries < 10 && found.size < 3; tries++)
          for (const [fd] of await next(poller)) found.add(fd)
        assert.deepEqual(
          [...found],
          [0, 2, 4].map((index) => pairs[index]![0]),
        )
      }))

    test(`${name}a wait sleeps until the signal of one descriptor comes`, () =>
      using(Phase1, host, 1, async (poller, [[fd, peer]] = [] as never) => {
        poller.set(fd, 0, READ)
        await settle(poller)
        const timer = helper({ fd: peer, afterMs: 30 })
        await timer.started
        assert.deepEqual(await next(poller, 10_000), [[fd, READ]])
        await timer.ended
      }))

    test(`${name}a wait ends when the time is up`, () =>
      using(Phase1, host, 1, async (poller, [[fd]] = [] as never) => {
        poller.set(fd, 0, READ)
        await settle(poller)
        const ready = new ReadyList(8)
        const begun = performance.now()
        assert.equal(poller.wait(25.5, ready), 0)
        const ms = performance.now() - begun
        assert.ok(ms > 25 && ms < 3000, `${ms} ms`)
      }))

    test(`${name}many events on one descriptor merge into one report`, () =>
      using(Phase1, host, 2, async (poller, [[a, peer], [b]] = [] as never) => {
        poller.set(a, 0, READ)
        poller.set(b, 0, READ)
        await settle(poller)
        for (let round = 0; round < 100; round++) poke(peer)
        assert.deepEqual(await next(poller), [[a, READ]])
        drain(a)
        // Of those that came late a report may be left, and of no other descriptor.
        for (const [fd] of await once(poller)) assert.equal(fd, a)
        await settle(poller)
      }))

    test(`${name}what is not wanted is not reported, what is wanted again is`, () =>
      using(Phase1, host, 2, async (poller, [[fd, peer], [other]] = [] as never) => {
        poller.set(other, 0, READ)
        poller.set(fd, 0, READ | WRITE)
        assert.deepEqual(
          await once(poller),
          [
            [fd, READ | WRITE],
            [other, READ],
          ].sort((a, b) => a[0]! - b[0]!),
        )
        poller.set(fd, READ | WRITE, WRITE)
        poke(peer)
        assert.deepEqual(
          (await once(poller)).concat(await once(poller)).filter(([, what]) => what & READ),
          [],
        )
        await settle(poller)
        poller.set(fd, WRITE, READ | WRITE)
        assert.ok((await once(poller)).some(([which, what]) => which === fd && what & READ))
      }))

    test(`${name}room to write is reported when it comes`, () =>
      using(Phase1, host, 2, async (poller, [[fd, peer], [other]] = [] as never) => {
        poller.set(other, 0, READ)
        poller.set(fd, 0, READ | WRITE)
        await settle(poller)
        fill(fd)
        await settle(poller)
        drain(peer)
        const found = await next(poller)
        assert.deepEqual(
          found.filter(([, what]) => what & WRITE).map(([which]) => which),
          [fd],
        )
      }))

    test(`${name}room that no signal tells of is found all the same`, () =>
      using(Phase1, host, 0, async (poller) => {
        // A Unix datagram socket is not told that its full receiver has room again.
        const [a, b] = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK)
        while (rawSend(a, byte, 1, 0) > 0);
        poller.set(a, 0, WRITE)
        await once(poller)
        drain(b)
        let found: [number, number][] = []
        const until = performance.now() + 3000
        while (found.length === 0 && performance.now() < until) found = await once(poller)
        assert.deepEqual(found, [[a, WRITE]])
        poller.set(a, WRITE, 0)
        rawClose(a)
        rawClose(b)
      }))

    test(`${name}the end of the other side is reported to reader and writer`, () =>
      using(Phase1, host, 2, async (poller, [[fd, peer], [other]] = [] as never) => {
        poller.set(other, 0, READ)
        poller.set(fd, 0, READ | WRITE)
        await settle(poller)
        fill(fd)
        await settle(poller)
        rawClose(fcntl(peer, F_DUPFD, 0))
        rawShutdown(peer, 2)
        let what = 0
        for (let tries = 0; tries < 5 && what !== (READ | WRITE); tries++) {
          for (const [which, interest] of await next(poller)) if (which === fd) what |= interest
        }
        assert.equal(what, READ | WRITE)
      }))

    test(`${name}again makes the next wait report without a signal, and without sleeping`, () =>
      using(Phase1, host, 2, async (poller, [[fd], [gone]] = [] as never) => {
        poller.set(fd, 0, READ)
        await settle(poller)
        poller.again(fd, READ)
        poller.again(gone, READ)
        assert.deepEqual(await once(poller, 10_000), [[fd, READ]])
        poller.again(fd, WRITE)
        assert.deepEqual(await once(poller), [], 'which nobody wants')
      }))

    test(`${name}what was to be reported of a descriptor that leaves is forgotten`, () =>
      using(Phase1, host, 3, async (poller, [[fd], [a], [b]] = [] as never) => {
        for (const each of [fd, a, b]) poller.set(each, 0, READ)
        poller.set(fd, READ, 0)
        assert.deepEqual(await once(poller), [
          [a, READ],
          [b, READ],
        ])
        poller.set(fd, 0, READ)
        assert.deepEqual(await once(poller), [[fd, READ]])
      }))

    test(`${name}what the list has no room for is kept`, () =>
      using(Phase1, host, 7, async (poller, pairs) => {
        for (const [fd] of pairs) poller.set(fd, 0, READ)
        const sizes: number[] = []
        const found: number[] = []
        for (let tries = 0; tries < 4; tries++) {
          const part = await once(poller, 0, 3)
          sizes.push(part.length)
          found.push(...part.map(([fd]) => fd))
        }
        assert.deepEqual(sizes, [3, 3, 1, 0])
        assert.deepEqual(
          found.sort((a, b) => a - b),
          pairs.map(([fd]) => fd),
        )
      }))

    test(`${name}one that is never done does not keep the others from being heard`, () =>
      using(Phase1, host, 3, async (poller, [[fd], [a, peer], [b]] = [] as never) => {
        for (const each of [fd, a, b]) poller.set(each, 0, READ)
        await settle(poller)
        poke(peer)
        const found = new Set<number>()
        for (let tries = 0; tries < 10 && !found.has(a); tries++) {
          poller.again(fd, READ)
          for (const [which] of await once(poller)) found.add(which)
        }
        assert.deepEqual(
          [...found].sort((x, y) => x - y),
          [fd, a],
        )
      }))
  }
}
