/** Descriptors over `fivefold/net`: in their place among the bytes, each the peer's own, and none left behind. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { modelNamed } from '../models/choose.js'
import type { ModelName } from '../models/model.js'
import { O_CLOEXEC, O_NONBLOCK } from '../sys/fcntl.js'
import { pipe2 } from '../sys/pipe.js'
import { MSG_DONTWAIT, rawSend } from '../sys/socket.js'
import net, { type Socket } from './index.js'

const folder = mkdtempSync(join(tmpdir(), 'fivefold-descriptors-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let named = 0

/** A file that nothing else opens. */
function fileOf(text: string): string {
  const path = join(folder, `file ${named++}`)
  writeFileSync(path, text)
  return path
}

/** How many descriptors of this process are of that file. */
function openOf(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path
    } catch {
      return false
    }
  }).length
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

function read(fd: number): string {
  const bytes = Buffer.alloc(100)
  return bytes.toString('utf8', 0, readSync(fd, bytes, 0, 100, 0))
}

interface Pair {
  /** Sends, by the model that is tested. */
  near: Socket
  /** Receives. */
  far: Socket
  done(): Promise<void>
}

async function pair(
  model: ModelName | 'auto',
  far: { descriptors?: boolean; model?: ModelName } = {},
): Promise<Pair> {
  const path = join(folder, `socket ${named++}`)
  const server = net.createServer({ descriptors: true, pauseOnConnect: true, ...far }).listen(path)
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const near = net.connect({ path, model })
  const [socket] = (await accepted) as [Socket]
  await until(() => !near.connecting)
  return {
    near,
    far: socket,
    async done() {
      near.destroy()
      socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

const senders = (['io_uring', 'epoll', 'poll', 'blocking'] as ModelName[]).filter(
  (model) => modelNamed(model).probe().ok,
)

for (const model of senders) {
  describe(`sent by ${model}`, () => {
    test('they come with their bytes, and the bytes around them are whole', async () => {
      const { near, far, done } = await pair(model)
      const paths = Array.from({ length: 20 }, (_, i) => fileOf(`text ${i}`))
      let expected = ''
      // Within a turn, in which small writes are kept until its end.
      near.once('data', () => {
        near.write((expected += 'before'))
        for (const [i, path] of paths.entries()) {
          const fd = openSync(path, 'r')
          // Two of the same: each is a descriptor of its own.
          near.sendDescriptors([fd, fd], `<${i}>`)
          closeSync(fd)
          expected += `<${i}>`
          const text = 'x'.repeat(i * 1000)
          near.write(text)
          expected += text
        }
        near.end()
      })
      far.write('go')
      let text = ''
      const came: [string, number][] = []
      far.on('descriptors', (fds: number[]) => {
        assert.equal(fds.length, 2)
        for (const fd of fds) {
          came.push([read(fd), text.length])
          closeSync(fd)
        }
      })
      for await (const chunk of far) text += chunk
      assert.ok(text === expected)
      assert.deepEqual(
        came.map(([what]) => what),
        paths.flatMap((_, i) => [`text ${i}`, `text ${i}`]),
      )
      // Not after the bytes that they were sent with.
      for (const [i, [, at]] of came.entries())
        assert.ok(at <= expected.indexOf(`<${i >> 1}>`), `pair ${i >> 1}`)
      await done()
      for (const path of paths) assert.equal(openOf(path), 0)
    })

    test('more than fits: they wait with their bytes for room', async () => {
      const { near, far, done } = await pair(model)
      const path = fileOf('waits')
      const large = Buffer.alloc(1_000_000, 'sixteen bytes ! ')
      const fd = openSync(path, 'r')
      let sent = 0
      for (let i = 0; i < 5; i++) {
        near.write(large)
        near.sendDescriptors([fd], large, () => sent++)
      }
      closeSync(fd)
      near.end()
      assert.ok(openOf(path) > 0, 'they wait')
      let fds = 0
      far.on('descriptors', (came: number[]) => {
        for (const one of came) closeSync(one)
        fds += came.length
      })
      let at = 0
      for await (const chunk of far as AsyncIterable<Buffer>) {
        assert.ok(chunk.equals(large.subarray(at % 16, (at % 16) + chunk.length)))
        at += chunk.length
      }
      assert.deepEqual([at, fds, sent], [10_000_000, 5, 5])
      await done()
      assert.equal(near.bytesWritten, 10_000_000)
      assert.equal(openOf(path), 0)
    })

    test('a socket that is full: they are sent when it has room', async () => {
      const { near, far, done } = await pair(model)
      const path = fileOf('full')
      const fd = openSync(path, 'r')
      const byte = Buffer.from('.')
      let filled = 0
      while (rawSend(near.fd, byte, 1, MSG_DONTWAIT) === 1) filled++
      let sent = false
      near.sendDescriptors([fd], 'at last', () => (sent = true))
      near.write(', and on')
      near.end()
      closeSync(fd)
      await new Promise((resolve) => setImmediate(resolve))
      assert.deepEqual([sent, openOf(path)], [false, 1])
      const came: number[] = []
      far.on('descriptors', (fds: number[]) => came.push(...fds))
      let text = ''
      for await (const chunk of far) text += chunk
      assert.ok(text === `${'.'.repeat(filled)}at last, and on`)
      assert.deepEqual(came.map(read), ['full'])
      for (const one of came) closeSync(one)
      assert.equal(sent, true)
      await done()
      assert.equal(openOf(path), 0)

      // And one that is destroyed while they wait for that.
      const other = await pair(model)
      while (rawSend(other.near.fd, byte, 1, MSG_DONTWAIT) === 1) filled++
      const again = openSync(path, 'r')
      other.near.on('error', () => {})
      other.near.sendDescriptors([again], 'never')
      closeSync(again)
      await new Promise((resolve) => setImmediate(resolve))
      other.near.destroy()
      await other.done()
      assert.equal(openOf(path), 0)
    })

    test('closed before they are sent, or before they are read: none is left', async () => {
      const { near, far, done } = await pair(model)
      const path = fileOf('lost')
      const fd = openSync(path, 'r')
      near.on('error', () => {})
      far.on('error', () => {})
      near.sendDescriptors([fd, fd, fd], 'on its way')
      near.write(Buffer.alloc(3_000_000))
      for (let i = 0; i < 10; i++) near.sendDescriptors([fd], 'waits')
      closeSync(fd)
      assert.ok(openOf(path) >= 10)
      near.destroy()
      await once(near, 'close')
      assert.equal(openOf(path), 0, 'what waited is closed; what is on its way has no number here')
      far.destroy()
      await done()
    })

    test('closed with a message in it that nobody has read: its descriptors are closed', async () => {
      const { near, far, done } = await pair(model)
      const [readEnd, writeEnd] = pipe2(O_CLOEXEC | O_NONBLOCK)
      await new Promise<void>((resolve) => near.sendDescriptors([writeEnd], 'unread', () => resolve()))
      closeSync(writeEnd)
      const byte = Buffer.alloc(1)
      assert.throws(() => readSync(readEnd, byte, 0, 1, null), { code: 'EAGAIN' }, 'somebody may write yet')
      near.destroy()
      far.destroy()
      await done()
      // The end, once nobody has the other side any more.
      await until(() => {
        try {
          return readSync(readEnd, byte, 0, 1, null) === 0
        } catch (error) {
          assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN')
          return false
        }
      })
      closeSync(readEnd)
    })
  })
}

test('the first bytes, before the connection is made, may bring descriptors', async () => {
  const path = join(folder, `socket ${named++}`)
  const file = fileOf('first')
  const server = net.createServer({ descriptors: true }).listen(path)
  await once(server, 'listening')
  const near = net.connect({ path })
  const fd = openSync(file, 'r')
  near.sendDescriptors([fd], 'hello')
  closeSync(fd)
  const [far] = (await once(server, 'connection')) as [Socket]
  const [[came]] = (await once(far, 'descriptors')) as [[number]]
  assert.equal(read(came), 'first')
  closeSync(came)
  near.destroy()
  far.destroy()
  server.close()
  await once(server, 'close')
  assert.equal(openOf(file), 0)
})

for (const room of [0, 1]) {
  test(`three come, and there is room for ${room}: the socket ends with EMFILE, and keeps none`, () => {
    const program = `
      import { closeSync, openSync } from 'node:fs'
      import net from ${JSON.stringify(new URL('./index.js', import.meta.url).href)}
      import { RLIMIT_NOFILE, setrlimit } from ${JSON.stringify(new URL('../sys/index.js', import.meta.url).href)}
      // Its first use opens a descriptor.
      console.log('begin')
      const hogs = []
      const path = ${JSON.stringify(join(folder, `crowded ${room}`))}
      const server = net.createServer({ descriptors: true, pauseOnConnect: true }, (socket) => {
        near.sendDescriptors([0, 1, 2], 'x', () => {
          setrlimit(RLIMIT_NOFILE, { soft: 100, hard: 100 })
          try { for (;;) hogs.push(openSync('/dev/null')) } catch (error) { if (error.code !== 'EMFILE') throw error }
          for (let room = 0; room < ${room}; room++) closeSync(hogs.pop())
          socket.on('descriptors', () => console.log('descriptors came'))
          socket.on('error', ({ code, syscall }) => console.log(syscall, code))
          socket.on('close', () => {
            let room = 0
            try { for (;; room++) openSync('/dev/null') } catch {}
            // The socket's own, and as many as before.
            console.log('room for', room)
            process.exit()
          })
          socket.resume()
        })
      }).listen(path)
      const near = net.connect({ path }).on('error', () => {})`
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    })
    assert.equal(output, `begin\nread EMFILE\nroom for ${1 + room}\n`)
  })
}

test('where nobody listens they are closed, and the bytes come', async () => {
  for (const far of [{}, { descriptors: false }, { model: 'poll' as const }, { model: 'select' as const }]) {
    const { near, far: socket, done } = await pair('auto', far)
    const path = fileOf('unheard')
    const fd = openSync(path, 'r')
    near.sendDescriptors([fd], 'but the bytes are')
    near.end()
    closeSync(fd)
    let text = ''
    for await (const chunk of socket) text += chunk
    assert.equal(text, 'but the bytes are')
    assert.equal(openOf(path), 0)
    await done()
  }
})

test('a client receives them too, with its model told', async () => {
  const path = join(folder, `socket ${named++}`)
  const file = fileOf('to the client')
  const server = net
    .createServer((socket) => {
      const fd = openSync(file, 'r')
      socket.sendDescriptors([fd], 'x')
      closeSync(fd)
      socket.end()
    })
    .listen(path)
  await once(server, 'listening')
  const client = net.connect({ path, descriptors: true })
  assert.equal(client.model, 'epoll')
  client.resume()
  const [[fd]] = (await once(client, 'descriptors')) as [[number]]
  assert.ok(fstatSync(fd).isFile())
  assert.equal(read(fd), 'to the client')
  closeSync(fd)
  if (!client.closed) await once(client, 'close')
  server.close()
  await once(server, 'close')
  assert.equal(openOf(file), 0)
})

test('what cannot be is refused at once, and nothing is left open', async () => {
  assert.throws(() => net.createServer({ descriptors: true, model: 'io_uring' }), { code: 'ENOTSUP' })
  assert.throws(() => new net.Socket({ descriptors: true, model: 'blocking' }), { code: 'ENOTSUP' })
  const { near, done } = await pair('auto')
  const path = fileOf('refused')
  const fd = openSync(path, 'r')
  assert.throws(() => near.sendDescriptors([fd], ''), { code: 'ERR_INVALID_ARG_VALUE' })
  assert.throws(() => near.sendDescriptors([-1], 'x'), { code: 'ERR_INVALID_ARG_VALUE' })
  assert.throws(() => near.sendDescriptors(Array(254).fill(fd), 'x'), { code: 'ERR_INVALID_ARG_VALUE' })
  assert.throws(() => near.sendDescriptors([fd, 1_000_000], 'x'), { code: 'EBADF' })
  assert.equal(openOf(path), 1)
  near.end()
  const failed = once(near, 'error')
  near.sendDescriptors([fd], 'too late')
  assert.equal(((await failed)[0] as NodeJS.ErrnoException).code, 'ERR_STREAM_WRITE_AFTER_END')
  await done()
  assert.equal(openOf(path), 1)

  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const tcp = net.connect((server.address() as { port: number }).port, '127.0.0.1')
  await once(tcp, 'connect')
  assert.throws(() => tcp.sendDescriptors([fd], 'x'), { code: 'ERR_INVALID_STATE' })
  assert.equal(openOf(path), 1)
  closeSync(fd)
  tcp.destroy()
  server.close()
  await once(server, 'close')
})
