/** An instance is removed, whatever happens to its maker. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Instance, sweep, TracefsUnusable, tracefs } from './tracefs.js'
import { callWitness } from './witness.js'

/** Why this cannot be tested here, or false. */
function without(): string | false {
  const called = callWitness()
  if (!('witness' in called)) return called.reason
  called.witness.close()
  return false
}

const skip = without()

const instancesOf = (pid: number): string[] =>
  readdirSync(join(tracefs(), 'instances')).filter((name) => name.startsWith(`fivefold-${pid}-`))

test('where tracefs is mounted, or that it is not', () => {
  const mounts = `24 30 0:22 / /proc rw - proc proc rw
36 30 0:9 / /somewhere/tracing rw,nosuid shared:11 - tracefs tracefs rw
37 30 0:31 / /mnt/tracefs rw - ext4 /dev/tracefs rw`
  assert.equal(tracefs(mounts), '/somewhere/tracing')
  assert.throws(
    () => tracefs(mounts.replace('- tracefs', '- tmpfs')),
    (error) => error instanceof TracefsUnusable && error.reason === 'not-mounted',
  )
})

test('a folder that is no tracefs is no witness, and nothing is left in it', () => {
  const root = mkdtempSync(join(tmpdir(), 'fivefold-test-'))
  try {
    assert.throws(
      () => new Instance(root),
      (error) => error instanceof TracefsUnusable && error.reason === 'no-events',
    )
    mkdirSync(join(root, 'instances', 'fivefold-9-9-not-ours'), { recursive: true })
    mkdirSync(join(root, 'instances', `fivefold-${process.pid}-1`))
    assert.deepEqual(sweep(root), [`fivefold-${process.pid}-1`], 'the number is in use again, by another')
    assert.deepEqual(readdirSync(join(root, 'instances')), ['fivefold-9-9-not-ours'])
  } finally {
    rmSync(root, { recursive: true })
  }
})

test('it is there until it is closed, and survives a sweep', { skip }, () => {
  const instance = new Instance(tracefs())
  assert.equal(instancesOf(process.pid).length, 1)
  assert.deepEqual(
    sweep(tracefs()).filter((name) => name.includes(`-${process.pid}-`)),
    [],
  )
  assert.equal(instance.enable('sched:sched_no_such_event'), false)
  instance.close()
  instance.close()
  assert.deepEqual(instancesOf(process.pid), [])
})

/** Runs a program that makes an instance. @returns its process's number */
function maker(then: string): number {
  const program = `
    const { Instance, tracefs } = await import(${JSON.stringify(new URL('./tracefs.js', import.meta.url).href)})
    const { readdirSync, writeSync } = await import('node:fs')
    new Instance(tracefs())
    const made = readdirSync(tracefs() + '/instances').filter((name) => name.includes('-' + process.pid + '-'))
    writeSync(1, String(made.length))
    ${then}`
  const { pid, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  })
  assert.equal(stdout, '1', stderr)
  return pid
}

test('its maker ends, or throws: it is gone', { skip }, () => {
  for (const how of ['process.exit(3)', 'throw new Error("deliberate")', '']) {
    assert.deepEqual(instancesOf(maker(how)), [], how)
  }
})

test('its maker is killed without a word: the next removes it', { skip }, () => {
  const pid = maker(`process.kill(process.pid, 'SIGKILL')`)
  new Instance(tracefs()).close()
  assert.deepEqual(instancesOf(pid), [])
})
