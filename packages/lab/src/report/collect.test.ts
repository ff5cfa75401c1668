/** What is run for the report, with what, and what becomes of it: the commands are stand-ins that measure nothing. */
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { models } from 'fivefold'
import { given, has } from '../arguments.js'
import { claimsCommand } from '../commands/claims.js'
import type { Command, Invocation } from '../commands/command.js'
import { compare } from '../commands/compare.js'
import { trace } from '../commands/trace.js'
import { type Terminal, terminalOf } from '../terminal/terminal.js'
import { en } from '../text/en.js'
import { collect, type Wanted } from './collect.js'
import { fixture } from './fixture.test.util.js'

const kept = fixture()
const trial = kept.claims!
const here = models.filter((model) => model.probe().ok).map(({ name }) => name)
const everything: Wanted = {
  quick: false,
  claims: ['phases', 'waiting', 'scaling'],
  withinMs: Number.POSITIVE_INFINITY,
}

type Run = (invocation: Invocation) => Promise<number> | number

interface Collected {
  readonly results: Awaited<ReturnType<typeof collect>>
  /** The commands' own lines, in order. */
  readonly ran: readonly string[]
  readonly out: string
  readonly err: string
}

/** Prints what the commands would: each the part of the fixture that it was asked for. */
const printing: Record<'compare' | 'trace' | 'claims', Run> = {
  compare: ({ out, err }) => {
    err.line('progress of compare')
    // In pieces.
    const text = JSON.stringify(kept.compare)
    out.write(text.slice(0, 100))
    out.line(text.slice(100))
    return 0
  },
  trace: ({ parsed, out }) => {
    out.line(JSON.stringify({ model: parsed.positionals[0], repeats: Number(given(parsed, 'repeat')) }))
    return 0
  },
  claims: ({ parsed, out, err }) => {
    err.line('progress of claims')
    const results = trial.results.filter(({ name }) => name === parsed.positionals[0])
    out.line(JSON.stringify({ ...trial, quick: has(parsed, 'quick'), results }))
    return 0
  },
}

async function collected(
  wanted: Wanted,
  changed: Partial<typeof printing> = {},
  signal = new AbortController().signal,
  said = { out: '', err: '' },
  isTTY = false,
): Promise<Collected> {
  const ran: string[] = []
  const standIn = (command: Command, run: Run): Command => ({
    ...command,
    run(invocation) {
      assert(has(invocation.parsed, 'json'))
      ran.push(invocation.commandLine)
      return run(invocation)
    },
  })
  const terminal = (where: 'out' | 'err'): Terminal => ({
    ...terminalOf(process.stdout),
    isTTY,
    write: (text) => {
      said[where] += text
    },
    line: (text = '') => {
      said[where] += `${text}\n`
    },
  })
  const run = { ...printing, ...changed }
  const results = await collect(
    {
      parsed: { values: new Map(), positionals: [] },
      text: en,
      out: terminal('out'),
      err: terminal('err'),
      signal,
      commandLine: 'fivefold report --example',
    },
    wanted,
    {
      compare: standIn(compare, run.compare),
      trace: standIn(trace, run.trace),
      claims: standIn(claimsCommand, run.claims),
    },
  )
  return { results, ran, ...said }
}

test('compare, each mechanism that works here, each experiment: whole, or all of it in little', async () => {
  for (const quick of [false, true]) {
    const { results, ran, out, err } = await collected({ ...everything, quick })
    const shortly = quick ? ' --quick' : ''
    assert.deepEqual(ran, [
      `fivefold compare${shortly}`,
      ...here.map((name) => `fivefold trace ${name} --repeat ${quick ? 5 : 20}`),
      ...everything.claims.map((name) => `fivefold claims ${name}${shortly}`),
    ])
    assert.deepEqual(results.compare, JSON.parse(JSON.stringify(kept.compare)))
    assert.deepEqual(
      results.traces.map(({ model, repeats }) => [model, repeats]),
      here.map((name) => [name, quick ? 5 : 20]),
    )
    assert.equal(results.claims!.quick, quick)
    assert.deepEqual(
      results.claims!.results.map(({ name }) => name),
      everything.claims,
    )
    assert.deepEqual([results.leftOut, results.troubles], [[], []])
    assert.equal(results.environment.command, 'fivefold report --example')
    assert.equal(results.fivefold, results.environment.version)
    assert.equal(typeof results.environment.takenByOthers, 'number')
    // What the commands print is kept, and theirs alone is not shown; the progress of the claims is told here.
    assert.equal(out, '')
    assert.match(err, /progress of compare/)
    assert.doesNotMatch(err, /progress of claims/)
    for (const name of [...here, ...everything.claims]) assert.match(err, new RegExp(`\\] ${name}$`, 'm'))
  }
})

test('no experiments: no claims', async () => {
  const { results, ran } = await collected({ ...everything, claims: [] })
  assert.equal(results.claims, null)
  assert(!ran.some((line) => line.includes('claims')))
})

test('what ends badly is told, and what it printed is kept; the rest goes on', async () => {
  const { results, ran } = await collected(everything, {
    compare: (invocation) => {
      printing.compare(invocation)
      throw new Error('bytes came back wrong')
    },
    trace: (invocation) => {
      if (invocation.parsed.positionals[0] === here[0]) throw new Error('no message\narrived')
      return printing.trace(invocation)
    },
    claims: () => {
      throw new Error('nothing of it')
    },
  })
  assert.deepEqual(results.compare, JSON.parse(JSON.stringify(kept.compare)))
  assert.deepEqual(
    results.traces.map(({ model }) => model),
    here.slice(1),
  )
  assert.equal(results.claims, null)
  assert.equal(ran.length, 1 + here.length + everything.claims.length)
  assert.deepEqual(results.troubles, [
    { part: 'compare', message: 'bytes came back wrong' },
    { part: `trace ${here[0]} --repeat 20`, message: 'no message arrived' },
    ...everything.claims.map((name) => ({ part: `claims ${name}`, message: 'nothing of it' })),
  ])
})

test('when the time is up no experiment is begun any more, and those that are missing are named', async () => {
  let at = 0
  const wanted = { ...everything, withinMs: 1000 }
  const clock = mock.method(performance, 'now', () => at)
  try {
    const { results, ran } = await collected(wanted, {
      claims: (invocation) => {
        at += 600
        return printing.claims(invocation)
      },
    })
    assert.deepEqual(
      results.claims!.results.map(({ name }) => name),
      ['phases', 'waiting'],
    )
    assert.deepEqual(results.leftOut, ['scaling'])
    assert.equal(ran.filter((line) => line.startsWith('fivefold claims')).length, 2)
    at = 0
    const late = await collected(wanted, {
      compare: (invocation) => {
        at += 1001
        return printing.compare(invocation)
      },
    })
    assert.equal(late.results.claims, null)
    assert.deepEqual(late.results.leftOut, everything.claims)
  } finally {
    clock.mock.restore()
  }
})

test('an interruption ends it: no trouble among others, and nothing is begun after it', async () => {
  const interrupted = new AbortController()
  const reason = new Error('SIGINT')
  const begun: string[] = []
  const said = { out: '', err: '' }
  const running = collected(
    everything,
    {
      trace: ({ parsed }) => {
        begun.push(parsed.positionals[0]!)
        interrupted.abort(reason)
        throw new Error('the receiver ended early')
      },
    },
    interrupted.signal,
    said,
    true,
  )
  await assert.rejects(running, (error) => error === reason)
  assert.deepEqual(begun, here.slice(0, 1))
  assert(said.err.endsWith('\r\x1b[2K'), 'no half line stays on the terminal')
})
