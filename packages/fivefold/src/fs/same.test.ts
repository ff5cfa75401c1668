/**
 * One script, told to node:fs/promises and to each of ours: every step must come to the same, errors to the letter.
 */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as promises from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { modelNamed } from '../models/choose.js'
import type { ModelName } from '../models/model.js'
import { FileSystem } from './file-system.js'
import type { FileHandle } from './handle.js'

type Api = FileSystem
type Step = (api: Api, dir: string) => unknown

const folders: string[] = []
after(() => {
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true })
})

/** Opens a file, does something with it, and closes it. */
function on(flags: string, work: (handle: FileHandle, dir: string) => unknown): Step {
  return async (api, dir) => {
    const handle = await api.open(join(dir, 'file'), flags)
    try {
      return await work(handle, dir)
    } finally {
      await handle.close()
    }
  }
}

const text = (dir: string) => fs.readFileSync(join(dir, 'file'), 'utf8')
const bad = (value: unknown) => value as never

async function collect(stream: AsyncIterable<unknown>): Promise<string> {
  let all = ''
  for await (const chunk of stream) all += `${String(chunk)}|`
  return all
}

/** Before each: a folder with `file` ('0123456789'), `empty`, `folder/`, `link` -> file, `dangling`, `secret` (no rights). */
const steps: Record<string, Step> = {
  // open
  'open: not there': (api, dir) => api.open(join(dir, 'nothing')),
  'open: a folder for writing': (api, dir) => api.open(join(dir, 'folder'), 'w'),
  'open: through a file': (api, dir) => api.open(join(dir, 'file/further')),
  'open: there already': (api, dir) => api.open(join(dir, 'file'), 'wx'),
  'open: a dangling link': (api, dir) => api.open(join(dir, 'dangling')),
  'open: an empty path': (api) => api.open(''),
  'open: too long a name': (api, dir) => api.open(join(dir, 'n'.repeat(300))),
  'open: too long a path': (api, dir) => api.open(join(dir, 'n/'.repeat(3000))),
  'open: a NUL': (api) => api.open('a\0b'),
  'open: a number': (api) => api.open(bad(7)),
  'open: nothing': (api) => api.open(bad(undefined)),
  'open: an object': (api) => api.open(bad({ path: 'x' })),
  'open: strange flags': (api, dir) => api.open(join(dir, 'file'), bad('rx')),
  'open: flags that are no number': (api, dir) => api.open(join(dir, 'file'), bad({})),
  'open: a strange mode': (api, dir) => api.open(join(dir, 'file'), 'r', bad('9')),
  'open: a negative mode': (api, dir) => api.open(join(dir, 'file'), 'r', -1),
  'open: a URL': async (api, dir) => {
    const handle = await api.open(pathToFileURL(join(dir, 'file')))
    const data = await handle.readFile('utf8')
    await handle.close()
    return data
  },
  'open: a URL of another scheme': (api) => api.open(new URL('http://example.org/')),
  'open: bytes': async (api, dir) => {
    const handle = await api.open(Buffer.from(join(dir, 'file')))
    await handle.close()
    return [handle.fd, await api.open(Buffer.from(join(dir, 'nothing'))).catch((error) => error.path)]
  },
  'open: the mode of what it creates': async (api, dir) => {
    const path = join(dir, 'created')
    await (await api.open(path, 'w', 0o640)).close()
    await (await api.open(`${path}2`, 'w', '600')).close()
    return [fs.statSync(path).mode, fs.statSync(`${path}2`).mode]
  },

  // read
  'read: all forms': on('r', async (handle) => [
    await handle.read(Buffer.alloc(4), 0, 4, 0),
    await handle.read(Buffer.alloc(4), 1, 2, 5),
    await handle.read(Buffer.alloc(3)),
    await handle.read(Buffer.alloc(3), 0, 3, null),
    await handle.read(Buffer.alloc(4), { position: 8 }),
    await handle.read(Buffer.alloc(4), { offset: 1, length: 1 }),
    await handle.read({ buffer: Buffer.alloc(2), position: 0 }),
    await handle.read({ buffer: new Uint16Array(2), position: 0 }),
    await handle.read(new DataView(new ArrayBuffer(3)), 0, 3, 2),
    (await handle.read()).buffer.length,
    await handle.read(Buffer.alloc(0), 0, 0, 0),
    await handle.read(Buffer.alloc(4), 0, 4, 10),
    await handle.read(Buffer.alloc(4), 0, 4, 1_000_000),
    await handle.read(Buffer.alloc(4), 0, null, 6),
    await handle.read(Buffer.alloc(4), undefined, undefined, 6),
  ]),
  'read: an offset below 0': on('r', (handle) => handle.read(Buffer.alloc(4), -1, 4, 0)),
  'read: an offset that is no integer': on('r', (handle) => handle.read(Buffer.alloc(4), 0.5, 2, 0)),
  'read: an offset that is no number': on('r', (handle) => handle.read(Buffer.alloc(4), bad('1'), 2, 0)),
  'read: too long': on('r', (handle) => handle.read(Buffer.alloc(4), 0, 5, 0)),
  'read: beyond the end of the buffer': on('r', (handle) => handle.read(Buffer.alloc(4), 3, 4, 0)),
  'read: a negative length': on('r', (handle) => handle.read(Buffer.alloc(4), 0, -1, 0)),
  'read: no buffer': on('r', (handle) => handle.read(bad(12))),
  'read: a string for a buffer': on('r', (handle) => handle.read(bad('buffer'))),
  'read: options with no buffer': on('r', (handle) => handle.read({ buffer: bad('x') })),
  'read: what is open for writing': on('a', (handle) => handle.read(Buffer.alloc(4), 0, 4, 0)),
  'read: a folder': async (api, dir) => {
    const handle = await api.open(join(dir, 'folder'))
    return handle.read(Buffer.alloc(4), 0, 4, 0).finally(() => handle.close())
  },
  'read: closed': async (api, dir) => {
    const handle = await api.open(join(dir, 'file'))
    await handle.close()
    await handle.close()
    return handle.read(Buffer.alloc(4), 0, 4, 0)
  },
  readv: on('r', async (handle) => [
    await handle.readv([Buffer.alloc(2), Buffer.alloc(3)], 0),
    await handle.readv([Buffer.alloc(2), Buffer.alloc(30)]),
    await handle.readv([Buffer.alloc(2)], 9),
    await handle.readv([Buffer.alloc(0), Buffer.alloc(2)], 1),
  ]),
  'readv: nothing': on('r', (handle) => handle.readv([])),
  'readv: no buffers': on('r', (handle) => handle.readv(bad('x'))),
  'readv: something else in it': on('r', (handle) => handle.readv([Buffer.alloc(1), bad(1)])),

  // write
  'write: all forms': on('r+', async (handle, dir) => [
    await handle.write(Buffer.from('ab'), 0, 2, 0),
    await handle.write(Buffer.from('cde'), 1, 1, 5),
    await handle.write(Buffer.from('X')),
    await handle.write(Buffer.from('YZ'), { offset: 1 }),
    await handle.write('strings', 12),
    await handle.write('6162', 20, 'hex'),
    await handle.write(new Uint16Array([0x4142]), 0, 2, 30),
    await handle.write(Buffer.alloc(0)),
    await handle.write('é'),
    text(dir),
  ]),
  'write: appends': on('a', async (handle, dir) => {
    await handle.write('abc', 0)
    await handle.write(Buffer.from('def'), 0, 3, 0)
    return text(dir)
  }),
  'write: what is open for reading': on('r', (handle) => handle.write('x')),
  'write: a number': on('r+', (handle) => handle.write(bad(5))),
  'write: nothing': on('r+', (handle) => handle.write(bad(null))),
  'write: odd hex': on('r+', (handle) => handle.write('abc', 0, 'hex')),
  'write: too long': on('r+', (handle) => handle.write(Buffer.alloc(3), 0, 4)),
  'write: an offset beyond': on('r+', (handle) => handle.write(Buffer.alloc(3), 4, 0)),
  'write: an offset below 0': on('r+', (handle) => handle.write(Buffer.alloc(3), -1)),
  'write: closed': async (api, dir) => {
    const handle = await api.open(join(dir, 'file'), 'r+')
    await handle.close()
    return handle.write('x')
  },
  writev: on('r+', async (handle, dir) => [
    await handle.writev([Buffer.from('ab'), Buffer.from('cde')], 0),
    await handle.writev([Buffer.from('x')], 7),
    await handle.writev([Buffer.from('ö'), new Uint16Array([0x5958])]),
    await handle.writev([]),
    text(dir),
  ]),
  'writev: more than the kernel takes at once': on('w', async (handle, dir) => {
    const buffers = Array.from({ length: 2500 }, (_, index) => Buffer.from(String(index % 10)))
    const { bytesWritten } = await handle.writev(buffers)
    return [bytesWritten, text(dir)]
  }),
  'writev: no buffers': on('r+', (handle) => handle.writev(bad({ length: 1 }))),

  // whole files
  readFile: (api, dir) => api.readFile(join(dir, 'file')),
  'readFile: as text': async (api, dir) => [
    await api.readFile(join(dir, 'file'), 'utf8'),
    await api.readFile(join(dir, 'file'), { encoding: 'hex' }),
    await api.readFile(join(dir, 'file'), { encoding: null }),
    await api.readFile(join(dir, 'link'), 'latin1'),
    await api.readFile(join(dir, 'empty')),
    await api.readFile(join(dir, 'empty'), 'utf8'),
    await api.readFile(pathToFileURL(join(dir, 'file')), 'utf8'),
  ],
  'readFile: not there': (api, dir) => api.readFile(join(dir, 'nothing')),
  'readFile: a folder': (api, dir) => api.readFile(join(dir, 'folder')),
  'readFile: a strange encoding': (api, dir) => api.readFile(join(dir, 'file'), bad('utf9')),
  'readFile: strange options': (api, dir) => api.readFile(join(dir, 'file'), bad(5)),
  'readFile: a strange flag': (api, dir) => api.readFile(join(dir, 'file'), bad({ flag: 'q' })),
  'readFile: no signal': (api, dir) => api.readFile(join(dir, 'file'), bad({ signal: 'x' })),
  'readFile: aborted before': (api, dir) => {
    const signal = AbortSignal.abort(new Error('my reason'))
    return api.readFile(join(dir, 'file'), { signal })
  },
  'readFile: creates what is not there': (api, dir) => api.readFile(join(dir, 'new'), { flag: 'a+' }),
  'readFile: of a handle, from where it is': on('r', async (handle) => {
    await handle.read(Buffer.alloc(4))
    return [await handle.readFile('utf8'), await handle.readFile('utf8')]
  }),
  'readFile: of a handle given as a path': async (api, dir) => {
    const handle = await api.open(join(dir, 'file'))
    return api.readFile(handle, 'utf8').finally(() => handle.close())
  },
  'readFile: /proc': async (api) => (await api.readFile('/proc/self/comm', 'utf8')).length > 1,
  writeFile: async (api, dir) => {
    await api.writeFile(join(dir, 'file'), 'short')
    return text(dir)
  },
  'writeFile: all sorts': async (api, dir) => {
    const path = join(dir, 'file')
    const seen: string[] = []
    const put = async (data: unknown, options?: unknown) => {
      await api.writeFile(path, bad(data), bad(options))
      seen.push(fs.readFileSync(path, 'latin1'))
    }
    await put(Buffer.from('buffer'))
    await put(new Uint16Array([0x4142, 0x4344]))
    await put(['a', Buffer.from('b'), 'c'])
    await put(Readable.from(['x', 'y']))
    await put(
      (async function* () {
        yield 'g'
        yield 'h'
      })(),
    )
    await put('ü', 'latin1')
    await put('more', { flag: 'a' })
    await put('4142', { encoding: 'hex', flush: true })
    await put('')
    return seen
  },
  'writeFile: a number': (api, dir) => api.writeFile(join(dir, 'file'), bad(5)),
  'writeFile: an object': (api, dir) => api.writeFile(join(dir, 'file'), bad({})),
  'writeFile: nothing': (api, dir) => api.writeFile(join(dir, 'file'), bad(undefined)),
  'writeFile: a folder': (api, dir) => api.writeFile(join(dir, 'folder'), 'x'),
  'writeFile: no such folder': (api, dir) => api.writeFile(join(dir, 'no/where'), 'x'),
  'writeFile: flush that is no boolean': (api, dir) =>
    api.writeFile(join(dir, 'file'), 'x', bad({ flush: 1 })),
  'writeFile: aborted before': async (api, dir) => {
    const outcome = await api
      .writeFile(join(dir, 'file'), 'x', { signal: AbortSignal.abort() })
      .catch(outcomeOf)
    return [outcome, text(dir)]
  },
  'writeFile: data that throw': async (api, dir) => {
    const data = (async function* () {
      yield 'begun'
      throw new Error('no more')
    })()
    return [await api.writeFile(join(dir, 'file'), data).catch(outcomeOf), text(dir)]
  },
  appendFile: async (api, dir) => {
    await api.appendFile(join(dir, 'file'), 'abc')
    await api.appendFile(join(dir, 'file'), Buffer.from('def'))
    await api.appendFile(join(dir, 'new'), 'created', { mode: 0o600 })
    return [text(dir), fs.statSync(join(dir, 'new')).mode]
  },
  'appendFile: a number': (api, dir) => api.appendFile(join(dir, 'file'), bad(3)),
  'handle.writeFile, handle.appendFile': on('r+', async (handle, dir) => {
    await handle.writeFile('ab')
    await handle.writeFile(['c', 'd'])
    await handle.appendFile('ef')
    return text(dir)
  }),
  'handle.writeFile: a number': on('r+', (handle) => handle.writeFile(bad(1))),

  // orders
  'sync, datasync': on('r+', async (handle) => [await handle.sync(), await handle.datasync()]),
  'sync: of a device': async (api) => {
    const handle = await api.open('/dev/null')
    return handle.sync().finally(() => handle.close())
  },
  truncate: on('r+', async (handle, dir) => {
    await handle.truncate(3)
    const short = text(dir)
    await handle.truncate(6)
    const long = text(dir)
    await handle.truncate()
    return [short, long, text(dir)]
  }),
  'truncate: what is open for reading': on('r', (handle) => handle.truncate(3)),
  stat: on('r', async (handle) => {
    const { size, mode } = await handle.stat()
    return [size, mode, (await handle.stat({ bigint: true })).size]
  }),
  'chmod, utimes': on('r+', async (handle, dir) => {
    await handle.chmod(0o600)
    await handle.utimes(1000, 2000)
    const { mode, atimeMs, mtimeMs } = fs.statSync(join(dir, 'file'))
    return [mode, atimeMs, mtimeMs]
  }),
  'stat: closed': async (api, dir) => {
    const handle = await api.open(join(dir, 'file'))
    await handle.close()
    return handle.stat()
  },
  'close: by somebody else': async (api, dir) => {
    const handle = await api.open(join(dir, 'file'))
    fs.closeSync(handle.fd)
    return handle.close()
  },
  'close: the event, and the descriptor': async (api, dir) => {
    const handle = await api.open(join(dir, 'file'))
    const seen: unknown[] = [handle.fd >= 0]
    handle.on('close', () => seen.push('close'))
    await handle.close()
    return [...seen, handle.fd]
  },

  // streams
  createReadStream: on('r', async (handle) => [await collect(handle.createReadStream()), handle.fd]),
  'createReadStream: a part, in portions': on('r', (handle) =>
    collect(handle.createReadStream({ start: 2, end: 7, highWaterMark: 4, encoding: 'latin1' })),
  ),
  'createReadStream: the handle stays open': on('r', async (handle) => {
    const all = await collect(handle.createReadStream({ autoClose: false, end: 3 }))
    return [all, handle.fd >= 0]
  }),
  'createReadStream: a folder': async (api, dir) => {
    const handle = await api.open(join(dir, 'folder'))
    return collect(handle.createReadStream()).finally(() => handle.close())
  },
  createWriteStream: on('r+', async (handle, dir) => {
    const stream = handle.createWriteStream({ start: 2 })
    stream.write('ab')
    stream.cork()
    stream.write('cd')
    stream.write('ef')
    stream.uncork()
    await new Promise((resolve) => stream.end('g', () => resolve(null)))
    await new Promise((resolve) =>
      stream.closed ? resolve(null) : stream.once('close', () => resolve(null)),
    )
    return [text(dir), stream.bytesWritten, handle.fd]
  }),
  readLines: async (api, dir) => {
    fs.writeFileSync(join(dir, 'file'), 'one\ntwo\r\nthree')
    const handle = await api.open(join(dir, 'file'))
    return collect(handle.readLines())
  },
}

/** What came of it, without what differs between two folders and two runs. */
function outcomeOf(error: unknown): unknown {
  const { name, message, code, errno, syscall, path, cause } = error as NodeJS.ErrnoException & {
    cause?: unknown
  }
  return { failed: true, name, message, code, errno, syscall, path, cause: (cause as Error)?.message }
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (ArrayBuffer.isView(value))
    return `${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]))
}

async function told(step: Step, api: Api): Promise<unknown> {
  const dir = fs.mkdtempSync(join(tmpdir(), 'fivefold-same-'))
  folders.push(dir)
  fs.writeFileSync(join(dir, 'file'), '0123456789')
  fs.writeFileSync(join(dir, 'empty'), '')
  fs.mkdirSync(join(dir, 'folder'))
  fs.symlinkSync('file', join(dir, 'link'))
  fs.symlinkSync('nowhere', join(dir, 'dangling'))
  const outcome = await (async () => step(api, dir))().then(plain, (error) => plain(outcomeOf(error)))
  const written = JSON.stringify(outcome, (_, value) => (value === undefined ? 'undefined' : value))
  return JSON.parse((written ?? '"undefined"').replaceAll(dir, 'DIR')) as unknown
}

const node = promises as unknown as Api
for (const model of ['io_uring', 'posix-aio', 'blocking'] satisfies ModelName[]) {
  const verdict = modelNamed(model).probe()
  const skip = verdict.ok ? false : verdict.reason
  for (const [name, step] of Object.entries(steps)) {
    test(`${model}: as node:fs/promises: ${name}`, { skip }, async () => {
      assert.deepEqual(await told(step, new FileSystem({ model })), await told(step, node))
    })
  }
}

test('the steps tell success from failure', async () => {
  const outcomes = await Promise.all(Object.values(steps).map((step) => told(step, node)))
  const failed = outcomes.filter((outcome) => (outcome as { failed?: true } | null)?.failed === true)
  assert.ok(
    failed.length > 30 && outcomes.length - failed.length > 20,
    `${failed.length} of ${outcomes.length} fail`,
  )
})
