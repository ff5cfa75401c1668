/**
 * An outside witness: strace sees the system calls that each mechanism's name promises. In the dedicated host the
 * call that sleeps is the model's own, and Node's loop only ever polls, with a zero time-out.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { ModelName } from './models/model.js'

const folder = mkdtempSync(join(tmpdir(), 'fivefold-strace-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const reason =
  spawnSync('strace', ['-o', join(folder, 'probe'), 'true']).status === 0
    ? false
    : 'strace is not here, or may not trace'

const program = `
  import { openSync, writeSync } from 'node:fs'
  import { listen } from ${JSON.stringify(new URL('./index.js', import.meta.url).href)}
  const mark = openSync('/dev/null', 'w')
  const server = await listen({
    model: process.argv[1],
    host: 'dedicated',
    socket: { data(socket, chunk) { socket.write(chunk) } },
  })
  process.stdout.write(server.port + '\\n')
  // What comes before is starting up. The first turns are over once this has run a few times.
  let ticks = 0
  const timer = setInterval(() => {
    if (++ticks === 5) writeSync(mark, 'BEGIN')
    if (ticks !== 40) return
    writeSync(mark, 'END')
    process.exit()
  }, 20)
`

interface Call {
  thread: string
  text: string
}

/** Runs a server under strace, sends it a few messages, and gives the calls between the marks. */
async function traced(model: ModelName): Promise<Call[]> {
  const output = join(folder, model)
  const child = spawn(
    'strace',
    ['-f', '-qq', '-s', '16', '-o', output, process.execPath, '--input-type=module', '-e', program, model],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once('data', (line) => resolve(Number(line)))
    child.once('exit', () => reject(new Error('the server ended before it listened')))
  })
  let echoed = 0
  const socket = createConnection({ port, host: '127.0.0.1' })
  socket.on('data', (chunk) => {
    echoed += chunk.length
  })
  socket.on('error', () => {})
  const timer = setInterval(() => socket.write('message '), 25)
  await ended
  clearInterval(timer)
  socket.destroy()
  assert.ok(echoed >= 8, 'messages came back')
  const calls = readFileSync(output, 'utf8')
    .split('\n')
    .map((line) => ({ thread: line.split(/\s/, 1)[0]!, text: line.replace(/^\d+\s+/, '') }))
  const begin = calls.findIndex(({ text }) => text.includes('"BEGIN"'))
  const end = calls.findIndex(({ text }) => text.includes('"END"'))
  assert.ok(begin > 0 && end > begin, 'both marks are there')
  const main = calls[begin]!.thread
  return calls
    .slice(begin, end)
    .map((call) => ({ ...call, thread: call.thread === main ? 'main' : call.thread }))
}

/** The data come through this call: it may be interrupted in the trace by another thread's, or bring several at once. */
const brings = (call: string) => new RegExp(`^(${call}\\(|<\\.\\.\\. ${call} resumed>).*= [1-9]\\d*$`)

/** For each mechanism: the main thread's call that sleeps, what must be seen, and what must not. */
const promises: Record<ModelName, { sleeps: RegExp | null; somewhere?: RegExp[]; never?: RegExp[] }> = {
  blocking: { sleeps: /^recvfrom\(/, somewhere: [brings('recvfrom')] },
  'non-blocking': { sleeps: null, somewhere: [/^recvfrom\(.*EAGAIN/] },
  select: { sleeps: /^(p?select6?)\(.*\{tv_(sec|usec)/, somewhere: [brings('recvfrom')] },
  poll: { sleeps: /^p?poll\(\[/, somewhere: [brings('recvfrom')] },
  epoll: { sleeps: /^epoll_wait\(/, somewhere: [brings('recvfrom')] },
  sigio: { sleeps: /^ppoll\(NULL, 0, /, somewhere: [/SIGIO/, brings('recvfrom'), /^rt_sigreturn\(/] },
  rtsig: { sleeps: /^rt_sigtimedwait\(/, somewhere: [brings('recvfrom')] },
  'posix-aio': { sleeps: /^futex\(/, somewhere: [brings('read')] },
  io_uring: {
    sleeps: /^io_uring_enter\(/,
    never: [/^(recv|recvfrom|recvmsg|read|readv|send|sendto|sendmsg|writev)\(.*"message/],
  },
}

for (const [model, { sleeps, somewhere = [], never = [] }] of Object.entries(promises)) {
  test(`${model}: the calls its name promises`, { skip: reason }, async () => {
    const calls = await traced(model as ModelName)
    const main = calls.filter(({ thread }) => thread === 'main').map(({ text }) => text)
    // Node's loop: libuv calls epoll_pwait, with the time-out before the (absent) mask.
    const loop = main.filter((text) => /epoll_pwait/.test(text) && !/unfinished/.test(text))
    assert.ok(loop.length > 0, 'Node’s loop goes round')
    for (const text of loop) assert.match(text, /, 0, NULL, /, 'Node’s loop never sleeps')
    if (sleeps !== null)
      assert.ok(
        main.some((text) => sleeps.test(text)),
        `sleeps in ${sleeps}`,
      )
    for (const pattern of somewhere)
      assert.ok(
        calls.some(({ text }) => pattern.test(text)),
        `${pattern} is seen`,
      )
    for (const pattern of never)
      assert.ok(!calls.some(({ text }) => pattern.test(text)), `${pattern} is not seen`)
  })
}

test('sigio: sigaction is called for SIGIO', { skip: reason }, () => {
  const text = readFileSync(join(folder, 'sigio'), 'utf8')
  assert.match(text, /rt_sigaction\(SIGIO, \{sa_handler=0x/)
  assert.match(text, /F_SETOWN_EX/)
  assert.match(text, /F_SETFL, .*FASYNC|O_ASYNC/)
})
