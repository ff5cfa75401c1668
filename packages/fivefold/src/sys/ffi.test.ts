import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { openSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { close } from './descriptor.js'
import { errnos } from './errno.js'
import { eventfd, eventfdRead, eventfdWrite } from './eventfd.js'
import * as ffi from './ffi.js'
import { MAP_ANONYMOUS, MAP_PRIVATE, mmap, PROT_READ, PROT_WRITE } from './memory.js'
import { PAGE } from './platform.js'
import { rawRecv } from './socket.js'

const here = new URL('.', import.meta.url)

const index = JSON.stringify(new URL('index.js', here).href)
const adapter = JSON.stringify(new URL('ffi.js', here).href)

/** Runs a module in a process of its own. */
function run(code: string) {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', '--input-type=module', '-e', code],
    { encoding: 'utf8', timeout: 60_000 },
  )
  return { status, signal, stdout: stdout.trim(), stderr }
}

/** The same, with this room as `s` and its adapter as `ffi`. */
function alone(body: string, before = '') {
  return run(`${before}\nconst s = await import(${index})\nconst ffi = await import(${adapter})\n${body}`)
}

test('a function of libc is called with what it takes', () => {
  const getpid = ffi.bind<() => number>('getpid', 'int', [])
  assert.equal(getpid(), process.pid)
  const strlen = ffi.bind<(text: string) => number>('strlen', 'size_t', ['string'])
  assert.equal(strlen('Grüße'), 7)
  const llabs = ffi.bind<(value: number) => number>('llabs', 'int64', ['int64'])
  assert.equal(llabs(-(2 ** 40)), 2 ** 40)
})

test('memory is the same from both sides: typed arrays, views, buffers, addresses', () => {
  const memset = ffi.bind<(at: ffi.Pointer, byte: number, bytes: number) => number>('memset', 'address', [
    'pointer',
    'int',
    'size_t',
  ])
  const memory = new Uint8Array(256)
  memset(memory, 1, 256)
  memset(memory.subarray(16), 2, 16)
  memset(new DataView(memory.buffer, 32, 8), 3, 8)
  memset(memory.buffer, 4, 8)
  memset(ffi.addressOf(memory) + 64, 5, 8)
  assert.deepEqual(
    [0, 8, 16, 31, 32, 40, 64, 72].map((at) => memory[at]),
    [4, 1, 2, 2, 3, 1, 5, 1],
  )
  assert.equal(memset(memory, 0, 1), ffi.addressOf(memory), 'a result that is an address is a number')
})

test('addresses: of parts, of small arrays, stable', () => {
  for (const bytes of [1, 8, 64, 65, 4096]) {
    const memory = new Uint8Array(bytes)
    const address = ffi.addressOf(memory)
    assert.ok(Number.isSafeInteger(address) && address > 4096)
    assert.equal(ffi.addressOf(memory), address)
    assert.equal(ffi.addressOf(memory.buffer), address)
    assert.equal(ffi.addressOf(memory.subarray(bytes - 1)), address + bytes - 1)
    globalThis.gc?.()
    assert.equal(ffi.addressOf(memory), address)
  }
})

test('a view of mapped memory is that memory', () => {
  const address = mmap(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
  const view = new Uint8Array(ffi.viewOf(address, PAGE))
  const again = new Uint32Array(ffi.viewOf(address + 8, 8))
  assert.equal(view.length, PAGE)
  view[8] = 0x78
  view[11] = 0x12
  assert.equal(again[0], 0x1200_0078)
  assert.equal(ffi.addressOf(view), address)
})

test('errno is that of the last call', () => {
  assert.equal(rawRecv(-1, null, 0, 0), -errnos.EBADF)
  assert.equal(ffi.errno(), errnos.EBADF)
  assert.equal(rawRecv(0x7fff_fff0, null, 0, 0), -errnos.EBADF)
})

test('a function that libc does not have fails when it is called, not before', () => {
  const missing = ffi.bind<() => number>('fivefold_has_no_such_function', 'int', [])
  assert.throws(missing, {
    code: 'ENOSYS',
    syscall: 'fivefold_has_no_such_function',
    message: `this C library (${ffi.libcKind}) has no fivefold_has_no_such_function()`,
  })
  assert.equal(ffi.symbol('fivefold_has_no_such_function'), 0)
  assert.ok(ffi.symbol('abs') > 4096)
})

test('glibc is required where it is', () => {
  assert.ok(['glibc', 'musl'].includes(ffi.libcKind))
  if (ffi.libcKind === 'glibc') assert.doesNotThrow(() => ffi.requireGlibc('struct x'))
  else assert.throws(() => ffi.requireGlibc('struct x'), { code: 'ERR_FIVEFOLD_LIBC', message: /struct x/ })
})

test('the seam is asked once for every function, and called instead', () => {
  const { status, stdout, stderr } = alone(
    `console.log(JSON.stringify({
      bound: bound.filter((name) => name === 'recv').length,
      result: s.rawRecv(-1, null, 0, 0),
      untouched: s.rawSend(-1, null, 0, 0),
      errno: seen,
      seamed: ffi.seamed,
    }))`,
    `const bound = []
     let seen
     globalThis[Symbol.for('fivefold.seam')] = (name, call, errno) => {
       bound.push(name)
       if (name !== 'recv') return call
       return (...args) => { call(...args); seen = errno.get(); errno.set(104); return -1 }
     }`,
  )
  assert.equal(status, 0, stderr)
  assert.deepEqual(JSON.parse(stdout), { bound: 1, result: -104, untouched: -9, errno: 9, seamed: true })
  assert.equal(ffi.seamed, false)
})

test('a descriptor is watched: while it is readable, until it is closed', async () => {
  const fd = eventfd(0)
  let calls = 0
  let work: (() => void) | null = null
  const watch = ffi.watchInLoop(fd, () => {
    calls++
    setImmediate(() => work?.())
  })
  for (let i = 0; i < 3; i++) await turn()
  assert.equal(calls, 0)
  const heard = new Promise<number>((resolve) => {
    work = () => resolve(eventfdRead(fd))
  })
  // The watch does not keep the loop alive; a timer does for this test.
  const alive = setTimeout(() => {}, 60_000)
  eventfdWrite(fd, 7)
  assert.equal(await heard, 7)
  work = null
  globalThis.gc?.()
  // Collected, the handle would be silent now.
  eventfdWrite(fd, 1)
  assert.equal(await new Promise<number>((resolve) => (work = () => resolve(eventfdRead(fd)))), 1)
  watch.close()
  watch.close()
  const before = calls
  eventfdWrite(fd, 1)
  for (let i = 0; i < 5; i++) await turn()
  assert.equal(calls, before)
  clearTimeout(alive)
  close(fd)
})

test('a number can be watched again after its watch was closed', async () => {
  const first = eventfd(0)
  const old = ffi.watchInLoop(first, () => {})
  old.close()
  const alive = setTimeout(() => {}, 60_000)
  const heard = new Promise<void>((resolve) => {
    const watch = ffi.watchInLoop(first, () => {
      watch.close()
      resolve()
    })
    old.close() // the old one has nothing to say about the new
    eventfdWrite(first, 1)
  })
  await heard
  clearTimeout(alive)
  close(first)
})

test('a watch that looks away hears nothing; looking again it hears what it missed', async () => {
  const fd = eventfd(0)
  let calls = 0
  let heard = () => {}
  const watch = ffi.watchInLoop(fd, () => {
    calls++
    heard()
  })
  const alive = setTimeout(() => {}, 60_000)
  for (let round = 0; round < 3; round++) {
    watch.pause()
    watch.pause()
    const before = calls
    eventfdWrite(fd, 1)
    for (let i = 0; i < 5; i++) await turn()
    assert.equal(calls, before)
    const again = new Promise<void>((resolve) => {
      heard = resolve
    })
    watch.resume()
    await again
    eventfdRead(fd)
  }
  watch.close()
  // Closed, it stays so.
  watch.resume()
  watch.pause()
  clearTimeout(alive)
  close(fd)
})

// Each of these would abort the process in koffi.
test('what cannot be watched is refused with the reason', () => {
  const fd = eventfd(0)
  const watch = ffi.watchInLoop(fd, () => {})
  assert.throws(() => ffi.watchInLoop(fd, () => {}), { code: 'EEXIST', errno: -17 })
  watch.close()
  close(fd)
  assert.throws(() => ffi.watchInLoop(fd, () => {}), { code: 'EBADF', syscall: 'epoll_ctl' })
  assert.throws(() => ffi.watchInLoop(-1, () => {}), { code: 'EBADF' })
  const file = openSync(fileURLToPath(import.meta.url), 'r')
  assert.throws(() => ffi.watchInLoop(file, () => {}), { code: 'EPERM', syscall: 'epoll_ctl' })
  close(file)
  const before = readdirSync('/proc/self/fd').length
  assert.throws(() => ffi.watchInLoop(-1, () => {}), { code: 'EBADF' })
  assert.equal(readdirSync('/proc/self/fd').length, before)
})

test('a watch does not keep the process, and an open one does not break its end', () => {
  for (const ending of ['', 'process.exit(0)', 'setTimeout(() => {}, 20)']) {
    const { status, signal, stderr } = alone(`ffi.watchInLoop(s.eventfd(0), () => {})\n${ending}`)
    assert.deepEqual([status, signal], [0, null], stderr)
  }
})

// Without the handles being closed each of these crashes. The main thread must not load the room: while it has
// koffi loaded, one of the crashes does not show.
test('a worker ends with open watches', () => {
  for (const [initial, ending] of [
    [0, ''],
    [0, 'process.exit()'],
    [1, 'setTimeout(() => process.exit(), 20)'],
  ] as const) {
    const body = `Promise.all([${index}, ${adapter}].map((url) => import(url))).then(([s, ffi]) => {
      ffi.watchInLoop(s.eventfd(${initial}), () => {})
      ${ending}
    })`
    const { status, signal, stdout, stderr } = run(`
      const { Worker } = await import('node:worker_threads')
      await new Promise((resolve, reject) => {
        new Worker(${JSON.stringify(body)}, { eval: true }).once('exit', resolve).once('error', reject)
      })
      console.log('fine')`)
    assert.deepEqual([status, signal, stdout], [0, null, 'fine'], stderr)
  }
})

test('koffi comes through one door', () => {
  const importing = readdirSync(here).filter(
    (file) =>
      file.endsWith('.js') &&
      /from 'koffi'|require\('koffi'\)/.test(readFileSync(new URL(file, here), 'utf8')),
  )
  assert.deepEqual(
    importing.filter((file) => !file.endsWith('.test.js')),
    ['ffi.js'],
  )
})
