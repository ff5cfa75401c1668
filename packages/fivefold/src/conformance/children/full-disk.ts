/** A file system of 1 MiB, full: run by fs/disk.test.ts in a mount namespace of its own. MODEL HOST FOLDER */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { FileSystem } from '../../fs/file-system.js'

const [model, host, folder] = process.argv.slice(2) as ['io_uring', 'embedded', string]
const SIZE = 1024 * 1024
const api = new FileSystem({ model, host })
const path = join(folder, 'file')
const full = { code: 'ENOSPC', syscall: 'write' }
const data = Buffer.from(Uint32Array.from({ length: SIZE / 2 }, (_, index) => index).buffer)

function startsRight(at: string): number {
  const there = fs.readFileSync(at)
  assert.ok(there.length <= SIZE && there.equals(data.subarray(0, there.length)), `${there.length} bytes`)
  return there.length
}

async function main(): Promise<void> {
  // One call that cannot take all takes what fits; the next one has the error.
  const handle = await api.open(path, 'w')
  const { bytesWritten } = await handle.write(data, 0, data.length, 0)
  assert.ok(bytesWritten > 0 && bytesWritten <= SIZE, `${bytesWritten}`)
  assert.equal(startsRight(path), bytesWritten)
  await assert.rejects(handle.write(data, bytesWritten, 4096, bytesWritten), full)
  await assert.rejects(handle.writev([data.subarray(0, 9), data.subarray(9, 5000)], bytesWritten), full)
  await assert.rejects(handle.fallocate(0, 2 * SIZE), { code: 'ENOSPC', syscall: 'fallocate' })
  await handle.close()

  // At the file's own position, too: what comes next goes behind it.
  const own = await api.open(path, 'w+')
  const first = (await own.write(data)).bytesWritten
  assert.ok(first > 0 && first <= SIZE, `${first}`)
  await assert.rejects(own.write(Buffer.alloc(4096, 'other')), full)
  assert.equal(startsRight(path), first)
  fs.ftruncateSync(own.fd, 4096)
  await own.write('end')
  assert.equal(fs.readFileSync(path).subarray(first).toString(), 'end')
  await own.close()

  await assert.rejects(api.writeFile(path, data), full)
  assert.ok(startsRight(path) > SIZE / 2)
  await assert.rejects(api.appendFile(path, data.subarray(0, 8192)), full)

  fs.unlinkSync(path)
  const streamed = await api.open(path, 'w')
  const stream = streamed.createWriteStream()
  const failed = new Promise((_, reject) => stream.on('error', reject))
  for (let at = 0; at < data.length; at += 65536) stream.write(data.subarray(at, at + 65536))
  await assert.rejects(failed, full)
  if (!stream.closed) await new Promise<void>((resolve) => stream.once('close', () => resolve()))
  startsRight(path)
  assert.equal(streamed.fd, -1)

  // Each of many at once succeeds or fails for itself.
  fs.unlinkSync(path)
  const many = await api.open(path, 'w+')
  const outcomes = await Promise.allSettled(
    Array.from({ length: 1000 }, (_, index) => many.write(data, index * 2000, 2000, index * 4096)),
  )
  const there = fs.readFileSync(path)
  let written = 0
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'ENOSPC')
    else {
      written++
      const at = index * 4096
      assert.ok(there.subarray(at, at + 2000).equals(data.subarray(index * 2000, (index + 1) * 2000)))
    }
  }
  assert.ok(written > 100 && written <= 256, `${written}`)
  await many.close()

  fs.unlinkSync(path)
  await api.writeFile(path, data.subarray(0, 4096))
  assert.equal(startsRight(path), 4096)
  console.log('all as it should be')
}

void main()
