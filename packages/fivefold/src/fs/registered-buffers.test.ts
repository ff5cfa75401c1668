/** `tuning.registeredBuffers`: the same bytes, by requests that name a buffer by its number. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { engineFor } from '../loop/engine.js'
import { ioUring } from '../models/asynchronous/io-uring.js'
import type { Ring } from '../sys/uring.js'
import { IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED } from '../sys/uring.js'
import { alignedBuffer } from './extras.js'
import { FileSystem } from './file-system.js'

const folder = fs.mkdtempSync(join(tmpdir(), 'fivefold-registered-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))
const skip = !ioUring.probe().ok
const PAGE = 4096

const pages = alignedBuffer(64 * PAGE)
const others = alignedBuffer(4 * PAGE)
const registeredBuffers = [pages, others]

/** How many of the ring's places hold a request of that kind. */
function requests(operation: number): number {
  const { ring } = engineFor('io_uring', 'embedded', { registeredBuffers }).driver as unknown as {
    ring: Ring
  }
  let count = 0
  for (let at = 0; at < ring.sqes.length; at += 16) if ((ring.sqes[at]! & 0xff) === operation) count++
  return count
}

function numbered(name: string, bytes: number): string {
  const path = join(folder, name)
  fs.writeFileSync(
    path,
    new Uint32Array(bytes / 4).map((_, index) => index * 2654435761),
  )
  return path
}

for (const flags of [fs.constants.O_RDONLY, fs.constants.O_RDONLY | fs.constants.O_DIRECT]) {
  const name = (flags & fs.constants.O_DIRECT) === 0 ? 'page cache' : 'O_DIRECT'
  test(`${name}: reads into registered buffers have the bytes of the file`, { skip }, async (t) => {
    const api = new FileSystem({ model: 'io_uring', tuning: { registeredBuffers } })
    const path = numbered(name, 256 * PAGE)
    const expected = fs.readFileSync(path)
    const handle = await api.open(path, flags as never).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EINVAL') throw error
    })
    if (handle === undefined) return t.skip('this file system has no O_DIRECT')
    const before = requests(IORING_OP_READ_FIXED)
    for (let round = 0; round < 8; round++) {
      const views = Array.from({ length: 66 }, (_, index) =>
        index < 64
          ? pages.subarray(index * PAGE, (index + 1) * PAGE)
          : others.subarray((index - 64) * PAGE).subarray(0, PAGE),
      )
      const places = views.map((_, index) => ((index * 37 + round * 11) % 256) * PAGE)
      const answers = await Promise.all(views.map((view, index) => handle.read(view, 0, PAGE, places[index])))
      answers.forEach(({ bytesRead }, index) => {
        assert.equal(bytesRead, PAGE)
        assert.ok(
          views[index]!.equals(expected.subarray(places[index]!, places[index]! + PAGE)),
          `page ${index}`,
        )
      })
    }
    assert.ok(requests(IORING_OP_READ_FIXED) - before >= 66, 'they were named by number')
    await handle.close()
  })
}

test('parts of a buffer, and memory beside it; readBatch; writes', { skip }, async () => {
  const whole = alignedBuffer(8 * PAGE)
  const middle = whole.subarray(2 * PAGE, 4 * PAGE)
  const api = new FileSystem({ model: 'io_uring', tuning: { registeredBuffers: [middle, pages] } })
  const path = numbered('parts', 64 * PAGE)
  const expected = fs.readFileSync(path)
  const handle = await api.open(path, 'r+')
  // Within, across its start, across its end, beside it, and of an ordinary buffer.
  const views = [
    whole.subarray(2 * PAGE + 7, 3 * PAGE + 9),
    whole.subarray(PAGE + 1, 2 * PAGE + 1),
    whole.subarray(4 * PAGE - 1, 5 * PAGE),
    whole.subarray(6 * PAGE, 7 * PAGE),
    Buffer.alloc(5000),
  ]
  for (const [index, view] of views.entries()) {
    const position = index * 5000 + 3
    const { bytesRead } = await handle.read(view, 0, view.length, position)
    assert.equal(bytesRead, view.length)
    assert.ok(view.equals(expected.subarray(position, position + view.length)), `view ${index}`)
  }
  const batch = [middle.subarray(0, 100), pages.subarray(5, 77)]
  assert.deepEqual([...(await handle.readBatch(batch, [1000, 2000]))], [100, 72])
  assert.ok(batch[0]!.equals(expected.subarray(1000, 1100)))
  assert.ok(batch[1]!.equals(expected.subarray(2000, 2072)))

  middle.fill('m')
  const { bytesWritten } = await handle.write(middle.subarray(10, 1010), 0, 1000, 12_345)
  assert.equal(bytesWritten, 1000)
  await handle.close()
  const after = fs.readFileSync(path)
  assert.ok(after.subarray(12_345, 13_345).equals(Buffer.alloc(1000, 'm')))
  assert.ok(after.subarray(0, 12_345).equals(expected.subarray(0, 12_345)))
  assert.ok(after.subarray(13_345).equals(expected.subarray(13_345)))
})

test('a write is named by number too', { skip }, async () => {
  const api = new FileSystem({ model: 'io_uring', tuning: { registeredBuffers } })
  const path = join(folder, 'written')
  const handle = await api.open(path, 'w')
  const before = requests(IORING_OP_WRITE_FIXED)
  others.fill('w')
  await handle.write(others, 0, 100, 0)
  await handle.close()
  assert.equal(requests(IORING_OP_WRITE_FIXED) - before, 1)
  assert.equal(fs.readFileSync(path, 'latin1'), 'w'.repeat(100))
})

test('the end of the file, and a file that was closed: as without', { skip }, async () => {
  const api = new FileSystem({ model: 'io_uring', tuning: { registeredBuffers } })
  const handle = await api.open(numbered('short', 100))
  assert.equal((await handle.read(pages, 0, PAGE, 40)).bytesRead, 60)
  assert.equal((await handle.read(pages, 0, PAGE, 100)).bytesRead, 0)
  await handle.close()
  await assert.rejects(handle.read(pages, 0, PAGE, 0), { code: 'EBADF' })
})

test('what cannot be registered is refused; a model that registers nothing says so', { skip }, async () => {
  const wrong = (registeredBuffers: Uint8Array[], model: 'io_uring' | 'posix-aio' = 'io_uring') =>
    assert.rejects(new FileSystem({ model, tuning: { registeredBuffers } }).open('/dev/null'), {
      code: 'ERR_INVALID_ARG_VALUE',
    })
  await wrong([])
  await wrong([pages, Buffer.alloc(0)])
  await wrong([pages], 'posix-aio')
  const resizable = new (ArrayBuffer as new (bytes: number, options: object) => ArrayBuffer)(PAGE, {
    maxByteLength: 2 * PAGE,
  })
  await wrong([new Uint8Array(resizable)])
  // Refused, it leaves no ring behind.
  const rings = () =>
    fs.readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`).includes('io_uring')
      } catch {
        return false
      }
    }).length
  const before = rings()
  await wrong([])
  assert.equal(rings(), before)
})

test('one list is one engine, another list another', { skip }, () => {
  const engine = engineFor('io_uring', 'embedded', { registeredBuffers })
  assert.equal(engineFor('io_uring', 'embedded', { registeredBuffers }), engine)
  const other = engineFor('io_uring', 'embedded', { registeredBuffers: [pages] })
  assert.notEqual(other, engine)
  other.close()
})
