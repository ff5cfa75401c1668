/** The same traffic while calls fail: by injected faults, and by real signals. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import type { SystemError } from '../../sys/errno.js'
import { getrlimit, RLIMIT_NOFILE, setrlimit } from '../../sys/process.js'
import type { Endpoint } from '../endpoint.js'
import { type ErrnoName, faults, type Rules } from '../faults.js'
import { type Case, type Context, openSockets } from '../harness.js'
import { RawPeer } from '../raw.js'
import { accepting, interruptions, noMemory, notNow, short, together } from '../rules.js'
import { both, settle } from './streams/shared.js'

interface Traffic {
  connections: number
  bytes: number
  piece: number
}

/** Connections that carry bytes both ways, end in halves and must not notice anything. */
async function traffic(t: Context, { connections, bytes, piece }: Traffic): Promise<void> {
  const ends: Endpoint[] = []
  for (let index = 0; index < connections; index++) {
    const { server, client, listener } = await t.pair({
      listen: { allowHalfOpen: true },
      connect: { allowHalfOpen: true, highWaterMark: piece * 4 },
    })
    client.pump(bytes, () => t.random.between(1, piece), true)
    server.pump(bytes, () => t.random.between(1, piece), true)
    ends.push(server, client)
    if (index === 0) {
      // The first is over before the next begins: opening and closing meet the faults as well.
      await t.until(() => server.closed === 1 && client.closed === 1, 'both ends close')
      await t.within(listener.close(), 'the listener closes')
    }
  }
  await t.until(() => ends.every((end) => end.closed === 1), 'all ends close')
  for (const end of ends) {
    assert.deepEqual(end.errors, [], end.name)
    assert.equal(end.received, bytes, `${end.name} received all`)
    assert.equal(end.ended, 1)
  }
}

function storm(name: string, rules: Rules, load: Traffic, least = 5): Case {
  return {
    name,
    transports: both,
    async run(t) {
      const before = openSockets().length
      t.faults(rules)
      await traffic(t, load)
      faults.off()
      assert.ok(faults.injected() >= least, `only ${faults.injected()} faults met a call`)
      await settle(t, () => openSockets().length <= before + t.endpoints.length)
    },
  }
}

export const troubleCases: Case[] = [
  storm('every call takes and gives one byte', short('one', 1), {
    connections: 2,
    bytes: 700,
    piece: 60,
  }),
  storm(
    'calls take and give a part of what was asked',
    short('part', 0.7),
    { connections: 3, bytes: 200_000, piece: 20_000 },
    20,
  ),
  storm('calls and waits are interrupted (EINTR)', interruptions(0.3), {
    connections: 3,
    bytes: 60_000,
    piece: 600,
  }),
  storm('readiness that was none (EAGAIN storm)', notNow(0.5), {
    connections: 3,
    bytes: 60_000,
    piece: 600,
  }),
  storm('no memory for what is sent (ENOBUFS, ENOMEM)', noMemory(0.4), {
    connections: 3,
    bytes: 60_000,
    piece: 600,
  }),
  storm(
    'everything at once',
    together(interruptions(0.15), notNow(0.2), noMemory(0.1), short('part', 0.3)),
    { connections: 4, bytes: 100_000, piece: 10_000 },
    20,
  ),
  {
    name: 'real signals arrive all the while',
    transports: both,
    async run(t) {
      let caught = 0
      const handler = () => void caught++
      // Not SIGUSR2: under Node 24's test runner it also has a diagnostic report written.
      process.on('SIGCONT', handler)
      process.on('SIGWINCH', handler)
      // Another thread raises them, so that they meet this one in the middle of its calls.
      const raiser = new Worker(
        `const { workerData } = require('node:worker_threads')
         let turn = 0
         setInterval(() => process.kill(process.pid, turn++ % 2 ? 'SIGCONT' : 'SIGWINCH'), 1)`,
        { eval: true },
      )
      t.cleanup(async () => {
        await raiser.terminate()
        process.off('SIGCONT', handler)
        process.off('SIGWINCH', handler)
      })
      await once(raiser, 'online')
      let round = 0
      do await traffic(t, { connections: 2, bytes: 100_000, piece: 5000 })
      while (caught < 20 && ++round < 500)
      assert.ok(caught >= 20, `${caught} signals were caught`)
    },
  },
  {
    name: 'out of descriptors while accepting: no busy loop, one warning, and recovery',
    transports: both,
    async run(t) {
      const warnings = shortageWarnings(t)
      const shortage = t.startsThreads ? injectedShortage : realShortage
      const used = shortage(t)
      const { server, client, listener } = await t.pair()
      const peers = Array.from({ length: 3 }, () => RawPeer.unconnected(t))
      // What else an engine needs is there once something has gone to and fro.
      client.pump(1000)
      server.pump(1000)
      await t.until(() => server.received === 1000 && client.received === 1000, 'bytes go to and fro')
      await t.turn()
      used.begin()
      // The first may still get in: a call that waits in accept already is answered by the kernel, not by the table.
      peers[0]!.connect(listener.address)
      await t.turnsUntil(() => warnings.length > 0 || listener.connections > 1, 'one is refused, or accepted')
      peers[1]!.connect(listener.address)
      peers[2]!.connect(listener.address)
      await t.turnsUntil(() => warnings.length > 0, 'the shortage is told')
      const before = listener.connections
      const tries = () => faults.calls('accept4') + faults.calls('ring accept')
      const begun = tries()
      await new Promise((resolve) => setTimeout(resolve, 200))
      assert.ok(tries() - begun < 60, `${tries() - begun} accepts were tried in a fifth of a second`)
      // Meanwhile what is open goes on.
      client.pump(10_000, 1000)
      await t.until(() => server.received === 11_000, 'an open connection goes on')
      assert.equal(listener.connections, before)
      assert.equal(warnings.length, 1)
      used.end()
      for (const peer of peers) peer.send(Buffer.alloc(10))
      await t.until(
        () => t.endpoints.filter((end) => end.name === 'further' && end.received === 10).length === 3,
        'those that waited are accepted',
      )
      for (const peer of peers) peer.close()
      await t.until(() => listener.connections === 1, 'and served')
    },
  },
  {
    name: 'accept errors of one connection do not concern the next',
    transports: both,
    async run(t) {
      const listener = await t.listen(t.handlers(() => t.endpoint('server', t.pattern(), null)))
      const warnings = shortageWarnings(t)
      for (const error of ['ECONNABORTED', 'EPROTO', 'EINTR', 'ENOBUFS', 'ENOMEM', 'ENFILE'] as ErrnoName[]) {
        // The first three say something of one connection alone; from the others on there is a shortage.
        if (error === 'ENOBUFS') assert.deepEqual(warnings, [])
        const before = t.endpoints.length
        t.faults(accepting(error, 0.6), 4)
        const peers = Array.from({ length: 5 }, () => RawPeer.connect(t, listener.address))
        for (const peer of peers) peer.send(Buffer.alloc(10))
        await t.until(
          () =>
            t.endpoints.length === before + 5 && t.endpoints.slice(before).every((end) => end.received > 0),
          `all are served after ${error}`,
        )
        faults.off()
        for (const peer of peers) peer.close()
        await t.until(() => listener.connections === 0, 'they close')
      }
    },
  },
  {
    name: 'no descriptor for a new socket',
    transports: both,
    async run(t) {
      const listener = await t.listen(t.handlers(() => t.endpoint('server', t.pattern(), null)))
      for (const code of ['EMFILE', 'ENFILE', 'ENOBUFS'] as ErrnoName[]) {
        t.faults({ socket: { [code]: 1 } })
        await assert.rejects(t.connect(listener.address, {}), (error: SystemError) => {
          assert.deepEqual([error.code, error.syscall], [code, 'socket'])
          assert.match(error.message, /ulimit|sysctl|memory/)
          return true
        })
        await assert.rejects(t.listen({}), { code, syscall: 'socket' })
        faults.off()
      }
      const before = openSockets().length
      t.faults({ bind: { EACCES: 1 } })
      await assert.rejects(t.listen({}), { code: 'EACCES', syscall: 'bind' })
      t.faults({ listen: { EADDRINUSE: 1 } })
      await assert.rejects(t.listen({}), { code: 'EADDRINUSE', syscall: 'listen' })
      t.faults({ connect: { ENETUNREACH: 1 }, 'ring connect': { ENETUNREACH: 1 } })
      await assert.rejects(t.connect(listener.address, {}), (error: SystemError) => {
        assert.equal(error.code, 'ENETUNREACH')
        assert.equal(error.syscall, 'connect')
        return true
      })
      faults.off()
      assert.equal(openSockets().length, before)
    },
  },
  {
    name: 'a call that fails for good ends its own socket, once',
    transports: both,
    async run(t) {
      const cases: [Rules, string][] = [
        [
          { recv: { ECONNRESET: 1 }, aio_read: { ECONNRESET: 1 }, 'ring recv': { ECONNRESET: 1 } },
          'ECONNRESET',
        ],
        [{ recv: { ETIMEDOUT: 1 }, aio_read: { ETIMEDOUT: 1 }, 'ring recv': { ETIMEDOUT: 1 } }, 'ETIMEDOUT'],
        [sending('EPIPE'), 'EPIPE'],
        [sending('ECONNRESET'), 'ECONNRESET'],
      ]
      for (const [rules, code] of cases) {
        const { server, client } = await t.pair()
        server.expects = client.expects = null
        // The first call fails, of whichever end makes it; then no more.
        t.faults(rules, 1)
        // A receive that a ring has taken already fails no more: it is asked anew.
        client.pause()
        client.resume()
        client.pump(50_000, 10_000)
        server.pump(50_000, 10_000)
        await t.until(() => server.closed === 1 && client.closed === 1, `both ends close after ${code}`)
        faults.off()
        assert.equal(faults.injected() >= 1, true)
        const codes = [...server.errors, ...client.errors].map((error) => (error as SystemError).code)
        assert.ok(codes.includes(code), `${code} was told, not ${codes}`)
        const witness = await t.pair()
        witness.client.pump(1000, 1000)
        await t.until(() => witness.server.received === 1000, 'another connection works')
        witness.client.socket.terminate()
        witness.server.socket.terminate()
      }
    },
  },
  {
    name: 'close(2) is called once for each socket, even when it is interrupted',
    transports: both,
    async run(t) {
      const pairs: Endpoint[] = []
      for (let index = 0; index < 3; index++) {
        const { server, client } = await t.pair()
        pairs.push(server, client)
      }
      await t.turns(3)
      t.faults({ close: { EINTR: 1 } })
      const before = faults.calls('close')
      for (const end of pairs) end.socket.terminate()
      await t.until(() => pairs.every((end) => end.closed === 1), 'all close')
      const calls = faults.calls('close') - before
      faults.off()
      assert.equal(calls, pairs.length * t.descriptorsPerSocket)
    },
  },
]

/** The warnings of listeners that run short, from now on. */
function shortageWarnings(t: Context): Error[] {
  const warnings: Error[] = []
  const onWarning = (warning: Error) =>
    void ((warning as { code?: string }).code === 'FIVEFOLD_ACCEPT' && warnings.push(warning))
  process.on('warning', onWarning)
  t.cleanup(() => process.off('warning', onWarning))
  return warnings
}

interface Shortage {
  begin(): void
  end(): void
}

/** A limit (io_uring looks at it when the accept is asked for), and then all numbers below it taken. */
function realShortage(t: Context): Shortage {
  const limit = getrlimit(RLIMIT_NOFILE)
  const lowest = openSync('/dev/null', 'r')
  closeSync(lowest)
  setrlimit(RLIMIT_NOFILE, { ...limit, soft: lowest + 64 })
  let fds: number[] = []
  const end = () => {
    for (const fd of fds) closeSync(fd)
    fds = []
    setrlimit(RLIMIT_NOFILE, limit)
  }
  t.cleanup(end)
  return {
    begin() {
      try {
        for (;;) fds.push(openSync('/dev/null', 'r'))
      } catch (error) {
        assert.equal((error as SystemError).code, 'EMFILE')
      }
    },
    end,
  }
}

/** For models that start threads, which need descriptors as well. */
function injectedShortage(t: Context): Shortage {
  return { begin: () => t.faults(accepting('EMFILE', 1)), end: () => faults.off() }
}

function sending(error: ErrnoName): Rules {
  const rates = { [error]: 1 }
  return { send: rates, sendmsg: rates, aio_write: rates, 'ring send': rates, 'ring sendmsg': rates }
}
