/** What every model must do with a stream: bytes, order, ends, back pressure. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import type { SystemError } from '../../sys/errno.js'
import { errnos } from '../../sys/errno.js'
import {
  getsockoptInt,
  IPPROTO_TCP,
  rawSetsockopt,
  SO_KEEPALIVE,
  SOL_SOCKET,
  TCP_KEEPIDLE,
  TCP_NODELAY,
} from '../../sys/socket.js'
import { faults } from '../faults.js'
import {
  type Case,
  type Context,
  type Endpoint,
  freshPath,
  openDescriptors,
  openSockets,
} from '../harness.js'
import { Pattern } from '../pattern.js'
import { RawListener, RawPeer } from '../raw.js'

const every = ['tcp', 'tcp6', 'unix', 'abstract'] as const
const both = ['tcp', 'unix'] as const

const MiB = 1024 * 1024

/** Both ends are closed. */
function closed(t: Context, ...ends: Endpoint[]): Promise<void> {
  return t.until(() => ends.every((end) => end.closed === 1), 'both ends close')
}

function clean(...ends: Endpoint[]): void {
  for (const end of ends) {
    assert.deepEqual(
      end.errors.map((error) => error.message),
      [],
      `${end.name} had an error`,
    )
    assert.equal(end.closeError, undefined)
  }
}

export const streamCases: Case[] = [
  {
    name: 'an exchange, its addresses and its counters',
    transports: every,
    async run(t) {
      const { server, client, listener } = await t.pair()
      assert.equal(listener.model, t.model)
      assert.equal(listener.host, t.host)
      assert.equal(listener.connections, 1)
      assert.ok(listener.fd >= 0 && client.socket.fd >= 0 && client.socket.fd !== server.socket.fd)
      assert.deepEqual(client.socket.remoteAddress, listener.address)
      assert.deepEqual(server.socket.localAddress, listener.address)
      assert.deepEqual(client.socket.localAddress, server.socket.remoteAddress)
      if (t.unix) assert.equal(listener.port, 0)
      else assert.equal(listener.port, (listener.address as { port: number }).port)
      assert.equal(client.socket.readyState, 'open')
      client.pump(200_000, () => t.random.between(1, 40_000))
      server.pump(100_000, () => t.random.between(1, 40_000))
      await t.until(() => server.received === 200_000 && client.received === 100_000, 'all bytes arrive')
      client.socket.end()
      assert.equal(client.socket.readyState, 'readOnly')
      await closed(t, server, client)
      clean(server, client)
      assert.equal(server.ended, 1)
      assert.equal(client.ended, 1)
      for (const end of [server, client]) {
        assert.equal(end.socket.bytesRead, end.received)
        assert.equal(end.socket.bytesWritten, end.sends.position)
        assert.equal(end.socket.bytesQueued, 0)
        assert.equal(end.socket.fd, -1)
        assert.equal(end.socket.readyState, 'closed')
      }
      assert.deepEqual(client.socket.remoteAddress, listener.address)
      assert.equal(listener.connections, 0)
    },
  },
  {
    name: 'strings, and views into the middle of buffers',
    transports: both,
    async run(t) {
      const received: Buffer[] = []
      const { server, client } = await t.pair({ server: { data: (_, chunk) => void received.push(chunk) } })
      server.expects = null
      const text = 'aé€😀\0'.repeat(200)
      const memory = new Uint8Array(10_000).map((_, index) => index * 7)
      const parts = [
        text,
        memory.subarray(100, 200),
        new Uint8Array(memory.buffer, 300, 6000),
        Buffer.from('x'),
        '',
      ]
      const expected = Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array)))
      for (const part of parts) assert.equal(client.socket.write(part), Buffer.byteLength(part as Uint8Array))
      await t.until(() => server.received >= expected.length, 'all bytes arrive')
      assert.ok(Buffer.concat(received).equals(expected))
    },
  },
  {
    name: '16 MiB both ways with a slow reader',
    transports: both,
    async run(t) {
      const size = 16 * MiB
      const { server, client } = await t.pair({
        listen: { allowHalfOpen: true },
        connect: { allowHalfOpen: true },
      })
      // First nobody reads: writing must be refused long before all is taken.
      server.pause()
      client.pump(size, 100_000, true)
      await t.until(() => client.refusals > 0, 'the writer is refused')
      server.pump(size, 64 * 1024, true)
      await t.until(() => server.refusals > 0 || server.pumped || client.received > 0, 'the other way begins')
      // In rounds: read a little, then stand still for some turns of the loop.
      const step = () => {
        if (server.closed > 0) return
        if (server.paused) server.resume()
        else if (server.received < size) server.pause()
        setTimeout(step, 1)
      }
      step()
      let most = 0
      await t.until(() => {
        most = Math.max(most, client.sends.position - server.received)
        return server.closed === 1 && client.closed === 1
      }, 'both ends close')
      clean(server, client)
      assert.equal(server.received, size)
      assert.equal(client.received, size)
      // What is under way is the kernel's two buffers and the high-water mark, whatever the total.
      assert.ok(most < 12 * MiB, `${most} bytes were taken and not received`)
      // One drain for each refusal; only a refused end that never came free again has none, and here is none.
      assert.equal(client.drains, client.refusals)
      assert.equal(server.drains, server.refusals)
    },
  },
  {
    name: 'nobody reads: writing is refused once, and drain comes once when somebody reads',
    transports: both,
    async run(t) {
      const highWaterMark = 32 * 1024
      const { server, client } = await t.pair({ connect: { highWaterMark } })
      server.pause()
      // Refused for good: until no drain comes although the kernel has had its time.
      for (let idle = 0; idle < 40; ) {
        const { drains, refusals } = client
        if (refusals === drains) {
          client.write(16 * 1024)
          assert.ok(client.sends.position < 64 * MiB, 'writing is never refused')
        }
        await t.turn()
        idle = client.drains === drains && client.refusals === refusals && refusals > drains ? idle + 1 : 0
      }
      assert.ok(client.socket.bytesQueued <= highWaterMark, `${client.socket.bytesQueued} bytes are queued`)
      // Refused is refused: nothing more is taken, and asking again is no new drain.
      if (client.drains < client.refusals) {
        assert.equal(client.socket.write(client.sends.peek(1000)), 0)
        assert.equal(client.socket.write(client.sends.peek(1000)), 0)
      }
      server.resume()
      await t.until(
        () => client.drains === client.refusals && server.received === client.sends.position,
        'drain comes',
      )
      await t.turns(20)
      assert.equal(client.drains, client.refusals)
      client.pump(1000, 1000, true)
      await closed(t, server, client)
      clean(server, client)
      assert.equal(client.drains, client.refusals)
    },
  },
  {
    name: 'thousands of small writes stay in order',
    transports: both,
    async run(t) {
      const { server, client } = await t.pair()
      // In bursts, so that some are gathered, with large ones among them that are not copied.
      for (let burst = 0; burst < 40; burst++) {
        client.pump(t.random.between(1, 60) * 97, () =>
          t.random.chance(0.03) ? 30_000 : t.random.between(1, 97),
        )
        server.pump(t.random.between(1, 30) * 97, () => t.random.between(1, 5000))
        await t.turn()
      }
      await t.until(
        () =>
          client.pumped &&
          server.pumped &&
          server.received === client.sends.position &&
          client.received === server.sends.position,
        'all bytes arrive',
      )
    },
  },
  {
    name: 'writes of more buffers than one call can take',
    transports: both,
    async run(t) {
      const { server, client } = await t.pair({ connect: { highWaterMark: 8 * MiB } })
      // More than IOV_MAX (1024) pieces, in one turn.
      for (let piece = 0; piece < 3000; piece++) client.write(t.random.between(1, 9))
      for (let piece = 0; piece < 40; piece++) client.write(t.random.between(5000, 50_000))
      client.socket.end()
      await closed(t, server, client)
      clean(server, client)
      assert.equal(server.received, client.sends.position)
    },
  },
  {
    name: 'half-close: the client ends first and goes on receiving',
    transports: every,
    async run(t) {
      const { server, client } = await t.pair({
        listen: { allowHalfOpen: true },
        connect: { allowHalfOpen: true },
      })
      client.pump(50_000, 7000, true)
      await t.until(() => server.ended === 1, 'the server hears the end')
      assert.equal(server.received, 50_000)
      assert.equal(server.socket.readyState, 'writeOnly')
      assert.throws(() => client.socket.write('x'), { code: 'ERR_STREAM_WRITE_AFTER_END' })
      server.pump(300_000, 30_000, true)
      await closed(t, server, client)
      clean(server, client)
      assert.equal(client.received, 300_000)
      assert.equal(client.ended, 1)
    },
  },
  {
    name: 'half-close: the server ends first and goes on receiving',
    transports: both,
    async run(t) {
      const { server, client } = await t.pair({
        listen: { allowHalfOpen: true },
        connect: { allowHalfOpen: true },
      })
      server.pump(50_000, 7000, true)
      await t.until(() => client.ended === 1, 'the client hears the end')
      client.pump(300_000, 30_000, true)
      await closed(t, server, client)
      clean(server, client)
      assert.equal(server.received, 300_000)
      assert.equal(server.ended, 1)
    },
  },
  {
    name: 'both ends shut down at the same time',
    transports: both,
    async run(t) {
      const { server, client } = await t.pair({
        listen: { allowHalfOpen: true },
        connect: { allowHalfOpen: true },
      })
      client.pump(10_000, 1000, true)
      server.pump(20_000, 1000, true)
      await closed(t, server, client)
      clean(server, client)
      assert.deepEqual([server.ended, client.ended, server.received, client.received], [1, 1, 10_000, 20_000])
    },
  },
  {
    name: 'without allowHalfOpen the end is answered, after what was written',
    transports: both,
    async run(t) {
      const { server, client } = await t.pair({ server: { end: (end) => end.write(3000) } })
      server.pump(500_000, 50_000)
      client.socket.end()
      await closed(t, server, client)
      clean(server, client)
      assert.equal(client.received, server.sends.position)
      assert.ok(server.sends.position > 0)
    },
  },
  {
    name: 'end(data) takes all of it, however much is queued',
    transports: both,
    async run(t) {
      const { server, client } = await t.pair({ connect: { highWaterMark: 16 * 1024 } })
      server.pause()
      while (client.write(16 * 1024) === 16 * 1024) await t.turn()
      client.socket.end(client.sends.take(100_000))
      client.socket.end()
      await t.turns(5)
      server.resume()
      await closed(t, server, client)
      clean(server, client)
      assert.equal(server.received, client.sends.position)
      assert.equal(client.socket.bytesWritten, client.sends.position)
    },
  },
  {
    name: 'data and end that came together',
    transports: both,
    async run(t) {
      const pattern = t.pattern()
      let server: Endpoint | undefined
      const listener = await t.listen(
        t.handlers(() => (server = t.endpoint('server', t.pattern(), new Pattern(pattern.seed)))),
      )
      for (const size of [1, 1000, 70_000]) {
        server = undefined
        pattern.position = 0
        const peer = RawPeer.connect(t, listener.address)
        let sent = peer.send(pattern.at(0, size))
        while (sent < size) sent += peer.send(pattern.at(sent, size - sent))
        peer.end()
        await t.until(() => server?.ended === 1 && server.closed === 1, 'the end comes')
        clean(server!)
        assert.equal(server!.received, size)
        peer.close()
      }
      // And a peer that is gone altogether before it is accepted.
      server = undefined
      const peer = RawPeer.connect(t, listener.address)
      peer.send(pattern.at(0, 5000))
      peer.close()
      await t.until(() => server?.closed === 1, 'the connection closes')
      clean(server!)
      assert.equal(server!.received, 5000)
    },
  },
  {
    name: 'a peer that takes single bytes and gives single bytes',
    transports: both,
    async run(t) {
      const listener = new RawListener(t)
      const end = t.endpoint('socket', t.pattern(), t.pattern())
      end.socket = await t.connect(listener.address, t.handlers(), { data: end })
      const peer = listener.accept(t)
      const back = new Pattern(end.expects!.seed)
      for (let count = 0; count < 50; count++) {
        assert.equal(peer.send(back.take(1)), 1)
        end.write(t.random.between(1, 3))
        if (count % 8 === 0) await t.turn()
      }
      const total = end.sends.position
      const check = new Pattern(end.sends.seed)
      while (check.position < total) {
        const byte = peer.receive(1)
        if (byte === null) await t.turn()
        else check.check(byte)
      }
      await t.until(() => end.received === 50, 'all bytes arrive')
      peer.end()
      await closed(t, end)
      clean(end)
    },
  },
  {
    name: 'a peer that resets in the middle of a write',
    transports: both,
    async run(t) {
      const listener = new RawListener(t)
      const end = t.endpoint('socket', t.pattern(), null)
      end.socket = await t.connect(listener.address, t.handlers(), { data: end })
      const peer = listener.accept(t)
      end.pump(16 * MiB, 50_000)
      await t.until(() => end.refusals > 0, 'the writer is refused')
      // What arrived is in order and there once.
      new Pattern(end.sends.seed).check(await peer.receiveAll(t, 200_000))
      peer.reset()
      await t.until(() => end.closed === 1, 'the socket closes')
      assert.equal(end.errors.length, 1)
      const error = end.errors[0] as SystemError
      assert.ok(['ECONNRESET', 'EPIPE'].includes(error.code), error.message)
      assert.equal(error.errno, -errnos[error.code as 'EPIPE'])
      assert.match(error.syscall, /^(recv|send|write|read)/)
      assert.equal(end.closeError, error)
      assert.equal(end.socket.write('more'), 0)
      assert.ok(end.socket.bytesWritten >= 200_000 && end.socket.bytesWritten <= end.sends.position)
    },
  },
  {
    name: 'a peer that resets while nothing happens',
    transports: ['tcp'],
    async run(t) {
      const listener = new RawListener(t)
      const end = t.endpoint('socket', t.pattern(), t.pattern())
      end.socket = await t.connect(listener.address, t.handlers(), { data: end })
      const peer = listener.accept(t)
      peer.reset()
      await t.until(() => end.closed === 1, 'the socket closes')
      assert.deepEqual([end.ended, (end.errors[0] as SystemError | undefined)?.code], [0, 'ECONNRESET'])
    },
  },
  {
    name: 'a peer that closed without reading: the write fails, once',
    transports: both,
    async run(t) {
      const listener = new RawListener(t)
      const end = t.endpoint('socket', t.pattern(), t.pattern())
      end.socket = await t.connect(listener.address, t.handlers(), { data: end, allowHalfOpen: true })
      const peer = listener.accept(t)
      peer.close()
      await t.until(() => end.ended === 1 || end.closed === 1, 'the end comes')
      // TCP needs one write to be told of the reset, and then fails; a Unix socket fails at once.
      end.pump(16 * MiB, 1000)
      await t.until(() => end.closed === 1, 'the socket closes')
      assert.equal(end.errors.length, 1)
      assert.ok(['ECONNRESET', 'EPIPE'].includes((end.errors[0] as SystemError).code), end.errors[0]!.message)
    },
  },
  {
    name: 'refused: nobody listens there',
    transports: every,
    async run(t) {
      const before = openSockets().length
      const listener = new RawListener(t)
      listener.close()
      const { address } = listener
      let called = 0
      const handler = () => void called++
      const handlers = { open: handler, error: handler, close: handler, end: handler }
      for (let round = 0; round < 3; round++) {
        await assert.rejects(t.connect(address, handlers), (error: SystemError) => {
          assert.equal(error.code, 'ECONNREFUSED')
          assert.equal(error.errno, -errnos.ECONNREFUSED)
          assert.equal(error.syscall, 'connect')
          if (address.family === 'Unix') assert.equal(error.path, address.path)
          else assert.deepEqual([error.address, error.port], [address.address, address.port])
          return true
        })
      }
      if (t.transport === 'unix') {
        const path = freshPath('unix')
        await assert.rejects(t.connect({ family: 'Unix', path }, handlers), {
          code: 'ENOENT',
          syscall: 'connect',
          path,
        })
      }
      assert.equal(called, 0)
      assert.equal(openSockets().length, before)
    },
  },
  {
    name: 'aborted: before, during and after connecting',
    transports: ['tcp'],
    async run(t) {
      // A backlog that is full answers no more: connects to it stay under way.
      const listener = new RawListener(t, 0)
      const before = openSockets().length
      const filling = [RawPeer.connect(t, listener.address)]
      const reason = new Error('enough')
      const early = AbortSignal.abort(reason)
      await assert.rejects(t.connect(listener.address, {}, { signal: early }), reason)
      const controllers = Array.from({ length: 4 }, () => new AbortController())
      let answered = 0
      const pending = controllers.map(({ signal }) =>
        t
          .connect(listener.address, {}, { signal })
          .then(
            (socket) => {
              socket.terminate()
              return socket
            },
            (error: unknown) => error,
          )
          .finally(() => answered++),
      )
      await t.turns(10)
      assert.ok(answered < 4, 'a connect to a full backlog is under way')
      for (const controller of controllers) controller.abort(reason)
      const outcomes = await t.within(Promise.all(pending), 'the aborted connects')
      assert.ok(outcomes.includes(reason), 'none was aborted')
      for (const outcome of outcomes) assert.ok(outcome === reason || !(outcome instanceof Error))
      for (const peer of filling) peer.close()
      await t.until(() => true, '')
      // After it stands, an abort changes nothing.
      const late = new AbortController()
      const open = new RawListener(t)
      const end = t.endpoint('socket', t.pattern(), t.pattern())
      end.socket = await t.connect(open.address, t.handlers(), { data: end, signal: late.signal })
      late.abort()
      const peer = open.accept(t)
      peer.send(new Pattern(end.expects!.seed).take(100))
      await t.until(() => end.received === 100, 'it goes on receiving')
      end.socket.terminate()
      await closed(t, end)
      peer.close()
      open.close()
      await settle(t, () => openSockets().length <= before)
      assert.equal(openSockets().length, before)
    },
  },
  {
    name: 'a backlog that is full: connect waits for room or says EAGAIN, and can be aborted',
    transports: ['unix'],
    async run(t) {
      const before = openSockets().length
      const listener = new RawListener(t, 0)
      const first = RawPeer.connect(t, listener.address)
      const controller = new AbortController()
      const reason = new Error('enough')
      const again = (error: unknown) =>
        (error as SystemError).code === 'EAGAIN' && (error as SystemError).syscall === 'connect'
      const ends = [0, 1].map((index) => t.endpoint(`socket ${index}`, t.pattern(), null))
      const connecting = ends.map((end, index) =>
        t
          .connect(
            listener.address,
            t.handlers(),
            index === 0 ? { data: end, signal: controller.signal } : { data: end },
          )
          .catch((error: unknown) => error),
      )
      await t.turns(10)
      controller.abort(reason)
      const aborted = await connecting[0]
      assert.ok(aborted === reason || again(aborted), `${aborted}`)
      first.close()
      listener.accept(t).close()
      const second = await t.within(connecting[1]!, 'the other one')
      if (second instanceof Error) assert.ok(again(second), second.message)
      else {
        const peer = listener.accept(t)
        ends[1]!.socket = second as Endpoint['socket']
        ends[1]!.write(100)
        await peer.receiveAll(t, 100)
        peer.close()
        await closed(t, ends[1]!)
      }
      listener.close()
      await settle(t, () => openSockets().length <= before)
      assert.equal(openSockets().length, before)
    },
  },
  {
    name: 'options reach the kernel',
    transports: ['tcp', 'tcp6'],
    async run(t) {
      const option = (fd: number, level: number, name: number) =>
        faults.suspended(() => getsockoptInt(fd, level, name))
      const { server, client } = await t.pair()
      for (const end of [server, client]) assert.notEqual(option(end.socket.fd, IPPROTO_TCP, TCP_NODELAY), 0)
      const { socket } = client
      socket.setNoDelay(false)
      assert.equal(option(socket.fd, IPPROTO_TCP, TCP_NODELAY), 0)
      socket.setNoDelay()
      assert.notEqual(option(socket.fd, IPPROTO_TCP, TCP_NODELAY), 0)
      assert.equal(option(socket.fd, SOL_SOCKET, SO_KEEPALIVE), 0)
      socket.setKeepAlive(true, 7)
      assert.equal(option(socket.fd, SOL_SOCKET, SO_KEEPALIVE), 1)
      assert.equal(option(socket.fd, IPPROTO_TCP, TCP_KEEPIDLE), 7)
      socket.setKeepAlive(false)
      assert.equal(option(socket.fd, SOL_SOCKET, SO_KEEPALIVE), 0)
      const slow = await t.pair({ listen: { noDelay: false }, connect: { noDelay: false } })
      for (const end of [slow.server, slow.client]) {
        assert.equal(option(end.socket.fd, IPPROTO_TCP, TCP_NODELAY), 0)
      }
      // Two listeners on one port, when both say so.
      const one = await t.listen({}, { reusePort: true })
      const two = await t.listen({}, { reusePort: true, port: one.port })
      assert.equal(one.port, two.port)
      await assert.rejects(t.listen({}, { port: one.port }), { code: 'EADDRINUSE' })
      await assert.rejects(t.listen({}, { path: '\0no port', reusePort: true }), {
        code: 'ERR_INVALID_ARG_VALUE',
      })
      if (t.transport === 'tcp6') {
        const dual = await t.listen({}, { hostname: '::' })
        RawPeer.connect(t, { family: 'IPv4', address: '127.0.0.1', port: dual.port }).close()
        const only = await t.listen({}, { hostname: '::', ipv6Only: true })
        assert.throws(() => RawPeer.connect(t, { family: 'IPv4', address: '127.0.0.1', port: only.port }), {
          code: 'ECONNREFUSED',
        })
      }
    },
  },
  {
    name: 'what cannot be is refused, and leaves nothing behind',
    transports: both,
    async run(t) {
      const before = openSockets().length
      const long = `/tmp/${'x'.repeat(200)}`
      await assert.rejects(t.connect({ family: 'Unix', path: long }, {}), { code: 'ERR_INVALID_ARG_VALUE' })
      await assert.rejects(t.listen({}, { path: long }), { code: 'ERR_INVALID_ARG_VALUE' })
      if (t.transport === 'tcp') {
        await assert.rejects(t.connect({ family: 'IPv4', address: '127.0.0.1', port: 70_000 }, {}), {
          code: 'ERR_INVALID_ARG_VALUE',
        })
        await assert.rejects(t.listen({}, { port: -1 }), { code: 'ERR_INVALID_ARG_VALUE' })
        await assert.rejects(t.listen({}, { hostname: '203.0.113.7' }), {
          code: 'EADDRNOTAVAIL',
          syscall: 'bind',
        })
      }
      await assert.rejects(t.listen({}, { model: 'kqueue' as never }), { code: 'ERR_INVALID_ARG_VALUE' })
      await assert.rejects(t.listen({}, { host: 'nowhere' as never }), { code: 'ERR_INVALID_ARG_VALUE' })
      const listener = await t.listen({})
      const again =
        listener.address.family === 'Unix'
          ? { path: listener.address.path }
          : { port: listener.port, hostname: listener.address.address }
      await assert.rejects(t.listen({}, again), (error: SystemError) => {
        assert.equal(error.code, 'EADDRINUSE')
        assert.equal(error.syscall, 'bind')
        if (listener.address.family === 'Unix') assert.equal(error.path, listener.address.path)
        else assert.equal(error.port, listener.port)
        return true
      })
      await listener.close()
      assert.equal(openSockets().length, before)
    },
  },
  {
    name: 'memory that could move is refused',
    transports: both,
    async run(t) {
      const { server, client } = await t.pair()
      const detached = new Uint8Array(100)
      structuredClone(detached.buffer, { transfer: [detached.buffer] })
      assert.throws(() => client.socket.write(detached), { code: 'ERR_INVALID_STATE' })
      assert.throws(() => client.socket.end(detached), { code: 'ERR_INVALID_STATE' })
      // TypeScript's library of ES2023 does not know resizable buffers; Node does.
      const Resizable = ArrayBuffer as unknown as new (
        length: number,
        options: { maxByteLength: number },
      ) => ArrayBuffer
      const resizable = new Uint8Array(new Resizable(100, { maxByteLength: 200 }))
      assert.throws(() => client.socket.write(resizable), { code: 'ERR_INVALID_ARG_VALUE' })
      for (const wrong of [undefined, null, 5, {}, [1], new Float64Array(2), new ArrayBuffer(4)]) {
        assert.throws(() => client.socket.write(wrong as never), { code: 'ERR_INVALID_ARG_TYPE' })
      }
      // None of it harmed the connection.
      client.pump(1000, 1000, true)
      await closed(t, server, client)
      clean(server, client)
      assert.equal(server.received, 1000)
    },
  },
  {
    name: 'paused: nothing comes, and nothing is lost',
    transports: both,
    async run(t) {
      const { server, client, listener } = await t.pair()
      server.pause()
      client.pump(50_000, 5000)
      // A second connection shows that the bytes of the first had the time to come.
      const witness = t.endpoint('witness', t.pattern(), null)
      witness.socket = await t.connect(listener.address, t.handlers(), { data: witness })
      await t.turns(10)
      assert.equal(server.received, 0)
      assert.equal(server.socket.paused, true)
      server.resume()
      await t.until(() => server.received === 50_000, 'all bytes arrive')
      // Paused from within the handler, with more to come: that chunk was the last.
      let stops = 0
      server.hooks.data = (end) => {
        end.pause()
        stops++
        setImmediate(() => {
          if (end.closed === 0) end.resume()
          t.poke()
        })
      }
      client.pump(400_000, 40_000)
      await t.until(() => server.received === 450_000, 'all bytes arrive')
      assert.ok(stops > 1)
      await t.until(() => !server.paused, 'it is resumed')
      // To and fro within one turn, and an end that comes while it is paused.
      server.hooks.data = () => {}
      server.pause()
      server.resume()
      server.pause()
      client.pump(10_000, 1000, true)
      await t.turns(10)
      assert.deepEqual([server.received, server.ended], [450_000, 0])
      server.resume()
      server.resume()
      await closed(t, server, client)
      clean(server, client)
      assert.equal(server.received, 460_000)
    },
  },
  {
    name: 'paused and resumed at random while bytes come',
    transports: both,
    async run(t) {
      // A pause cancels a receive that may be over already: whatever it brings must still be told, in its place.
      const size = 600_000
      const flap = (end: Endpoint) => {
        const times = t.random.between(0, 3)
        for (let time = 0; time < times; time++) {
          end.pause()
          if (t.random.chance(0.7)) end.resume()
        }
        if (end.paused) setImmediate(() => end.closed === 0 && end.resume())
      }
      const { server, client } = await t.pair({
        server: { data: flap },
        client: { data: flap },
        listen: { allowHalfOpen: true },
        connect: { allowHalfOpen: true },
      })
      client.pump(size, () => t.random.between(1, 20_000), true)
      server.pump(size, () => t.random.between(1, 20_000), true)
      const poke = setInterval(() => {
        for (const end of [server, client]) if (end.closed === 0 && t.random.chance(0.5)) flap(end)
      }, 1)
      t.cleanup(() => clearInterval(poke))
      await closed(t, server, client)
      clean(server, client)
      assert.deepEqual([server.received, client.received], [size, size])
    },
  },
  {
    name: 'many connections at once, more bytes than any pool of buffers holds',
    transports: both,
    async run(t) {
      const count = t.most(60, 12)
      const size = 200_000
      const listener = await t.listen(
        t.handlers(() => t.endpoint(`server ${t.endpoints.length}`, t.pattern(), null)),
      )
      const peers: RawPeer[] = []
      for (let index = 0; index < count; index++) {
        peers.push(RawPeer.connect(t, listener.address))
        await t.until(() => t.endpoints.length === index + 1, 'it is accepted')
        t.endpoints[index]!.expects = new Pattern(index)
      }
      const sent = peers.map(() => 0)
      // In one turn, as much as the sockets take; the rest when there is room.
      await t.turnsUntil(() => {
        peers.forEach((peer, index) => {
          for (;;) {
            const taken = peer.send(
              new Pattern(index).at(sent[index]!, Math.min(size - sent[index]!, 65_536)),
            )
            sent[index]! += taken
            if (taken === 0 || sent[index] === size) break
          }
        })
        return sent.every((bytes) => bytes === size)
      }, 'all is sent')
      for (const peer of peers) peer.end()
      await t.until(() => t.endpoints.every((end) => end.closed === 1), 'all end')
      clean(...t.endpoints)
      for (const end of t.endpoints) assert.equal(end.received, size)
    },
  },
  {
    name: 'a program that is started inherits nothing',
    transports: both,
    async run(t) {
      const { server, client, listener } = await t.pair()
      const ours = [server.socket.fd, client.socket.fd, listener.fd].map((fd) =>
        readlinkSync(`/proc/self/fd/${fd}`),
      )
      const theirs = execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' })
      for (const socket of ours) assert.ok(!theirs.includes(socket), `${socket} was inherited:\n${theirs}`)
    },
  },
  {
    name: 'paused at once in open, resumed later',
    transports: both,
    async run(t) {
      const pattern = t.pattern()
      let server: Endpoint | undefined
      const listener = await t.listen(
        t.handlers(
          () =>
            (server = t.endpoint('server', t.pattern(), new Pattern(pattern.seed), {
              open: (end) => end.pause(),
            })),
        ),
      )
      const peer = RawPeer.connect(t, listener.address)
      peer.send(pattern.at(0, 3000))
      peer.end()
      await t.until(() => server?.opened === 1, 'it is accepted')
      await t.turns(10)
      assert.equal(server!.received, 0)
      server!.resume()
      await closed(t, server!)
      assert.deepEqual([server!.received, server!.ended], [3000, 1])
    },
  },
  {
    name: 'closed with operations in flight',
    transports: both,
    async run(t) {
      // A receive that waits and a send that cannot go on, on both sides.
      const { server, client, listener } = await t.pair()
      server.pause()
      client.pump(16 * MiB, 100_000)
      await t.until(() => client.refusals > 0, 'the writer is refused')
      client.socket.terminate()
      client.socket.terminate()
      assert.equal(client.socket.write('x'), 0)
      client.socket.end()
      client.socket.pause()
      client.socket.resume()
      await t.until(() => client.closed === 1, 'it closes')
      clean(client)
      server.socket.terminate()
      await closed(t, server, client)
      // Many at once, some just written to, with a listener that is accepting.
      const count = t.most(20, 8)
      const ends: Endpoint[] = []
      for (let index = 0; index < count; index++) {
        const end = t.endpoint(`client ${index}`, t.pattern(), null)
        end.socket = await t.connect(listener.address, t.handlers(), { data: end })
        ends.push(end)
      }
      for (const end of ends) end.write(2000)
      const done = listener.close(true)
      for (const end of ends) {
        end.write(1000)
        end.socket.terminate()
      }
      await t.within(done, 'the listener closes')
      assert.equal(listener.connections, 0)
      assert.equal(listener.fd, -1)
      await t.until(() => t.endpoints.every((end) => end.closed === 1), 'all close')
      await t.within(listener.close(), 'closing again')
    },
  },
  {
    name: 'closed from every handler, and in the turn of a write',
    transports: both,
    async run(t) {
      const listener = await t.listen(t.handlers(() => t.endpoint('server', t.pattern(), null)))
      const end = async (name: string, hooks: object) => {
        const end = t.endpoint(name, t.pattern(), null, hooks)
        end.socket = await t.connect(listener.address, t.handlers(), { data: end })
        return end
      }
      const server = () => t.endpoints.findLast((end) => end.name === 'server')!
      const accepted = (count: number) =>
        t.until(
          () => t.endpoints.filter((end) => end.name === 'server').length === count,
          'the server accepts',
        )

      const inOpen = await end('closes in open', { open: (e: Endpoint) => e.socket.terminate() })
      await closed(t, inOpen)
      await accepted(1)

      const inData = await end('closes in data', { data: (e: Endpoint) => e.socket.terminate() })
      await accepted(2)
      server().pump(300_000, 10_000)
      await closed(t, inData)

      const inEnd = await end('closes in end', { end: (e: Endpoint) => e.socket.terminate() })
      await accepted(3)
      server().socket.end()
      await closed(t, inEnd)

      const inDrain = await end('closes in drain', { drain: (e: Endpoint) => e.socket.terminate() })
      await accepted(4)
      server().pause()
      while (inDrain.write(65_536) === 65_536) await t.turn()
      server().resume()
      await closed(t, inDrain)

      const written = await end('closes after a write', {})
      await accepted(5)
      written.write(100)
      written.socket.terminate()
      await closed(t, written)

      const ended = await end('closes after end', {})
      await accepted(6)
      ended.write(100)
      ended.socket.end()
      ended.socket.terminate()
      await closed(t, ended)
      clean(inOpen, inData, inEnd, inDrain, written, ended)
    },
  },
  {
    name: 'a listener that closed: its name is free, its connections go on',
    transports: every,
    async run(t) {
      const { server, client, listener } = await t.pair()
      const { address } = listener
      let gone = false
      const closing = listener.close().then(() => (gone = true))
      await t.turnsUntil(() => listener.fd === -1, 'the descriptor is closed')
      await assert.rejects(t.connect(address, {}), (error: SystemError) =>
        ['ECONNREFUSED', 'ENOENT'].includes(error.code),
      )
      assert.equal(gone, false)
      client.pump(10_000, 1000)
      await t.until(() => server.received === 10_000, 'the connection goes on')
      client.socket.end()
      await t.within(closing, 'close resolves with the last connection')
      const again = await t.listen({}, t.to(address))
      assert.deepEqual(again.address, address)
      // At once again, as a server that starts anew does.
      await t.within(again.close(), 'the listener closes')
      await t.listen({}, t.to(address))
      // The name is the new listener's now: the old one's end must not take it away.
      await t.turns(10)
      const peer = RawPeer.connect(t, address)
      peer.close()
    },
  },
  {
    name: 'a descriptor number used again, 1000 times: nothing of the old reaches the new',
    transports: both,
    async run(t) {
      const total = 1000
      const wave = t.most(40)
      const seen = new Map<number, number>()
      let reused = 0
      let done = 0
      const listener = await t.listen(
        t.handlers((socket) => {
          const { fd } = socket
          if (seen.has(fd)) reused++
          seen.set(fd, (seen.get(fd) ?? 0) + 1)
          const end = t.endpoint(`server ${done}`, t.pattern(), null, {
            data(end, chunk) {
              // The first word names the stream; from there on every byte must be of this stream alone.
              if (end.expects === null) {
                end.expects = new Pattern(chunk.readUInt32LE(0))
                end.expects.check(chunk.subarray(4))
              }
              if (end.received < 600) return
              // Closed with bytes still coming, an answer under way, and the next connection in the backlog.
              end.write(500)
              end.socket.terminate()
            },
            close: () => void done++,
          })
          return end
        }),
      )
      let seed = t.seed * 2000
      for (let begun = 0; begun < total; begun += wave) {
        const peers: RawPeer[] = []
        for (let index = 0; index < wave; index++) {
          const peer = RawPeer.connect(t, listener.address)
          const head = Buffer.alloc(4)
          head.writeUInt32LE(++seed)
          peer.send(Buffer.concat([head, new Pattern(seed).at(0, 600)]))
          peer.send(new Pattern(seed).at(600, 3000))
          peers.push(peer)
        }
        await t.until(() => done === begun + wave, 'the wave is served')
        for (const peer of peers) peer.close()
      }
      assert.ok(reused > total * 0.8, `only ${reused} descriptor numbers were used again`)
    },
  },
  {
    name: 'chunks forwarded: their memory receives again, what is kept stays',
    transports: both,
    async run(t) {
      const size = 12 * MiB
      const kept: { chunk: Buffer; copy: Buffer }[] = []
      let chunks = 0
      let rest: Uint8Array | null = null
      const { server, client } = await t.pair({
        listen: { allowHalfOpen: true, highWaterMark: MiB },
        server: {
          data(end, chunk) {
            // One that somebody keeps, among many that are forwarded: nothing may be written over it.
            const keeps = chunks++ % 8 === 0
            if (keeps) kept.push({ chunk, copy: Buffer.from(chunk) })
            const taken = keeps ? end.socket.write(chunk) : end.socket.forward(chunk)
            if (taken === chunk.length) return
            rest = chunk.subarray(taken)
            end.socket.pause()
          },
          end: (end) => {
            if (rest === null) end.socket.end()
          },
        },
      })
      // The echo writes by itself, so its drains are its own affair.
      server.onDrain = () => {
        if (rest === null) return
        const taken = server.socket.forward(rest)
        rest = taken < rest.length ? rest.subarray(taken) : null
        if (rest !== null) return
        server.socket.resume()
        if (server.ended > 0) server.socket.end()
      }
      client.expects = new Pattern(client.sends.seed)
      client.pump(size, () => t.random.between(1, 200_000), true)
      await closed(t, server, client)
      clean(server, client)
      assert.equal(client.received, size)
      for (const { chunk, copy } of kept) assert.ok(chunk.equals(copy), 'a kept chunk changed')
    },
  },
  {
    name: 'connections opened and closed at random',
    transports: both,
    async run(t) {
      const total = t.most(500, 60)
      const atOnce = t.most(80, 10)
      const listener = await t.listen(
        t.handlers(() =>
          t.endpoint('server', t.pattern(), null, {
            // An echo that respects back pressure.
            data(end, chunk) {
              const taken = end.socket.write(chunk)
              if (taken === chunk.length) return
              rest.set(end, chunk.subarray(taken))
              end.socket.pause()
            },
            end: (end) => {
              if (!rest.has(end)) end.socket.end()
            },
          }),
        ),
        { allowHalfOpen: true },
      )
      const rest = new Map<Endpoint, Buffer>()
      const onDrain = (end: Endpoint) => {
        const left = rest.get(end)
        if (left === undefined) return
        const taken = end.socket.write(left)
        if (taken < left.length) rest.set(end, left.subarray(taken))
        else {
          rest.delete(end)
          end.socket.resume()
        }
      }
      // The echo writes by itself, so its drains are its own affair.
      const original = t.endpoint.bind(t)
      t.endpoint = (name, sends, expects, hooks) => {
        const end = original(name, sends, expects, hooks)
        if (name === 'server') {
          end.onDrain = () => onDrain(end)
        }
        return end
      }
      let opened = 0
      let finished = 0
      let echoed = 0
      const running = new Set<Promise<void>>()
      const one = async () => {
        const pattern = t.pattern()
        const size = t.random.pick([0, 1, 100, 5000, 70_000])
        const end = t.endpoint('client', new Pattern(pattern.seed), new Pattern(pattern.seed))
        end.socket = await t.connect(listener.address, t.handlers(), { data: end })
        opened++
        const fate = t.random.between(0, 9)
        if (fate === 0) end.socket.terminate()
        else if (fate === 1) {
          end.pump(size, 5000)
          end.socket.terminate()
        } else if (fate === 2) {
          end.pump(size, 5000)
          await t.turns(t.random.between(0, 3))
          end.socket.terminate()
        } else {
          end.pump(size, () => t.random.between(1, 30_000), true)
          await t.until(() => end.closed === 1, 'the echo ends')
          assert.equal(end.received, size)
          clean(end)
          echoed++
        }
        await t.until(() => end.closed === 1, 'it closes')
        finished++
      }
      for (let begun = 0; begun < total; begun++) {
        const task = one().finally(() => running.delete(task))
        running.add(task)
        if (running.size >= atOnce) await Promise.race(running)
      }
      await Promise.all(running)
      assert.equal(finished, total)
      assert.equal(opened, total)
      assert.ok(echoed > total / 3)
      await t.until(() => listener.connections === 0, 'the server has closed all')
    },
  },
  {
    name: 'peers that are gone before they are accepted',
    transports: both,
    async run(t) {
      let welcomed = 0
      const listener = await t.listen(
        t.handlers(() => {
          welcomed++
          return t.endpoint('server', t.pattern(), null)
        }),
      )
      const count = t.most(40)
      for (let index = 0; index < count; index++) {
        const peer = RawPeer.connect(t, listener.address)
        if (index % 3 === 0) peer.send(Buffer.alloc(100))
        if (index % 2 === 0) peer.reset()
        else peer.close()
      }
      const last = RawPeer.connect(t, listener.address)
      last.send(Buffer.alloc(7))
      await t.until(
        () => t.endpoints.some((end) => end.received === 7) && listener.connections === 1,
        'the one that stayed is served, the others are gone',
      )
      assert.ok(welcomed >= 1)
      last.close()
      await t.until(() => listener.connections === 0, 'it closes')
    },
  },
  {
    name: 'a peer that vanishes: its process is killed',
    transports: both,
    async run(t) {
      const pattern = t.pattern()
      const listener = await t.listen(
        t.handlers(() => {
          const number = t.endpoints.length
          return t.endpoint(`server ${number}`, t.pattern(), number === 0 ? new Pattern(pattern.seed) : null)
        }),
      )
      const child = t.start('peer', [t.dial(listener), String(pattern.seed)])
      await t.until(() => t.endpoints.length === 2, 'the child connects')
      const [sender, deaf] = t.endpoints as [Endpoint, Endpoint]
      deaf.pump(16 * MiB, 100_000)
      await t.until(() => sender.received === 100_000 && deaf.refusals > 0, 'bytes are under way')
      child.process.kill('SIGKILL')
      await closed(t, sender, deaf)
      assert.equal(listener.connections, 0)
      // With bytes unread it is a reset; else the end comes as from anybody.
      for (const end of [sender, deaf]) {
        const code = (end.errors[0] as SystemError | undefined)?.code
        if (code === undefined) assert.equal(end.ended, 1)
        else assert.ok(['ECONNRESET', 'EPIPE'].includes(code), code)
      }
    },
  },
  {
    name: 'a handler that throws: its own socket ends, the others go on',
    transports: both,
    async run(t) {
      const listener = await t.listen(t.handlers(() => t.endpoint('server', t.pattern(), null)))
      const good = t.endpoint('good', t.pattern(), null)
      good.socket = await t.connect(listener.address, t.handlers(), { data: good })
      const servers = () => t.endpoints.filter((end) => end.name === 'server')
      let connected = 1
      for (const where of ['open', 'data', 'end', 'drain'] as const) {
        const thrown = new Error(`thrown in ${where}`)
        const bad = t.endpoint(`throws in ${where}`, t.pattern(), null, {
          [where]() {
            throw thrown
          },
        })
        bad.socket = await t.connect(listener.address, t.handlers(), { data: bad })
        connected++
        await t.until(() => servers().length === connected, 'it is accepted')
        const server = servers().at(-1)!
        if (where !== 'open') {
          if (where === 'data') server.write(1000)
          else if (where === 'end') server.socket.end()
          else {
            server.pause()
            while (bad.write(65_536) === 65_536) await t.turn()
            server.resume()
          }
        }
        await t.until(() => bad.closed === 1, `it closes after ${where}`)
        assert.deepEqual(bad.errors, [thrown])
        assert.equal(bad.closeError, thrown)
      }
      const server = servers()[0]!
      good.pump(100_000, 10_000)
      await t.until(() => server.received === 100_000, 'the good one goes on')
    },
  },
  {
    name: 'a handler that closes the others of the same batch',
    transports: both,
    async run(t) {
      const count = t.most(50)
      const servers: Endpoint[] = []
      let first: Endpoint | undefined
      const listener = await t.listen(
        t.handlers(() => {
          const end = t.endpoint(`server ${servers.length}`, t.pattern(), null, {
            data(end) {
              // Its own may come in two pieces: the end of one buffer, and the beginning of the next.
              if (first === end) return
              if (first !== undefined) return end.violation('told data after it was closed')
              first = end
              for (const other of servers) {
                if (other === end) continue
                other.write(100)
                other.socket.terminate()
              }
              if (closeListener) void listener.close()
            },
          })
          servers.push(end)
          return end
        }),
      )
      const peers = Array.from({ length: count }, () => RawPeer.connect(t, listener.address))
      let closeListener = false
      await t.until(() => servers.length === count, 'all are accepted')
      closeListener = true
      for (const peer of peers) peer.send(Buffer.alloc(1000))
      await t.until(() => servers.every((end) => end === first || end.closed === 1), 'the others are closed')
      assert.ok(first !== undefined && first.closed === 0)
      first.socket.terminate()
      await t.until(() => first!.closed === 1, 'the first closes')
      clean(...servers)
    },
  },
  {
    name: 'one flooding connection does not starve another',
    transports: both,
    async run(t) {
      // Whoever reads the flood finds more of it: each chunk brings on the next before its handler returns.
      const drop = Buffer.alloc(256 * 1024)
      const fill = () => {
        while (peer.send(drop) === drop.length);
      }
      let flooded = 0
      const listener = await t.listen(
        t.handlers(() => {
          const flood = t.endpoints.length === 0
          return t.endpoint(flood ? 'flood' : 'answers', t.pattern(), null, {
            open: (end) => {
              if (flood) enlarge(end.socket.fd)
            },
            data: (end, chunk) => {
              if (flood) {
                flooded += chunk.length
                fill()
              } else end.write(10)
            },
          })
        }),
      )
      const peer = RawPeer.connect(t, listener.address)
      enlarge(peer.fd)
      fill()
      await t.until(() => flooded > MiB, 'the flood runs')
      const calm = t.endpoint('calm', t.pattern(), null, { data: (end) => end.write(10) })
      calm.socket = await t.connect(listener.address, t.handlers(), { data: calm })
      // Nor are Node's own timers starved.
      let ticks = 0
      const ticking = setInterval(() => {
        ticks++
        t.poke()
      }, 1)
      t.cleanup(() => clearInterval(ticking))
      const before = flooded
      calm.write(10)
      await t.until(
        () => calm.received >= 300 && ticks >= 5 && flooded > before,
        'the calm one goes to and fro, timers fire, and the flood goes on',
      )
      calm.socket.terminate()
    },
  },
  {
    name: 'the collector runs, and owners give their memory away, while the kernel has it',
    transports: both,
    async run(t) {
      const gc = globalThis.gc!
      assert.ok(gc !== undefined, 'run with --expose-gc')
      const kept: { chunk: Buffer; copy: Buffer }[] = []
      const { server, client } = await t.pair({
        server: {
          data(_, chunk) {
            // What was told stays as it is, however much comes after it.
            if (kept.length < 200) kept.push({ chunk, copy: Buffer.from(chunk) })
          },
        },
        connect: { highWaterMark: 4 * MiB },
      })
      server.pause()
      // Views that nobody keeps, in buffers of every size; the small ones are overwritten at once.
      for (let round = 0; round < 30; round++) {
        const size = t.random.pick([10, 500, 4000, 20_000, 100_000])
        const bytes = client.sends.peek(size)
        const taken = client.socket.write(bytes)
        client.sends.position += taken
        if (taken < size) break
        if (size <= 4096) bytes.fill(0xee)
        if (round % 10 === 0) gc()
      }
      gc()
      garbage()
      client.socket.end()
      server.resume()
      await t.until(() => {
        if (t.random.chance(0.1)) gc()
        return server.closed === 1 && client.closed === 1
      }, 'both ends close')
      garbage()
      gc()
      assert.equal(server.received, client.sends.position)
      for (const { chunk, copy } of kept) assert.ok(chunk.equals(copy), 'a chunk changed after it was told')
    },
  },
  {
    name: 'memory that is transferred while it is being sent: an error at most, never other bytes',
    transports: both,
    async run(t) {
      const { server, client } = await t.pair()
      server.pause()
      const kept: unknown[] = []
      let last: Buffer | null = null
      while (client.refusals === 0) {
        last = client.sends.peek(3 * MiB)
        const taken = client.socket.write(last)
        client.sends.position += taken
        if (taken === last.length) await t.turns(2)
        if (client.socket.bytesQueued > 0) break
      }
      // The caller breaks the contract: its new owner has the memory now.
      if (last!.buffer.byteLength > 0)
        kept.push(structuredClone(last!.buffer, { transfer: [last!.buffer as ArrayBuffer] }))
      client.socket.end()
      server.resume()
      await t.until(() => server.closed === 1 && client.closed === 1, 'both ends close')
      if (client.errors.length === 0)
        assert.equal(server.received, client.sends.position, 'bytes are missing')
      assert.equal(kept.length, 1)
    },
  },
  {
    name: 'the end comes after everything, however it was written',
    transports: both,
    async run(t) {
      // Many short connections: what is lost at an end is lost rarely.
      const rounds = t.most(60, 15)
      for (let round = 0; round < rounds; round++) {
        const { server, client, listener } = await t.pair({
          server: { open: (end) => end.pump(t.random.between(1, 200_000), 50_000, true) },
        })
        client.pump(t.random.between(0, 20_000), 5000, true)
        await closed(t, server, client)
        clean(server, client)
        assert.deepEqual(
          [server.received, client.received],
          [client.sends.position, server.sends.position],
          `round ${round}`,
        )
        await listener.close()
      }
    },
  },
  {
    name: 'hundreds of connections leave no descriptor and no memory behind',
    transports: both,
    async run(t) {
      const count = t.most(150, 20)
      const listener = await t.listen(t.handlers(() => t.endpoint('server', t.pattern(), null)))
      const churn = async () => {
        for (let index = 0; index < count; index++) {
          const end = t.endpoint('client', t.pattern(), null)
          end.socket = await t.connect(listener.address, t.handlers(), { data: end })
          end.pump(1000, 1000, index % 2 === 0)
          if (index % 2 === 1) end.socket.terminate()
          await t.until(() => end.closed === 1, 'it closes')
        }
        await t.until(() => listener.connections === 0, 'all are closed')
        t.endpoints.length = 0
        globalThis.gc!()
      }
      await churn()
      const sockets = openSockets().length
      const descriptors = openDescriptors().length
      const memory = process.memoryUsage()
      await churn()
      await churn()
      const after = process.memoryUsage()
      await settle(t, () => openSockets().length <= sockets)
      assert.ok(openSockets().length <= sockets, `${openSockets().length} sockets are open, not ${sockets}`)
      if (!t.startsThreads) assert.ok(openDescriptors().length <= descriptors, 'descriptors were left open')
      assert.ok(after.rss - memory.rss < 48 * MiB, `resident memory grew by ${after.rss - memory.rss}`)
      assert.ok(after.arrayBuffers - memory.arrayBuffers < 8 * MiB, 'buffers were left behind')
    },
  },
]

/** Gives a socket buffers as large as the kernel's own tuning would in time; only root may do so at once. */
function enlarge(fd: number): void {
  const forced = [32, 33] // SO_SNDBUFFORCE, SO_RCVBUFFORCE
  const size = new Int32Array([8 * MiB])
  faults.suspended(() => {
    for (const option of forced) rawSetsockopt(fd, SOL_SOCKET, option, size, 4)
  })
}

/** What is put off (a close, an unlink) has its time to happen. */
export async function settle(t: Context, condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !condition(); turn++) await t.turn()
}

function garbage(): void {
  let sum = 0
  for (let index = 0; index < 300; index++) sum += new Uint8Array(10_000).fill(index)[5]!
  if (sum < 0) throw new Error('unreachable')
}
