/** The example that passes a descriptor runs. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

test('pass-descriptor: the child reads from what its parent has opened', () => {
  const example = fileURLToPath(new URL('../../../../examples/pass-descriptor.mjs', import.meta.url))
  const output = execFileSync(process.execPath, [example, process.execPath], { encoding: 'utf8' })
  assert.match(output, /^here it is, from pid \d+: 64 bytes\n$/)
})
