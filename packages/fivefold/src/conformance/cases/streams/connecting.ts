/** How a stream begins, or does not: refused, aborted, gone before it is accepted; and what is asked of it. */
import assert from 'node:assert/strict'
import { errnos, type SystemError } from '../../../sys/errno.js'
import {
  getsockoptInt,
  IPPROTO_TCP,
  SO_KEEPALIVE,
  SOL_SOCKET,
  TCP_KEEPIDLE,
  TCP_NODELAY,
} from '../../../sys/socket.js'
import type { Endpoint } from '../../endpoint.js'
import { faults } from '../../faults.js'
import { type Case, freshPath, openSockets } from '../../harness.js'
import { Pattern } from '../../pattern.js'
import { RawListener, RawPeer } from '../../raw.js'
import { both, closed, every, settle } from './shared.js'

export const connectingCases: Case[] = [
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
]
