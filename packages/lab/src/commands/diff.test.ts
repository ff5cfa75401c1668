import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { differencesOf } from '../report/differences.js'
import { fixture } from '../report/fixture.test.util.js'
import type { Results } from '../report/results.js'
import { run } from '../testing.js'
import { en } from '../text/en.js'

const folder = mkdtempSync(join(tmpdir(), 'fivefold-lab-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string, content: unknown): string => {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const a = fixture()
/** Another kernel, on which epoll is twice as fast over 64 connections, and the first verdict is another. */
function other(): Results {
  const { compare, claims, environment } = fixture()
  const [first, ...rest] = claims!.results
  const [finding, ...findings] = first!.findings
  return {
    ...a,
    environment: {
      ...environment,
      kernel: '7.0.0',
      date: 'later',
      limits: { ...environment.limits, openFiles: '7' },
    },
    compare: {
      ...compare!,
      results: compare!.results.map((it) =>
        it.model === 'epoll' && it.connections === 64
          ? {
              ...it,
              messagesPerSecond: it.messagesPerSecond! * 2,
              messagesPerSecondSpread: {
                lowest: it.messagesPerSecond! * 1.9,
                highest: it.messagesPerSecond! * 2.1,
              },
            }
          : it,
      ),
    },
    claims: {
      ...claims!,
      results: [{ ...first!, findings: [{ ...finding!, verdict: 'does-not-hold' }, ...findings] }, ...rest],
    },
  }
}

test('nothing differs from itself', () => {
  const { machine, numbers, verdicts } = differencesOf(a, a, en)
  assert.deepEqual([machine, verdicts], [[], []])
  assert(numbers.length > 200)
  for (const { a, b, factor, measure, withinSpread } of numbers) {
    assert.equal(a, b)
    if (a !== null && a !== 0) assert.equal(factor, 1)
    assert.equal(withinSpread, measure === 'messagesPerSecond' && a !== null ? true : null)
  }
})

test('the kernel, the number and the verdict that differ, and nothing of the moment', () => {
  const { machine, numbers, verdicts } = differencesOf(a, other(), en)
  assert.deepEqual(
    machine.map(({ field, b }) => [field, b]),
    [
      ['kernel', '7.0.0'],
      ['limits.openFiles', '7'],
    ],
  )
  const differ = numbers.filter(({ factor }) => factor !== null && factor !== 1)
  assert.deepEqual(
    differ.map(({ model, connections, measure, factor, withinSpread }) => [
      model,
      connections,
      measure,
      factor,
      withinSpread,
    ]),
    [['epoll', 64, 'messagesPerSecond', 2, false]],
  )
  const [finding] = a.claims!.results[0]!.findings
  assert.deepEqual(verdicts, [
    { experiment: a.claims!.results[0]!.name, claim: finding!.claim, a: 'holds', b: 'does-not-hold' },
  ])
})

test('the command, in both languages, and of compare’s results alone', async () => {
  const [one, two] = [file('a.json', a), file('b.json', other())]
  const said = await run(['diff', one, two])
  assert.equal(said.status, 0, said.err)
  assert.match(said.out, /kernel\n +A +\S.*\n +B +7\.0\.0\n/)
  assert.match(said.out, /epoll +messages per second +24,200 +48,400 +2\n/)
  assert.match(said.out, /A +holds\n +B +does not hold\n/)
  const chinese = await run(['diff', one, two, '--lang', 'zh'])
  assert.match(chinese.out, /机器的不同之处/)
  const json = await run(['diff', file('c.json', a.compare), two, '--json'])
  assert.equal(JSON.parse(json.out).verdicts.length, 0)
  assert(JSON.parse(json.out).numbers.length > 200)
})

test('what is no results is refused in one line', async () => {
  const one = file('a.json', a)
  for (const [parameters, why] of [
    [['diff', one], /diff needs two files/],
    [['diff', one, join(folder, 'none')], /there is no file/],
    [['diff', one, file('text.json', 'no JSON')], /holds no results of fivefold/],
    [['report', '--from', file('other.json', {})], /holds no results of fivefold/],
    [['report', '--from', one, '-o', join(folder, 'no', 'where.html')], /cannot be written/],
    [['report', '--from', one, '--claims', 'nothing'], /no experiment 'nothing'/],
  ] as const) {
    const { status, err } = await run(parameters)
    assert.notEqual(status, 0)
    assert.match(err, why)
    assert.equal(err.trim().split('\n').length, 1, err)
  }
})
