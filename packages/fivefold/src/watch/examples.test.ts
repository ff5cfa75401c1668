/** The examples that watch descriptors run, and say what happens. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const example = (name: string) => fileURLToPath(new URL(`../../../../examples/${name}.mjs`, import.meta.url))

/** Waits until a stream has said something. */
function says(stream: NodeJS.ReadableStream, expected: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    stream.on('data', (chunk) => {
      text += String(chunk)
      if (text.includes(expected)) resolve()
    })
    stream.on('end', () => reject(new Error(`it ended, and said: ${text}`)))
  })
}

const ended = (child: ChildProcess) =>
  new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))

test('metronome: every beat is there, or counted as missed', () => {
  const output = execFileSync(process.execPath, [example('metronome'), '5', '6'], { encoding: 'utf8' })
  let beat = 0
  for (const line of output.trim().split('\n')) {
    const [, number, missed = '0'] = line.match(/^beat (\d+)(?: \((\d+) missed\))?$/) ?? []
    assert.equal(Number(number), beat + 1 + Number(missed), output)
    beat = Number(number)
  }
  assert.ok(beat >= 6)
})

test('watch-folders: files and folders, new folders too', async () => {
  const root = fs.mkdtempSync(join(tmpdir(), 'fivefold-folders-'))
  fs.mkdirSync(join(root, 'a/b'), { recursive: true })
  const child = spawn(process.execPath, [example('watch-folders'), root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await says(child.stdout, 'watching 3 folders')
  const written = says(child.stdout, `written ${join(root, 'a/b/file')}`)
  fs.writeFileSync(join(root, 'a/b/file'), 'x')
  await written
  const created = says(child.stdout, `created ${join(root, 'new')}`)
  fs.mkdirSync(join(root, 'new'))
  await created
  const moved = says(child.stdout, `moved here ${join(root, 'a/moved')}`)
  fs.renameSync(join(root, 'a/b/file'), join(root, 'a/moved'))
  await moved
  const end = ended(child)
  child.kill()
  await end
  fs.rmSync(root, { recursive: true })
})

test('tail: what is appended, after a cut too, until the file is gone', async () => {
  const path = join(fs.mkdtempSync(join(tmpdir(), 'fivefold-tail-')), 'log')
  fs.writeFileSync(path, 'old\n')
  const child = spawn(process.execPath, [example('tail'), path], { stdio: ['ignore', 'pipe', 'pipe'] })
  await says(child.stderr, 'from byte 4')
  const one = says(child.stdout, 'one\n')
  fs.appendFileSync(path, 'one\n')
  await one
  const two = says(child.stdout, 't\n')
  fs.truncateSync(path)
  fs.appendFileSync(path, 't\n')
  await two
  const end = ended(child)
  fs.unlinkSync(path)
  assert.equal(await end, 0)
})
