/** Whose memory it is while the kernel has it, and what is left behind: nothing. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import type { Endpoint } from '../../endpoint.js'
import { type Case, openDescriptors, openSockets } from '../../harness.js'
import { Pattern } from '../../pattern.js'
import { both, clean, closed, MiB, settle } from './shared.js'

export const memoryCases: Case[] = [
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

function garbage(): void {
  let sum = 0
  for (let index = 0; index < 300; index++) sum += new Uint8Array(10_000).fill(index)[5]!
  if (sum < 0) throw new Error('unreachable')
}
