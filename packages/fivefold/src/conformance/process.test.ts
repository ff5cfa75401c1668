/** How a process ends, and how it does not; and kernels that say no. Each in a process of its own. */
import './faults.js'
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import { type Host, models } from '../index.js'
import { type Ended, start } from './child.js'

const hosts: readonly Host[] = ['embedded', 'dedicated']

/** Says something to a port. @returns what the other side answers until it ends */
function say(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (chunk) => (answer += chunk))
    socket.on('end', () => socket.end())
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

function endedWith({ code, signal, stderr }: Ended, expected: number, message?: RegExp): void {
  assert.equal(signal, null, stderr)
  assert.equal(code, expected, stderr)
  if (message !== undefined) assert.match(stderr, message)
}

describe('processes', { concurrency: 2 }, () => {
  for (const model of models) {
    if (!model.probe().ok) continue
    for (const host of hosts) {
      const name = (what: string) => `${model.name} ${host} process: ${what}`
      const run = (way: string) => start('ends', [model.name, host, way]).ended

      test(name('with everything closed it ends by itself'), async () => {
        endedWith(await run('idle'), 0)
      })
      test(name('with everything unref’ed it ends by itself'), async () => {
        const ended = await run('natural')
        endedWith(ended, 0)
        assert.equal(ended.stdout, 'natural\n')
      })
      test(name('a listener that is ref’ed keeps it, until it is closed'), async () => {
        const child = start('ends', [model.name, host, 'ref'])
        const port = Number((await child.says(/port (\d+)/))[1])
        assert.equal(await say(port, 'are you there?'), 'alive')
        assert.equal(await say(port, 'still?'), 'alive')
        await say(port, 'stop').catch(() => {})
        endedWith(await child.ended, 0)
      })
      test(name('process.exit with operations in flight'), async () => {
        endedWith(await run('exit'), 3)
      })
      test(name('process.exit from within a handler'), async () => {
        endedWith(await run('exit in a handler'), 3)
      })
      test(name('an uncaught exception with operations in flight'), async () => {
        endedWith(await run('throw'), 1, /thrown by a timer/)
      })
      test(name('what a handler throws, and no error handler takes, is uncaught'), async () => {
        endedWith(await run('throw in a handler'), 1, /thrown by data/)
      })
      test(name('what an error handler throws is uncaught'), async () => {
        endedWith(await run('throw in error'), 1, /thrown by error/)
      })
    }
  }

  for (const host of hosts) {
    test(`rtsig ${host} process: a signal queue that overflows loses nothing`, async () => {
      const ended = await start('overflow', [host]).ended
      endedWith(ended, 0)
      const { opened, received, swept } = JSON.parse(ended.stdout) as Record<string, number>
      assert.equal(opened, 60)
      assert.equal(received, 60 * 300)
      assert.ok(swept! > 0, 'the queue never overflowed')
    })
  }

  for (const errno of ['EPERM', 'ENOSYS', 'ENOMEM']) {
    test(`io_uring refused with ${errno}: auto takes epoll and says so, and naming it fails with the cure`, async () => {
      const ended = await start('refused', [errno]).ended
      endedWith(ended, 0)
      const told = JSON.parse(ended.stdout) as {
        verdict: { ok: boolean; reason: string; cure: string }
        named: string
        namedToo: string
        auto: string
        reason: string
        chosen: string
        echoed: string
      }
      assert.equal(told.verdict.ok, false)
      assert.ok(told.verdict.reason.length > 10 && told.verdict.cure.length > 10)
      assert.ok(told.named.includes(told.verdict.reason), told.named)
      assert.ok(told.named.includes(told.verdict.cure), told.named)
      assert.equal(told.namedToo, told.named)
      assert.equal(told.auto, 'epoll')
      assert.ok(told.reason.includes('io_uring') && told.reason.includes(told.verdict.reason), told.reason)
      assert.equal(told.chosen, told.reason)
      assert.equal(told.echoed, 'by another way')
    })
  }
})
