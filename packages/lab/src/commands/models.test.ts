import assert from 'node:assert/strict'
import { test } from 'node:test'
import { choose, models } from 'fivefold'
import { run, withoutIoUring } from '../testing.js'

interface Output {
  models: {
    model: string
    family: string
    synchronous: boolean
    available: boolean
    reason: string | null
    cure: string | null
  }[]
  auto: { model: string; reason: string }
}

test('models --json says what the library says', async () => {
  const { status, out, err } = await run(['models', '--json'])
  assert.equal(status, 0, err)
  const output = JSON.parse(out) as Output
  assert.deepEqual(
    output.models.map(({ model, family, synchronous, available }) => ({
      model,
      family,
      synchronous,
      available,
    })),
    models.map((model) => ({
      model: model.name,
      family: model.family,
      synchronous: model.synchronous,
      available: model.probe().ok,
    })),
  )
  assert.equal(output.auto.model, choose().model.name)
})

test('models: a table of nine, and the choice', async () => {
  const { status, out } = await run(['models'])
  assert.equal(status, 0)
  for (const { name } of models) assert.match(out, new RegExp(`^${name} `, 'm'))
  assert.match(out, new RegExp(`'auto' chooses ${choose().model.name} here`))
})

test('models without io_uring: the reason, the cure, and another choice', async () => {
  const { status, out } = await run(['models', '--json'], { env: withoutIoUring })
  assert.equal(status, 0)
  const output = JSON.parse(out) as Output
  const ring = output.models.find(({ model }) => model === 'io_uring')!
  assert.equal(ring.available, false)
  assert(ring.reason !== null && ring.reason.length > 10)
  assert(ring.cure !== null && ring.cure.length > 10)
  assert.equal(output.auto.model, 'epoll')
  assert.match(
    (await run(['models'], { env: withoutIoUring })).out,
    /'auto' chooses epoll here: io_uring cannot work/,
  )
})
