/** ioredis on our sockets, by a Connector, against Redis. */
import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import { AbstractConnector, Redis, type RedisOptions } from 'ioredis'
import type { ModelName } from '../../models/model.js'
import net, { type Socket } from '../index.js'
import {
  missing,
  models,
  pattern,
  type RunningServer,
  startServer,
  temporaryFolder,
  withoutModel,
} from './servers.test.util.js'

describe('ioredis against Redis', { skip: missing('redis-server') }, () => {
  let folder: ReturnType<typeof temporaryFolder>
  let server: RunningServer

  const start = (port?: number) =>
    startServer(
      'redis-server',
      (chosen) => ['--port', String(chosen), '--bind', '127.0.0.1', '--save', '', '--dir', folder.path],
      /Ready to accept connections/,
      folder.path,
      port,
    )

  before(async () => {
    folder = temporaryFolder()
    server = await start()
  })

  after(async () => {
    await server?.stop()
    folder?.remove()
  })

  function redis(
    t: TestContext,
    model: ModelName,
    more: Omit<RedisOptions, 'replyMapping'> = {},
  ): { client: Redis; dials: () => number } {
    let dials = 0
    class Connector extends AbstractConnector {
      readonly options: RedisOptions
      constructor(options: unknown) {
        super((options as RedisOptions).disconnectTimeout ?? 2000)
        this.options = options as RedisOptions
      }
      async connect(): Promise<Socket> {
        const { port, host } = this.options
        this.connecting = true
        const socket = net.connect({ port: port!, host: host!, model })
        assert.equal(socket.model, model)
        socket.once('error', (error) => {
          this.firstError = error
        })
        dials++
        this.stream = socket
        return socket
      }
    }
    const options = { port: server.port, ...more, host: '127.0.0.1', Connector }
    const client = new Redis(options)
    t.after(() => client.disconnect())
    return { client, dials: () => dials }
  }

  for (const model of models) {
    describe(model, { skip: withoutModel(model) }, () => {
      test('values of every size', async (t) => {
        const { client, dials } = redis(t, model)
        for (const bytes of [0, 1, 65_536, 20_000_003]) {
          const value = pattern(bytes)
          await client.set(`value ${bytes}`, value)
          assert.ok((await client.getBuffer(`value ${bytes}`))?.equals(value), `${bytes} bytes`)
        }
        assert.equal(dials(), 1)
        await client.flushall()
      })

      test('pipelines and transactions', async (t) => {
        const { client } = redis(t, model)
        const pipeline = client.pipeline()
        for (let i = 0; i < 10_000; i++) pipeline.incrby('sum', i)
        const answers = (await pipeline.exec())!
        let sum = 0
        for (const [i, [error, value]] of answers.entries()) {
          sum += i
          assert.deepEqual([error, value], [null, sum])
        }
        const done = await client.multi().set('a', '1').incr('a').lpush('a', 'wrong').get('a').exec()
        assert.deepEqual([done![1]![1], done![3]![1]], [2, '2'])
        assert.match(String(done![2]![0]), /WRONGTYPE/)
        await client.flushall()
      })

      test('publish and subscribe, in order', async (t) => {
        const { client: hears } = redis(t, model)
        const { client: says } = redis(t, model)
        await hears.subscribe('news')
        await hears.psubscribe('wide.*')
        const heard: string[] = []
        const all = new Promise<void>((resolve) => {
          hears.on('message', (_, text: string) => heard.push(text))
          hears.on('pmessage', () => resolve())
        })
        const said = Array.from({ length: 5000 }, (_, i) => `number ${i}`)
        await Promise.all(said.map((text) => says.publish('news', text)))
        await says.publish('wide.end', 'that is all')
        await all
        assert.deepEqual(heard, said)
      })

      test('a command that blocks, until somebody else has something', async (t) => {
        const { client: waits } = redis(t, model)
        const { client: gives } = redis(t, model)
        const answer = waits.blpop('list', 0)
        while (!/blocked_clients:1/.test(await gives.info('clients'))) {
          // It has not come to wait.
        }
        await gives.rpush('list', 'here')
        assert.deepEqual(await answer, ['list', 'here'])
        assert.equal(await waits.blpop('list', 0.05), null, 'and in vain')
      })

      test('connections that are cut, and a server that is away, are connected anew', async (t) => {
        let mortal = await start()
        t.after(() => mortal.stop())
        const { client, dials } = redis(t, model, { retryStrategy: () => 20, port: mortal.port })
        const refusals: unknown[] = []
        client.on('error', (error: NodeJS.ErrnoException) => refusals.push(error.code))
        const closed = () => new Promise((resolve) => client.once('close', () => resolve(null)))
        const { client: other } = redis(t, model, { port: mortal.port })
        const id = await client.client('ID')
        const cut = closed()
        await other.client('KILL', 'ID', id)
        await cut
        assert.equal(await client.echo('after the cut'), 'after the cut')
        assert.equal(dials(), 2)
        other.disconnect()

        const away = closed()
        await mortal.stop()
        await away
        // As long as nobody is there it is refused.
        await closed()
        const answer = client.echo('after the restart')
        mortal = await start(mortal.port)
        assert.equal(await answer, 'after the restart')
        assert.ok(refusals.length > 0 && refusals.every((code) => code === 'ECONNREFUSED'), String(refusals))
      })
    })
  }
})
