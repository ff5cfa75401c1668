/** The signals themselves: who blocks, takes and shares them, and what wakes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { POLLIN } from '../../sys/poll.js'
import { getpid, gettid } from '../../sys/process.js'
import {
  rawTgsigqueueinfo,
  SI_QUEUE,
  SIG_BLOCK,
  SIGINFO,
  SIGIO,
  sigpending,
  sigprocmask,
} from '../../sys/signal.js'
import { rawRecv, rawSend } from '../../sys/socket.js'
import { READ, ReadyList, SEVERAL } from '../model.js'
import { RtsigPoller } from './rtsig.js'
import { SigioPoller } from './sigio.js'
import {
  drain,
  helper,
  hosts,
  next,
  once,
  poke,
  pollers,
  readable,
  room,
  round,
  settle,
  using,
} from './support.test.util.js'

test('rtsig: one event is one report, and more than one says so', () =>
  using(RtsigPoller, 'embedded', 2, async (poller, [[a, peer], [b, other]] = [] as never) => {
    poller.set(a, 0, READ)
    poller.set(b, 0, READ)
    await settle(poller)
    poke(peer)
    poke(other)
    poke(other)
    const ready = new ReadyList(8)
    assert.equal(poller.wait(0, ready), 2)
    const interests = new Map([0, 1].map((at) => [ready.fds[at], ready.interests[at]]))
    assert.equal(interests.get(a), READ)
    assert.equal(interests.get(b), READ | SEVERAL)
    // Nor does one that was asked for say that there is but one event.
    poller.again(a, READ)
    assert.equal(poller.wait(0, ready), 1)
    assert.equal(ready.interests[0], READ | SEVERAL)
  }))

for (const Phase1 of pollers) {
  for (const host of hosts) {
    const name = `${Phase1.name}, ${host}: `

    test(`${name}wake ends the next wait, and another thread’s tgkill a sleeping one`, () =>
      using(Phase1, host, 2, async (poller, [[fd], [other]] = [] as never) => {
        poller.set(fd, 0, READ)
        poller.set(other, 0, READ)
        await settle(poller)
        const ready = new ReadyList(8)
        const begun = performance.now()
        if (poller instanceof SigioPoller && host === 'embedded') {
          // SIGIO is not blocked, and Node's loop sleeps: there the handler runs.
          await new Promise<void>((resolve) => {
            const alive = setTimeout(resolve, 10_000)
            poller.onWork = () => resolve(clearTimeout(alive))
            poller.wake()
          })
        } else {
          poller.wake()
          poller.wait(10_000, ready)
        }
        assert.ok(performance.now() - begun < 5000)
        await settle(poller)
        const waker = helper({ tid: poller.tid, signal: poller.signal, afterMs: 30 })
        await waker.started
        const slept = performance.now()
        poller.wait(10_000, ready)
        assert.ok(performance.now() - slept < 5000)
        await waker.ended
        await settle(poller)
      }))
  }
}

test('sigio: the handler is the time for wait(0) and recvfrom', () =>
  using(SigioPoller, 'embedded', 1, async (poller, [[fd, peer]] = [] as never) => {
    assert.ok(poller instanceof SigioPoller)
    poller.set(fd, 0, READ)
    await settle(poller)
    const received: number[] = []
    const ready = new ReadyList(8)
    let handled = () => {}
    // The signal does not keep the process alive.
    const alive = setInterval(() => {}, 1000)
    poller.onWork = () => {
      while (poller.wait(0, ready) > 0) received.push(rawRecv(ready.fds[0]!, room, room.length, 0))
      handled()
    }
    for (let round = 1; round <= 3; round++) {
      const done = new Promise<void>((resolve) => (handled = resolve))
      rawSend(peer, room, round * 10, 0)
      await done
    }
    clearInterval(alive)
    assert.deepEqual(received, [10, 20, 30])
  }))

test('sigio, dedicated: SIGIO is blocked but for the sleep, and nothing is lost between the last look and it', () =>
  using(SigioPoller, 'dedicated', 1, async (poller, [[fd, peer]] = [] as never) => {
    assert.ok(poller instanceof SigioPoller)
    poller.set(fd, 0, READ)
    await settle(poller)
    assert.ok(sigprocmask(SIG_BLOCK, null).has(SIGIO))
    let handled = 0
    let reported = 0
    const ready = new ReadyList(8)
    poller.onWork = () => {
      handled++
      reported += poller.wait(0, ready)
    }
    poke(peer)
    await new Promise((resolve) => setTimeout(resolve, 10))
    assert.equal(handled, 0, 'blocked')
    const begun = performance.now()
    assert.equal(poller.wait(10_000, ready), 0)
    assert.ok(performance.now() - begun < 5000)
    assert.equal(handled, 0, 'the handler runs in Node’s loop')
    assert.ok(sigprocmask(SIG_BLOCK, null).has(SIGIO))
    await round()
    assert.equal(handled, 1)
    assert.equal(reported, 1)
  }))

test('sigio, embedded: SIGIO is not blocked, also after another poller held it', () => {
  new RtsigPoller('dedicated').close()
  new SigioPoller('dedicated').close()
  const poller = new SigioPoller('embedded')
  assert.equal(sigprocmask(SIG_BLOCK, null).has(SIGIO), false)
  const holder = new SigioPoller('dedicated')
  assert.equal(sigprocmask(SIG_BLOCK, null).has(SIGIO), true)
  holder.close()
  assert.equal(sigprocmask(SIG_BLOCK, null).has(SIGIO), false)
  poller.close()
})

test('sigio: a handler that raises signals itself does not keep Node’s loop from going round', () =>
  using(SigioPoller, 'embedded', 1, async (poller, [[fd, peer]] = [] as never) => {
    assert.ok(poller instanceof SigioPoller)
    poller.set(fd, 0, READ)
    await settle(poller)
    const ready = new ReadyList(8)
    const until = performance.now() + 1000
    let handled = 0
    let rounds = 0
    poller.onWork = () => {
      handled++
      while (poller.wait(0, ready) > 0) drain(fd)
      // libuv's handler of each of these writes to a pipe; it reads 32 at a time, until there are fewer.
      if (performance.now() < until) for (let index = 0; index < 40; index++) poke(peer)
    }
    poke(peer)
    while (rounds < 20) {
      await round()
      rounds++
    }
    assert.ok(performance.now() < until, `${handled} times the handler, and ${rounds} rounds`)
    assert.ok(handled > 1)
    poller.onWork = null
    drain(fd)
  }))

test('rtsig, embedded: the descriptor to wake on is readable when a wait would report', () =>
  using(RtsigPoller, 'embedded', 2, async (poller, [[a, peer], [b, other]] = [] as never) => {
    poller.set(a, 0, READ)
    poller.set(b, 0, READ)
    await settle(poller)
    assert.equal(readable(poller.wakeFd), false)
    poke(peer)
    poke(other)
    assert.equal(readable(poller.wakeFd), true)
    assert.equal((await once(poller)).length, 2)
    assert.equal(readable(poller.wakeFd), false)
    poller.wake()
    assert.equal(readable(poller.wakeFd), true)
    assert.deepEqual(await once(poller), [])
  }))

test('rtsig: a signal that no event raised wakes, and names nobody', () =>
  using(RtsigPoller, 'dedicated', 2, async (poller, [[fd], [other]] = [] as never) => {
    poller.set(fd, 0, READ)
    poller.set(other, 0, READ)
    await settle(poller)
    // sigqueue's value stands where an I/O signal has its descriptor, its pid where that has its band.
    const info = new Int32Array(SIGINFO.size / 4)
    info[SIGINFO.code / 4] = SI_QUEUE
    info[SIGINFO.band / 4] = POLLIN
    info[SIGINFO.fd / 4] = fd
    assert.equal(rawTgsigqueueinfo(getpid(), gettid(), poller.signal, info), 0)
    assert.deepEqual(await once(poller, 10_000), [])
  }))

test('rtsig: closing gives the queue’s room back', async () => {
  let signal = 0
  await using(RtsigPoller, 'embedded', 20, (poller, pairs) => {
    signal = poller.signal
    for (const [fd] of pairs) poller.set(fd, 0, READ)
    for (const [, peer] of pairs) poke(peer)
    assert.ok(sigpending().has(signal))
  })
  assert.equal(sigpending().has(signal), false)
})

test('rtsig: two pollers in one thread have signals of their own', () =>
  using(RtsigPoller, 'embedded', 1, (first, [[a, peer]] = [] as never) =>
    using(RtsigPoller, 'dedicated', 1, async (second, [[b, other]] = [] as never) => {
      assert.notEqual(first.signal, second.signal)
      first.set(a, 0, READ)
      second.set(b, 0, READ)
      await settle(first)
      await settle(second)
      poke(peer)
      poke(other)
      assert.deepEqual(await next(second), [[b, READ]])
      assert.deepEqual(await next(first), [[a, READ]])
    }),
  ))

test('rtsig and sigio in one thread share the plain SIGIO', () =>
  using(RtsigPoller, 'embedded', 2, (rtsig, [[a, peer], [b]] = [] as never) =>
    using(SigioPoller, 'embedded', 2, async (sigio, [[c, other], [d]] = [] as never) => {
      rtsig.set(a, 0, READ)
      rtsig.set(b, 0, READ)
      sigio.set(c, 0, READ)
      sigio.set(d, 0, READ)
      await settle(rtsig)
      await settle(sigio)
      poke(peer)
      poke(other)
      assert.equal(readable(rtsig.wakeFd), true)
      assert.deepEqual(await next(rtsig), [[a, READ]])
      assert.deepEqual(await next(sigio), [[c, READ]])
    }),
  ))
