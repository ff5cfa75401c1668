// What was promised, against scenarios, verdicts and tables: data and arithmetic, nothing is measured.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contestant } from './lib/contestants.mjs'
import { judge } from './lib/judge.mjs'
import { takingPart } from './lib/plan.mjs'
import { asMarkdown, asText, promisedLines, tallyOfLines } from './lib/promised-table.mjs'
import { promised } from './lib/promises.mjs'
import { groups, scenarios } from './lib/scenarios.mjs'

const titles = (scenario) =>
  scenario.entries.map((entry) => (typeof entry === 'string' ? entry : (entry.as ?? entry.name)))

test('whoever is named in a promise takes part in its scenario, and its metric is measured there', () => {
  for (const { work, targets, also = {} } of promised) {
    for (const { scenario: name, entry, against, metric } of targets) {
      const scenario = scenarios.find((one) => one.name === name)
      assert.ok(scenario, `${work}: no scenario ${name}`)
      assert.ok(groups.all.includes(name), `${work}: ${name} is not run by default`)
      for (const title of [entry, against]) assert.ok(titles(scenario).includes(title), `${name}: ${title}`)
      assert.ok(scenario.columns.includes(metric), `${name}: ${metric}`)
    }
    for (const [name, more] of Object.entries(also)) {
      const scenario = scenarios.find((one) => one.name === name)
      assert.ok(scenario && targets.some((target) => target.scenario === name), `${work}: ${name}`)
      for (const title of more) assert.ok(titles(scenario).includes(title), `${name}: ${title}`)
    }
  }
})

test('every contestant has a command where everything is there, or a place that says what is missing', () => {
  const everything = {
    missing: new Map(),
    peers: new Map([
      ['bun', { path: '/bun' }],
      ['deno', { path: '/deno' }],
      ['sirv', { path: '/sirv' }],
      ['serve-handler', { path: '/serve-handler' }],
    ]),
    ours: {},
    tools: { wrk: '4', sockperf: '3', fio: '3', nginx: '1' },
  }
  const places = []
  for (const { entries } of scenarios) {
    for (const entry of entries) {
      const name = typeof entry === 'string' ? entry : entry.name
      const { command, skip } = contestant(name, everything)
      if (command) assert.ok(command.length > 0)
      else places.push(`${name}: ${skip}`)
    }
  }
  assert.deepEqual([...new Set(places)], [])
})

test('a quick run takes those alone whom the table shows; --only takes names', () => {
  const echo64 = scenarios.find(({ name }) => name === 'echo64')
  const names = (options) =>
    takingPart(echo64, { only: [], quick: false, ...options }).map(({ title }) => title)
  assert.deepEqual(names({}), titles(echo64))
  assert.ok(names({}).includes('C uv') && !names({ quick: true }).includes('C uv'))
  for (const title of ['ours io_uring', 'C epoll', 'deno']) assert.ok(names({ quick: true }).includes(title))
  assert.deepEqual(names({ only: ['node:net'] }), ['node:net', 'node:net onread'])
})

test('what is missing is skipped with its reason', () => {
  const nothing = {
    missing: new Map([['epoll', 'there is no cc on this machine']]),
    peers: new Map([['bun', { reason: 'bun could not be installed' }]]),
    ours: { fivefold: null, 'fivefold/http': 'the library has no fivefold/http yet' },
    tools: { wrk: null, sockperf: null, fio: null, nginx: null },
  }
  assert.equal(contestant('nginx', nothing).skip, 'nginx is not installed')
  assert.equal(contestant('sirv', nothing).skip, 'sirv is not installed')
  assert.equal(contestant('C epoll', nothing).skip, 'there is no cc on this machine')
  assert.equal(contestant('bun serve', nothing).skip, 'bun could not be installed')
  assert.equal(contestant('ours http', nothing).skip, 'the library has no fivefold/http yet')
  assert.equal(contestant('sockperf', nothing).skip, 'sockperf is not installed')
  assert.equal(contestant('fio', nothing).skip, 'fio is not installed')
  assert.deepEqual(contestant('ours epoll udp sink', nothing).command?.slice(2), [
    'epoll',
    'embedded',
    'sink',
  ])
})

/** A row of a scenario as compete() makes it: one value of each metric per round. */
const row = (title, rounds, failures = []) => ({
  title,
  contestant: { command: [title] },
  load: {},
  attempts: [],
  failures,
  runs: rounds.map((values) => values && { notes: [], disturbed: [], raw: {}, ...values }),
})
const target = (bound, metric = 'rate') => ({
  scenario: 'echo64',
  entry: 'us',
  against: 'them',
  metric,
  ...bound,
})

test('a ratio is formed within the rounds, and reached at its bound', () => {
  const rows = [
    row('us', [{ rate: 100 }, { rate: 50 }, { rate: 90 }]),
    row('them', [{ rate: 100 }, { rate: 50 }, { rate: 100 }]),
  ]
  const { ratio, reached } = judge(target({ atLeast: 1 }), rows, 3, false)
  assert.deepEqual([ratio?.median, ratio?.min, reached], [1, 0.9, true])
  assert.equal(judge(target({ atLeast: 1.01 }), rows, 3, false).reached, false)
  assert.equal(judge(target({ atMost: 1 }), rows, 3, false).reached, true)
  assert.equal(judge(target({ atMost: 0.99 }), rows, 3, false).reached, false)
  const shown = judge(target({}), rows, 3, false)
  assert.deepEqual([shown.reached, shown.verdict, shown.ratio?.median], [null, 'shown', 1])
})

test('CPU time decides about a rate where it may, both ways', () => {
  const slow = [row('us', [{ rate: 80, cpu: 9 }]), row('them', [{ rate: 100, cpu: 10 }])]
  assert.deepEqual(
    [true, false].map((cpu) => judge(target({ atLeast: 1 }), slow, 1, cpu).reached),
    [true, false],
  )
  const dear = [row('us', [{ rate: 110, cpu: 11 }]), row('them', [{ rate: 100, cpu: 10 }])]
  assert.deepEqual(
    [true, false].map((cpu) => judge(target({ atLeast: 1 }), dear, 1, cpu).reached),
    [false, true],
  )
})

test('a difference; nothing delivered at all; a failed run; nobody to compare with', () => {
  const starts = [row('us', [{ startup: 140 }]), row('them', [{ startup: 90 }])]
  assert.equal(judge(target({ beyond: 60 }, 'startup'), starts, 1, false).reached, true)
  assert.equal(judge(target({ beyond: 49 }, 'startup'), starts, 1, false).reached, false)
  const silent = [row('us', [{ delivered: 0 }]), row('them', [{ delivered: 100 }])]
  assert.equal(judge(target({ atLeast: 1 }, 'delivered'), silent, 1, false).reached, false)
  const failed = [
    row('us', [{ rate: 200 }, null], ['wrong bytes']),
    row('them', [{ rate: 100 }, { rate: 100 }]),
  ]
  assert.match(judge(target({ atLeast: 1 }), failed, 1, false).verdict, /MISSED.*wrong bytes/)
  assert.equal(judge(target({ atLeast: 1 }), [row('us', [{ rate: 1 }])], 1, false).reached, null)
  const overloaded = [row('us', [{ p99: null, raw: { overloaded: true } }]), row('them', [{ p99: 50 }])]
  assert.equal(judge(target({ atMost: 1 }, 'p99'), overloaded, 1, false).reached, false)
})

/** The outcome of a scenario in which everybody did the same, but for some. */
function outcomeOf(name, others = {}) {
  const scenario = scenarios.find((one) => one.name === name)
  const rows = titles(scenario).map((title) =>
    row(title, [Object.fromEntries(scenario.columns.map((metric) => [metric, others[title] ?? 100]))]),
  )
  return {
    ...scenario,
    skipped: [],
    table: rows.map(({ title, runs, failures }) => ({
      title,
      failures,
      notes: [],
      summary: Object.fromEntries(
        scenario.columns.map((metric) => [metric, { median: runs[0][metric], min: 0, max: 0, count: 1 }]),
      ),
    })),
    verdicts: scenario.targets.map((one) => judge(one, rows, 1, false)),
  }
}

test('a whole run gives one line for each promise; a part of it only those about it', () => {
  const outcomes = groups.all.map((name) => outcomeOf(name))
  const lines = promisedLines(outcomes, groups.all)
  assert.deepEqual(
    lines.map(({ work }) => work),
    promised.map(({ work }) => work),
  )
  assert.ok(!tallyOfLines(lines).includes(' 1 not measured'))
  assert.deepEqual(
    promisedLines(outcomes, ['pingpong']).map(({ work }) => work),
    ['1 connection ping-pong, p50', 'the same with busy polling named'],
  )
})

test('a line says yes, NO or partly, and with what', () => {
  const state = (outcomes) => promisedLines(outcomes, ['echo64', 'echo1000']).map((line) => line.state)
  // In the order of the table: 64 connections, 1000, the epoll poller at both, CPU per message.
  const all = [outcomeOf('echo64', { 'node:net': 50, bun: 90 }), outcomeOf('echo1000', { 'node:net': 50 })]
  assert.deepEqual(state(all), ['yes', 'yes', 'yes', 'yes'])
  assert.deepEqual(state([all[0]]), ['yes', 'not measured', 'partly', 'yes'])
  const [line] = promisedLines([outcomeOf('echo64', { bun: 99, 'node:net': 50 })], ['echo64'])
  assert.deepEqual(line.reached, [
    'NO: 3 of 4',
    '1.00 x C epoll',
    '1.00 x C uring',
    '2.00 x node:net',
    '1.01 x bun (WANTED >= 1.05)',
  ])
  assert.deepEqual(line.ours, ['io_uring 100/s, 100.00 us CPU'])
  assert.deepEqual(line.c, ['epoll 100/s, 100.00 us CPU', 'uring 100/s, 100.00 us CPU'])
  assert.deepEqual(line.peers.length, 3)
})

test('as Markdown every line is a row of six cells', () => {
  const lines = promisedLines([outcomeOf('echo64'), outcomeOf('big')], ['echo64', 'big'])
  const rows = asMarkdown(lines).split('\n')
  assert.equal(rows.length, lines.length + 2)
  for (const text of rows) assert.equal(text.split('|').length, 8, text)
  assert.match(rows[0], /work \| target \| ours \| C \| peers \| reached/)
  assert.ok(asText(lines).includes('64 KiB messages'))
})
