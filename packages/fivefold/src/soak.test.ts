/** The soak itself, made short: it finds nothing wrong with us, and what is wrong on purpose. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../../bench/soak/run.mjs', import.meta.url))
const short = ['--minutes', '0.05', '--connections', '50', '--held', '500', '--json', '-']

interface Report {
  results: {
    model: string
    messages: number
    stormed: { held: number; accepted: number }
    problems: string[]
  }[]
}

function start(args: readonly string[]) {
  return spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
}

async function text(stream: Readable): Promise<string> {
  let all = ''
  for await (const part of stream) all += part
  return all
}

async function run(...args: string[]): Promise<{ code: number; report: Report }> {
  const child = start([...short, ...args])
  const [out, complaints, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  assert.equal(complaints, '')
  return { code, report: JSON.parse(out) as Report }
}

/** How many processes are in a group. */
function members(group: number): number {
  return readdirSync('/proc').filter((name) => {
    try {
      // pid (name) state ppid pgrp: the name may hold anything, but no newline after its last parenthesis.
      const after = readFileSync(`/proc/${Number(name)}/stat`, 'latin1')
        .split(') ')
        .at(-1)!
      return Number(after.split(' ')[2]) === group
    } catch {
      return false
    }
  }).length
}

describe('the soak', { concurrency: 2, skip: !existsSync(program) }, () => {
  test('epoll and poll: nothing is wrong, and nothing is left', async () => {
    const { code, report } = await run('--model', 'epoll,poll')
    for (const { model, messages, stormed, problems } of report.results) {
      assert.deepEqual(problems, [], model)
      assert.ok(messages > 50, `${messages} messages`)
      // Twice: a burst, a churn and as many held.
      assert.deepEqual(stormed, { rounds: 2, held: 500, accepted: 3000 })
    }
    assert.equal(report.results.length, 2)
    assert.equal(code, 0)
  })

  test('a server that is wrong is found', async () => {
    const { code, report } = await run('--model', 'epoll', '--fault', 'byte,descriptor,memory,mapping')
    const problems = report.results[0]!.problems.join('\n')
    assert.match(problems, /stream \d+: byte \d+ is wrong/)
    assert.match(problems, /server: descriptors: .*\/dev\/null/)
    assert.match(problems, /server: externalMiB/)
    assert.match(problems, /server: mappings/)
    assert.equal(code, 1)
  })

  test('Ctrl-C ends both processes', async () => {
    const child = start(['--model', 'epoll'])
    const group = -child.pid!
    const complaints = text(child.stderr)
    // Both are there when there are three in the group.
    while (members(child.pid!) < 3) await new Promise((resolve) => setTimeout(resolve, 20))
    child.kill('SIGINT')
    const [code] = await once(child, 'exit')
    assert.equal(code, 130)
    assert.match(await complaints, /stopped by SIGINT/)
    const gone = () => {
      try {
        return !process.kill(group, 0)
      } catch {
        return true
      }
    }
    while (!gone()) await new Promise((resolve) => setTimeout(resolve, 20))
  })
})
