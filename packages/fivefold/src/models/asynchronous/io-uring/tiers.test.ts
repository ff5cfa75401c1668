/** What a refusal of io_uring says, and what a working one finds. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { describe, test } from 'node:test'
import { ioUring } from '../io-uring.js'
import { explain, probeTier, SETUPS } from './tiers.js'

describe('the verdict', () => {
  const cases: [string, number, number, RegExp, RegExp][] = [
    ['ENOSYS', -38, 0, /without io_uring, or a sandbox/, /Allow io_uring_setup/],
    [
      'EPERM with the sysctl at 2',
      -1,
      2,
      /io_uring_disabled is 2: io_uring is off for everybody/,
      /sysctl -w/,
    ],
    ['EPERM with the sysctl at 1', -1, 1, /off for processes without CAP_SYS_ADMIN/, /sysctl -w/],
    ['EPERM otherwise', -1, 0, /seccomp filter or a security module/, /seccomp=/],
    ['EACCES', -13, 0, /^EACCES: a seccomp filter/, /seccomp=/],
    ['ENOMEM', -12, 0, /RLIMIT_MEMLOCK/, /ulimit -l/],
    ['EMFILE', -24, 0, /no descriptor is left/, /ulimit -n/],
    ['EINVAL for every tier', -22, 0, /without multishot receive/, /Linux 6\.1/],
    ['anything else', -5, 0, /answers EIO/, /choose another model/],
  ]
  for (const [what, result, sysctl, reason, cure] of cases) {
    test(`of ${what}`, () => {
      const verdict = explain(result, sysctl)
      assert.ok(!verdict.ok)
      assert.match(verdict.reason, reason)
      assert.match(verdict.cure, cure)
      if (result !== -24) assert.match(verdict.cure, /hoose another model/)
    })
  }

  test('never blames the kernel’s age where a sandbox is as likely', () => {
    for (const result of [-38, -1, -13, -12]) {
      const verdict = explain(result, 0)
      assert.ok(!verdict.ok && !/old|newer/.test(verdict.reason + verdict.cure))
    }
  })
})

test('the probe takes the richest tier, and leaves nothing behind', () => {
  const before = readdirSync('/proc/self/fd').length
  for (let index = 0; index < 20; index++) assert.deepEqual(ioUring.probe(), { ok: true })
  assert.equal(readdirSync('/proc/self/fd').length, before)
  assert.ok(SETUPS.some(({ name }) => name === probeTier().tier!.setup))
})

describe('a kernel that refuses', () => {
  /** Runs with a seam in which io_uring_setup fails, as `answer` says. */
  const run = (answer: string, code: string) => {
    const text = `
      globalThis[Symbol.for('fivefold.seam')] = (name, call, errno) =>
        name !== 'syscall' ? call : (number, entries, parameters, ...rest) => {
          const error = number === 425 ? (${answer})(entries, parameters) : 0
          if (error === 0) return call(number, entries, parameters, ...rest)
          errno.set(error)
          return -1
        }
      const { ioUring } = await import('${new URL('../io-uring.js', import.meta.url)}')
      ${code}
    `
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', text], {
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
    return stdout.trim()
  }

  test('EPERM: probe says no, open fails with reason and cure', () => {
    const out = run(
      '() => 1',
      `console.log(ioUring.probe().ok)
       try { ioUring.open({ host: 'embedded' }) } catch ({ code, reason, cure }) { console.log(code, !!reason, !!cure) }`,
    )
    assert.equal(out, 'false\nERR_FIVEFOLD_MODEL_UNAVAILABLE true true')
  })

  test('EINVAL for DEFER_TASKRUN: the next tier', () => {
    const out = run(
      '(entries, parameters) => (parameters[2] & (1 << 13)) !== 0 ? 22 : 0',
      `const driver = ioUring.open({ host: 'embedded' }); console.log(driver.tier.setup); driver.close()`,
    )
    assert.equal(out, 'cooperative')
  })

  test('ENOMEM for large rings: a smaller one', () => {
    const out = run(
      '(entries) => (entries > 128 ? 12 : 0)',
      `const driver = ioUring.open({ host: 'embedded' }); console.log(driver.ring.entries); driver.close()`,
    )
    assert.equal(out, '128')
  })
})
