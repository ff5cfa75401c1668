/** Streams of files: as Node's in every chunk, and how they go about it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as promises from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { modelNamed } from '../models/choose.js'
import type { ModelName } from '../models/model.js'
import { FileSystem } from './file-system.js'
import type { FileHandle } from './handle.js'
import { ReadAhead } from './read-ahead.js'
import type { ReadStreamOptions } from './streams.js'

const folder = fs.mkdtempSync(join(tmpdir(), 'fivefold-streams-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))
let names = 0
const fresh = () => join(folder, String(names++))

const KIB = 1024
/** Its every 4 bytes tell where they are. */
const numbers = (bytes: number) =>
  Buffer.from(Uint32Array.from({ length: Math.ceil(bytes / 4) }, (_, index) => index).buffer).subarray(
    0,
    bytes,
  )

function numbered(bytes: number): string {
  const path = fresh()
  fs.writeFileSync(path, numbers(bytes))
  return path
}

function closed(stream: fs.WriteStream): Promise<unknown> {
  const closing = once(stream, 'close')
  stream.end()
  return closing
}

type Streamed = Pick<promises.FileHandle, 'createReadStream' | 'createWriteStream'>

/** What of a stream can be seen from outside. */
async function seen(handle: Streamed, options: ReadStreamOptions) {
  const stream = handle.createReadStream(options as object) as fs.ReadStream & { pos?: number }
  const chunks: Buffer[] = []
  const told: unknown[] = []
  const events: string[] = []
  for (const event of ['end', 'close'] as const) stream.on(event, () => events.push(event))
  for await (const chunk of stream) {
    chunks.push(chunk)
    told.push(chunk.length)
  }
  if (options.autoClose !== false) {
    if (!stream.closed) await once(stream, 'close')
  }
  return { told, events, bytes: Buffer.concat(chunks), bytesRead: stream.bytesRead, pos: stream.pos }
}

const reads: ReadStreamOptions[] = [
  {},
  { start: 0 },
  { start: 70_001 },
  { start: 5, end: 200_003 },
  { end: 0 },
  { end: 100 * KIB - 1 },
  { start: 3 * KIB, end: 3 * KIB },
  { highWaterMark: 1000 },
  { highWaterMark: 1000, end: 123_456 },
  { highWaterMark: 1024 * KIB },
  { start: 2 ** 40 },
  { start: 17, autoClose: false },
]

for (const model of ['io_uring', 'posix-aio', 'blocking'] satisfies ModelName[]) {
  const verdict = modelNamed(model).probe()
  const skip = verdict.ok ? false : verdict.reason
  const api = new FileSystem({ model })

  test(`${model}: chunk for chunk what Node reads`, { skip }, async () => {
    for (const size of [1, 64 * KIB, 64 * KIB + 1, 1500 * KIB + 3]) {
      const path = numbered(size)
      for (const options of reads) {
        const [theirs, ours] = [await promises.open(path), await api.open(path)]
        assert.deepEqual(
          await seen(ours as never, options),
          await seen(theirs, options),
          JSON.stringify(options),
        )
        if (options.autoClose === false) for (const handle of [theirs, ours]) await handle.close()
        assert.equal(ours.fd, -1)
      }
    }
  })

  test(`${model}: a handle that stays open is left where the stream ended`, { skip }, async () => {
    const handle = await api.open(numbered(900 * KIB))
    for await (const chunk of handle.createReadStream({ autoClose: false, end: 100 * KIB - 1 })) {
      assert.ok(chunk.length <= 64 * KIB)
    }
    assert.equal((await handle.read(Buffer.alloc(4))).buffer.readUInt32LE(0), 25 * KIB)
    const stream = handle.createReadStream({ autoClose: false, highWaterMark: 4 * KIB })
    stream.once('data', () => stream.pause())
    await once(stream, 'pause')
    for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve))
    // One chunk was told, and as many wait in the stream as Node would let wait there.
    const next = (await handle.read(Buffer.alloc(4))).buffer.readUInt32LE(0) - 25 * KIB - 1
    assert.ok(next >= KIB && next <= 3 * KIB, `${next}`)
    await handle.close()
  })

  test(`${model}: destroyed while it reads ahead: nothing comes any more, and it closes`, {
    skip,
  }, async () => {
    const handle = await api.open(numbered(4000 * KIB))
    const stream = handle.createReadStream()
    let late = 0
    let chunks = 0
    await new Promise<void>((resolve) => {
      stream.on('data', () => {
        if (stream.destroyed) late++
        if (++chunks === 5) stream.destroy()
      })
      stream.on('close', resolve)
    })
    assert.deepEqual([late, chunks, handle.fd], [0, 5, -1])
  })

  test(`${model}: a signal ends a stream`, { skip }, async () => {
    const handle = await api.open(numbered(4000 * KIB))
    const controller = new AbortController()
    const stream = handle.createReadStream({ signal: controller.signal })
    let chunks = 0
    const ended = async () => {
      for await (const _ of stream) if (++chunks === 3) controller.abort()
    }
    await assert.rejects(ended(), { name: 'AbortError', code: 'ABORT_ERR' })
    assert.equal(chunks, 3)
    if (!stream.closed) await once(stream, 'close')
    assert.equal(handle.fd, -1)
  })

  test(`${model}: written in order, in fewer calls than chunks`, { skip }, async () => {
    const path = fresh()
    const handle = await api.open(path, 'w')
    let calls = 0
    for (const name of ['write', 'writev'] as const) {
      const call = handle[name].bind(handle) as (...parameters: unknown[]) => Promise<never>
      handle[name] = (...parameters: unknown[]) => {
        calls++
        return call(...parameters)
      }
    }
    const stream = handle.createWriteStream()
    const data = numbers(6400 * KIB)
    let told = 0
    for (let at = 0; at < data.length; at += 64 * KIB) {
      if (!stream.write(data.subarray(at, at + 64 * KIB), () => told++)) {
        assert.ok(stream.writableLength >= stream.writableHighWaterMark)
        await once(stream, 'drain')
      }
    }
    await closed(stream)
    assert.deepEqual([told, stream.bytesWritten], [100, data.length])
    assert.ok(fs.readFileSync(path).equals(data))
    assert.ok(calls <= 30, `${calls} calls`)
  })

  test(`${model}: as much waits as the user says`, { skip }, async () => {
    const handle = await api.open(fresh(), 'w')
    const stream = handle.createWriteStream({ highWaterMark: 10 })
    assert.equal(stream.writableHighWaterMark, 10)
    assert.deepEqual([stream.write('12345'), stream.write('67890')], [true, false])
    await closed(stream)
  })
}

/** A stream whose reads are looked at. */
async function watched(bytes: number, options: ReadStreamOptions, readv?: (asked: number) => Error | null) {
  const handle: FileHandle = await new FileSystem().open(numbered(bytes))
  const asked: number[][] = []
  const { file } = handle
  const read = file.readv.bind(file)
  let under = 0
  file.readv = async (buffers, position) => {
    assert.equal(under++, 0, 'two at a time')
    asked.push(buffers.map(({ length }) => length))
    try {
      const error = readv?.(asked.length) ?? null
      if (error !== null) throw error
      return await read(buffers, position)
    } finally {
      under--
    }
  }
  return { handle, stream: handle.createReadStream(options), asked }
}

test('it asks for one chunk, two, four, and for none beyond the end it was given', async () => {
  const { stream, asked } = await watched(2000 * KIB, { highWaterMark: 10 * KIB, end: 1000 * KIB + 4 })
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  assert.ok(Buffer.concat(chunks).equals(numbers(1000 * KIB + 5)))
  assert.deepEqual(asked.map(({ length }) => length).slice(0, 6), [1, 2, 4, 8, 16, 32])
  assert.equal(
    asked.flat().reduce((sum, bytes) => sum + bytes),
    1000 * KIB + 5,
  )
  assert.equal(asked.flat().at(-1), 5)
  // Each has memory of its own.
  assert.equal(new Set(chunks.map(({ buffer }) => buffer)).size, chunks.length)
})

test('large chunks: no more than half a MiB at once', async () => {
  const { stream, asked } = await watched(3000 * KIB, { highWaterMark: 128 * KIB })
  for await (const _ of stream);
  assert.equal(Math.max(...asked.map((sizes) => sizes.length)), 4)
})

test('nobody reads: it stops', async () => {
  const { stream, asked, handle } = await watched(4000 * KIB, { highWaterMark: 4 * KIB })
  stream.on('readable', () => {})
  for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve))
  const bytes = asked.flat().reduce((sum, each) => sum + each)
  assert.ok(bytes <= 16 * KIB, `${bytes} bytes were read of what nobody wants`)
  await once(stream.destroy(), 'close')
  assert.equal(handle.fd, -1)
})

test('an error is met again by Node’s own read, in its place', async () => {
  const fails = (asked: number) => (asked === 3 ? Object.assign(new Error('EIO'), { code: 'EIO' }) : null)
  const { stream, asked } = await watched(500 * KIB, { highWaterMark: 10 * KIB, start: 4 }, fails)
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  assert.ok(Buffer.concat(chunks).equals(numbers(500 * KIB).subarray(4)))
  assert.equal(asked.length, 3, 'one at a time from then on')
  assert.equal(stream.bytesRead, 500 * KIB - 4)
})

test('asked for a chunk while one is being told: it waits for what is under way', async () => {
  class Stream {
    readonly bytesRead = 0
    pushed = 0
    byItself = 0
    onPush = () => {}
    _read(_size: number) {
      this.byItself++
    }
    push() {
      this.pushed++
      this.onPush()
    }
  }
  const stream = new Stream()
  const asked: ((bytes: number) => void)[] = []
  const readv = () => new Promise<number>((resolve) => asked.push(resolve))
  new ReadAhead({ readv } as never, stream as never)
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  stream._read(10)
  asked.shift()!(10)
  await turn()
  asked.shift()!(10)
  await turn()
  // One chunk is at hand; it is told in the next tick, unless the next one is there before.
  await Promise.resolve()
  stream._read(10)
  await turn()
  assert.equal(stream.pushed, 2)
  asked.shift()!(10)
  await turn()
  await Promise.resolve()
  stream._read(10)
  asked.shift()?.(10)
  for (let ticks = 0; ticks < 5; ticks++) await Promise.resolve()
  stream.onPush = () => {
    stream.onPush = () => {}
    stream._read(10)
  }
  stream._read(10)
  await turn()
  assert.equal(stream.byItself, 0, 'Node reads beside us')
})
