/** Too few threads, or too few descriptors for one more: see (b) in ../blocking.ts. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { connect as netConnect } from 'node:net'
import { test } from 'node:test'
import { rawClose } from '../../sys/descriptor.js'
import { getrlimit, RLIMIT_NOFILE, setrlimit } from '../../sys/process.js'
import { rawSend, SO_SNDBUF, SOCK_STREAM, SOL_SOCKET, setsockoptInt } from '../../sys/socket.js'
import { Kind } from '../operation.js'
import { Bench, ECANCELED, hosts, pair, socketOf } from './support.test.util.js'
import { atTheBound } from './threads.js'

for (const host of hosts) {
  const title = (text: string) => `blocking, ${host}: ${text}`

  test(title('without descriptors for a thread an operation waits for some; accepting ends'), async () => {
    const bench = new Bench(host)
    const pairs = Array.from({ length: 3 }, () => pair())
    const [listener, port] = socketOf(SOCK_STREAM, 8)
    const [, accepts] = bench.start(Kind.accept, listener)
    // Its thread has begun when it accepts.
    const peer = netConnect(port, '127.0.0.1')
    await bench.until(() => accepts.results.length === 1)
    rawClose(accepts.results[0]!)
    peer.destroy()
    const [, first] = bench.start(Kind.receive, pairs[0]![0])
    rawSend(pairs[0]![1], Buffer.from('first'), 5, 0)
    await bench.until(() => first.chunks.length === 1)
    const warnings: string[] = []
    const onWarning = (warning: Error) => void warnings.push((warning as { code?: string }).code!)
    process.on('warning', onWarning)
    const limit = getrlimit(RLIMIT_NOFILE)
    setrlimit(RLIMIT_NOFILE, { ...limit, soft: readdirSync('/proc/self/fd').length + 8 })
    try {
      const [called, off] = bench.start(Kind.receive, pairs[1]![0])
      const [, waits] = bench.start(Kind.receive, pairs[2]![0])
      // The one that accepts is told; its thread goes to the first in the queue.
      await bench.until(() => accepts.last === -24)
      assert.deepEqual([off.ends, waits.ends], [0, 0])
      rawSend(pairs[1]![1], Buffer.from('second'), 6, 0)
      await bench.until(() => off.chunks.length === 1)
      const [, refused] = bench.start(Kind.accept, listener)
      assert.deepEqual(refused.results, [-24])
      rawSend(pairs[2]![1], Buffer.from('third'), 5, 0)
      // A thread that is free again is the next one's.
      bench.driver.cancel(called)
      await bench.until(() => off.last === ECANCELED && waits.chunks.length === 1)
      // Called off while it waits, and closed while it waits.
      const [given, up] = bench.start(Kind.receive, pairs[1]![0])
      bench.driver.cancel(given)
      assert.deepEqual(up.results, [ECANCELED])
      const [, late] = bench.start(Kind.receive, pairs[1]![0])
      setrlimit(RLIMIT_NOFILE, limit)
      rawSend(pairs[1]![1], Buffer.from('fourth'), 6, 0)
      await bench.until(() => late.chunks.length === 1)
      assert.equal(
        Buffer.concat([...off.chunks, ...waits.chunks, ...late.chunks]).toString(),
        'secondthirdfourth',
      )
      setrlimit(RLIMIT_NOFILE, { ...limit, soft: readdirSync('/proc/self/fd').length + 8 })
      const [left, right] = pairs[0]!
      setsockoptInt(left, SOL_SOCKET, SO_SNDBUF, 4096)
      const [, sends] = bench.start(Kind.send, left, { buffers: [Buffer.alloc(1 << 20)] })
      const [, behind] = bench.start(Kind.send, left, { buffers: [Buffer.from('behind')] })
      assert.deepEqual([sends.ends, behind.ends], [0, 0])
      bench.close()
      assert.deepEqual([sends.last, behind.last], [ECANCELED, ECANCELED])
      assert.ok(rawSend(right, Buffer.from('x'), 1, 0) === 1)
      // Whoever accepts tells of the shortage, and nobody else.
      assert.deepEqual(warnings, [])
    } finally {
      setrlimit(RLIMIT_NOFILE, limit)
      process.off('warning', onWarning)
      bench.close()
    }
    for (const fd of [listener, ...pairs.flat()]) rawClose(fd)
  })

  test(title('at the bound an operation fails with EAGAIN, and it is said why'), async () => {
    const bench = new Bench(host, 3)
    const pairs = Array.from({ length: 4 }, () => pair())
    const started = pairs.map(([left]) => bench.start(Kind.receive, left))
    const [beyond, log] = started[3]!
    assert.deepEqual(log.results, [-11])
    assert.equal(bench.driver.explain(beyond), atTheBound(3))
    assert.match(atTheBound(3), /all 3 are taken: raise maxThreads/)
    // With a thread free again there is room.
    bench.driver.cancel(started[0]![0])
    await bench.until(() => started[0]![1].ends === 1)
    const [, again] = bench.start(Kind.receive, pairs[3]![0])
    rawSend(pairs[3]![1], Buffer.from('here'), 4, 0)
    await bench.until(() => again.chunks.length === 1)
    assert.equal(again.bytes.toString(), 'here')
    bench.close()
    for (const fd of pairs.flat()) rawClose(fd)
  })
}
