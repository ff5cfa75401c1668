import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shortOfDescriptors } from './thread.js'

test('a want of descriptors is known by what Node says of it', () => {
  for (const [code, message] of [
    ['EMFILE', "EMFILE: too many open files, open 'program.js'"],
    ['ENFILE', 'ENFILE: file table overflow'],
    ['ERR_WORKER_INIT_FAILED', 'Worker initialization failure: EMFILE'],
    // Node 24, whose loader reads package.json by other means than fs.
    ['ERR_INVALID_PACKAGE_CONFIG', 'Cannot read package config /app/package.json: too many open files.'],
  ] as const) {
    assert.ok(shortOfDescriptors(Object.assign(new Error(message), { code })), message)
  }
  assert.ok(!shortOfDescriptors(null))
  assert.ok(!shortOfDescriptors(Object.assign(new Error('no such file'), { code: 'ENOENT' })))
})
