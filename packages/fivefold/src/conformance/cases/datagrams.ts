/** What every model must do with datagrams: whole or cut, in order, and no error of one is the end of all. */
import assert from 'node:assert/strict'
import type { DatagramSocket } from '../../datagram/socket.js'
import type { Address } from '../../sys/address.js'
import type { SystemError } from '../../sys/errno.js'
import { type ErrnoName, faults, type Rules } from '../faults.js'
import { type Case, type Context, freshPath, openSockets } from '../harness.js'
import { Pattern } from '../pattern.js'
import { RawPeer } from '../raw.js'
import { interruptions, noMemory, notNow, together } from '../rules.js'

const every = ['udp', 'udp6', 'unixgram', 'abstractgram'] as const
const both = ['udp', 'unixgram'] as const

interface Arrived {
  datagram: Buffer
  from: Address
  truncated: boolean
}

/** A socket that keeps what comes. */
async function receiver(
  t: Context,
  options: Parameters<Context['bind']>[1] = {},
): Promise<{ socket: DatagramSocket; arrived: Arrived[]; errors: SystemError[]; closed: () => number }> {
  const arrived: Arrived[] = []
  const errors: SystemError[] = []
  let closed = 0
  const socket = await t.bind(
    {
      data(told, datagram, from, truncated) {
        if (closed > 0) t.violation('a datagram after close')
        if (told !== socket && socket !== undefined) t.violation('told of another socket')
        arrived.push({ datagram, from, truncated })
      },
      error: (_, error) => void errors.push(error as SystemError),
      close: () => void (closed++ > 0 && t.violation('close came twice')),
    },
    options,
  )
  return { socket, arrived, errors, closed: () => closed }
}

/** Sends numbered datagrams of the pattern, a window at a time so that no buffer overflows; checks all. */
async function exchange(t: Context, count: number, most: number, inOrder = true): Promise<void> {
  const a = await receiver(t)
  const b = await receiver(t)
  const other = await receiver(t)
  const senders = Array.from({ length: count }, () => (t.random.chance(0.3) ? other : a))
  // Long enough to be known by their bytes.
  const sizes = Array.from({ length: count }, () => t.random.between(8, most))
  const patterns = sizes.map((_, index) => new Pattern(t.seed * 7919 + index))
  const found = (datagram: Buffer) =>
    patterns.findIndex((pattern, index) => pattern.at(0, sizes[index]!).equals(datagram))
  const window = 8
  for (let begun = 0; begun < count; begun += window) {
    const until = Math.min(begun + window, count)
    for (let index = begun; index < until; index++) {
      const data = patterns[index]!.at(0, sizes[index]!)
      assert.equal(senders[index]!.socket.send(data, b.socket.address), true)
      // From one sender they come in order; the other's could overtake them.
      if (senders[index + 1] !== senders[index]) {
        await t.until(() => b.arrived.length > index, `datagram ${index} arrives`)
      }
    }
    await t.until(() => b.arrived.length >= until || a.errors.length > 0, `datagram ${until} arrives`)
    assert.deepEqual(a.errors, [])
  }
  // UDP promises no order: where a call fails in between, the next may overtake. All must come, once each.
  const order = inOrder ? sizes.map((_, index) => index) : b.arrived.map(({ datagram }) => found(datagram))
  assert.equal(new Set(order).size, count)
  b.arrived.forEach(({ datagram, from, truncated }, place) => {
    const index = order[place]!
    assert.equal(datagram.length, sizes[index], `the length of datagram ${index}`)
    patterns[index]!.check(datagram)
    assert.deepEqual(from, senders[index]!.socket.address)
    assert.equal(truncated, false)
  })
  assert.deepEqual(other.errors, [])
  // And an answer to the address that was told.
  for (const [index, to] of senders.entries()) {
    if (index > 0 && to === senders[0]) continue
    assert.equal(b.socket.send('answer', b.arrived[index]!.from), true)
    await t.until(() => to.arrived.length === 1, 'the answer arrives')
    assert.equal(to.arrived[0]!.datagram.toString(), 'answer')
    assert.deepEqual(to.arrived[0]!.from, b.socket.address)
    if (index > 0) break
  }
}

function storm(name: string, rules: Rules): Case {
  return {
    name,
    transports: both,
    async run(t) {
      t.faults(rules)
      await exchange(t, 150, 1500, t.unix)
      faults.off()
      assert.ok(faults.injected() >= 5, `only ${faults.injected()} faults met a call`)
    },
  }
}

export const datagramCases: Case[] = [
  { name: 'an exchange, in order, with senders', transports: every, run: (t) => exchange(t, 60, 3000) },
  {
    name: 'of no bytes, of one, and the largest',
    transports: every,
    async run(t) {
      const a = await receiver(t)
      const b = await receiver(t)
      // 65,507 is what UDP over IPv4 can carry; more is for loopback and Unix sockets alone, and not asked.
      const pattern = new Pattern(t.seed)
      for (const size of [0, 1, 0, 0, 1472, 65_507, 0]) {
        const before = b.arrived.length
        assert.equal(a.socket.send(pattern.at(0, size), b.socket.address), true)
        await t.until(() => b.arrived.length === before + 1, `${size} bytes arrive`)
        const { datagram, from, truncated } = b.arrived.at(-1)!
        assert.equal(datagram.length, size)
        pattern.position = 0
        pattern.check(datagram)
        assert.deepEqual(from, a.socket.address)
        assert.equal(truncated, false)
      }
      assert.deepEqual(a.errors, [])
      assert.deepEqual(b.errors, [])
    },
  },
  {
    name: 'too long to send: EMSGSIZE is told, and the socket goes on',
    transports: ['udp'],
    async run(t) {
      const a = await receiver(t)
      const b = await receiver(t)
      a.socket.send(Buffer.alloc(65_508), b.socket.address)
      await t.until(() => a.errors.length === 1, 'an error is told')
      assert.equal(a.errors[0]!.code, 'EMSGSIZE')
      assert.match(a.errors[0]!.syscall, /^send/)
      a.socket.send('short', b.socket.address)
      await t.until(() => b.arrived.length === 1, 'a short one arrives')
      assert.equal(b.arrived[0]!.datagram.toString(), 'short')
      assert.equal(a.errors.length, 1)
    },
  },
  {
    name: 'longer than maxDatagram: it arrives cut, and says so',
    transports: every,
    async run(t) {
      const a = await receiver(t)
      const b = await receiver(t, { maxDatagram: 100 })
      const pattern = new Pattern(t.seed)
      for (const size of [99, 100, 101, 5000, 0, 100]) {
        const before = b.arrived.length
        a.socket.send(pattern.at(0, size), b.socket.address)
        await t.until(() => b.arrived.length === before + 1, `${size} bytes arrive`)
        const { datagram, truncated } = b.arrived.at(-1)!
        assert.equal(datagram.length, Math.min(size, 100))
        pattern.position = 0
        pattern.check(datagram)
        assert.equal(truncated, size > 100, `${size} bytes were cut`)
      }
    },
  },
  {
    name: 'refused by ICMP, or nobody there: an error is told, and the socket goes on',
    transports: both,
    async run(t) {
      const nobody = await receiver(t)
      const { address } = nobody.socket
      await nobody.socket.close()
      const b = await receiver(t)
      if (t.transport === 'udp') {
        // Only a connected socket is told of the refusal.
        const connect = { hostname: '127.0.0.1', port: (address as { port: number }).port }
        const a = await receiver(t, { connect })
        for (let round = 1; round <= 3; round++) {
          a.socket.send('anyone?')
          await t.until(() => a.errors.length >= round, 'the refusal is told')
        }
        for (const error of a.errors) assert.equal(error.code, 'ECONNREFUSED')
        // Somebody begins to listen there, and is heard.
        const c = await receiver(t, connect)
        assert.equal(a.socket.send('now?'), true)
        await t.until(() => c.arrived.length === 1, 'it arrives')
        c.socket.send('yes', a.socket.address)
        await t.until(() => a.arrived.length === 1, 'the answer arrives')
      } else {
        const a = await receiver(t)
        a.socket.send('anyone?', { path: freshPath('unixgram') })
        await t.until(() => a.errors.length === 1, 'the error is told')
        assert.equal(a.errors[0]!.code, 'ENOENT')
        a.socket.send('you', b.socket.address)
        await t.until(() => b.arrived.length === 1, 'it arrives')
      }
    },
  },
  {
    name: 'connected: only the peer is heard',
    transports: both,
    async run(t) {
      const a = await receiver(t)
      const { address } = a.socket
      const to =
        address.family === 'Unix' ? { path: address.path } : { hostname: address.address, port: address.port }
      const b = await receiver(t, { connect: to })
      const c = await receiver(t)
      assert.equal(b.socket.send('to the peer'), true)
      await t.until(() => a.arrived.length === 1, 'it arrives')
      // A connected UDP socket drops a stranger's; a Unix socket refuses him.
      c.socket.send('from a stranger', b.socket.address)
      a.socket.send('from the peer', b.socket.address)
      await t.until(() => b.arrived.length > 0, 'the answer arrives')
      assert.deepEqual(
        b.arrived.map(({ datagram }) => datagram.toString()),
        ['from the peer'],
      )
    },
  },
  {
    name: 'paused: nothing comes, and what the kernel keeps is not lost',
    transports: both,
    async run(t) {
      const a = await receiver(t)
      const b = await receiver(t)
      b.socket.pause()
      for (let index = 0; index < 5; index++) a.socket.send(`number ${index}`, b.socket.address)
      const c = await receiver(t)
      a.socket.send('witness', c.socket.address)
      await t.until(() => c.arrived.length === 1, 'the witness arrives')
      await t.turns(5)
      assert.equal(b.arrived.length, 0)
      b.socket.resume()
      await t.until(() => b.arrived.length === 5, 'all arrive')
      assert.deepEqual(
        b.arrived.map(({ datagram }) => datagram.toString()),
        [0, 1, 2, 3, 4].map((index) => `number ${index}`),
      )
    },
  },
  {
    name: 'a slow receiver: send is refused, drain comes, nothing is lost',
    transports: ['unixgram', 'abstractgram'],
    async run(t) {
      // A Unix socket's queue is short (net.unix.max_dgram_qlen): it pushes back.
      const { peer, address } = RawPeer.bind(t)
      let drains = 0
      const errors: Error[] = []
      const sender = await t.bind({
        drain: () => void drains++,
        error: (_, error) => void errors.push(error),
      })
      let sent = 0
      while (sender.send(numbered(sent), address)) {
        sent++
        assert.ok(sent < 100_000, 'it is never refused')
      }
      await t.turns(5)
      assert.equal(drains, 0)
      let expected = 0
      await t.turnsUntil(() => {
        for (let datagram = peer.receive(); datagram !== null; datagram = peer.receive()) {
          assert.ok(datagram.equals(numbered(expected)), `datagram ${expected} is itself`)
          expected++
        }
        return expected === sent
      }, 'all arrive')
      await t.until(() => drains === 1, 'drain comes')
      assert.deepEqual(errors, [])
      assert.equal(sender.send(numbered(sent), address), true)
    },
  },
  {
    name: 'closed with operations in flight, from a handler, and twice',
    transports: both,
    async run(t) {
      const before = openSockets().length
      const a = await receiver(t)
      const { peer, address } = RawPeer.bind(t)
      for (let index = 0; index < 50; index++) a.socket.send(numbered(index), address)
      await t.within(Promise.all([a.socket.close(), a.socket.close()]), 'close resolves')
      assert.equal(a.closed(), 1)
      assert.equal(a.socket.fd, -1)
      assert.equal(a.socket.send('x', address), false)
      peer.close()
      // One handler closes all others of the same batch.
      const sockets: DatagramSocket[] = []
      let told = 0
      for (let index = 0; index < 10; index++) {
        sockets.push(
          await t.bind({
            data(socket) {
              told++
              for (const other of sockets) if (other !== socket) void other.close()
            },
          }),
        )
      }
      const source = RawPeer.bind(t).peer
      const sender = await receiver(t)
      for (const socket of sockets) sender.socket.send('all', socket.address)
      await t.until(() => told > 0, 'one is told')
      await t.turns(5)
      assert.equal(told, 1)
      source.close()
      for (const socket of [...sockets, sender.socket]) await t.within(socket.close(), 'close resolves')
      assert.equal(openSockets().length, before)
    },
  },
  {
    name: 'a descriptor number used again: nothing of the old reaches the new',
    transports: both,
    async run(t) {
      const sender = await receiver(t)
      const rounds = t.most(300, 60)
      let reused = 0
      let last = -1
      for (let round = 0; round < rounds; round++) {
        const got: string[] = []
        const socket = await t.bind({ data: (_, datagram) => void got.push(datagram.toString()) })
        if (socket.fd === last) reused++
        last = socket.fd
        sender.socket.send(`round ${round}`, socket.address)
        if (round % 2 === 0) await t.until(() => got.length > 0, 'it arrives')
        await t.within(socket.close(), 'close resolves')
        assert.deepEqual(got.slice(1), [])
        assert.equal(got[0] ?? `round ${round}`, `round ${round}`)
      }
      assert.ok(reused > rounds / 2, `only ${reused} of ${rounds} numbers were used again`)
      assert.deepEqual(
        sender.errors.filter(({ code }) => !['ECONNREFUSED', 'ENOENT'].includes(code)),
        [],
      )
    },
  },
  {
    name: 'a handler that throws: it is told, and the socket goes on',
    transports: both,
    async run(t) {
      const thrown = new Error('thrown in data')
      const errors: Error[] = []
      const got: string[] = []
      const socket = await t.bind({
        data(_, datagram) {
          got.push(datagram.toString())
          if (got.length === 1) throw thrown
        },
        error: (_, error) => void errors.push(error),
      })
      const sender = await receiver(t)
      sender.socket.send('first', socket.address)
      sender.socket.send('second', socket.address)
      await t.until(() => got.length === 2, 'both arrive')
      assert.deepEqual(errors, [thrown])
    },
  },
  {
    name: 'what cannot be sent or bound is refused, and leaves nothing behind',
    transports: both,
    async run(t) {
      const before = openSockets().length
      const a = await receiver(t)
      const detached = new Uint8Array(100)
      structuredClone(detached.buffer, { transfer: [detached.buffer] })
      assert.throws(() => a.socket.send(detached, a.socket.address), { code: 'ERR_INVALID_STATE' })
      const Resizable = ArrayBuffer as unknown as new (
        length: number,
        options: { maxByteLength: number },
      ) => ArrayBuffer
      const resizable = new Uint8Array(new Resizable(10, { maxByteLength: 20 }))
      assert.throws(() => a.socket.send(resizable, a.socket.address), { code: 'ERR_INVALID_ARG_VALUE' })
      for (const wrong of [undefined, null, 5, {}, [1], new Float64Array(2), new ArrayBuffer(4)]) {
        assert.throws(() => a.socket.send(wrong as never, a.socket.address), { code: 'ERR_INVALID_ARG_TYPE' })
      }
      if (t.transport === 'udp') {
        assert.throws(() => a.socket.send('x', { hostname: 'localhost', port: 1 }), {
          code: 'ERR_INVALID_ARG_VALUE',
        })
        assert.throws(() => a.socket.send('x', { address: '127.0.0.1', port: 70_000 }), {
          code: 'ERR_INVALID_ARG_VALUE',
        })
      }
      // Without a destination, and not connected.
      a.socket.send('to whom?')
      await t.until(() => a.errors.length === 1, 'the error is told')
      assert.match(a.errors[0]!.code, /EDESTADDRREQ|ENOTCONN/)
      a.socket.send('to me', a.socket.address)
      await t.until(() => a.arrived.length === 1, 'it goes on')
      const { address } = a.socket
      const place =
        address.family === 'Unix' ? { path: address.path } : { hostname: address.address, port: address.port }
      await assert.rejects(t.bind({}, place), { code: 'EADDRINUSE', syscall: 'bind' })
      await assert.rejects(t.bind({}, t.unix ? { path: `/tmp/${'x'.repeat(200)}` } : { port: 70_000 }), {
        code: 'ERR_INVALID_ARG_VALUE',
      })
      await assert.rejects(t.bind({}, { model: 'kqueue' as never }), { code: 'ERR_INVALID_ARG_VALUE' })
      await a.socket.close()
      assert.equal(openSockets().length, before)
    },
  },
  {
    name: 'memory: the collector runs, and what was told stays',
    transports: both,
    async run(t) {
      const gc = globalThis.gc!
      const kept: { datagram: Buffer; copy: Buffer }[] = []
      const socket = await t.bind({
        data: (_, datagram) => void kept.push({ datagram, copy: Buffer.from(datagram) }),
      })
      const sender = await receiver(t)
      for (let round = 0; round < 60; round++) {
        const bytes = new Pattern(round).at(0, [10, 900, 9000][round % 3]!)
        sender.socket.send(bytes, socket.address)
        if (bytes.length < 1000) bytes.fill(0xee)
        if (round % 10 === 9) {
          gc()
          await t.until(() => kept.length === round + 1, 'all arrive')
        }
      }
      gc()
      kept.forEach(({ datagram, copy }, round) => {
        assert.ok(datagram.equals(copy), 'a datagram changed after it was told')
        new Pattern(round).check(datagram)
      })
    },
  },
  storm('calls and waits are interrupted (EINTR)', interruptions(0.3)),
  storm('readiness that was none (EAGAIN storm)', notNow(0.4)),
  storm('no memory for what is sent (ENOBUFS, ENOMEM)', noMemory(0.4)),
  storm('everything at once', together(interruptions(0.15), notNow(0.2), noMemory(0.15))),
  {
    name: 'receiving fails: it is told, and the socket goes on',
    transports: both,
    async run(t) {
      const sender = await receiver(t)
      const b = await receiver(t)
      for (const code of ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETDOWN', 'ENOMEM'] as ErrnoName[]) {
        const before = b.arrived.length
        const failed = b.errors.length
        const rates = { [code]: 1 }
        t.faults({ recvfrom: rates, recvmsg: rates, aio_read: rates, 'ring recvmsg': rates }, 1)
        for (let index = 0; index < 3; index++) sender.socket.send(`${code} ${index}`, b.socket.address)
        await t.until(() => b.arrived.length === before + 3, `all arrive after ${code}`)
        faults.off()
        if (faults.injected() > 0 && code !== 'ENOMEM') {
          const told = [...b.errors.slice(failed), ...sender.errors].map((error) => error.code)
          assert.ok(told.includes(code), `${code} was told, not ${told}`)
        }
      }
    },
  },
]

function numbered(index: number): Buffer {
  return Buffer.from(`${index} `.padEnd(1000, String(index)))
}
