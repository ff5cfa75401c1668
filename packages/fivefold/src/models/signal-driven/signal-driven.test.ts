import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { rawClose } from '../../sys/descriptor.js'
import { EFD_CLOEXEC, EFD_NONBLOCK, eventfd } from '../../sys/eventfd.js'
import { F_DUPFD, F_GETFL, fcntl, O_ASYNC } from '../../sys/fcntl.js'
import { POLLIN, rawPoll } from '../../sys/poll.js'
import { getpid, gettid } from '../../sys/process.js'
import {
  rawTgkill,
  rawTgsigqueueinfo,
  SI_QUEUE,
  SIG_BLOCK,
  SIGINFO,
  SIGIO,
  SignalSet,
  sigpending,
  sigprocmask,
  sigtimedwait,
} from '../../sys/signal.js'
import {
  AF_UNIX,
  rawRecv,
  rawSend,
  rawShutdown,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socketpair,
} from '../../sys/socket.js'
import { type Host, type Poller, READ, ReadyList, SEVERAL, WRITE } from '../model.js'
import { probeRtsig, RtsigPoller } from './rtsig.js'
import { probeSigio, SigioPoller } from './sigio.js'

const here = import.meta.url
const EAGAIN = -11
const byte = new Uint8Array(1)
const room = new Uint8Array(65536)

const pollers = [SigioPoller, RtsigPoller] as const
const hosts: readonly Host[] = ['dedicated', 'embedded']
type AnyPoller = SigioPoller | RtsigPoller

/** A poller with some socket pairs: [ours, the peer's]. All is closed afterwards. */
async function using(
  Phase1: (typeof pollers)[number],
  host: Host,
  count: number,
  work: (poller: AnyPoller, pairs: [number, number][]) => Promise<void> | void,
): Promise<void> {
  const poller = new Phase1(host)
  const pairs = Array.from({ length: count }, () => socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK))
  try {
    await work(poller, pairs)
  } finally {
    poller.close()
    for (const fd of pairs.flat()) rawClose(fd)
  }
}

/** Node's loop goes round, past its sleep: handlers of signals have run. */
async function round(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1))
  await new Promise((resolve) => setImmediate(resolve))
}

/** One wait, and a round of Node's loop, in which a handler may run. @returns what was reported, sorted */
async function once(poller: Poller, timeoutMs = 0, capacity = 64): Promise<[number, number][]> {
  const ready = new ReadyList(capacity)
  const begun = performance.now()
  const count = poller.wait(timeoutMs, ready)
  assert.equal(count, ready.count)
  assert.ok(performance.now() - begun < 5000, 'something, or nothing soon')
  await round()
  const found = Array.from({ length: count }, (_, at): [number, number] => [
    ready.fds[at]!,
    ready.interests[at]! & ~SEVERAL,
  ])
  return found.sort((a, b) => a[0] - b[0])
}

/** Waits, as a host would, until something is reported: the handler of a signal may have to run before. */
async function next(poller: Poller, timeoutMs = 0): Promise<[number, number][]> {
  for (let tries = 0; tries < 20; tries++) {
    const found = await once(poller, tries === 0 ? timeoutMs : 0)
    if (found.length > 0) return found
  }
  return []
}

/** Reads off all reports that are there. */
async function settle(poller: Poller): Promise<void> {
  for (let quiet = 0; quiet < 2; ) quiet = (await once(poller)).length === 0 ? quiet + 1 : 0
}

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

const poke = (fd: number) => assert.equal(rawSend(fd, byte, 1, 0), 1)
const drain = (fd: number) => {
  while (rawRecv(fd, room, room.length, 0) > 0);
}
const fill = (fd: number) => {
  while (rawSend(fd, room, room.length, 0) > 0);
}
const isArmed = (fd: number) => (fcntl(fd, F_GETFL) & O_ASYNC) !== 0
const readable = (fd: number) => rawPoll(Int32Array.of(fd, POLLIN), 1, 0) === 1

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

test('probes work here, and leave mask and queue as they were', () => {
  const before = sigprocmask(SIG_BLOCK, null).signals()
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(probeSigio(), { ok: true })
    assert.deepEqual(probeRtsig(), { ok: true })
  }
  assert.deepEqual(sigprocmask(SIG_BLOCK, null).signals(), before)
  assert.match(readFileSync('/proc/thread-self/status', 'utf8'), /SigPnd:\s*0+$/m)
  // In a process that has never blocked any.
  const { out, err } = child(`
    import { readFileSync } from 'node:fs'
    import { probeRtsig } from ${module('./rtsig.js')}
    import { probeSigio } from ${module('./sigio.js')}
    const sets = () => readFileSync('/proc/thread-self/status', 'utf8').match(/Sig(Blk|Pnd):.*/g).join()
    const before = sets()
    console.log(probeRtsig().ok, probeSigio().ok, sets() === before)`)
  assert.deepEqual([out, err], ['true true true\n', ''])
})

test('in a Worker sigio refuses with reason and cure, and rtsig works in both hosts', async () => {
  const code = `
    const { probeSigio, SigioPoller } = await import(${module('./sigio.js')})
    const { probeRtsig, RtsigPoller } = await import(${module('./rtsig.js')})
    const { socketpair, rawSend } = await import(${module('../../sys/socket.js')})
    const { ReadyList } = await import(${module('../model.js')})
    const { rawPoll } = await import(${module('../../sys/poll.js')})
    let refused = ''
    try { new SigioPoller() } catch (error) { refused = error.message }
    const reported = ['dedicated', 'embedded'].map((host) => {
      const poller = new RtsigPoller(host)
      const [a, b] = socketpair(1, 1 | 0o4000)
      const ready = new ReadyList(4)
      poller.set(a, 0, 1)
      poller.wait(0, ready)
      rawSend(b, Uint8Array.of(1), 1, 0)
      const woken = host === 'dedicated' || rawPoll(Int32Array.of(poller.wakeFd, 1), 1, 0) === 1
      const count = poller.wait(1000, ready)
      poller.close()
      return woken && count === 1 && ready.fds[0] === a
    })
    parentPort.postMessage({ sigio: probeSigio(), rtsig: probeRtsig(), refused, reported })`
  const answer = await runWorker(code)
  assert.equal(answer.sigio.ok, false)
  assert.match(answer.sigio.reason, /main thread/)
  assert.match(answer.sigio.cure, /rtsig/)
  assert.match(answer.refused, /main thread.*rtsig/)
  assert.deepEqual(answer.rtsig, { ok: true })
  assert.deepEqual(answer.reported, [true, true])
})

for (const limit of [0, 1, 20]) {
  for (const host of hosts) {
    test(`rtsig, ${host}: an overflowing queue loses nothing (RLIMIT_SIGPENDING ${limit})`, () => {
      // In a child: the limit is the process's. What it is compared with counts all processes of the user.
      const { out, err } = child(`
        import { getrlimit, setrlimit, RLIMIT_SIGPENDING } from ${module('../../sys/process.js')}
        const poller = new RtsigPoller('${host}')
        const ready = new ReadyList(16)
        const pairs = Array.from({ length: 60 }, () => socketpair(1, 1 | 0o4000))
        for (const [fd] of pairs) poller.set(fd, 0, 1)
        while (poller.wait(0, ready) > 0);
        setrlimit(RLIMIT_SIGPENDING, { ...getrlimit(RLIMIT_SIGPENDING), soft: ${limit} })
        const rounds = []
        const room = new Uint8Array(64)
        for (let round = 0; round < 5; round++) {
          const found = new Set()
          for (const [, peer] of pairs) rawSend(peer, room, 1, 0)
          if (poller.wakeFd >= 0 && rawPoll(Int32Array.of(poller.wakeFd, 1), 1, 0) !== 1) console.log('asleep')
          // The last one empties the queue: a report may be of what is read already.
          while (poller.wait(${host === 'dedicated' ? 'rounds.length === 0 ? 10000 : 0' : '0'}, ready) > 0) {
            for (let index = 0; index < ready.count; index++) {
              if (rawRecv(ready.fds[index], room, 64, 0) > 0) found.add(ready.fds[index])
            }
            rounds.length || rounds.push(0)
          }
          rounds.push(found.size)
        }
        poller.wake()
        const begun = performance.now()
        poller.wait(10000, ready)
        const overflows = poller.overflows
        poller.close()
        console.log(JSON.stringify({ rounds: rounds.slice(1), overflows, woken: performance.now() - begun < 5000 }))`)
      assert.equal(err, '')
      const { rounds, overflows, woken } = JSON.parse(out)
      assert.deepEqual(rounds, [60, 60, 60, 60, 60])
      assert.ok(overflows >= 5, `${overflows} overflows`)
      assert.equal(woken, true)
    })
  }
}

test('rtsig: another poller that takes the plain SIGIO tells of it', () => {
  const { out, err } = child(`
    import { getrlimit, setrlimit, RLIMIT_SIGPENDING } from ${module('../../sys/process.js')}
    const ready = new ReadyList(64)
    const pollers = [new RtsigPoller('embedded'), new RtsigPoller('embedded')]
    const pairs = pollers.map((poller) => Array.from({ length: 5 }, () => socketpair(1, 1 | 0o4000)))
    pollers.forEach((poller, index) => pairs[index].forEach(([fd]) => poller.set(fd, 0, 1)))
    for (const poller of pollers) while (poller.wait(0, ready) > 0);
    setrlimit(RLIMIT_SIGPENDING, { ...getrlimit(RLIMIT_SIGPENDING), soft: 0 })
    for (const [, peer] of pairs.flat()) rawSend(peer, Uint8Array.of(1), 1, 0)
    const first = pollers[0].wait(0, ready)
    await new Promise((resolve) => setTimeout(resolve, 5))
    const readable = rawPoll(Int32Array.of(pollers[1].wakeFd, 1), 1, 0)
    const second = pollers[1].wait(0, ready)
    await new Promise((resolve) => setTimeout(resolve, 5))
    const after = pollers.map((poller) => rawPoll(Int32Array.of(poller.wakeFd, 1), 1, 0))
    console.log(JSON.stringify({ first, readable, second, after }))`)
  assert.equal(err, '')
  assert.deepEqual(JSON.parse(out), { first: 5, readable: 1, second: 5, after: [0, 0] })
})

test('a process survives late signals: of a duplicate after the last poller closed, and many of them', () => {
  for (const [name, path] of [
    ['SigioPoller', './sigio.js'],
    ['RtsigPoller', './rtsig.js'],
  ] as const) {
    for (const host of hosts) {
      const { out, err } = child(`
        import { fcntl, F_SETFL, F_GETFL, F_DUPFD, O_ASYNC } from ${module('../../sys/fcntl.js')}
        import { close } from ${module('../../sys/descriptor.js')}
        import { ${name} as Tested } from ${module(path)}
        const poller = new Tested('${host}')
        const [fd, peer] = socketpair(1, 1 | 0o4000)
        const duplicate = fcntl(fd, F_DUPFD, 100)
        poller.set(fd, 0, 1)
        // Against the rule: closed without leaving. The duplicate keeps the file alive, and armed.
        close(fd)
        poller.close()
        const before = fcntl(duplicate, F_GETFL) & O_ASYNC
        for (let round = 0; round < 50; round++) rawSend(peer, Uint8Array.of(1), 1, 0)
        await new Promise((resolve) => setTimeout(resolve, 5))
        console.log('lives', before !== 0)`)
      assert.deepEqual([out, err], ['lives true\n', ''], `${name}, ${host}`)
    }
  }
})

test('a process with an idle signal-driven poller ends by itself', () => {
  const { out, err, status } = child(`
    import { SigioPoller } from ${module('./sigio.js')}
    const pollers = [new SigioPoller('embedded'), new RtsigPoller('embedded')]
    const [fd] = socketpair(1, 1 | 0o4000)
    for (const poller of pollers) poller.set(fd, 0, 3)
    console.log('end')`)
  assert.deepEqual([out, err, status], ['end\n', '', 0])
})

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

// ---- helpers in other threads and processes

function module(path: string): string {
  return JSON.stringify(new URL(path, here).href)
}

function child(code: string): { out: string; err: string; status: number | null } {
  const prologue = `
    import { RtsigPoller } from ${module('./rtsig.js')}
    import { ReadyList } from ${module('../model.js')}
    import { rawPoll } from ${module('../../sys/poll.js')}
    import { rawRecv, rawSend, socketpair } from ${module('../../sys/socket.js')}\n`
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', prologue + code], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  return { out: run.stdout, err: run.stderr, status: run.status }
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the code posts
async function runWorker(code: string): Promise<any> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads'); (async () => {${code}})()`,
    { eval: true },
  )
  return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
}

/** A thread that, a while after it has started, sends a byte or a signal. */
function helper(what: { afterMs: number; fd?: number; tid?: number; signal?: number }): {
  started: Promise<void>
  ended: Promise<void>
} {
  const worker = new Worker(
    `const { parentPort, workerData: { afterMs, fd, tid, signal } } = require('node:worker_threads')
     Promise.all([import(${module('../../sys/signal.js')}), import(${module('../../sys/socket.js')})]).then(([s, net]) => {
       parentPort.postMessage('started')
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, afterMs)
       if (fd !== undefined) net.rawSend(fd, Uint8Array.of(1), 1, 0)
       else s.tgkill(process.pid, tid, signal)
     })`,
    { eval: true, workerData: what },
  )
  return {
    started: new Promise((resolve) => worker.once('message', () => resolve())),
    ended: new Promise((resolve, reject) => worker.once('exit', () => resolve()).once('error', reject)),
  }
}
