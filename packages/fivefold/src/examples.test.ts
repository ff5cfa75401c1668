/** The examples of the faces run, and say what they are to say. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

function run(name: string): string {
  const path = fileURLToPath(new URL(`../../../examples/${name}`, import.meta.url))
  const { stdout, stderr, status } = spawnSync(process.execPath, [path], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return stdout
}

test('examples/net.mjs', () => {
  assert.match(run('net.mjs'), /^hello came back through (io_uring|epoll)\n$/)
})

test('examples/http.mjs', () => {
  const { path, model } = JSON.parse(run('http.mjs')) as { path: string; model: string }
  assert.equal(path, '/hello')
  assert.match(model, /io_uring|epoll/)
})
