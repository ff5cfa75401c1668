/** How a stream ends: by halves, after everything that was written, by a reset. */
import assert from 'node:assert/strict'
import { errnos, type SystemError } from '../../../sys/errno.js'
import type { Endpoint } from '../../endpoint.js'
import type { Case } from '../../harness.js'
import { Pattern } from '../../pattern.js'
import { RawListener, RawPeer } from '../../raw.js'
import { both, clean, closed, every, MiB } from './shared.js'

export const endCases: Case[] = [
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
]
