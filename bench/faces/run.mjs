// The faces beside Node's own modules: CPU time of the server per message, in turns, a fresh process each.
//
//   node bench/faces/run.mjs                    # echo of 64 B and 64 KiB, http hello world, Fastify, 100 MB both ways
//   node bench/faces/run.mjs hello --rounds 7 --seconds 3 --model epoll
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { connect } from 'fivefold'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    connections: { type: 'string', default: '64' },
    model: { type: 'string' },
    node: { type: 'string', default: process.execPath },
  },
})
const connections = Number(flags.connections)
const seconds = Number(flags.seconds)

const program = fileURLToPath(new URL('../bin/ask', import.meta.url))
mkdirSync(fileURLToPath(new URL('../bin', import.meta.url)), { recursive: true })
const source = fileURLToPath(new URL('../c/ask.c', import.meta.url))
if (spawnSync('cc', ['-O2', '-o', program, source], { stdio: 'inherit' }).status !== 0) process.exit(1)

const request = Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n')
const scenarios = {
  echo64: { file: 'echo.mjs', module: 'net', message: Buffer.alloc(64, 'm'), answer: 64, target: 1.5 },
  echo64k: { file: 'echo.mjs', module: 'net', message: Buffer.alloc(65536, 'm'), answer: 65536, target: 1.2 },
  hello: { file: 'hello.mjs', module: 'http', message: request, answer: null, target: 1.7 },
  async: { file: 'hello-async.mjs', module: 'http', message: request, answer: null, target: 1.7 },
  fastify: { file: 'fastify.mjs', module: 'http', message: request, answer: null, target: 1.4 },
  download: { file: 'transfer.mjs', module: 'http', transfer: 'GET', target: 1 },
  upload: { file: 'transfer.mjs', module: 'http', transfer: 'POST', target: 1 },
}
const names = positionals.length > 0 ? positionals : Object.keys(scenarios)

/** Seconds of CPU a process has used, all its threads together: in its own code, and in the kernel. */
function timesOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return [Number(fields[11]) / 100, Number(fields[12]) / 100]
}

function cpuOf(pid) {
  const [user, system] = timesOf(pid)
  return user + system
}

function start(file, module) {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const register = module.startsWith('fivefold') && flags.model ? { FIVEFOLD_MODEL: flags.model } : {}
  const preload = Object.keys(register).length > 0 ? ['--import', 'fivefold/register'] : []
  const child = spawn('taskset', ['-c', '0', flags.node, ...preload, path, module], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...register },
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.stdout.once('data', (line) => resolve({ child, port: Number(String(line).split(' ')[1]) }))
  })
}

/** A closed loop: every connection has one question on its way. @returns what `bench/c/ask.c` prints */
function ask(port, pid, { message, answer }) {
  const child = spawn(
    'taskset',
    ['-c', '1', program, port, connections, 1, seconds, pid, ...(answer ? [answer] : [])].map(String),
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  child.stdin.end(message)
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += chunk
  })
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      if (code !== 0) reject(new Error(`ask ended with ${code}`))
      const [rate, cpu, p50, p99] = text.split(' ').map(Number)
      resolve({ rate, cpu: cpu / 1000, p50, p99 })
    })
  })
}

async function measure(scenario, module) {
  const { child, port } = await start(scenario.file, module)
  try {
    if (scenario.transfer) return await transfer(port, scenario.transfer, child.pid)
    const before = timesOf(child.pid)
    const result = await ask(port, child.pid, scenario)
    const [user, system] = timesOf(child.pid).map((time, at) => time - before[at])
    return { ...result, user: (result.cpu * user) / (user + system) }
  } finally {
    child.kill('SIGKILL')
  }
}

/** 100 MB one way. Rate: megabytes per second; CPU: microseconds per 64 KiB. */
async function transfer(port, method, pid) {
  const bytes = 1600 * 65536
  const chunk = Buffer.alloc(65536, 'y')
  const head =
    method === 'GET'
      ? 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
      : `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${bytes}\r\n\r\n`
  const once = () =>
    new Promise((resolve, reject) => {
      let left = bytes
      let came = 0
      const pump = (socket) => {
        while (left > 0) {
          const part = chunk.subarray(0, Math.min(left, chunk.length))
          const taken = socket.write(part)
          left -= taken
          if (taken < part.length) return
        }
      }
      void connect({
        port,
        hostname: '127.0.0.1',
        socket: {
          open(socket) {
            socket.write(head)
            if (method === 'POST') pump(socket)
          },
          drain: pump,
          data(_socket, part) {
            came += part.length
          },
          error: (_socket, error) => reject(error),
          close: () => resolve(came),
        },
      })
    })
  await once()
  const before = { cpu: cpuOf(pid), at: performance.now() }
  const times = Math.max(1, Math.round(seconds * 3))
  for (let time = 0; time < times; time++) {
    const came = await once()
    if (method === 'GET' && came < bytes) throw new Error(`only ${came} bytes came`)
  }
  const elapsed = (performance.now() - before.at) / 1000
  return {
    rate: (times * bytes) / 1e6 / elapsed,
    cpu: ((cpuOf(pid) - before.cpu) * 1e6) / (times * 1600),
  }
}

const least = (values) => Math.min(...values)
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

console.log(
  `Node ${process.version}, ${connections} connections, ${flags.model ?? 'auto'}; ${flags.rounds} rounds: medians, of CPU the least\n`,
)
console.log(
  'what       node: rate   CPU us (own)  p99 us   fivefold: rate   CPU us (own)  p99 us  by rate   by CPU   to reach',
)
for (const name of names) {
  const scenario = scenarios[name]
  const theirs = []
  const ours = []
  for (let round = 0; round < Number(flags.rounds); round++) {
    const order = [
      [theirs, `node:${scenario.module}`],
      [ours, `fivefold/${scenario.module}`],
    ]
    if (round % 2 === 1) order.reverse()
    for (const [results, module] of order) results.push(await measure(scenario, module))
  }
  // Whatever comes into a run costs CPU time and gives none: the least is the nearest to the truth.
  const of = (results, key) =>
    (key === 'cpu' || key === 'user' ? least : median)(results.map((result) => result[key]))
  const show = (value, width, digits = 0) => value.toFixed(digits).padStart(width)
  console.log(
    name.padEnd(10),
    show(of(theirs, 'rate'), 11),
    show(of(theirs, 'cpu'), 8, 1),
    show(of(theirs, 'user') || 0, 5, 1),
    show(of(theirs, 'p99') ?? 0, 7),
    show(of(ours, 'rate'), 16),
    show(of(ours, 'cpu'), 8, 1),
    show(of(ours, 'user') || 0, 5, 1),
    show(of(ours, 'p99') ?? 0, 7),
    show(of(ours, 'rate') / of(theirs, 'rate'), 9, 2),
    show(of(theirs, 'cpu') / of(ours, 'cpu'), 8, 2),
    show(scenario.target, 10, 2),
  )
}
process.exit(0)
