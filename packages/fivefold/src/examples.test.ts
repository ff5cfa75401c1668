/** The programs of examples/, run as a reader would run them. */
import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import type { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { epoll } from './models/synchronous.js'

const folder = fileURLToPath(new URL('../../../examples/', import.meta.url))

type Running = ChildProcessByStdio<null, Readable, Readable>

function run(t: TestContext, name: string, args: readonly string[]): Running {
  const child = spawn(process.execPath, [folder + name, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  return child
}

/** Reads what a program says until it matches. */
async function says(child: Running, pattern: RegExp): Promise<RegExpMatchArray> {
  let text = ''
  for await (const part of child.stdout.iterator({ destroyOnReturn: false })) {
    text += part
    const match = text.match(pattern)
    if (match !== null) return match
  }
  throw new Error(`it ended and had said: ${text}`)
}

async function rest(stream: Readable): Promise<string> {
  let text = ''
  for await (const part of stream) text += part
  return text
}

const skip = !existsSync(folder) || !epoll.probe().ok

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`workers.mjs: the cores share the connections, and ${signal} ends it in order`, {
    skip,
  }, async (t) => {
    const child = run(t, 'workers.mjs', ['--port', '0', '--workers', '2', '--model', 'epoll'])
    const [, port] = await says(child, /2 workers, epoll, port (\d+)/)
    const bytes = Buffer.alloc(3_000_000, 'sixteen bytes ! ')
    const answers = Array.from({ length: 48 }, async (_, index) => {
      const socket = connect(Number(port), '127.0.0.1')
      // The first sends more than fits anywhere, and reads only later.
      const sent = index === 0 ? bytes : bytes.subarray(0, 16)
      socket.end(sent)
      if (index === 0) await new Promise((resolve) => setTimeout(resolve, 50))
      const parts: Buffer[] = []
      for await (const part of socket) parts.push(part as Buffer)
      assert.ok(Buffer.concat(parts).equals(sent), 'what came back is what was sent')
    })
    await Promise.all(answers)
    // One more is still open then.
    const open = connect(Number(port), '127.0.0.1')
    open.on('error', () => {})
    await once(open, 'connect')
    child.kill(signal)
    const [said, complaints, [code, by]] = await Promise.all([
      rest(child.stdout),
      rest(child.stderr),
      once(child, 'exit'),
    ])
    open.destroy()
    assert.deepEqual([code, by, complaints], [0, null, ''])
    const counts = [...said.matchAll(/worker [12]: (\d+) connections/g)].map((match) => Number(match[1]))
    assert.equal(counts.length, 2, said)
    assert.ok(
      counts.every((count) => count > 0),
      said,
    )
    assert.ok([48, 49].includes(counts[0]! + counts[1]!), said)
  })
}

/** A program that ends by itself. */
function output(name: string): string {
  const { stdout, stderr, status } = spawnSync(process.execPath, [folder + name], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return stdout
}

test('examples/net.mjs', () => {
  assert.match(output('net.mjs'), /^hello came back through (io_uring|epoll)\n$/)
})

test('examples/http.mjs', () => {
  const { path, model } = JSON.parse(output('http.mjs')) as { path: string; model: string }
  assert.equal(path, '/hello')
  assert.match(model, /io_uring|epoll/)
})
