/** What every model must do with the bytes of a stream: all of them, once, in their order. */
import assert from 'node:assert/strict'
import type { Case } from '../../harness.js'
import { Pattern } from '../../pattern.js'
import { RawListener, RawPeer } from '../../raw.js'
import { both, clean, closed, every, MiB } from './shared.js'

export const byteCases: Case[] = [
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
]
