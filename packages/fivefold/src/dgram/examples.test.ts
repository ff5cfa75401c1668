/** The examples with datagrams run. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createSocket, type Socket } from './index.js'

const example = (name: string) => fileURLToPath(new URL(`../../../../examples/${name}.mjs`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'fivefold-examples-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const node = promisify(execFile)
const run = (name: string, args: string[], env: NodeJS.ProcessEnv = {}) =>
  node(process.execPath, [example(name), ...args], { env: { ...process.env, ...env } })

/** Everybody's receiver: what comes to a name, as text. */
async function receiver(path: string): Promise<{ socket: Socket; texts: string[] }> {
  const texts: string[] = []
  const socket = createSocket('unix_dgram', (message) => texts.push(String(message)))
  socket.bind(path)
  await once(socket, 'listening')
  return { socket, texts }
}

/** Closes the receiver when everything has come that the program had sent before it ended. */
async function received(
  { socket, texts }: { socket: Socket; texts: string[] },
  count: number,
): Promise<string[]> {
  while (texts.length < count) await once(socket, 'message')
  await new Promise<void>((resolve) => socket.close(resolve))
  return texts
}

test('sd-notify: to a path, and to an abstract name', { timeout: 120_000 }, async () => {
  for (const name of [join(folder, 'notify'), `@fivefold-notify-${process.pid}`]) {
    const manager = await receiver(name.replace(/^@/, '\0'))
    await run('sd-notify', ['READY=1', 'STATUS=Serving'], { NOTIFY_SOCKET: name })
    assert.deepEqual(await received(manager, 1), ['READY=1\nSTATUS=Serving'])
  }
  await assert.rejects(run('sd-notify', [], { NOTIFY_SOCKET: join(folder, 'nobody') }), /ENOENT/)
  await assert.rejects(run('sd-notify', [], { NOTIFY_SOCKET: '' }), /nobody wants to know/)
})

test('syslog: RFC 3164 and RFC 5424', { timeout: 120_000 }, async () => {
  const path = join(folder, 'log')
  const log = await receiver(path)
  await run('syslog', ['--socket', path, '--severity', '3', '--tag', 'app', 'it', 'broke'])
  await run('syslog', ['--socket', path, '--rfc', '5424', '--tag', 'app', 'it broke'])
  const [old, late] = await received(log, 2)
  assert.match(old!, /^<11>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d app\[\d+\]: it broke$/)
  assert.match(late!, /^<14>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ app \d+ - - \ufeffit broke$/)
  await assert.rejects(run('syslog', ['--socket', join(folder, 'nobody'), 'x']), /ENOENT/)
})

test('dogstatsd: every metric arrives, many in a datagram; without an agent they are dropped', {
  timeout: 120_000,
}, async () => {
  const path = join(folder, 'dsd')
  const agent = await receiver(path)
  const { stdout } = await run('dogstatsd', [path, '2000'])
  assert.equal(stdout, '4001 metrics sent, 0 dropped\n')
  const datagrams: string[] = agent.texts
  const count = () => datagrams.reduce((sum, text) => sum + text.split('\n').length, 0)
  while (count() < 4001) await once(agent.socket, 'message')
  await received(agent, 0)
  const lines = datagrams.flatMap((text) => text.split('\n'))
  assert.equal(lines.length, 4001)
  assert.equal(lines.filter((line) => line === 'example.requests:1|c|#route:/hello,status:200').length, 2000)
  assert.equal(
    lines.filter((line) => /^example\.milliseconds:[0-6]\.5\|d\|#route:\/hello$/.test(line)).length,
    2000,
  )
  assert.ok(datagrams.length < 100 && datagrams.every((text) => Buffer.byteLength(text) <= 8192))
  const nobody = await run('dogstatsd', [join(folder, 'nobody'), '10'])
  assert.equal(nobody.stdout, '0 metrics sent, 21 dropped\n')
})

const tun = spawnSync('unshare', ['-n', 'ip', 'tuntap', 'add', 'mode', 'tun', 'fivefold0'], {
  encoding: 'utf8',
})
const noTun = tun.status === 0 ? false : `no TUN device in a network namespace: ${tun.stderr ?? tun.error}`

test('tun-echo: a ping and a datagram go through the kernel and come back', {
  skip: noTun,
  timeout: 120_000,
}, () => {
  const { stdout, stderr, status } = spawnSync(
    'unshare',
    ['-n', process.execPath, example('tun-echo'), '--check'],
    { encoding: 'utf8' },
  )
  assert.equal(
    stdout,
    '10.55.0.9 pings back: type 0, sum ffff\n10.55.0.2:7 answers: through the tunnel\n',
    stderr,
  )
  assert.equal(status, 0)
})
