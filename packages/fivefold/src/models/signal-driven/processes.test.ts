/** Probes, Workers and processes of their own: overflowing queues, late signals, the end. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { SIG_BLOCK, sigprocmask } from '../../sys/signal.js'
import { probeRtsig } from './rtsig.js'
import { probeSigio } from './sigio.js'
import { child, hosts, module, runWorker } from './support.test.util.js'

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
