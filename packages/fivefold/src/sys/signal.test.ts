import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { test } from 'node:test'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { rawClose, rawRead } from './descriptor.js'
import {
  F_DUPFD,
  F_GETFL,
  F_GETOWN_EX,
  F_GETSIG,
  F_SETFL,
  F_SETOWN_EX,
  F_SETSIG,
  fcntl,
  O_ASYNC,
  rawFcntlPointer,
} from './fcntl.js'
import { libcKind } from './ffi.js'
import { POLLIN, POLLRDHUP } from './poll.js'
import { getpid, getrlimit, gettid, RLIMIT_NOFILE, setrlimit } from './process.js'
import * as s from './signal.js'
import { AF_UNIX, rawRecv, rawSend, SOCK_NONBLOCK, SOCK_STREAM, socketpair } from './socket.js'

const here = import.meta.url
const EINTR = -4
const EAGAIN = -11

/** What the kernel says of a thread: its hexadecimal signal sets, as numbers. */
function statusOf(tid: number, field: 'SigBlk' | 'SigCgt' | 'SigPnd'): number[] {
  const text = readFileSync(`/proc/self/task/${tid}/status`, 'utf8')
  const bits = BigInt(`0x${new RegExp(`${field}:\\s*(\\w+)`).exec(text)![1]}`)
  const found: number[] = []
  for (let signal = 1; signal <= 64; signal++) if ((bits >> BigInt(signal - 1)) & 1n) found.push(signal)
  return found
}

/** Runs `work` with signals blocked in this thread; nothing of them is left afterwards. */
function blocking<T>(signals: number[], work: (set: s.SignalSet) => T): T {
  const set = new s.SignalSet(...signals)
  const before = s.sigprocmask(s.SIG_BLOCK, set)
  try {
    return work(set)
  } finally {
    while (s.sigtimedwait(set, 0) !== null);
    s.sigprocmask(s.SIG_SETMASK, before)
  }
}

function pair(): [number, number] {
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK)
}

function arm(fd: number, signal: number): void {
  fcntl(fd, F_SETSIG, signal)
  assert.equal(rawFcntlPointer(fd, F_SETOWN_EX, s.ownerEx(s.F_OWNER_TID, gettid())), 0)
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC)
}

const poke = (fd: number) => assert.equal(rawSend(fd, Uint8Array.of(1), 1, 0), 1)

/** Runs a module that has everything of ./signal.js as `s`, of process, fcntl, socket and descriptor as names. */
function inChild(code: string): { status: number | null; signal: string | null; out: string; err: string } {
  const from = (name: string) => JSON.stringify(new URL(`./${name}.js`, here).href)
  const prologue = `
    import * as s from ${from('signal')}
    import { getpid, gettid, setrlimit, getrlimit, RLIMIT_SIGPENDING } from ${from('process')}
    import { fcntl, rawFcntlPointer, F_SETSIG, F_SETOWN_EX, F_SETFL, F_GETFL, O_ASYNC } from ${from('fcntl')}
    import { socketpair, rawSend } from ${from('socket')}
    import { Worker } from 'node:worker_threads'
    const arm = (fd, signal) => {
      fcntl(fd, F_SETSIG, signal)
      rawFcntlPointer(fd, F_SETOWN_EX, s.ownerEx(0, gettid()))
      fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC)
    }\n`
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', prologue + code], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  return { status: run.status, signal: run.signal, out: run.stdout, err: run.stderr }
}

// A thread of its own, for what needs one: it tells its number, sleeps in the call it is told, and tells the result.
if (!isMainThread && workerData?.sleepIn !== undefined) {
  const [a] = socketpair(AF_UNIX, SOCK_STREAM)
  parentPort!.postMessage(gettid())
  if (workerData.sleepIn === 'recv') parentPort!.postMessage(rawRecv(a, new Uint8Array(1), 1, 0))
  else {
    const set = new s.SignalSet(s.SIGUSR2)
    s.sigprocmask(s.SIG_BLOCK, set)
    parentPort!.postMessage(s.sigtimedwait(set, 10_000)?.pid)
  }
} else {
  test('the numbers are those of os.constants, and real-time signals begin above libc’s own', () => {
    for (const [name, value] of Object.entries(constants.signals)) {
      const ours = (s as unknown as Record<string, number>)[name]
      if (ours !== undefined) assert.equal(ours, value, name)
    }
    assert.equal(s.SIGRTMIN(), libcKind === 'glibc' ? 34 : 35)
    assert.equal(s.SIGRTMAX(), 64)
  })

  test('a set is the kernel’s set, bit for bit', () => {
    const set = new s.SignalSet(s.SIGUSR2, s.SIGIO, 32 + 8, 64)
    assert.deepEqual(set.signals(), [s.SIGUSR2, s.SIGIO, 40, 64])
    assert.ok(set.has(64) && !set.has(63))
    const before = s.sigprocmask(s.SIG_BLOCK, set)
    try {
      assert.deepEqual(
        statusOf(gettid(), 'SigBlk'),
        [...before.signals(), ...set.signals()].sort((a, b) => a - b),
      )
      assert.deepEqual(s.sigprocmask(s.SIG_BLOCK, null).signals(), statusOf(gettid(), 'SigBlk'))
    } finally {
      s.sigprocmask(s.SIG_SETMASK, before)
    }
    assert.deepEqual(statusOf(gettid(), 'SigBlk'), before.signals())
    assert.deepEqual(set.delete(40).signals(), [s.SIGUSR2, s.SIGIO, 64])
  })

  test('a mask is one thread’s', () => {
    blocking([50], () => {
      assert.ok(statusOf(gettid(), 'SigBlk').includes(50))
      const others = readdirSync('/proc/self/task')
        .map(Number)
        .filter((tid) => tid !== gettid())
      assert.ok(others.length > 0)
      assert.ok(others.some((tid) => !statusOf(tid, 'SigBlk').includes(50)))
    })
    assert.throws(() => s.sigprocmask(99, new s.SignalSet(50)), {
      code: 'EINVAL',
      syscall: 'pthread_sigmask',
    })
  })

  test('sigtimedwait takes a signal of this thread: the lowest number first, then in order, then none', () => {
    blocking([s.SIGUSR2, 50, 51], (set) => {
      assert.equal(s.sigtimedwait(set, 0), null)
      for (const signal of [51, 50, s.SIGUSR2, 50]) s.tgkill(getpid(), gettid(), signal)
      assert.deepEqual(s.sigpending().signals(), [s.SIGUSR2, 50, 51])
      assert.deepEqual(statusOf(gettid(), 'SigPnd'), [s.SIGUSR2, 50, 51])
      const taken = [0, 0, 0, 0, 0].map(() => s.sigtimedwait(set, 0))
      assert.deepEqual(
        taken.map((info) => info?.signal),
        [s.SIGUSR2, 50, 50, 51, undefined],
      )
      assert.equal(taken[0]!.pid, getpid())
      assert.equal(taken[0]!.fd, -1)
      assert.deepEqual(s.sigpending().signals(), [])
    })
  })

  test('standard signals merge, real-time ones queue', () => {
    blocking([s.SIGUSR2, 50], (set) => {
      for (let round = 0; round < 5; round++) {
        s.tgkill(getpid(), gettid(), s.SIGUSR2)
        s.tgkill(getpid(), gettid(), 50)
      }
      const taken: number[] = []
      for (let info = s.sigtimedwait(set, 0); info !== null; info = s.sigtimedwait(set, 0))
        taken.push(info.signal)
      assert.deepEqual(taken, [s.SIGUSR2, 50, 50, 50, 50, 50])
    })
  })

  test('sigtimedwait sleeps as long as it is told, fractions of a millisecond too', () => {
    blocking([50], (set) => {
      const begun = process.hrtime.bigint()
      assert.equal(s.sigtimedwait(set, 30.5), null)
      const ms = Number(process.hrtime.bigint() - begun) / 1e6
      assert.ok(ms >= 30.5 && ms < 3000, `${ms} ms`)
      assert.deepEqual([...s.toTimespec(1250.25, new BigInt64Array(2))], [1n, 250_250_000n])
    })
  })

  test('signalfd reads many blocked signals at once, and nothing when there are none', () => {
    blocking([s.SIGUSR2, 50], (set) => {
      const fd = s.signalfd(-1, new s.SignalSet(50))
      try {
        const infos = new Int32Array((4 * s.SIGNALFD_SIGINFO.size) / 4)
        assert.equal(rawRead(fd, infos, infos.byteLength), EAGAIN)
        s.tgkill(getpid(), gettid(), s.SIGUSR2)
        s.tgkill(getpid(), gettid(), 50)
        s.tgkill(getpid(), gettid(), 50)
        assert.equal(rawRead(fd, infos, infos.byteLength), 2 * 128)
        assert.equal(infos[0], 50)
        assert.equal(infos[s.SIGNALFD_SIGINFO.code / 4], s.SI_TKILL)
        assert.equal(infos[s.SIGNALFD_SIGINFO.pid / 4], getpid())
        assert.equal(infos[32], 50)
        assert.equal(rawRead(fd, infos, infos.byteLength), EAGAIN)
        // Its set can be changed.
        assert.equal(s.signalfd(fd, set), fd)
        assert.equal(rawRead(fd, infos, infos.byteLength), 128)
        assert.equal(infos[0], s.SIGUSR2)
      } finally {
        rawClose(fd)
      }
      assert.throws(() => s.signalfd(fd, set), { code: 'EBADF', syscall: 'signalfd' })
    })
  })

  test('an I/O signal names its descriptor and what happened, by siginfo and by signalfd', () => {
    blocking([50], (set) => {
      const [a, b] = pair()
      const reader = s.signalfd(-1, set)
      try {
        arm(a, 50)
        assert.equal(fcntl(a, F_GETSIG), 50)
        const owner = new Int32Array(2)
        assert.equal(rawFcntlPointer(a, F_GETOWN_EX, owner), 0)
        assert.deepEqual([...owner], [s.F_OWNER_TID, gettid()])
        poke(b)
        const taken = s.sigtimedwait(set, 0)!
        assert.deepEqual([taken.signal, taken.code, taken.fd], [50, s.POLL_IN, a])
        assert.equal(taken.band & POLLIN, POLLIN)
        poke(b)
        const info = new Int32Array(32)
        assert.equal(rawRead(reader, info, 128), 128)
        const { code, fd, band } = s.SIGNALFD_SIGINFO
        assert.deepEqual([info[0], info[code / 4], info[fd / 4]], [50, s.POLL_IN, a])
        assert.equal(info[band / 4]! & POLLIN, POLLIN)
        // Without O_ASYNC there is none.
        fcntl(a, F_SETFL, fcntl(a, F_GETFL) & ~O_ASYNC)
        poke(b)
        assert.equal(s.sigtimedwait(set, 0), null)
      } finally {
        for (const fd of [a, b, reader]) rawClose(fd)
      }
    })
  })

  test('the end of a stream is an I/O signal too', () => {
    blocking([50], (set) => {
      const [a, b] = pair()
      arm(a, 50)
      rawClose(b)
      const taken = s.sigtimedwait(set, 0)!
      assert.deepEqual([taken.code, taken.fd], [s.POLL_HUP, a])
      assert.notEqual(taken.band & ~(POLLIN | POLLRDHUP), 0)
      rawClose(a)
    })
  })

  test('a descriptor above 1024 is named as well', () => {
    const limit = getrlimit(RLIMIT_NOFILE)
    if (limit.soft < 3100) setrlimit(RLIMIT_NOFILE, { soft: Math.min(limit.hard, 4096), hard: limit.hard })
    blocking([50], (set) => {
      const [a, b] = pair()
      const high = fcntl(a, F_DUPFD, 3000)
      rawClose(a)
      arm(high, 50)
      poke(b)
      assert.ok(high >= 3000)
      assert.equal(s.sigtimedwait(set, 0)!.fd, high)
      rawClose(high)
      rawClose(b)
    })
    setrlimit(RLIMIT_NOFILE, limit)
  })

  test('an overflowing queue gives what fits, then one plain SIGIO without a descriptor', () => {
    const { out, err } = inChild(`
      const set = new s.SignalSet(50, s.SIGIO)
      s.sigprocmask(s.SIG_BLOCK, set)
      const peers = []
      for (let index = 0; index < 300; index++) {
        const [a, b] = socketpair(1, 1 | 0o4000)
        arm(a, 50)
        peers.push(b)
      }
      // The limit counts all processes of the user: leave room for theirs.
      setrlimit(RLIMIT_SIGPENDING, { ...getrlimit(RLIMIT_SIGPENDING), soft: 100 })
      for (const fd of peers) rawSend(fd, Uint8Array.of(1), 1, 0)
      let named = 0
      const plain = []
      for (let info = s.sigtimedwait(set, 0); info !== null; info = s.sigtimedwait(set, 0)) {
        if (info.signal === 50) named++
        else plain.push(info)
      }
      let refused = ''
      setrlimit(RLIMIT_SIGPENDING, { ...getrlimit(RLIMIT_SIGPENDING), soft: 0 })
      try { s.tgkill(getpid(), gettid(), 50) } catch (error) { refused = error.code }
      // One that says SI_USER arrives all the same.
      const info = new Int32Array(32)
      const sent = s.rawTgsigqueueinfo(getpid(), gettid(), 50, info)
      const came = s.sigtimedwait(set, 0)?.signal
      console.log(JSON.stringify({ named, plain, refused, sent, came }))`)
    assert.equal(err, '')
    const { named, plain, refused, sent, came } = JSON.parse(out)
    assert.ok(named > 0 && named <= 100, `${named} signals were queued`)
    assert.equal(plain.length, 1)
    assert.deepEqual([plain[0].signal, plain[0].code, plain[0].fd], [s.SIGIO, s.SI_KERNEL, -1])
    assert.equal(refused, 'EAGAIN')
    assert.equal(sent, 0)
    assert.equal(came, 50)
  })

  test('sigaction sets, tells and restores', () => {
    const handler = s.harmlessHandler()
    assert.ok(handler > 0)
    const before = s.sigaction(s.SIGUSR2)
    const mask = new s.SignalSet(s.SIGHUP, 60)
    assert.equal(s.sigaction(s.SIGUSR2, { handler, flags: s.SA_NODEFER, mask }).handler, before.handler)
    const now = s.sigaction(s.SIGUSR2)
    assert.equal(now.handler, handler)
    assert.equal(now.flags & s.SA_NODEFER, s.SA_NODEFER)
    assert.equal(now.flags & s.SA_RESTART, 0)
    assert.deepEqual(now.mask.signals(), [s.SIGHUP, 60])
    assert.ok(statusOf(gettid(), 'SigCgt').includes(s.SIGUSR2))
    // The default would end the process.
    s.tgkill(getpid(), gettid(), s.SIGUSR2)
    s.sigaction(s.SIGUSR2, before)
    assert.equal(s.sigaction(s.SIGUSR2).handler, before.handler)
    assert.equal(statusOf(gettid(), 'SigCgt').includes(s.SIGUSR2), before.handler > 1)
    assert.throws(() => s.sigaction(s.SIGKILL, { handler }), { code: 'EINVAL', syscall: 'sigaction' })
  })

  test('a signal without a handler ends the process, with the harmless one it does not', () => {
    const handled = inChild(`
      s.sigaction(50, { handler: s.harmlessHandler() })
      s.tgkill(getpid(), gettid(), 50)
      console.log('lives')`)
    assert.deepEqual([handled.out, handled.err], ['lives\n', ''])
    const bare = inChild(`
      s.tgkill(getpid(), gettid(), 50)
      console.log('lives')`)
    assert.equal(bare.out, '')
    assert.notEqual(bare.status, 0)
  })

  test('the harmless handler ends a call that another thread sleeps in, and not with SA_RESTART', async () => {
    const before = s.sigaction(50, { handler: s.harmlessHandler() })
    const [tid, result] = await sleeper('recv', async (id) => {
      s.sigaction(50, { handler: s.harmlessHandler(), flags: s.SA_RESTART })
      for (let round = 0; round < 3; round++) {
        s.tgkill(getpid(), id, 50)
        await new Promise((resolve) => setTimeout(resolve, 10))
        assert.equal(sleeping(id), true, 'the call goes on')
      }
      s.sigaction(50, { handler: s.harmlessHandler() })
      s.tgkill(getpid(), id, 50)
    })
    assert.notEqual(tid, gettid())
    assert.equal(result, EINTR)
    s.sigaction(50, before)
  })

  test('tgkill reaches one thread, which takes it; a thread that is gone is ESRCH', async () => {
    const [tid, sender] = await sleeper('sigtimedwait', (id) => s.tgkill(getpid(), id, s.SIGUSR2))
    assert.equal(sender, getpid())
    // The thread ends a little after its Worker.
    for (let tries = 0; s.rawTgkill(getpid(), tid, 0) === 0 && tries < 200; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    assert.throws(() => s.tgkill(getpid(), tid, 0), { code: 'ESRCH', syscall: 'tgkill' })
  })

  test('sigqueue carries a value', () => {
    // Which thread gets a signal of the process is the kernel's choice: the main thread, when it sleeps for it.
    // That it does shows in its mask, which lacks the signal meanwhile.
    const { out, err } = inChild(`
      const set = new s.SignalSet(50)
      s.sigprocmask(s.SIG_BLOCK, set)
      s.sigaction(50, { handler: s.harmlessHandler() })
      const worker = new Worker(\`
        const files = import('node:fs')
        const signals = import(\${JSON.stringify(${JSON.stringify(new URL('./signal.js', here).href)})})
        Promise.all([files, signals]).then(([{ readFileSync }, s]) => {
          const status = () => readFileSync('/proc/self/task/' + process.pid + '/status', 'utf8')
          for (;;) {
            const mask = BigInt('0x' + /SigBlk:\\\\s*(\\\\w+)/.exec(status())[1])
            if (((mask >> 49n) & 1n) === 0n) break
          }
          s.sigqueue(process.pid, 50, -123456)
        })\`, { eval: true })
      worker.on('online', () => {
        const info = s.sigtimedwait(set, 10000)
        console.log(JSON.stringify(info), getpid())
      })`)
    assert.equal(err, '')
    const [json, pid] = out.trim().split(' ')
    const info = JSON.parse(json!)
    assert.deepEqual([info.signal, info.code, info.value, info.pid], [50, s.SI_QUEUE, -123456, Number(pid)])
    assert.throws(() => s.sigqueue(0x3fffffff, 50, 1), { code: 'ESRCH', syscall: 'sigqueue' })
  })

  test('real-time signals are claimed once, and run out with an error', () => {
    const first = s.claimRealtimeSignal()
    const second = s.claimRealtimeSignal()
    assert.notEqual(first, second)
    s.releaseRealtimeSignal(first)
    assert.equal(s.claimRealtimeSignal(), first)
    const all = [first, second]
    assert.throws(
      () => {
        for (;;) all.push(s.claimRealtimeSignal())
      },
      { code: 'ENOSPC' },
    )
    assert.equal(new Set(all).size, all.length)
    assert.ok(all.every((signal) => signal >= s.SIGRTMIN() && signal <= s.SIGRTMAX()))
    for (const signal of all) s.releaseRealtimeSignal(signal)
  })
}

function sleeping(tid: number): boolean {
  return /\) S /.test(readFileSync(`/proc/self/task/${tid}/stat`, 'utf8'))
}

/** A Worker that sleeps in a call. @returns its thread's number, and what the call returned after `end` */
async function sleeper(
  sleepIn: 'recv' | 'sigtimedwait',
  end: (tid: number) => void | Promise<void>,
): Promise<[number, number]> {
  const worker = new Worker(new URL(here), { workerData: { sleepIn } })
  const messages: number[] = []
  let arrived = () => {}
  worker.on('message', (message: number) => {
    messages.push(message)
    arrived()
  })
  const next = async (count: number) => {
    while (messages.length < count) await new Promise<void>((resolve) => (arrived = resolve))
  }
  await next(1)
  const tid = messages[0]!
  // Asleep twice in a row: it is in the call, not on the way to it.
  for (let seen = 0; seen < 3; ) {
    seen = sleeping(tid) ? seen + 1 : 0
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await end(tid)
  await next(2)
  await worker.terminate()
  return [tid, messages[1]!]
}
