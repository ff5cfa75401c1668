/**
 * What no test of Node's own can see: that bytes go out in the order they were written in, whole and unchanged; that a
 * buffer is the program's again when it should be; that options reach the kernel.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import nodeNet, { type AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Pattern } from '../conformance/pattern.js'
import { Random } from '../conformance/random.js'
import type { ModelName } from '../models/model.js'
import { rawClose } from '../sys/descriptor.js'
import {
  AF_UNIX,
  getsockoptInt,
  IP_TOS,
  IPPROTO_IP,
  IPPROTO_TCP,
  MSG_DONTWAIT,
  rawRecv,
  SO_KEEPALIVE,
  SO_RCVBUF,
  SOCK_STREAM,
  SOL_SOCKET,
  socketpair,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
} from '../sys/socket.js'
import net, { Server, Socket } from './index.js'
import { models, type Pair, pair as plainPair, skip } from './pair.test.util.js'

/** What the peer does is not this test's business. */
async function pair(t: TestContext, model: ModelName, options: object = {}): Promise<Pair> {
  const both = await plainPair(t, model, options)
  both.ours.on('error', () => {})
  both.theirs.on('error', () => {})
  return both
}

const encodings: BufferEncoding[] = ['utf8', 'latin1', 'hex', 'base64', 'utf16le', 'ascii']

for (const model of models) {
  test(`${model}: writes of every kind arrive in order and whole, with a reader that stops and goes`, {
    skip: skip(model),
  }, async (t) => {
    const { ours, theirs, end } = await pair(t, model)
    const random = new Random(7)
    const pattern = new Pattern(3)
    const check = new Pattern(3)
    let total = 0
    let callbacks = 0
    let writes = 0
    const done = new Promise<void>((resolve, reject) => {
      theirs.on('data', (chunk) => {
        try {
          check.check(chunk)
        } catch (error) {
          reject(error)
        }
        if (random.chance(0.25)) {
          theirs.pause()
          setTimeout(() => theirs.resume(), 1)
        }
      })
      theirs.on('end', resolve)
    })
    for (let round = 0; round < 60; round++) {
      const corked = random.chance(0.3)
      if (corked) ours.cork()
      for (let count = random.between(1, 6); count > 0; count--) {
        const size = random.chance(0.3) ? random.between(0, 300_000) : random.between(0, 2000)
        const bytes = pattern.take(size)
        total += size
        writes++
        const wrote = (error?: Error | null) => {
          assert.ok(!error)
          callbacks++
        }
        // Text that means these very bytes, or the bytes themselves.
        const text = random.between(0, 3)
        if (text === 0) ours.write(bytes.toString('hex'), 'hex', wrote)
        else if (text === 1) ours.write(bytes.toString('latin1'), 'latin1', wrote)
        else if (text === 2) ours.write(bytes.toString('base64'), 'base64', wrote)
        else ours.write(bytes, wrote)
      }
      if (corked) ours.uncork()
      if (round % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    ours.end()
    await done
    assert.equal(check.position, total)
    assert.equal(ours.bytesWritten, total)
    assert.equal(callbacks, writes)
    end()
  })

  test(`${model}: chunks are at most as large as Node's, and none comes after a pause`, {
    skip: skip(model),
  }, async (t) => {
    const { ours, theirs } = await pair(t, model, { pauseOnConnect: true })
    const pattern = new Pattern(9)
    const check = new Pattern(9)
    const total = 3_000_000
    theirs.write(pattern.take(total))
    // As much as the kernel holds is there before anything is read.
    while (theirs.bytesWritten === 0) await new Promise((resolve) => setImmediate(resolve))
    let chunks = 0
    let stopped = false
    await new Promise<void>((resolve, reject) => {
      ours.on('data', (chunk: Buffer) => {
        // A stream of Node's hands out what it has when it is destroyed.
        if (ours.destroyed) return
        try {
          assert.ok(!stopped, 'it is paused')
          assert.ok(chunk.length <= 65_536, `${chunk.length} bytes`)
          check.check(chunk)
          assert.equal(ours.bytesRead, check.position + ours.readableLength)
        } catch (error) {
          reject(error as Error)
        }
        if (check.position >= total / 2) ours.destroy()
        else if (++chunks % 2 === 0) {
          stopped = true
          ours.pause()
          setImmediate(() => {
            stopped = false
            ours.resume()
          })
        }
      })
      ours.on('close', () => resolve())
      ours.resume()
    })
    assert.ok(check.position >= total / 2)
  })

  test(`${model}: text in every encoding`, { skip: skip(model) }, async (t) => {
    const { ours, theirs, end } = await pair(t, model)
    const text = '2a2b2cff'
    const expected: Buffer[] = []
    ours.cork()
    for (const encoding of encodings) {
      ours.write(text, encoding)
      expected.push(Buffer.from(text, encoding))
    }
    ours.write('€ü\u{1f600}')
    ours.uncork()
    for (const encoding of encodings) {
      ours.write(text, encoding)
      expected.push(Buffer.from(text, encoding))
    }
    ours.end('€')
    expected.splice(encodings.length, 0, Buffer.from('€ü\u{1f600}'))
    expected.push(Buffer.from('€'))
    const chunks: Buffer[] = []
    for await (const chunk of theirs) chunks.push(chunk as Buffer)
    assert.deepEqual(Buffer.concat(chunks), Buffer.concat(expected))
    end()
  })

  test(`${model}: a small buffer may be used again at once, within a turn and outside`, {
    skip: skip(model),
  }, async (t) => {
    const { ours, theirs, end } = await pair(t, model)
    const buffer = Buffer.alloc(1000)
    let count = 0
    const write = () => {
      buffer.fill(count)
      ours.write(buffer)
      count++
      buffer.fill(0xee)
    }
    for (let at = 0; at < 20; at++) write()
    // And from within a turn, where writes are kept until its end.
    ours.on('data', () => {
      for (let at = 0; at < 20; at++) write()
    })
    theirs.write('go')
    const chunks: Buffer[] = []
    let bytes = 0
    while (bytes < 40_000) {
      const [chunk] = (await once(theirs, 'data')) as [Buffer]
      chunks.push(chunk)
      bytes += chunk.length
    }
    const all = Buffer.concat(chunks)
    for (let at = 0; at < all.length; at++) assert.equal(all[at], Math.floor(at / 1000), `byte ${at}`)
    end()
  })

  test(`${model}: what came stays as it came, whatever comes after`, { skip: skip(model) }, async (t) => {
    const { ours, theirs, end } = await pair(t, model)
    const pattern = new Pattern(11)
    const kept: Buffer[] = []
    let bytes = 0
    const all = 3 << 20
    ours.on('data', (chunk) => {
      kept.push(chunk)
      bytes += chunk.length
      if (bytes === all) ours.end()
    })
    for (let left = all; left > 0; left -= 64 << 10) theirs.write(pattern.take(64 << 10))
    theirs.resume()
    await once(theirs, 'end')
    const check = new Pattern(11)
    for (const chunk of kept) check.check(chunk)
    assert.equal(check.position, all)
    end()
  })

  test(`${model}: what was written before destroying arrives, in a turn and outside`, {
    skip: skip(model),
  }, async (t) => {
    for (const inTurn of [false, true]) {
      const { ours, theirs, end } = await pair(t, model)
      let text = ''
      theirs.on('data', (chunk) => {
        text += chunk
      })
      const last = () => {
        ours.write('one ')
        ours.write('two ')
        ours.write(Buffer.from('three'))
        ours.destroy()
      }
      if (inTurn) {
        ours.once('data', last)
        theirs.write('go')
      } else last()
      await once(theirs, 'close')
      assert.equal(text, 'one two three')
      end()
    }
  })

  test(`${model}: two sockets that write by turns within a turn keep their own bytes`, {
    skip: skip(model),
  }, async (t) => {
    const first = await pair(t, model)
    const second = await pair(t, model)
    const texts = ['', '']
    first.theirs.on('data', (chunk) => {
      texts[0] += chunk
    })
    second.theirs.on('data', (chunk) => {
      texts[1] += chunk
    })
    first.ours.once('data', () => {
      for (let at = 0; at < 2000; at++) {
        first.ours.write(`a${at} `)
        second.ours.write(`b${at} `)
      }
      first.ours.end()
      second.ours.end()
    })
    first.theirs.write('go')
    await Promise.all([once(first.theirs, 'end'), once(second.theirs, 'end')])
    const expected = (letter: string) => Array.from({ length: 2000 }, (_, at) => `${letter}${at} `).join('')
    assert.equal(texts[0], expected('a'))
    assert.equal(texts[1], expected('b'))
    first.end()
    second.end()
  })

  test(`${model}: writes until there is no room, from within a turn, and then the end`, {
    skip: skip(model),
  }, async (t) => {
    const { ours, theirs, end } = await pair(t, model)
    const other = await pair(t, model)
    other.theirs.resume()
    let written = 0
    let called = 0
    ours.once('data', () => {
      const pattern = new Pattern(5)
      const count = () => {
        called++
      }
      do written++
      while (ours.write(pattern.take(1024), count))
      for (let more = 0; more < 3; more++, written++) ours.write(pattern.take(1024), count)
      ours.end()
      // What could not be sent is nobody else's to write over.
      for (let at = 0; at < 30; at++) other.ours.write(Buffer.alloc(10_000, 0xee))
      // Only now does the peer begin to read.
      setTimeout(() => theirs.resume(), 20)
    })
    const check = new Pattern(5)
    let bytes = 0
    theirs.pause()
    theirs.on('data', (chunk) => {
      bytes += chunk.length
      check.check(chunk)
    })
    theirs.write('go')
    await Promise.all([once(theirs, 'end'), once(ours, 'finish')])
    assert.equal(bytes, written * 1024)
    assert.equal(called, written)
    end()
  })

  test(`${model}: options reach the kernel`, { skip: skip(model) }, async (t) => {
    const { ours, end } = await pair(t, model, {
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 7000,
    })
    const tcp = (name: number) => getsockoptInt(ours.fd, IPPROTO_TCP, name)
    assert.equal(tcp(TCP_NODELAY), 1)
    assert.equal(getsockoptInt(ours.fd, SOL_SOCKET, SO_KEEPALIVE), 1)
    assert.equal(tcp(TCP_KEEPIDLE), 7)
    ours.setNoDelay(false)
    assert.equal(tcp(TCP_NODELAY), 0)
    ours.setNoDelay()
    assert.equal(tcp(TCP_NODELAY), 1)
    ours.setKeepAlive(true, 9000, 3000, 4)
    assert.deepEqual([tcp(TCP_KEEPIDLE), tcp(TCP_KEEPINTVL), tcp(TCP_KEEPCNT)], [9, 3, 4])
    ours.setKeepAlive(false)
    assert.equal(getsockoptInt(ours.fd, SOL_SOCKET, SO_KEEPALIVE), 0)
    ours.setTypeOfService(0x10)
    assert.equal(getsockoptInt(ours.fd, IPPROTO_IP, IP_TOS), 0x10)
    assert.equal(ours.getTypeOfService(), 0x10)
    ours.setOption(SOL_SOCKET, SO_RCVBUF, 20_000)
    assert.equal(ours.getOption(SOL_SOCKET, SO_RCVBUF), 40_000)
    end()
    // And of a client, given before there was a descriptor.
    const server = nodeNet.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = new Socket({ model }).setNoDelay(true).setKeepAlive(true, 5000)
    client.connect((server.address() as AddressInfo).port, '127.0.0.1')
    await once(client, 'connect')
    assert.equal(client.getOption(IPPROTO_TCP, TCP_NODELAY), 1)
    assert.equal(client.getOption(IPPROTO_TCP, TCP_KEEPIDLE), 5)
    client.destroy()
    server.close()
  })

  test(`${model}: a reader that pauses holds the sender back`, { skip: skip(model) }, async (t) => {
    const { ours, theirs, end } = await pair(t, model)
    ours.pause()
    const chunk = Buffer.alloc(1 << 20)
    for (let at = 0; at < 64; at++) theirs.write(chunk)
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.ok(theirs.writableLength > 32 << 20, 'most of it waits at the sender')
    assert.ok(ours.bytesRead < 16 << 20, `read ${ours.bytesRead}`)
    assert.ok(ours.readableLength <= 2 << 20, `holds ${ours.readableLength}`)
    let bytes = 0
    ours.on('data', (part) => {
      bytes += part.length
    })
    ours.resume()
    theirs.end()
    await once(ours, 'end')
    assert.equal(bytes, theirs.bytesWritten)
    end()
  })
}

for (const model of models) {
  test(`${model}: the peer of a destroyed socket knows at once`, { skip: skip(model) }, async (t) => {
    const [left, right] = socketpair(AF_UNIX, SOCK_STREAM)
    const socket = new Socket({ fd: left, model })
    t.after(() => rawClose(right))
    socket.resume()
    // It waits for data by now.
    await new Promise((resolve) => setTimeout(resolve, 5))
    socket.destroy()
    assert.equal(rawRecv(right, Buffer.alloc(1), 1, MSG_DONTWAIT), 0)
    await once(socket, 'close')
  })
}

test('a face is what Node’s is: by new, by a plain call, by both kinds of heirs', async () => {
  const { default: util } = await import('node:util')
  const call = Socket as unknown as () => Socket
  assert.ok(call() instanceof Socket)
  assert.ok(new Socket() instanceof nodeNet.Socket)
  assert.ok((Server as unknown as () => Server)() instanceof nodeNet.Server)
  assert.equal(Object.getPrototypeOf(new Socket()).constructor, Socket)
  assert.equal(Socket.name, 'Socket')
  class Heir extends Socket {
    greeting = 'hello'
  }
  const heir = new Heir()
  assert.ok(heir instanceof Heir && heir instanceof Socket && heir instanceof nodeNet.Socket)
  assert.ok(!(new Socket() instanceof Heir))
  assert.ok(!(new nodeNet.Socket() instanceof Heir))
  assert.ok(new nodeNet.Socket() instanceof Socket, 'as a TLSSocket is one')
  function Old(this: Socket) {
    ;(Socket as unknown as { call(self: unknown, options: object): void }).call(this, { allowHalfOpen: true })
  }
  util.inherits(Old, Socket as never)
  const old = new (Old as unknown as new () => Socket)()
  assert.ok(old instanceof Socket)
  assert.equal(old.allowHalfOpen, true)
  const server = net.createServer((socket) => socket.end('hi')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  for (const socket of [heir, old]) {
    socket.connect((server.address() as AddressInfo).port, '127.0.0.1')
    const [chunk] = await once(socket, 'data')
    assert.equal(String(chunk), 'hi')
    if (socket === old) socket.end()
    await once(socket, 'close')
  }
  server.close()
})

test('everything that node:net exports is there', () => {
  for (const name of Object.keys(nodeNet)) assert.ok(name in net, name)
})
