/** What files must survive, over every model that serves them, in both hosts. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { modelNamed } from '../models/choose.js'
import type { Host, ModelName } from '../models/model.js'
import { alignedBuffer } from './extras.js'
import { FileSystem } from './file-system.js'

const folder = fs.mkdtempSync(join(tmpdir(), 'fivefold-files-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))
let names = 0
const fresh = () => join(folder, String(names++))

/** A file whose every 4 bytes tell where they are. */
function numbered(bytes: number): string {
  const path = fresh()
  fs.writeFileSync(
    path,
    new Uint32Array(bytes / 4).map((_, index) => index),
  )
  return path
}

function fifo(): string {
  const path = fresh()
  execFileSync('mkfifo', [path])
  return path
}

const failsWith = (code: string) => (error: NodeJS.ErrnoException) => error.code === code

interface Setting {
  readonly api: FileSystem
  readonly cancels: boolean
}

const cases: Record<string, (setting: Setting) => Promise<void>> = {
  async 'a thousand reads in flight across close, each with its own bytes'({ api }) {
    const handle = await api.open(numbered(4096 * 1000))
    const reads = Array.from({ length: 1000 }, (_, index) =>
      handle.read(Buffer.alloc(4096), 0, 4096, index * 4096),
    )
    const closing = handle.close()
    assert.ok(handle.fd >= 0, 'it is open while anything is under way')
    const answers = await Promise.all(reads)
    await closing
    assert.equal(handle.fd, -1)
    answers.forEach(({ bytesRead, buffer }, index) => {
      assert.equal(bytesRead, 4096)
      assert.equal(buffer.readUInt32LE(0), index * 1024)
      assert.equal(buffer.readUInt32LE(4092), index * 1024 + 1023)
    })
  },
  async 'at the file’s own position: in the order of the calls, whatever their number'({ api }) {
    const path = fresh()
    const handle = await api.open(path, 'w+')
    await Promise.all(Array.from({ length: 300 }, (_, index) => handle.write(`${index},`)))
    const expected = Array.from({ length: 300 }, (_, index) => `${index},`).join('')
    assert.equal(fs.readFileSync(path, 'utf8'), expected)
    await handle.close()
    const reading = await api.open(path)
    const parts = await Promise.all(Array.from({ length: 100 }, () => reading.read(Buffer.alloc(7))))
    assert.equal(parts.map(({ buffer }) => buffer).join(''), expected.slice(0, 700))
    await reading.close()
  },
  async 'cut and unlinked under its reads'({ api }) {
    const path = numbered(1024 * 1024)
    const handle = await api.open(path)
    const before = handle.readBatch(
      Array.from({ length: 64 }, () => Buffer.alloc(4096)),
      Array.from({ length: 64 }, (_, index) => index * 16384),
    )
    fs.truncateSync(path, 4096)
    fs.unlinkSync(path)
    // Some were before it was cut, some after: none has anything but a whole block, or nothing.
    for (const bytes of await before) assert.ok(bytes === 4096 || bytes === 0, String(bytes))
    assert.equal((await handle.read(Buffer.alloc(4096), 0, 4096, 0)).bytesRead, 4096)
    assert.equal((await handle.read(Buffer.alloc(4096), 0, 4096, 8192)).bytesRead, 0)
    await handle.close()
  },
  async 'beyond 4 GiB, and the holes before'({ api }) {
    const path = fresh()
    const handle = await api.open(path, 'w+')
    const far = 5 * 2 ** 30 + 7
    assert.equal((await handle.write(Buffer.from('far away'), 0, 8, far)).bytesWritten, 8)
    assert.equal((await handle.writev([Buffer.from('a'), Buffer.from('b')], far + 8)).bytesWritten, 2)
    assert.equal(fs.statSync(path).size, far + 10)
    const { buffer } = await handle.read(Buffer.alloc(12), 0, 12, far - 2)
    assert.equal(buffer.toString('latin1'), '\0\0far awayab')
    const [bytes] = await handle.readBatch([Buffer.alloc(4)], [2 ** 32])
    assert.equal(bytes, 4)
    await handle.close()
  },
  async 'a full disk: what fitted is there, and the rest is an error'({ api }) {
    // The kernel's own full device; a write of nothing is the only one that succeeds.
    const handle = await api.open('/dev/full', 'r+')
    await assert.rejects(handle.write(Buffer.alloc(10), 0, 10, 0), failsWith('ENOSPC'))
    await assert.rejects(handle.writev([Buffer.alloc(1), Buffer.alloc(1)]), failsWith('ENOSPC'))
    await assert.rejects(handle.writeFile('text'), failsWith('ENOSPC'))
    await handle.close()
    await assert.rejects(api.writeFile('/dev/full', 'text'), failsWith('ENOSPC'))
  },
  async 'files that do not tell their size'({ api }) {
    const status = await api.readFile('/proc/self/status', 'utf8')
    assert.match(status, /^Name:[\s\S]*\nThreads:/)
    const handle = await api.open('/proc/self/maps')
    const all = await handle.readFile('latin1')
    assert.match(all, /\[stack\]/)
    await handle.close()
  },
  async 'a FIFO: open waits for its other end, a read for data'({ api }) {
    const path = fifo()
    let opened = false
    const opening = api.open(path).finally(() => {
      opened = true
    })
    for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setTimeout(resolve, 1))
    assert.equal(opened, false)
    const writing = fs.promises.open(path, 'w')
    const [reader, writer] = await Promise.all([opening, writing])
    const read = reader.read(Buffer.alloc(10))
    await writer.write('hello')
    assert.equal((await read).bytesRead, 5)
    const rest = reader.readFile('utf8')
    await writer.write('and ')
    await writer.write('more')
    await writer.close()
    assert.equal(await rest, 'and more')
    await reader.close()
  },
  async 'a signal ends a read that waits, and nothing else'({ api, cancels }) {
    const path = fifo()
    const keep = fs.openSync(path, fs.constants.O_RDWR)
    const handle = await api.open(path)
    const controller = new AbortController()
    const read = handle.read(Buffer.alloc(4), { signal: controller.signal })
    const queued = new AbortController()
    const behind = handle.read(Buffer.alloc(4), { signal: queued.signal })
    queued.abort()
    await assert.rejects(behind, { name: 'AbortError', code: 'ABORT_ERR' })
    controller.abort(new Error('why'))
    // Where the model cannot end what has begun, data do.
    const ended = cancels ? null : setTimeout(() => fs.writeSync(keep, 'data'), 100)
    const outcome = await read.catch((error: Error) => error)
    if (outcome instanceof Error) {
      assert.deepEqual([outcome.name, (outcome.cause as Error).message], ['AbortError', 'why'])
      if (ended === null) fs.writeSync(keep, 'data')
      assert.equal((await handle.read(Buffer.alloc(4))).buffer.toString(), 'data')
    } else {
      assert.equal(cancels, false)
      assert.equal(outcome.buffer.toString(), 'data')
    }
    await assert.rejects(async () => handle.read(Buffer.alloc(4), { signal: AbortSignal.abort() }), {
      name: 'AbortError',
      code: 'ABORT_ERR',
    })
    fs.closeSync(keep)
    await handle.close()
  },
  async 'more that wait than may be under way: one that waits its turn can be ended'({ api, cancels }) {
    if (!cancels) return
    const path = fifo()
    const keep = fs.openSync(path, fs.constants.O_RDWR)
    const handles = await Promise.all(Array.from({ length: 70 }, () => api.open(path)))
    const controllers = handles.map(() => new AbortController())
    const reads = handles.map((handle, index) =>
      handle.read(Buffer.alloc(1), { signal: controllers[index]!.signal }),
    )
    const last = assert.rejects(reads[69]!, { name: 'AbortError' })
    await new Promise((resolve) => setImmediate(resolve))
    controllers[69]!.abort()
    await last
    fs.writeSync(keep, 'x'.repeat(68))
    const ended = Promise.allSettled(reads.slice(0, 69))
    // Of 69 readers one has nothing: it is ended too.
    const answered = new Set<number>()
    await new Promise<void>((resolve) => {
      reads.slice(0, 69).forEach((read, index) => {
        read.then(
          () => answered.add(index).size === 68 && resolve(),
          () => {},
        )
      })
    })
    for (let index = 0; index < 69; index++) if (!answered.has(index)) controllers[index]!.abort()
    const outcomes = await ended
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 68)
    // And there is room again.
    assert.equal(((await api.readFile('/proc/self/comm')) as Buffer).length > 0, true)
    fs.closeSync(keep)
    for (const handle of handles) await handle.close()
  },
  async 'a signal ends an open that waits'({ api }) {
    const path = fifo()
    const controller = new AbortController()
    const read = api.readFile(path, { signal: controller.signal })
    if (modelNamed(api.model).limits.beyond?.includes('open')) {
      setImmediate(() => controller.abort())
      await assert.rejects(read, { name: 'AbortError', code: 'ABORT_ERR' })
      return
    }
    // Node's own open: only the other end ends it.
    controller.abort()
    const end = fs.openSync(path, 'r+')
    await assert.rejects(read, { name: 'AbortError', code: 'ABORT_ERR' })
    fs.closeSync(end)
  },
  async 'a batch: short at the end, and its error names the first'({ api }) {
    const path = numbered(10_000)
    const handle = await api.open(path)
    const buffers = [Buffer.alloc(8), Buffer.alloc(4096), Buffer.alloc(4), new Uint8Array(2)]
    const bytes = await handle.readBatch(buffers, [4, 8192, 20_000, 4])
    assert.deepEqual([...bytes], [8, 10_000 - 8192, 0, 2])
    assert.equal((buffers[0] as Buffer).readUInt32LE(4), 2)
    assert.equal((await handle.readBatch([], [])).length, 0)
    await assert.rejects(handle.readBatch(buffers, [1]), failsWith('ERR_OUT_OF_RANGE'))
    await assert.rejects(handle.readBatch([Buffer.alloc(1)], [-1]), failsWith('ERR_OUT_OF_RANGE'))
    await handle.close()
    const writing = await api.open(path, 'a')
    await assert.rejects(writing.readBatch([Buffer.alloc(1), Buffer.alloc(1)], [0, 1]), (error: Error) => {
      assert.deepEqual(
        { ...error, results: [...(error as never as { results: number[] }).results] },
        {
          errno: -9,
          code: 'EBADF',
          syscall: 'read',
          results: [-9, -9],
          index: 0,
        },
      )
      return true
    })
    await writing.close()
    await assert.rejects(writing.readBatch([Buffer.alloc(1)], [0]), failsWith('EBADF'))
  },
  async 'memory that may vanish is refused, and nothing is read'({ api }) {
    const handle = await api.open(numbered(4096), 'r+')
    const resizable = new Uint8Array(
      new (ArrayBuffer as never as new (bytes: number, options: object) => ArrayBuffer)(8, {
        maxByteLength: 16,
      }),
    )
    const detached = new Uint8Array(8)
    structuredClone(detached.buffer, { transfer: [detached.buffer] })
    await assert.rejects(handle.read(resizable, 0, 8, 0), /resizable/)
    await assert.rejects(handle.read(resizable), /resizable/)
    await assert.rejects(handle.write(resizable, 0, 8, 0), /resizable/)
    await assert.rejects(handle.readv([Buffer.alloc(1), resizable], 0), /resizable/)
    await assert.rejects(handle.writev([Buffer.alloc(1), resizable], 0), /resizable/)
    await assert.rejects(handle.readBatch([resizable], [0]), /resizable/)
    await assert.rejects(handle.readBatch([detached], [0]), /detached/)
    assert.deepEqual([...resizable], [0, 0, 0, 0, 0, 0, 0, 0])
    await handle.close()
  },
  async 'O_DIRECT into aligned memory'({ api }) {
    const path = numbered(64 * 4096)
    const handle = await api.open(path, fs.constants.O_RDONLY | fs.constants.O_DIRECT).catch((error) => {
      // tmpfs before Linux 6.6.
      assert.equal(error.code, 'EINVAL')
      return null
    })
    if (handle === null) return
    const memory = alignedBuffer(8 * 4096)
    const buffers = Array.from({ length: 8 }, (_, index) => memory.subarray(index * 4096, (index + 1) * 4096))
    const bytes = await handle.readBatch(
      buffers,
      buffers.map((_, index) => index * 8192),
    )
    assert.deepEqual([...bytes], Array(8).fill(4096))
    buffers.forEach((buffer, index) => {
      assert.equal(buffer.readUInt32LE(0), index * 2048)
    })
    await handle.close()
  },
  async 'fallocate, flock, sendfile, splice'({ api }) {
    const path = numbered(8192)
    const handle = await api.open(path, 'r+')
    await handle.fallocate(0, 65536)
    assert.equal(fs.statSync(path).size, 65536)
    await assert.rejects(handle.fallocate(0, 0), failsWith('EINVAL'))
    await assert.rejects(handle.fallocate(-1, 5), failsWith('ERR_OUT_OF_RANGE'))

    const other = await api.open(path)
    await handle.flock('exclusive')
    await assert.rejects(other.flock('shared', { wait: false }), failsWith('EAGAIN'))
    const controller = new AbortController()
    const waiting = other.flock('shared', { signal: controller.signal })
    controller.abort()
    await assert.rejects(waiting, { name: 'AbortError' })
    const granted = other.flock('shared')
    await handle.flock('unlock')
    await granted
    await assert.rejects(handle.flock('exclusive', { wait: false }), failsWith('EAGAIN'))

    const copy = fresh()
    const output = await api.open(copy, 'w')
    assert.equal(await api.sendfile(output, handle, { length: 100, inputPosition: 4 }), 100)
    assert.equal(await api.sendfile(output, handle.fd, { length: 8 }), 8)
    const written = fs.readFileSync(copy)
    assert.deepEqual([written.length, written.readUInt32LE(0), written.readUInt32LE(100)], [108, 1, 0])
    await assert.rejects(api.sendfile(output, 9999, { length: 1 }), failsWith('EBADF'))

    const pipe = fifo()
    const end = fs.openSync(pipe, 'r+')
    assert.equal(await api.splice(handle, end, { length: 12, inputPosition: 8 }), 12)
    const piped = Buffer.alloc(12)
    assert.equal(fs.readSync(end, piped), 12)
    assert.equal(piped.readUInt32LE(8), 4)
    fs.closeSync(end)
    for (const each of [handle, other, output]) await each.close()
  },
}

const hosts: readonly Host[] = ['embedded', 'dedicated']
for (const model of ['io_uring', 'posix-aio', 'blocking'] satisfies ModelName[]) {
  const verdict = modelNamed(model).probe()
  for (const host of hosts) {
    for (const [name, run] of Object.entries(cases)) {
      test(`${model} ${host}: ${name}`, { skip: verdict.ok ? false : verdict.reason }, async () => {
        await run({ api: new FileSystem({ model, host }), cancels: modelNamed(model).limits.cancels })
      })
    }
  }
}

test('a model that waits for readiness has nothing to do with files', async () => {
  await assert.rejects(
    new FileSystem({ model: 'epoll' }).readFile(fresh()),
    (error: NodeJS.ErrnoException) => {
      assert.equal(error.code, 'ENOTSUP')
      assert.match(error.message, /io_uring.*posix-aio.*blocking/)
      return true
    },
  )
})

test("'auto' says what it chose", () => {
  const api = new FileSystem()
  assert.ok(['io_uring', 'posix-aio', 'blocking'].includes(api.model))
  assert.match(api.reason, /fastest/)
})

test('a handle that is forgotten closes itself, and says so', () => {
  const program = `
    const { open } = await import(${JSON.stringify(new URL('./index.js', import.meta.url).href)})
    const fs = await import('node:fs')
    const warnings = []
    process.on('warning', (warning) => warnings.push(warning))
    const timer = setInterval(() => gc(), 10)
    let fd = (await open(process.execPath)).fd
    while (warnings.length < 2) await new Promise(setImmediate)
    console.log(warnings[0].message === 'Closing file descriptor ' + fd + ' on garbage collection')
    fd = (await open(process.execPath)).fd
    while (warnings.length < 3) await new Promise(setImmediate)
    console.log(warnings.map(({ code }) => code ?? '-').join())
    clearInterval(timer)
    // The number may be somebody else's already.
    try { console.log(fs.readlinkSync('/proc/self/fd/' + fd) !== process.execPath) } catch { console.log(true) }`
  const { stdout } = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', program], {
    encoding: 'utf8',
  })
  assert.equal(stdout, 'true\n-,DEP0137,-\ntrue\n')
})

test('nothing keeps the process alive once all is done, and a read in flight does', () => {
  const program = `
    const { open } = await import(${JSON.stringify(new URL('./index.js', import.meta.url).href)})
    const handle = await open('/dev/zero')
    handle.read(Buffer.alloc(4096), 0, 4096, 0).then(({ bytesRead }) => console.log(bytesRead))`
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    timeout: 900_000,
  })
  assert.deepEqual([stdout, status], ['4096\n', 0])
})
