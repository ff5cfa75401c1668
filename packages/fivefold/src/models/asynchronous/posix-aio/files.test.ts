/** Files: at offsets, and at their own position. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { O_APPEND, O_CREAT, O_RDWR } from '../../../sys/fcntl.js'
import { AT_FDCWD, lseek, openat, SEEK_CUR, SEEK_SET } from '../../../sys/file.js'
import { pipe2 } from '../../../sys/pipe.js'
import { Kind } from '../../operation.js'
import { folder, on, pattern } from './support.test.util.js'

for (const host of ['embedded', 'dedicated'] as const) {
  describe(host, () => {
    test('files are read and written at offsets, and synced', () =>
      on(host, async (bench) => {
        const path = join(folder, `file ${host}`)
        const fd = bench.own(openat(AT_FDCWD, path, O_RDWR | O_CREAT))
        const far = 2 ** 32 + 4096
        const data = pattern(1 << 20)
        const writes = [
          bench.submit(Kind.write, fd, { buffers: [data], position: 0 }),
          bench.submit(Kind.write, fd, { buffers: [data.subarray(0, 100)], position: far }),
        ]
        const sync = bench.submit(Kind.fsync, fd)
        await bench.until(() => sync.over && writes.every(({ over }) => over))
        assert.deepEqual([...writes.map(({ last }) => last), sync.last], [1 << 20, 100, 0])
        const reads = Array.from({ length: 64 }, (_, index) =>
          bench.submit(Kind.read, fd, { buffers: [Buffer.alloc(4096)], position: index * 4096 }),
        )
        const farther = bench.submit(Kind.read, fd, { buffers: [Buffer.alloc(200)], position: far })
        const beyond = bench.submit(Kind.read, fd, { buffers: [Buffer.alloc(10)], position: 2 ** 40 })
        const nothing = bench.submit(Kind.read, fd, { buffers: [Buffer.alloc(0)], position: 0 })
        await bench.until(() => [...reads, farther, beyond, nothing].every(({ over }) => over))
        for (const [index, { last, buffers }] of reads.entries()) {
          assert.equal(last, 4096)
          assert.deepEqual(buffers[0], data.subarray(index * 4096, index * 4096 + 4096))
        }
        assert.deepEqual([farther.last, beyond.last, nothing.last], [100, 0, 0])
        assert.equal(fs.statSync(path).size, far + 100)
      }))

    test('a file’s own position moves on, one request after the other', () =>
      on(host, async (bench) => {
        const path = join(folder, `position ${host}`)
        const fd = bench.own(openat(AT_FDCWD, path, O_RDWR | O_CREAT))
        const writes = ['one ', 'two ', 'three'].map((words) =>
          bench.submit(Kind.write, fd, { buffers: [Buffer.from(words)] }),
        )
        await bench.until(() => writes.every(({ over }) => over))
        assert.equal(fs.readFileSync(path, 'latin1'), 'one two three')
        assert.equal(lseek(fd, 0, SEEK_CUR), 13)
        lseek(fd, 4, SEEK_SET)
        const reads = [4, 100].map((bytes) => bench.submit(Kind.read, fd, { buffers: [Buffer.alloc(bytes)] }))
        await bench.until(() => reads.every(({ over }) => over))
        assert.deepEqual(
          reads.map(({ last, buffers }) => buffers[0]!.subarray(0, last).toString()),
          ['two ', 'three'],
        )
        const appending = bench.own(openat(AT_FDCWD, path, O_RDWR | O_APPEND))
        const append = bench.submit(Kind.write, appending, { buffers: [Buffer.from(' four')] })
        await bench.until(() => append.over)
        assert.equal(lseek(appending, 0, SEEK_CUR), 18)
        // A pipe has none.
        const [reader, writer] = pipe2().map((end) => bench.own(end)) as [number, number]
        const waits = bench.submit(Kind.read, reader, { buffers: [Buffer.alloc(100)] })
        await bench.idle(10)
        assert.equal(waits.over, false)
        const piped = bench.submit(Kind.write, writer, { buffers: [Buffer.from('piped')] })
        await bench.until(() => waits.over && piped.over)
        assert.equal(waits.buffers[0]!.subarray(0, waits.last).toString(), 'piped')
      }))
  })
}
