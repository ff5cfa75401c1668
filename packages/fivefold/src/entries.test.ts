/** Every entry of the package loads by import and by require, on every Node that the package supports. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'

const require = createRequire(import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  name: string
  exports: Record<string, unknown>
  scripts?: Record<string, string>
  dependencies: Record<string, string>
}

for (const entry of Object.keys(manifest.exports)) {
  if (entry.endsWith('.json')) continue
  const name = manifest.name + entry.slice(1)
  test(`${name} loads by import and by require, and is the same module`, async () => {
    const imported = (await import(name)) as Record<string, unknown>
    const required = require(name) as Record<string, unknown>
    assert.ok(Object.keys(imported).length > (entry === './register' ? 0 : 2))
    for (const key of Object.keys(imported)) assert.equal(required[key], imported[key], key)
  })
}

test('nothing runs at install, and koffi is the one dependency', () => {
  assert.deepEqual(Object.keys(manifest.dependencies), ['koffi'])
  assert.equal(manifest.scripts, undefined)
})
