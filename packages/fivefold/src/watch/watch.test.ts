/** Readiness of any descriptor, on every multiplexing model. What could end a process is tried in one of its own. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { createServer, connect as netConnect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ModelName } from '../models/model.js'
import { rawClose } from '../sys/descriptor.js'
import { EFD_CLOEXEC, EFD_NONBLOCK, eventfd, rawEventfdRead, rawEventfdWrite } from '../sys/eventfd.js'
import { dup, O_CLOEXEC, O_NONBLOCK } from '../sys/fcntl.js'
import { pipe2 } from '../sys/pipe.js'
import { timerfdCreate, timerfdRead, timerfdSettime } from '../sys/timerfd.js'
import { type Readiness, type Watch, watch } from './watch.js'

const models = ['epoll', 'poll', 'select'] satisfies ModelName[]
const code = (expected: string) => (error: NodeJS.ErrnoException) => error.code === expected
const bell = () => eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
/** One whose number no other thread of this process takes when it is free: those take the lowest. */
function highBell(): number {
  const low = bell()
  const fd = dup(low, 500)
  rawClose(low)
  return fd
}
const pipe = () => pipe2(O_CLOEXEC | O_NONBLOCK)
const soon = () => new Promise((resolve) => setImmediate(resolve))

/** Resolves with the first report. */
function first(fd: number, interest: Readiness, model: ModelName): Promise<Readiness> {
  return new Promise((resolve, reject) => {
    watch(
      fd,
      interest,
      (ready, it) => {
        it.close()
        resolve(ready)
      },
      { model, gone: () => reject(new Error('gone')) },
    )
  })
}

for (const model of models) {
  test(`${model}: an eventfd, turn after turn until it is read`, async () => {
    const fd = bell()
    let calls = 0
    const rung = new Promise<void>((resolve) => {
      const it = watch(
        fd,
        'read',
        (ready) => {
          assert.equal(ready, 'read')
          if (++calls < 3) return
          assert.equal(rawEventfdRead(fd), 1)
          setImmediate(() => {
            it.close()
            resolve()
          })
        },
        { model },
      )
    })
    rawEventfdWrite(fd, 1)
    await rung
    await soon()
    assert.equal(calls, 3)
    rawClose(fd)
  })

  test(`${model}: a pipe: room, then none, then the end`, async () => {
    const [reader, writer] = pipe()
    assert.equal(await first(writer, 'write', model), 'write')
    fs.writeSync(writer, 'x')
    assert.equal(await first(reader, 'read', model), 'read')
    assert.equal(fs.readSync(reader, Buffer.alloc(10)), 1)
    const end = first(reader, 'read', model)
    rawClose(writer)
    assert.equal(await end, 'read')
    assert.equal(fs.readSync(reader, Buffer.alloc(10)), 0)
    rawClose(reader)
  })

  test(`${model}: the interest changes, and none is reported that is not wanted`, async () => {
    const fd = bell()
    const seen: string[] = []
    await new Promise<void>((resolve) => {
      const it = watch(
        fd,
        'write',
        (ready) => {
          seen.push(ready)
          if (seen.length === 1) {
            rawEventfdWrite(fd, 1)
            it.interest = 'both'
          } else if (seen.length === 2) it.interest = 'read'
          else {
            it.close()
            resolve()
          }
        },
        { model },
      )
    })
    assert.deepEqual(seen, ['write', 'both', 'read'])
    rawClose(fd)
  })

  test(`${model}: paused it says nothing, resumed all there is`, async () => {
    const fd = bell()
    rawEventfdWrite(fd, 1)
    let calls = 0
    let paused = true
    const heard = new Promise<void>((resolve) => {
      const it = watch(
        fd,
        'read',
        () => {
          assert.equal(paused, false)
          calls++
          it.close()
          resolve()
        },
        { model },
      )
      it.pause()
      it.pause()
      setTimeout(() => {
        assert.equal(it.interest, 'read')
        paused = false
        it.resume()
        it.resume()
      }, 50)
    })
    await heard
    assert.equal(calls, 1)
    rawClose(fd)
  })

  test(`${model}: a timerfd`, async () => {
    const fd = timerfdCreate(1, 0o2000000 | 0o4000)
    timerfdSettime(fd, 1)
    assert.equal(await first(fd, 'read', model), 'read')
    assert.equal(timerfdRead(fd), 1)
    rawClose(fd)
  })

  test(`${model}: what cannot be watched is refused, and leaves nothing behind`, () => {
    const file = fs.openSync(process.execPath, 'r')
    const folder = fs.openSync('/', 'r')
    const fd = bell()
    const never = () => assert.fail('called')
    assert.throws(() => watch(file, 'read', never, { model }), code('EPERM'))
    assert.throws(() => watch(folder, 'read', never, { model }), code('EPERM'))
    assert.throws(() => watch(987654, 'read', never, { model }), code('EBADF'))
    for (const bad of [-1, 0.5, Number.NaN, '3']) {
      assert.throws(() => watch(bad as number, 'read', never, { model }), code('ERR_INVALID_ARG_VALUE'))
    }
    assert.throws(() => watch(fd, 'all' as Readiness, never, { model }), code('ERR_INVALID_ARG_VALUE'))
    assert.throws(() => watch(fd, 'read', null as never, { model }), code('ERR_INVALID_ARG_VALUE'))
    const it = watch(fd, 'read', never, { model })
    assert.throws(() => watch(fd, 'write', never, { model }), code('EEXIST'))
    it.close()
    it.close()
    watch(fd, 'read', never, { model }).close()
    for (const each of [file, folder, fd]) rawClose(each)
  })

  test(`${model}: closed and reused: the watch ends, and the new file is left alone`, async () => {
    for (const duplicated of [false, true]) {
      const fd = highBell()
      const copy = duplicated ? dup(fd) : -1
      const gone: number[] = []
      const old = watch(fd, 'read', () => assert.fail('of the old one'), {
        model,
        gone: (it) => gone.push(it.fd),
      })
      await soon()
      rawClose(fd)
      const next = highBell()
      assert.equal(next, fd, 'the number is used again')
      // The old file would be reported, if anybody could still hear it.
      if (duplicated) rawEventfdWrite(copy, 1)
      const heard = first(next, 'read', model)
      assert.deepEqual([old.closed, gone], [true, [fd]])
      rawEventfdWrite(next, 1)
      assert.equal(await heard, 'read')
      assert.throws(() => {
        old.interest = 'write'
      }, code('EBADF'))
      old.close()
      // The exchange of the poller is done, and nothing goes round and round.
      for (let turns = 0; turns < 5; turns++) await soon()
      for (const each of [next, copy]) if (each >= 0) rawClose(each)
    }
  })

  test(`${model}: closed under its watch, others go on`, async () => {
    const fd = highBell()
    const other = bell()
    const copy = dup(fd)
    const gone = new Promise<number>((resolve) => {
      watch(fd, 'read', () => assert.fail('it is closed'), { model, gone: (it) => resolve(it.fd) })
    })
    const heard = first(other, 'read', model)
    await soon()
    rawClose(fd)
    rawEventfdWrite(copy, 1)
    assert.equal(await gone, fd)
    await soon()
    rawEventfdWrite(other, 1)
    assert.equal(await heard, 'read')
    for (const each of [other, copy]) rawClose(each)
  })

  test(`${model}: a callback may close others and watch the same number again`, async () => {
    const bells = [bell(), bell(), bell()]
    for (const fd of bells) rawEventfdWrite(fd, 1)
    let calls = 0
    const second: Watch[] = []
    await new Promise<void>((resolve) => {
      const watches = bells.map((fd) =>
        watch(
          fd,
          'read',
          (_, it) => {
            calls++
            for (const each of watches) each.close()
            assert.ok(it.closed)
            // What the poller has found of them in this turn is of the watches before.
            for (const fd of bells) {
              rawEventfdRead(fd)
              second.push(watch(fd, 'read', () => assert.fail('nothing has come since'), { model }))
            }
            setImmediate(() => setImmediate(resolve))
          },
          { model },
        ),
      )
    })
    assert.equal(calls, 1)
    for (const each of second) each.close()
    for (const fd of bells) rawClose(fd)
  })

  test(`${model}: a descriptor that Node owns is reported beside Node`, async () => {
    const server = createServer((socket) => socket.end('from the server'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const socket = netConnect(port, '127.0.0.1').pause()
    await new Promise((resolve) => socket.once('connect', resolve))
    const { fd } = (socket as never as { _handle: { fd: number } })._handle
    assert.equal(await first(fd, 'read', model), 'read')
    let text = ''
    for await (const chunk of socket) text += chunk
    assert.equal(text, 'from the server')
    server.close()
  })
}

test('a model without readiness is refused', () => {
  const fd = bell()
  for (const model of ['io_uring', 'blocking', 'rtsig'] satisfies ModelName[]) {
    assert.throws(() => watch(fd, 'read', () => {}, { model }), code('ENOTSUP'))
  }
  rawClose(fd)
})

const index = JSON.stringify(new URL('../index.js', import.meta.url).href)
const sys = JSON.stringify(new URL('../sys/index.js', import.meta.url).href)

function child(program: string, flags: string[] = []) {
  const { stdout, status, signal } = spawnSync(
    process.execPath,
    [
      ...flags,
      '--input-type=module',
      '-e',
      `import { watch } from ${index}; import * as sys from ${sys}; import fs from 'node:fs'; ${program}`,
    ],
    { encoding: 'utf8', timeout: 900_000 },
  )
  return { stdout, status, signal }
}

for (const model of models) {
  const options = `{ model: '${model}' }`

  test(`${model}: unref: the process ends; ref: it waits`, () => {
    assert.deepEqual(child(`watch(sys.eventfd(0), 'read', () => {}, ${options}).unref()`), {
      stdout: '',
      status: 0,
      signal: null,
    })
    const waits = `
      const fd = sys.timerfdCreate(); sys.timerfdSettime(fd, 50)
      watch(fd, 'read', (ready, it) => { console.log(ready); it.close() }, ${options}).unref().ref()`
    assert.deepEqual(child(waits), { stdout: 'read\n', status: 0, signal: null })
  })

  test(`${model}: no abort: closed by others, watched by all, garbage collected, an exit in the callback`, () => {
    const program = `
      const seen = []
      // Node's own: the loop's epoll, its eventfd, its pipes, standard output.
      for (const name of fs.readdirSync('/proc/self/fd')) {
        try { watch(Number(name), 'read', () => {}, ${options}).unref() } catch (error) { seen.push(error.code) }
      }
      const [reader, writer] = sys.pipe2(0)
      watch(reader, 'read', () => {
        fs.closeSync(reader)
        fs.closeSync(writer)
        gc()
        console.log(seen.every((code) => ['EPERM', 'EBADF', 'EEXIST', 'EINVAL', 'ELOOP'].includes(code)))
        setImmediate(() => process.exit(3))
      }, ${options})
      fs.writeSync(writer, 'x')`
    assert.deepEqual(child(program, ['--expose-gc']), { stdout: 'true\n', status: 3, signal: null })
  })

  test(`${model}: what nobody can take out of the poller is not reported for ever`, () => {
    const program = `
      const fd = sys.eventfd(0)
      const old = watch(fd, 'read', () => console.log('of the old one'), ${options})
      setImmediate(() => {
        // The file stays open, and is ready from now on; its number is gone.
        sys.dup(fd)
        sys.rawEventfdWrite(fd, 1)
        sys.close(fd)
        old.close()
        // Node's own set may be ready for a moment, of something else: only what stays ready is a fault.
        const ready = () => fs.readdirSync('/proc/self/fd').filter((name) => {
          let kind = ''
          try { kind = fs.readlinkSync('/proc/self/fd/' + name) } catch {}
          return kind.includes('eventpoll') && sys.rawPoll(Int32Array.of(Number(name), 1), 1, 0) > 0
        })
        let turns = 0
        const look = () => {
          if (turns++ < 10 || (ready().length > 0 && turns < 1000)) return setImmediate(look)
          if (ready().length > 0) console.log('still ready after ' + turns + ' turns')
        }
        look()
      })`
    assert.deepEqual(child(program), { stdout: '', status: 0, signal: null })
  })

  test(`${model}: what a callback throws is uncaught, and the others are served`, () => {
    const program = `
      process.on('uncaughtException', (error) => console.log(error.message))
      for (const name of ['a', 'b']) {
        const fd = sys.eventfd(1)
        watch(fd, 'read', (ready, it) => { it.close(); throw new Error(name) }, ${options})
      }`
    assert.deepEqual(child(program), { stdout: 'a\nb\n', status: 0, signal: null })
  })

  test(`${model}: in a Worker that ends with a watch`, () => {
    const program = `
      import { Worker } from 'node:worker_threads'
      const text = \`import(${index.replaceAll('"', "'")}).then(async ({ watch }) => {
        const sys = await import(${sys.replaceAll('"', "'")})
        watch(sys.eventfd(1), 'read', (ready, it) => { process.stdout.write(ready); it.unref(); process.exit() }, ${options})
      })\`
      const worker = new Worker(text, { eval: true })
      worker.on('exit', (code) => console.log(' exit', code))`
    assert.deepEqual(child(program), { stdout: 'read exit 0\n', status: 0, signal: null })
  })
}

test('the file system’s own watchers and ours do not meet', () => {
  const path = join(fs.mkdtempSync(join(tmpdir(), 'fivefold-watch-')), 'file')
  fs.writeFileSync(path, '')
  const program = `
    const own = fs.watch(${JSON.stringify(path)})
    const fd = sys.inotifyInit1()
    sys.inotifyAddWatch(fd, ${JSON.stringify(path)}, sys.IN_MODIFY)
    watch(fd, 'read', (ready, it) => { console.log(sys.readInotify(fd).length); it.close(); own.close() })
    fs.appendFileSync(${JSON.stringify(path)}, 'x')`
  assert.deepEqual(child(program), { stdout: '1\n', status: 0, signal: null })
})
