import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as room from './index.js'

const here = new URL('.', import.meta.url)

test('the door exports every family whole', async () => {
  // The adapter is the room's own business: a few of its functions go out.
  const partly = new Set(['ffi.js', 'index.js'])
  let families = 0
  for (const file of readdirSync(here)) {
    if (!/^[a-z-]+\.js$/.test(file) || partly.has(file)) continue
    families++
    const family = (await import(new URL(file, here).href)) as Record<string, unknown>
    for (const [name, value] of Object.entries(family)) {
      assert.ok(name in room, `${file} exports ${name}, index.ts does not`)
      assert.equal((room as Record<string, unknown>)[name], value, `${name} of ${file} is another one’s`)
    }
  }
  assert.ok(families >= 15, `${families}`)
})

test('raw forms and throwing forms come in pairs', () => {
  const names = new Set(Object.keys(room))
  for (const name of [
    ...[
      'Socket',
      'Socketpair',
      'Bind',
      'Listen',
      'Accept4',
      'Connect',
      'Shutdown',
      'Getsockname',
      'Getpeername',
    ],
    ...['Getsockopt', 'Setsockopt', 'Recv', 'Send', 'Recvfrom', 'Sendto', 'Recvmsg', 'Sendmsg'],
    ...['Select', 'Pselect', 'Poll', 'Ppoll', 'EpollCreate1', 'EpollCtl', 'EpollWait', 'EpollPwait2'],
    ...[
      'Read',
      'Write',
      'Close',
      'Fcntl',
      'Eventfd',
      'TimerfdCreate',
      'TimerfdSettime',
      'TimerfdGettime',
      'Pipe2',
    ],
    ...['Signalfd', 'Sigprocmask', 'Sigtimedwait', 'Getrusage'],
  ]) {
    assert.ok(names.has(`raw${name}`), `raw${name}`)
    const throwing = name[0]!.toLowerCase() + name.slice(1)
    assert.ok(names.has(throwing), throwing)
  }
})

test('no file of the room waits at its top level, so require() loads it', () => {
  for (const file of readdirSync(here)) {
    if (!/^[a-z-]+\.js$/.test(file)) continue
    assert.doesNotMatch(readFileSync(new URL(file, here), 'utf8'), /^(const .* = )?await /m, file)
  }
})
