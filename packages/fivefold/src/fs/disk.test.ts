/** Files and what a disk does to them: full, sparse, a folder in place of a file; over every model, in both hosts. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { modelNamed } from '../models/choose.js'
import type { Host, ModelName } from '../models/model.js'
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from '../sys/file.js'
import { FileSystem } from './file-system.js'

const folder = fs.mkdtempSync(join(tmpdir(), 'fivefold-disk-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))
let names = 0
const fresh = () => join(folder, String(names++))
const KIB = 1024
const MIB = 1024 * KIB

const failsWith = (code: string, syscall: string) => (error: NodeJS.ErrnoException) => {
  assert.deepEqual([error.code, error.syscall], [code, syscall])
  return true
}

interface Setting {
  readonly api: FileSystem
  readonly model: ModelName
  readonly host: Host
}

const cases: Record<string, (setting: Setting) => Promise<string | undefined>> = {
  async 'a folder can be opened, and nothing else'({ api }) {
    const handle = await api.open(folder)
    await assert.rejects(handle.read(Buffer.alloc(8), 0, 8, 0), failsWith('EISDIR', 'read'))
    await assert.rejects(handle.read(Buffer.alloc(8)), failsWith('EISDIR', 'read'))
    await assert.rejects(handle.readv([Buffer.alloc(4), Buffer.alloc(4)], 0), failsWith('EISDIR', 'read'))
    await assert.rejects(handle.readFile(), failsWith('EISDIR', 'read'))
    await assert.rejects(
      handle.readBatch([Buffer.alloc(4), Buffer.alloc(4)], [0, 4]),
      failsWith('EISDIR', 'read'),
    )
    await assert.rejects(handle.write(Buffer.alloc(8), 0, 8, 0), failsWith('EBADF', 'write'))
    await assert.rejects(once(handle.createReadStream().resume(), 'end'), failsWith('EISDIR', 'read'))
    await assert.rejects(api.open(folder, 'w'), failsWith('EISDIR', 'open'))
    await assert.rejects(api.writeFile(folder, 'x'), failsWith('EISDIR', 'open'))
    await handle.close()
    return undefined
  },

  async 'a file with holes: zeros there, data before and behind, and no room taken'({ api }) {
    const path = fresh()
    const handle = await api.open(path, 'w+')
    const far = 3 * 2 ** 30
    await Promise.all([
      handle.write(Buffer.from('first'), 0, 5, 0),
      handle.write(Buffer.from('last'), 0, 4, far),
      handle.write(Buffer.alloc(MIB, 'x'), 0, MIB, 8 * MIB),
    ])
    const { size, blocks } = await handle.stat()
    assert.equal(size, far + 4)
    assert.ok(blocks * 512 < 4 * MIB, `${blocks} blocks`)
    const positions = [0, 2 ** 31, far - 4, 8 * MIB - 4, 9 * MIB - 4]
    const buffers = positions.map(() => Buffer.alloc(8, 'old'))
    assert.deepEqual([...(await handle.readBatch(buffers, positions))], [8, 8, 8, 8, 8])
    const zeros = (count: number) => '\0'.repeat(count)
    assert.deepEqual(
      buffers.map((buffer) => buffer.toString('latin1')),
      [`first${zeros(3)}`, zeros(8), `${zeros(4)}last`, `${zeros(4)}xxxx`, `xxxx${zeros(4)}`],
    )
    // A stream goes through a hole as through anything else.
    let bytes = 0
    for await (const chunk of handle.createReadStream({
      start: 6 * MIB,
      end: 10 * MIB - 1,
      autoClose: false,
    })) {
      for (let at = 0; at < chunk.length; at += 4 * KIB) {
        const offset = 6 * MIB + bytes + at
        assert.equal(chunk[at], offset >= 8 * MIB && offset < 9 * MIB ? 120 : 0, String(offset))
      }
      bytes += chunk.length
    }
    assert.equal(bytes, 4 * MIB)
    // A hole punched later, where the file system can.
    try {
      await handle.fallocate(8 * MIB, MIB, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
      assert.equal((await handle.read(Buffer.alloc(MIB, 1), 0, MIB, 8 * MIB)).buffer.indexOf('x'), -1)
      assert.equal((await handle.stat()).size, far + 4)
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EOPNOTSUPP')
    }
    await handle.close()
    return undefined
  },

  async 'a thousand writes in flight across close: all of them are there'({ api }) {
    const path = fresh()
    const handle = await api.open(path, 'w')
    const writes = Array.from({ length: 1000 }, (_, index) => {
      const block = Buffer.alloc(4 * KIB)
      block.writeUInt32LE(index, 4 * KIB - 4)
      return handle.write(block, 0, block.length, index * block.length)
    })
    const closing = handle.close()
    assert.ok((await Promise.all(writes)).every(({ bytesWritten }) => bytesWritten === 4 * KIB))
    await closing
    assert.equal(handle.fd, -1)
    const all = fs.readFileSync(path)
    assert.equal(all.length, 1000 * 4 * KIB)
    for (let index = 0; index < 1000; index++) {
      assert.equal(all.readUInt32LE((index + 1) * 4 * KIB - 4), index)
    }
    return undefined
  },

  async 'a thousand reads cancelled in flight: data or an AbortError, each once, and it closes'({ api }) {
    const path = fresh()
    fs.writeFileSync(
      path,
      new Uint32Array(MIB).map((_, index) => index),
    )
    const handle = await api.open(path)
    const controller = new AbortController()
    const { signal } = controller
    const reads = Array.from({ length: 1000 }, (_, index) =>
      handle.read(Buffer.alloc(4 * KIB), { position: index * 4 * KIB, signal }),
    )
    const batch = handle.readBatch([Buffer.alloc(8), Buffer.alloc(8)], [0, 2 ** 20], { signal })
    // `read` with options has begun when its promise has had a turn.
    await Promise.resolve()
    controller.abort('enough')
    const outcomes = await Promise.allSettled(reads)
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'rejected') {
        assert.deepEqual([outcome.reason.name, outcome.reason.cause], ['AbortError', 'enough'])
      } else {
        assert.equal(outcome.value.bytesRead, 4 * KIB)
        assert.equal(outcome.value.buffer.readUInt32LE(0), index * KIB)
      }
    }
    const [outcome] = await Promise.allSettled([batch])
    if (outcome!.status === 'rejected') assert.equal(outcome!.reason.name, 'AbortError')
    else assert.deepEqual([...outcome!.value], [8, 8])
    await handle.close()
    assert.equal(handle.fd, -1)
    return undefined
  },

  async 'a full disk: what fitted is there, the rest is ENOSPC, and there is room again afterwards'({
    model,
    host,
  }) {
    const place = fresh()
    fs.mkdirSync(place)
    const command = ['mount -t tmpfs -o size=1m none "$0" && exec "$@"', place, process.execPath]
    const program = fileURLToPath(new URL('../conformance/children/full-disk.js', import.meta.url))
    // Root has the right; others in a user namespace, where that is allowed.
    const rights = process.getuid!() === 0 ? ['--mount'] : ['--mount', '--map-root-user']
    const allowed = spawnSync('unshare', [...rights, 'sh', '-c', command[0]!, place, 'true'])
    if (allowed.status !== 0) return 'no right to mount a tmpfs here'
    const output = execFileSync('unshare', [...rights, 'sh', '-c', ...command, program, model, host, place], {
      encoding: 'utf8',
    })
    assert.equal(output, 'all as it should be\n')
    return undefined
  },
}

const hosts: readonly Host[] = ['embedded', 'dedicated']
for (const model of ['io_uring', 'posix-aio', 'blocking'] satisfies ModelName[]) {
  const verdict = modelNamed(model).probe()
  for (const host of hosts) {
    for (const [name, run] of Object.entries(cases)) {
      test(`${model} ${host}: ${name}`, { skip: verdict.ok ? false : verdict.reason }, async (t) => {
        const skipped = await run({ api: new FileSystem({ model, host }), model, host })
        if (skipped !== undefined) t.skip(skipped)
      })
    }
  }
}
