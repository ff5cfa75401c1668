import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Trial } from '../claims/claim.js'
import { experiments } from '../claims/experiments.js'
import { run, start, withoutIoUring } from '../testing.js'

test('--list names every experiment with its claims, in both languages, and measures nothing', async () => {
  const english = await run(['claims', '--list'])
  assert.equal(english.status, 0, english.err)
  const chinese = await run(['claims', '--list', '--lang', 'zh'])
  for (const { name } of experiments) {
    for (const { out } of [english, chinese]) assert.match(out, new RegExp(`^${name}$`, 'm'))
  }
  assert.match(chinese.out, /\p{Script=Han}/u)
  for (const line of english.out.split('\n')) assert.ok(line.length <= 100, line)
  const listed = JSON.parse((await run(['claims', '--list', '--json'])).out) as { name: string }[]
  assert.deepEqual(
    listed.map(({ name }) => name),
    experiments.map(({ name }) => name),
  )
})

test('an unknown name is one line, and all the known ones', async () => {
  const { status, err, left } = await run(['claims', 'nothing'])
  assert.equal(status, 2)
  assert.match(err, /^fivefold: there is no experiment 'nothing'; there are: .*shared-memory.*\n$/)
  assert.deepEqual(left, [])
})

test('countable experiments: verdicts, evidence and figures as JSON', async () => {
  const { status, out, err, left } = await run(['claims', 'poll-array', 'select-limit', '--quick', '--json'])
  assert.equal(status, 0, err)
  assert.deepEqual(left, [])
  const { results, quick, environment } = JSON.parse(out) as Trial
  assert.equal(quick, true)
  assert.notEqual(environment.kernel, '')
  const verdicts = Object.fromEntries(
    results.flatMap(({ findings }) => findings.map(({ claim, verdict }) => [claim, verdict])),
  )
  assert.deepEqual(verdicts, {
    select1024: 'does-not-hold',
    pollWritesNothing: 'holds-when',
    pollList: 'does-not-hold',
    selectOverwrites: 'holds',
  })
  for (const { checks } of results) assert.ok(checks.length > 0 && checks.every(({ ok }) => ok))
})

test('in words: every number of the sentences was measured', async () => {
  for (const language of ['en', 'zh']) {
    const { status, out } = await run(['claims', 'poll-array', '--lang', language])
    assert.equal(status, 0)
    assert.doesNotMatch(out, /[{}]|undefined|NaN/)
  }
})

test('where io_uring is refused, its claims are not tested, and say why', async () => {
  const { status, out, err } = await run(['claims', 'shared-memory', 'uring-workers', '--json'], {
    env: withoutIoUring,
  })
  assert.equal(status, 0, err)
  const { results } = JSON.parse(out) as Trial
  const findings = results.flatMap((result) => result.findings)
  assert.equal(findings.find(({ claim }) => claim === 'epollMaps')?.verdict, 'does-not-hold')
  for (const { claim, verdict, why } of findings.filter((each) => each.claim !== 'epollMaps')) {
    assert.equal(verdict, 'not-tested', claim)
    assert.deepEqual(why, { reason: 'noUring', what: 'EPERM' })
  }
})

test('Ctrl-C ends it at once, and leaves no process', async () => {
  const { process: command, untilAlive, done } = start(['claims', 'waiting'])
  // The command and a child of its.
  await untilAlive(2)
  command.kill('SIGINT')
  const { status, left, out } = await done
  assert.equal(status, 130)
  assert.equal(out, '')
  assert.deepEqual(left, [])
})
