import assert from 'node:assert/strict'
import { appendFileSync, closeSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  IN_CLOEXEC,
  IN_CREATE,
  IN_IGNORED,
  IN_MODIFY,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_NONBLOCK,
  IN_ONLYDIR,
  inotifyAddWatch,
  inotifyInit1,
  inotifyRmWatch,
  rawInotifyAddWatch,
  rawInotifyInit1,
  rawInotifyRmWatch,
  readInotify,
} from './inotify.js'

const code = (expected: string) => (error: NodeJS.ErrnoException) => error.code === expected

test('what happens in a folder, in order, with names of any length', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fivefold-inotify-'))
  const fd = inotifyInit1()
  const wd = inotifyAddWatch(fd, folder, IN_CREATE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR)
  assert.deepEqual(readInotify(fd), [])
  const long = 'ü'.repeat(120)
  writeFileSync(join(folder, 'a'), '')
  appendFileSync(join(folder, 'a'), 'x')
  renameSync(join(folder, 'a'), join(folder, long))
  const events = readInotify(fd)
  assert.deepEqual(
    events.map(({ mask, name }) => [mask, name]),
    [
      [IN_CREATE, 'a'],
      [IN_MODIFY, 'a'],
      [IN_MOVED_FROM, 'a'],
      [IN_MOVED_TO, long],
    ],
  )
  assert.ok(events.every((event) => event.wd === wd))
  assert.notEqual(events[2]!.cookie, 0)
  assert.equal(events[2]!.cookie, events[3]!.cookie)
  inotifyRmWatch(fd, wd)
  assert.deepEqual(readInotify(fd), [{ wd, mask: IN_IGNORED, cookie: 0, name: '' }])
  rmSync(folder, { recursive: true })
  closeSync(fd)
})

test('errors say what and where', () => {
  const fd = rawInotifyInit1(IN_CLOEXEC | IN_NONBLOCK)
  assert.throws(
    () => inotifyAddWatch(fd, '/nothing/here', IN_MODIFY),
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT' && error.path === '/nothing/here',
  )
  assert.throws(() => inotifyAddWatch(fd, process.execPath, IN_MODIFY | IN_ONLYDIR), code('ENOTDIR'))
  assert.throws(() => inotifyAddWatch(fd, '/\0', IN_MODIFY), code('ERR_INVALID_ARG_VALUE'))
  assert.throws(() => inotifyRmWatch(fd, 99), code('EINVAL'))
  assert.throws(() => readInotify(987654), code('EBADF'))
  assert.equal(rawInotifyInit1(-1), -22)
  assert.equal(rawInotifyAddWatch(987654, '/', IN_MODIFY), -9)
  assert.equal(rawInotifyRmWatch(fd, 99), -22)
  closeSync(fd)
})
