/** pg on our sockets, by its option `stream`, against PostgreSQL. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, type TestContext, test } from 'node:test'
import pg from 'pg'
import type { ModelName } from '../../models/model.js'
import net, { type Socket } from '../index.js'
import { isOurs } from '../socket.js'
import {
  missing,
  models,
  pattern,
  type RunningServer,
  runTool,
  selfSigned,
  startServer,
  temporaryFolder,
  withoutModel,
} from './servers.test.util.js'

const skip = missing('postgres', 'initdb', 'openssl')

/** Of pg, and not in its types: asks the server, over a connection of its own, to give up a query. */
interface Cancelling {
  cancel(client: pg.Client, query: object): void
  activeQuery: object | null
  connection: { stream: Socket }
}
const inside = (client: pg.Client) => client as unknown as Cancelling

describe('pg against PostgreSQL', { skip }, () => {
  let folder: ReturnType<typeof temporaryFolder>
  let server: RunningServer
  let ca: string

  before(async () => {
    folder = temporaryFolder()
    const { key, cert } = selfSigned(folder.path)
    ca = readFileSync(cert, 'utf8')
    const data = `${folder.path}/data`
    runTool(
      'initdb',
      ['-D', data, '-U', 'tester', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'],
      folder.path,
    )
    const settings = {
      fsync: 'off',
      listen_addresses: '127.0.0.1',
      unix_socket_directories: folder.path,
      ssl: 'on',
      ssl_cert_file: cert,
      ssl_key_file: key,
    }
    const set = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    server = await startServer(
      'postgres',
      (port) => ['-D', data, '-p', String(port), ...set],
      /database system is ready to accept connections/,
      folder.path,
    )
  })

  after(async () => {
    await server?.stop('SIGINT')
    folder?.remove()
  })

  /** A client that is connected, over a socket that is ours. */
  async function connected(t: TestContext, model: ModelName, more: pg.ClientConfig = {}): Promise<pg.Client> {
    const client = clientOf(model, more)
    t.after(() => client.end())
    await client.connect()
    return client
  }

  const config = (model: ModelName) => ({
    host: '127.0.0.1',
    port: server.port,
    user: 'tester',
    database: 'postgres',
    stream: () => new net.Socket({ model }),
  })

  function clientOf(model: ModelName, more: pg.ClientConfig = {}): pg.Client {
    return new pg.Client({ ...config(model), ...more })
  }

  for (const model of models) {
    describe(model, { skip: withoutModel(model) }, () => {
      test('large results', async (t) => {
        const client = await connected(t, model)
        assert.ok(isOurs(inside(client).connection.stream))
        assert.equal(inside(client).connection.stream.model, model)
        const { rows } = await client.query<{ i: number; m: string }>(
          'select i, md5(i::text) m from generate_series(1, 100000) i',
        )
        assert.equal(rows.length, 100_000)
        assert.ok(rows.every(({ i }, index) => i === index + 1))
        assert.equal(rows[9]!.m, 'd3d9446802a44259755d38e6d163e820')
        const wide = await client.query<{ t: string }>("select repeat('sixteen bytes ! ', 1000000) t")
        assert.ok(wide.rows[0]!.t === 'sixteen bytes ! '.repeat(1_000_000))
      })

      test('many small queries: one after the other, and in a pipeline', async (t) => {
        // Sent before the ones in front are answered: an option that pg's types do not have yet.
        const pipeline = { pipeline: true } as pg.ClientConfig
        const clients = [await connected(t, model), await connected(t, model, pipeline)]
        const ask = async (client: pg.Client) => {
          const answers = Array.from({ length: 2000 }, (_, i) => client.query('select $1::int + 1 n', [i]))
          const numbers = (await Promise.all(answers)).map(({ rows }) => (rows[0] as { n: number }).n)
          assert.deepEqual(
            numbers,
            Array.from({ length: 2000 }, (_, i) => i + 1),
          )
        }
        await Promise.all(clients.map(ask))
      })

      test('a pool', async (t) => {
        const sockets: Socket[] = []
        const stream = () => {
          const socket = new net.Socket({ model })
          sockets.push(socket)
          return socket
        }
        const pool = new pg.Pool({ ...config(model), max: 4, stream })
        t.after(() => pool.end())
        const answers = Array.from({ length: 400 }, (_, i) =>
          pool.query<{ n: number }>('select $1::int n', [i]),
        )
        for (const [i, { rows }] of (await Promise.all(answers)).entries()) assert.equal(rows[0]!.n, i)
        assert.equal(sockets.length, 4)
      })

      test('prepared statements, with everything that a parameter can be', async (t) => {
        const client = await connected(t, model)
        await client.query('create temporary table things (id int primary key, body bytea, word text)')
        const insert = { name: 'insert', text: 'insert into things values ($1, $2, $3)' }
        const bodies = [null, pattern(0), pattern(1), pattern(70_000), pattern(5_000_001)]
        for (const [id, body] of bodies.entries()) {
          await client.query({ ...insert, values: [id, body, id % 2 === 0 ? null : '文字 ☃'] })
        }
        const select = { name: 'select', text: 'select body, word from things where id = $1' }
        for (const [id, body] of bodies.entries()) {
          const { rows } = await client.query<{ body: Buffer | null; word: string | null }>({
            ...select,
            values: [id],
          })
          const [row] = rows
          assert.ok(body === null ? row!.body === null : row!.body!.equals(body), `body ${id}`)
          assert.equal(row!.word, id % 2 === 0 ? null : '文字 ☃')
        }
        await assert.rejects(client.query({ ...insert, values: [0, null, null] }), { code: '23505' })
        assert.equal((await client.query({ ...select, values: [99] })).rows.length, 0)
      })

      test('a query that is cancelled over another connection', async (t) => {
        const client = await connected(t, model)
        const watcher = await connected(t, model)
        const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() pid')
        const sleeping = client.query('select pg_sleep(600)')
        const refused = assert.rejects(sleeping, { code: '57014' })
        const active =
          "select 1 from pg_stat_activity where pid = $1 and state = 'active' and wait_event = 'PgSleep'"
        while ((await watcher.query(active, [rows[0]!.pid])).rows.length === 0) {
          // It has not begun.
        }
        inside(clientOf(model)).cancel(client, inside(client).activeQuery!)
        await refused
        assert.deepEqual((await client.query('select 1 n')).rows, [{ n: 1 }], 'and it goes on')
      })

      test('LISTEN and NOTIFY, in their order', async (t) => {
        const listener = await connected(t, model)
        const speaker = await connected(t, model)
        await listener.query('listen news')
        const heard: (string | undefined)[] = []
        const all = new Promise<void>((resolve) => {
          listener.on('notification', ({ payload }) => {
            if (heard.push(payload) === 500) resolve()
          })
        })
        await speaker.query("select pg_notify('news', i::text) from generate_series(1, 500) i")
        await all
        assert.deepEqual(
          heard,
          Array.from({ length: 500 }, (_, i) => String(i + 1)),
        )
      })

      test('by Unix socket, and by TLS', async (t) => {
        const unix = await connected(t, model, { host: folder.path })
        const named = await unix.query<{ a: string | null }>('select inet_client_addr() a')
        assert.equal(named.rows[0]!.a, null, 'no address: a Unix socket')
        const tls = await connected(t, model, { ssl: { ca } })
        const mine = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'
        assert.deepEqual((await tls.query(mine)).rows, [{ ssl: true }])
        for (const client of [unix, tls]) {
          const { rows } = await client.query("select repeat('0123456789', 500000) t, $1::bytea b", [
            pattern(400_000),
          ])
          assert.ok((rows[0] as { t: string }).t === '0123456789'.repeat(500_000))
          assert.ok((rows[0] as { b: Buffer }).b.equals(pattern(400_000)))
        }
      })

      test('a server that ends the connection is an error, and an end', async (t) => {
        const client = clientOf(model)
        await client.connect()
        const other = await connected(t, model)
        const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() pid')
        const errors: (Error & { code?: string })[] = []
        client.on('error', (error) => errors.push(error))
        const ended = new Promise((resolve) => client.once('end', () => resolve(null)))
        await other.query('select pg_terminate_backend($1)', [rows[0]!.pid])
        await ended
        const told = errors.map(({ code, message }) => code ?? message)
        assert.deepEqual(told, ['57P01', 'Connection terminated unexpectedly'])
      })
    })
  }
})
