/** The example that copies a folder: every file is there, with every byte. How fast it is, the bench says. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const example = fileURLToPath(new URL('../../../../examples/copy-tree.mjs', import.meta.url))

/** What a folder holds: of each name what it is, and of files every byte. */
function contents(folder: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of (readdirSync(folder, { recursive: true }) as string[]).sort()) {
    const path = join(folder, name)
    const stat = lstatSync(path)
    if (stat.isSymbolicLink()) found[name] = `-> ${readlinkSync(path)}`
    else if (stat.isDirectory()) found[name] = 'folder'
    else {
      const digest = createHash('sha256').update(readFileSync(path)).digest('hex')
      found[name] = `${(stat.mode & 0o777).toString(8)} ${stat.size} ${digest}`
    }
  }
  return found
}

test('copy-tree: every file, every byte, modes and links', { timeout: 300_000 }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fivefold-copy-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const from = join(folder, 'from')
  let bytes = 0
  let files = 0
  const write = (path: string, size: number) => {
    writeFileSync(
      path,
      Buffer.alloc(size, `${path} `).map((byte, index) => byte ^ (index * 7)),
    )
    bytes += size
    files++
  }
  for (let index = 0; index < 12; index++) {
    const part = join(from, `folder ${index}`, 'deeper')
    mkdirSync(part, { recursive: true })
    for (let file = 0; file < 100; file++) write(join(part, `file-${file}`), (index * 100 + file) * 13)
  }
  // Around the size up to which a file is copied by one read and one write.
  for (const size of [0, 1, 65_535, 65_536, 65_537, 3_000_000]) write(join(from, `size-${size}`), size)
  chmodSync(join(from, 'size-1'), 0o750)
  mkdirSync(join(from, 'empty'))
  symlinkSync('size-1', join(from, 'link'))
  const output = execFileSync(process.execPath, [example, from, join(folder, 'to')], { encoding: 'utf8' })
  assert.equal(output, `${files} files, ${bytes} bytes\n`)
  assert.deepEqual(contents(join(folder, 'to')), contents(from))
})
