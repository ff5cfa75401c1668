import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { commands } from './commands/commands.js'
import { widthOf } from './terminal/width.js'
import { type RunOptions, run, withoutIoUring } from './testing.js'
import { en } from './text/en.js'
import { zh } from './text/zh.js'

const folder = mkdtempSync(join(tmpdir(), 'fivefold-lab-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const short = ['--duration', '50ms', '--connections', '1']

/** It fails with one line that says why, and leaves nothing running. */
async function fails(
  parameters: readonly string[],
  why: RegExp,
  { status: wanted, ...options }: RunOptions & { status?: number } = {},
): Promise<void> {
  const { status, signal, out, err, left } = await run(parameters, options)
  assert.equal(signal, null)
  if (wanted === undefined) assert.notEqual(status, 0, out)
  else assert.equal(status, wanted, parameters.join(' '))
  assert.equal(out, '')
  const complaints = err.split('\n').filter((line) => line !== '' && !line.startsWith('['))
  assert.equal(complaints.length, 1, err)
  assert.match(complaints[0]!, why)
  assert.match(complaints[0]!, /^fivefold: /)
  assert.deepEqual(left, [])
}

test('help and version', async () => {
  const { version } = (await import('../package.json', { with: { type: 'json' } })).default as {
    version: string
  }
  assert.equal((await run(['--version'])).out, `${version}\n`)
  const help = await run(['--help'])
  assert.equal(help.status, 0)
  for (const line of help.out.split('\n')) assert(line.length <= 100, line)
  const nothing = await run([])
  assert.equal(nothing.status, 2)
  assert.equal(nothing.out, '')
  assert.equal(nothing.err, help.out)
})

test('every command is in the help, and has its own, in both languages', async () => {
  const help = await run(['--help'])
  const chinese = await run(['--help', '--lang', 'zh'])
  for (const command of commands) {
    const { name, options } = command
    assert.match(help.out, new RegExp(`^  ${name} `, 'm'))
    assert.match(chinese.out, new RegExp(`^  ${name} .*\\p{Script=Han}`, 'mu'))
    const own = await run(['help', name])
    assert.equal(own.status, 0)
    assert.match(own.out, new RegExp(`^fivefold ${name} `))
    assert.equal((await run([name, '--help'])).out, own.out)
    const [here, there] = [own.out, (await run([name, '--help', '--lang', 'zh'])).out]
    for (const option of Object.keys(options)) {
      // What it takes, and what it is for: in words.
      assert.match(here, new RegExp(`^  (-\\w, )?--${option}( \\S+)?  +[\\w.]`, 'm'), `${name} --${option}`)
      assert.match(
        there,
        new RegExp(`^  (-\\w, )?--${option}( \\S+)?  +.*\\p{Script=Han}`, 'mu'),
        `${name} --${option}`,
      )
    }
    for (const line of `${here}${there}`.split('\n')) assert(widthOf(line) <= 100, line)
  }
  // None has words that is not there.
  for (const text of [en, zh]) {
    assert.deepEqual(Object.keys(text.commands).sort(), commands.map(({ name }) => name).sort())
  }
})

test('every command refuses what it does not know, in one line and before it does anything', async () => {
  for (const { name, mostPositionals } of commands) {
    await fails([name, '--nothing'], /no option '--nothing'/, { status: 2 })
    if (!Number.isFinite(mostPositionals)) continue
    const many = Array.from({ length: mostPositionals + 1 }, (_, index) => `extra${index}`)
    await fails([name, ...many], new RegExp(`'extra${mostPositionals}' is one argument too many`), {
      status: 2,
    })
  }
})

test('Chinese, by the option and by the environment', async () => {
  const byOption = await run(['--help', '--lang', 'zh'])
  assert.match(byOption.out, /命令/)
  assert.equal((await run(['--lang=zh', '--help'])).out, byOption.out)
  assert.equal((await run(['--help'], { env: { LC_ALL: 'zh_CN.UTF-8' } })).out, byOption.out)
  await fails(['compare', '--size', 'x', '--lang', 'zh'], /“x”/)
})

test('a command line that is not understood', async () => {
  await fails(['nothing'], /no command 'nothing'/)
  await fails(['compare', '--nothing'], /no option '--nothing'/)
  await fails(['compare', 'epoll'], /'epoll' is one argument too many/)
  await fails(['models', '--lang', 'fr'], /--lang is one of en, zh/)
  await fails(['trace'], /which model\?/)
  await fails(['trace', 'kqueue'], /no model 'kqueue'/)
  await fails(['trace', 'epoll', '--protocol', 'sctp'], /--protocol is one of udp, tcp, unix/)
  await fails(['compare', '--models', 'epoll,kqueue'], /no model 'kqueue'/)
  await fails(['compare', '--size', '0'], /'0' is not a size/)
  await fails(['compare', '--size', '65508', '--protocol', 'udp'], /65,507 bytes/)
  await fails(['compare', '--duration', 'long'], /'long' is not a duration/)
  await fails(['compare', '--connections', '1,,2'], /'1,,2' is not a list/)
  await fails(['compare', '--port', '70000'], /'70000' is not a port/)
})

test('a file that is missing, none, or too small', async () => {
  const small = join(folder, 'small')
  writeFileSync(small, 'x')
  await fails(['compare', '--file', join(folder, 'none'), ...short], /there is no file/)
  await fails(['compare', '--file', folder, ...short], /is not a regular file/)
  await fails(['compare', '--file', small, ...short], /is too small/)
})

test('a port that is in use', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  try {
    await fails(
      ['compare', '--port', String(port), '--models', 'epoll', ...short],
      new RegExp(`port ${port} is in use`),
    )
  } finally {
    server.close()
  }
})

// Only root can become somebody who may not; and Node itself must be where everybody can run it.
const drop = ['--reuid', '65534', '--regid', '65534', '--clear-groups']
const unprivileged = `exec setpriv ${drop.join(' ')} "$0" "$@"; true`
const asNobody = [...drop, 'sh', '-c', '"$0" --version', process.execPath]
const canDrop = process.getuid?.() === 0 && spawnSync('setpriv', asNobody).status === 0

test('no permission: a file, a privileged port', {
  skip: !canDrop && 'needs root and setpriv, to give it up',
}, async () => {
  const secret = join(folder, 'secret')
  writeFileSync(secret, Buffer.alloc(8192), { mode: 0o600 })
  await fails(['compare', '--file', secret, ...short], /no permission to read/, { after: unprivileged })
  await fails(['compare', '--port', '1', '--models', 'epoll', ...short], /port 1 may not be used/, {
    after: unprivileged,
  })
})

test('io_uring refused by a filter', async () => {
  await fails(['compare', '--models', 'io_uring', ...short], /io_uring cannot work here: /, {
    env: withoutIoUring,
  })
  await fails(['trace', 'io_uring'], /io_uring cannot work here: /, { env: withoutIoUring })
})

test('too few descriptors', async () => {
  await fails(
    ['compare', '--models', 'epoll', '--connections', '200'],
    /200 connections need about 264 descriptors/,
    {
      after: 'ulimit -n 128',
    },
  )
  // So few that the program may not even load: where that is so, it is one line as well.
  if ((await run(['models'], { after: 'ulimit -n 24' })).status !== 0) {
    await fails(['models'], /EMFILE/, { after: 'ulimit -n 24' })
  }
})
