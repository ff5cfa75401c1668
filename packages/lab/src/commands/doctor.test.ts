import assert from 'node:assert/strict'
import { test } from 'node:test'
import { choose, models } from 'fivefold'
import type { Finding } from '../doctor/judge.js'
import { run, withoutIoUring } from '../testing.js'

interface Output {
  broken: number
  advice: number
  auto: string
  tier: string
  findings: Finding[]
}

test('doctor says of this machine what is true of it', async () => {
  const { status, out, err } = await run(['doctor', '--json'])
  const output = JSON.parse(out) as Output
  const unavailable = models.filter((model) => !model.probe().ok)
  assert.equal(output.broken, unavailable.length, err)
  assert.equal(status, unavailable.length > 0 ? 1 : 0)
  assert.equal(output.auto, choose().model.name)
  const works = output.findings.filter(({ topic, message }) => topic === 'models' && / works$/.test(message))
  assert.equal(works.length, models.length - unavailable.length)
})

test('io_uring refused by a filter is broken, and ends with 1', async () => {
  const { status, out } = await run(['doctor'], { env: withoutIoUring })
  assert.equal(status, 1)
  assert.match(out, /✗ io_uring does not work: /)
  assert.match(out, /'auto' chooses epoll/)
  assert.match(out, /tier: none/)
  assert.match(out, /^Broken: [1-9]/m)
})

test('a low limit is advice, with the command', async () => {
  const { out } = await run(['doctor', '--json'], { after: 'ulimit -n 256' })
  const finding = (JSON.parse(out) as Output).findings.find(({ message }) =>
    message.startsWith('descriptors'),
  )!
  assert.equal(finding.state, 'advice')
  assert.match(finding.message, /^descriptors: 256, at most 256/)
  assert(finding.commands.length > 0)
})

test('within a hundred columns, and in Chinese', async () => {
  const { out } = await run(['doctor'])
  for (const line of out.split('\n')) assert(line.length <= 100, line)
  const chinese = await run(['doctor', '--lang', 'zh'])
  assert.match(chinese.out, /内核 Linux/)
})
