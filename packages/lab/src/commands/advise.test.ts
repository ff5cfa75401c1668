/** Real traffic, and little of it: who wins is not the question here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { models } from 'fivefold'
import type { Ranked } from '../advise/rank.js'
import { run } from '../testing.js'

interface Output {
  workload: { connections: number; active: number; size: number; files: boolean }
  goal: string
  recommended: string
  runnerUp: string | null
  withinSpread: boolean
  ranking: Ranked[]
  excluded: { model: string; reason: string }[]
  environment: { kernel: string }
}

const available = models.filter((model) => model.probe().ok)

async function advised(...parameters: string[]): Promise<Output> {
  const { status, out, err, left } = await run(['advise', '--json', '--duration', '40ms', ...parameters])
  assert.equal(status, 0, err)
  assert.deepEqual(left, [])
  const output = JSON.parse(out) as Output
  assert(output.environment.kernel)
  assert.equal(
    output.ranking.some(({ model }) => model === output.recommended),
    true,
  )
  const all = [...output.ranking, ...output.excluded].map(({ model }) => model)
  assert.deepEqual(all.toSorted(), models.map(({ name }) => name).toSorted())
  for (const { rounds, value, messagesPerSecond, latencyMicros, cpuMicrosPerMessage } of output.ranking) {
    assert(rounds >= 1 && rounds <= 3)
    for (const { least, median, most } of [value, messagesPerSecond, latencyMicros, cpuMicrosPerMessage]) {
      assert(least > 0 && least <= median && median <= most)
    }
  }
  return output
}

test('sockets: every candidate is measured, one is taken, and the runner-up stands beside it', async () => {
  const output = await advised('--connections', '6', '--active', '50%', '--size', '128', '--for', 'latency')
  assert.deepEqual(output.workload, { connections: 6, active: 3, size: 128, files: false })
  assert.equal(output.goal, 'latency')
  assert.equal(output.ranking.length, available.length)
  assert.notEqual(output.runnerUp, null)
  assert.notEqual(output.runnerUp, output.recommended)
})

test('files: those that read them, and the others with the reason', async () => {
  const output = await advised('--files', '--connections', '4')
  assert.equal(output.workload.size, 4096)
  const readers = available.filter(({ limits }) => limits.files).map(({ name }) => name)
  assert.deepEqual(output.ranking.map(({ model }) => model).toSorted(), readers.toSorted())
})

test('what cannot hold so many is no candidate', async () => {
  const blocking = models.find(({ name }) => name === 'blocking')!
  const most = blocking.limits.maxWaiting
  const output = await advised('--connections', String(most + 50), '--active', '0.02', '--for', 'memory')
  assert.match(output.excluded.find(({ model }) => model === 'blocking')!.reason, /can wait at once/)
})

test('what is not understood', async () => {
  const fails = async (why: RegExp, ...parameters: string[]) => {
    const { status, err } = await run(['advise', ...parameters])
    assert.equal(status, 2)
    assert.match(err, why)
  }
  await fails(/'0' is not a share/, '--active', '0')
  await fails(/'101%' is not a share/, '--active', '101%')
  for (const wrong of ['1,2', '0', 'x', '2000000'])
    await fails(new RegExp(`'${wrong}' is not one number`), '--connections', wrong)
  await fails(/--for is one of latency/, '--for', 'fun')
  await fails(/about connections/, '--files', '--for', 'memory')
})
