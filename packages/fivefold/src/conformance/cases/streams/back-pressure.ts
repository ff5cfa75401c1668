/** Whoever does not read stops whoever writes, and nobody else. */
import assert from 'node:assert/strict'
import { rawSetsockopt, SOL_SOCKET } from '../../../sys/socket.js'
import type { Endpoint } from '../../endpoint.js'
import { faults } from '../../faults.js'
import type { Case } from '../../harness.js'
import { Pattern } from '../../pattern.js'
import { RawPeer } from '../../raw.js'
import { both, clean, closed, MiB } from './shared.js'

export const backPressureCases: Case[] = [
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
]

/** Gives a socket buffers as large as the kernel's own tuning would in time; only root may do so at once. */
function enlarge(fd: number): void {
  const forced = [32, 33] // SO_SNDBUFFORCE, SO_RCVBUFFORCE
  const size = new Int32Array([8 * MiB])
  faults.suspended(() => {
    for (const option of forced) rawSetsockopt(fd, SOL_SOCKET, option, size, 4)
  })
}
