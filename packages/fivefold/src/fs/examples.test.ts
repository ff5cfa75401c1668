/** The examples that are about files run, and do what they say. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const example = (name: string) => fileURLToPath(new URL(`../../../../examples/${name}.mjs`, import.meta.url))

test('random-reader reads every page it asked for', () => {
  const output = execFileSync(process.execPath, [example('random-reader'), process.execPath, '20'], {
    encoding: 'utf8',
  })
  assert.match(output, /^1280 pages by (io_uring|posix-aio|blocking), \d+ a second\n$/)
})
