/** Closed from anywhere, with anything under way: nothing of what is closed reaches what is open. */
import assert from 'node:assert/strict'
import type { SystemError } from '../../../sys/errno.js'
import type { Endpoint } from '../../endpoint.js'
import type { Case } from '../../harness.js'
import { Pattern } from '../../pattern.js'
import { RawPeer } from '../../raw.js'
import { both, clean, closed, every, MiB } from './shared.js'

export const closingCases: Case[] = [
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
]
