import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { Child, ChildError, Unanswered } from './processes.js'
import { en } from './text/en.js'

const folder = mkdtempSync(join(tmpdir(), 'fivefold-lab-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const program = join(folder, 'program.mjs')
writeFileSync(
  program,
  `import { answer, configuration } from ${JSON.stringify(new URL('./processes.js', import.meta.url).href)}
answer({
  configuration: () => configuration(),
  fails: () => { throw Object.assign(new Error('deliberate'), { code: 'EXAMPLE' }) },
  never: () => new Promise(() => {}),
})
`,
)
const started = (signal = new AbortController().signal) =>
  new Child('example', pathToFileURL(program), { config: { size: 5 }, signal, text: en })

/** Gone, but for its parent's reaping it. */
function untilDead(pid: number): void {
  while (!/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')));
}

test('questions and answers, and what the child throws', async () => {
  await using child = started()
  assert.deepEqual(await child.ask('configuration'), { size: 5 })
  await assert.rejects(
    child.ask('fails'),
    (error) => error instanceof ChildError && error.message === 'deliberate' && error.code === 'EXAMPLE',
  )
})

test('a child that is silent', async () => {
  await using child = started()
  await child.ask('configuration')
  await assert.rejects(child.ask('never', null, 30), Unanswered)
})

test('how it ended is said also by a question that it can no longer be asked', async () => {
  await using child = started()
  await child.ask('configuration')
  const under = child.ask('never')
  process.kill(child.pid, 'SIGKILL')
  untilDead(child.pid)
  // The channel is closed, and this process does not know it yet.
  const later = child.ask('configuration')
  for (const question of [under, later]) await assert.rejects(question, /example.* ended early \(SIGKILL\)/)
  await assert.rejects(child.ask('configuration'), /ended early/)
})

test('an interruption ends it, and every question with its reason', async () => {
  const interrupted = new AbortController()
  await using child = started(interrupted.signal)
  await child.ask('configuration')
  const under = child.ask('never')
  const reason = new Error('SIGINT')
  interrupted.abort(reason)
  await assert.rejects(under, (error) => error === reason)
  assert.throws(
    () => started(interrupted.signal),
    (error) => error === reason,
  )
})
