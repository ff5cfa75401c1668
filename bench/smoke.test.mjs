// The bench runs at all: its C programs compile, each kind of scenario gives its figures, wrong bytes are noticed, and
// the file it writes has the shape that README.md documents. Counts only; nothing here depends on how fast it was.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { build } from './lib/build.mjs'
import { compete } from './lib/compete.mjs'
import { contestant } from './lib/contestants.mjs'
import { independentTools } from './lib/environment.mjs'
import { measureLoad } from './lib/measure.mjs'
import { measureCopy } from './lib/measure-works.mjs'
import { root } from './lib/paths.mjs'
import { has } from './lib/processes.mjs'

const skip = has('cc') ? false : 'there is no cc on this machine'
const tools = independentTools()
let missing = new Map()
const resolve = (name) => contestant(name, { missing, peers: new Map(), ours: {}, tools })
const times = { warmup: 0.05, duration: 0.15 }
const brief = { runs: 1, patience: 1, repeats: { left: 0 }, only: [], quick: false, progress() {}, ...times }

/**
 * One round of one scenario: nobody may fail. Whether anything was counted in so short a window is luck on a busy
 * machine, so that is asked again a few times.
 */
async function round(scenario) {
  const whole = { name: 'brief', title: 'brief', targets: [], ...scenario }
  for (let again = 20; ; again--) {
    const outcome = await compete(whole, resolve, brief)
    assert.deepEqual(outcome.skipped, [])
    assert.equal(outcome.table.length, scenario.entries.length)
    const silent = /no message was answered|No messages were received/ // sockperf, starved
    for (const { title, failures } of outcome.table) {
      assert.deepEqual(
        failures.filter((reason) => !silent.test(reason)),
        [],
        title,
      )
    }
    const empty = outcome.table.flatMap(({ title, summary }) =>
      scenario.columns
        .filter((metric) => !(summary[metric]?.median > 0))
        .map((metric) => `${title}: ${metric}`),
    )
    if (empty.length === 0) return outcome
    if (again === 0) assert.fail(`nothing was counted: ${empty.join(', ')}`)
  }
}

// Side by side, because nothing here is about time.
describe('the bench', { skip, concurrency: 4 }, () => {
  before(() => {
    missing = build().missing
  })

  test('every C program compiles', () => {
    assert.deepEqual(
      [...missing].filter(([name, reason]) => name !== 'uv' || !reason.includes('not installed')),
      [],
    )
  })

  test('a closed loop over TCP', async () => {
    const entries = ['C epoll', 'ours epoll', 'node:net']
    if (!missing.has('uv')) entries.push('C uv')
    await round({
      kind: 'load',
      load: { connections: 4, size: 1000 },
      columns: ['rate', 'cpu', 'bytes'],
      entries,
    })
  })

  test('an open loop offers everybody the same', async () => {
    const entries = ['C epoll', 'ours epoll']
    const load = { connections: 4 }
    const { offeredRate } = await round({ kind: 'open', share: 0.5, load, columns: ['cpu'], entries })
    assert.ok(offeredRate > 0)
  })

  test('idle connections and their memory', async () => {
    const entries = ['C epoll', 'ours epoll']
    const load = { idle: 200 }
    const { table } = await compete({ kind: 'memory', load, columns: ['memory'], entries }, resolve, brief)
    for (const { title, failures, runs } of table) {
      assert.deepEqual(failures, [], title)
      assert.equal(runs[0].held, 200)
    }
  })

  test('from the start to listening', () =>
    round({ kind: 'startup', columns: ['startup'], entries: ['bare node', 'ours epoll'] }))

  test('echoes of datagrams', async () => {
    const entries = ['C udp_mmsg', 'C udp_echo', 'ours epoll udp', 'node:dgram']
    await round({ kind: 'load', load: { connections: 4, udp: true }, columns: ['rate', 'cpu'], entries })
  })

  test('a flood of datagrams, counted by the receiver', async () => {
    const ours = ['ours epoll udp sink', 'ours dgram epoll sink each']
    const entries = ['C udp_mmsg sink', 'C udp_echo sink', ...ours, 'node:dgram sink']
    const { table } = await round({
      ...{ kind: 'flood', share: 0.5, pace: 'C udp_mmsg sink', load: { size: 64 } },
      ...{ columns: ['delivered', 'cpu'], entries },
    })
    for (const { runs } of table) assert.ok(runs[0].delivered <= runs[0].sent && runs[0].wrong === false)
  })

  for (const direct of [false, true]) {
    test(`reads of a file${direct ? ', O_DIRECT' : ''}`, async (context) => {
      const entries = ['C aio', 'ours posix-aio files', 'node:fs promises', ...(tools.fio ? ['fio'] : [])]
      const scenario = { kind: 'files', direct, megabytes: 4, columns: ['rate', 'cpu'], entries }
      try {
        await round(scenario)
      } catch (error) {
        if (direct && /EINVAL|Invalid argument/.test(error.message))
          context.skip('no O_DIRECT on this file system')
        else throw error
      }
    })
  }

  for (const [work, kind] of [
    ['readFile', 'work'],
    ['streamRead', 'stream'],
    ['streamWrite', 'stream'],
  ]) {
    test(`whole files: ${work}`, () => {
      const entries = [`ours fs ${work}`, `node:fs ${work}`]
      return round({ kind, work, files: 500, megabytes: 4, columns: ['rate', 'cpu'], entries })
    })
  }

  for (const cached of [false, true]) {
    test(`a folder copied${cached ? ', from the page cache' : ''}`, () => {
      const entries = ['ours copy-tree', 'cp -r', 'node:fs cp']
      return round({ kind: 'copy', cached, files: 500, columns: ['rate'], entries })
    })
  }

  test('wrong copies do not pass', async () => {
    for (const wrong of [
      'printf x | dd of="$1/0-part/7" conv=notrunc',
      'rm "$1/1-part/499"',
      'touch "$1/0-part/500"',
    ]) {
      const command = ['sh', '-c', `cp -r "$0" "$1" && ${wrong}`]
      await assert.rejects(measureCopy({ command }, { files: 500 }), /wrong copies|ENOENT/, wrong)
    }
  })

  test('HTTP', { skip: tools.wrk ? false : 'wrk is not installed' }, () =>
    round({ kind: 'http', load: { connections: 4 }, columns: ['rate', 'p50'], entries: ['node:http'] }),
  )

  test('sockperf', { skip: tools.sockperf ? false : 'sockperf is not installed' }, () =>
    round({ kind: 'load', load: { connections: 1 }, columns: ['rate', 'p50'], entries: ['sockperf'] }),
  )

  test('wrong bytes do not pass', async () => {
    // The ninth message is the first after the eight connections have greeted: it is sent however slow all is.
    const server = (how) => [...resolve('C corrupt').command, how, '9']
    await Promise.all(
      ['flip', 'swap', 'lose', 'double'].map((how) =>
        assert.rejects(
          measureLoad(server(how), { connections: 8 }, times),
          how === 'lose' ? /without an answer|wrong bytes/ : /wrong bytes/,
          how,
        ),
      ),
    )
  })

  describe('the file it writes', { concurrency: 1 }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'fivefold-bench-'))
    const file = join(folder, 'run.json')
    after(() => rmSync(folder, { recursive: true }))
    const node = (...parameters) => spawnSync(process.execPath, parameters, { cwd: root, encoding: 'utf8' })

    test('has the documented shape', () => {
      const few = ['--runs', '1', '--patience', '1', '--warmup', '0.05', '--duration', '0.15']
      const { status, stderr } = node('bench/run.mjs', 'echo64', '--only', 'C epoll', ...few, '--json', file)
      assert.equal(status, 0, stderr)
      const { format, environment, options, outcomes } = JSON.parse(readFileSync(file, 'utf8'))
      assert.equal(format, 1)
      for (const name of [
        'date',
        'command',
        'commit',
        'kernel',
        'cpu',
        'cores',
        'pinning',
        'node',
        'tools',
      ]) {
        assert.ok(environment[name] !== undefined, name)
      }
      assert.deepEqual(options.what, ['echo64'])
      const [{ name, kind, columns, times, table, skipped, verdicts }] = outcomes
      assert.deepEqual([name, kind, times.runs], ['echo64', 'load', 1])
      assert.ok(Array.isArray(skipped) && verdicts.length > 0)
      const [{ title, summary, runs, attempts, failures }] = table
      assert.equal(title, 'C epoll')
      assert.deepEqual([runs.length, attempts.length, failures], [1, 1, []])
      assert.deepEqual(Object.keys(summary), columns)
      assert.deepEqual(Object.keys(summary.rate), ['median', 'min', 'max', 'count'])
      for (const { scenario, entry, against, metric, wanted, reached, verdict } of verdicts) {
        assert.ok([scenario, entry, against, metric, wanted].every((text) => typeof text === 'string'))
        assert.equal(reached, null, verdict)
      }
    })

    test('is enough for the table', () => {
      const report = node('bench/report.mjs', file, '--markdown')
      assert.equal(report.status, 0, report.stderr)
      assert.match(report.stdout, /^\| work \| target \| ours \| C \| peers \| reached \|$/m)
      assert.match(report.stdout, /^\| TCP echo 64 B, 64 connections, io_uring \|.*epoll [\d,]+\/s/m)
      const bench = node('bench/run.mjs', '--from', file, '--markdown')
      assert.equal(bench.stdout, report.stdout)
    })
  })
})
