// The soak: an hour's traffic of an ordinary server in a few minutes, every byte checked, and nothing left behind.
import { fork } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { models } from 'fivefold'
import { bounds, differences, round } from './measure.mjs'
import { storms } from './storms.mjs'

/** Some 280 messages a second, for an hour. */
const HOUR = 1_000_000
/** The warm-up is a fifth of the whole, and not less than this. */
const WARM_MESSAGES = 20_000
const WARM_SECONDS = 10
const QUICK = { messages: 20_000, seconds: 15, connections: 300 }

const HELP = `npm run soak -- [options]

Connections with random message sizes (1 B to 256 KiB), half-closes from either side, resets, reconnects, pauses and
slow readers, between a server process and a generator process; every byte is checked. Then accept storms. At the
end, with everything closed, each process must hold what it held after its warm-up. Exit code 1 where that is not so.

  --model NAME       a mechanism, several with commas, or all (io_uring,epoll)
  --host HOST        embedded or dedicated (embedded)
  --connections N    at a time (1000; fewer for models with a thread for each)
  --minutes M        at most so long per model (5); it ends earlier when ${HOUR.toLocaleString('en')} messages have been sent, as
                     many as in an hour at 280 a second
  --quick            ${QUICK.connections} connections, ${QUICK.messages.toLocaleString('en')} messages, about 20 s per model
  --held N           how many connections are held at once in the accept storms (10000; 0: none, --quick: 2000)
  --seed N           of all that is random (1)
  --fault KINDS      a server that is wrong on purpose, to see that it is found: byte, descriptor, memory, mapping
  --json FILE        everything that was measured; - for standard output
  --help             this text
`

function fail(/** @type {string} */ message) {
  console.error(`${message}\n\n${HELP}`)
  process.exit(2)
}

const flags = (() => {
  try {
    return parseArgs({
      options: {
        model: { type: 'string', default: 'io_uring,epoll' },
        host: { type: 'string', default: 'embedded' },
        connections: { type: 'string' },
        minutes: { type: 'string' },
        held: { type: 'string' },
        quick: { type: 'boolean', default: false },
        seed: { type: 'string', default: '1' },
        fault: { type: 'string', default: '' },
        json: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    return fail(/** @type {Error} */ (error).message)
  }
})()
if (flags.help) {
  console.log(HELP)
  process.exit(0)
}

const number = (/** @type {'connections' | 'minutes' | 'held' | 'seed'} */ name, standard, least) => {
  const value = flags[name] === undefined ? standard : Number(flags[name])
  if (!(value >= least)) fail(`--${name} must be a number, and at least ${least}`)
  return value
}
const options = {
  host: flags.host,
  connections: Math.floor(number('connections', flags.quick ? QUICK.connections : 1000, 1)),
  seconds: flags.quick && flags.minutes === undefined ? QUICK.seconds : number('minutes', 5, 0.05) * 60,
  messages: flags.quick ? QUICK.messages : HOUR,
  held: Math.floor(number('held', flags.quick ? 2000 : 10_000, 0)),
  seed: Math.floor(number('seed', 1, 0)),
}
const faults = ['', 'byte', 'descriptor', 'memory', 'mapping']
if (!flags.fault.split(',').every((fault) => faults.includes(fault))) fail(`there is no fault ${flags.fault}`)
if (options.host !== 'embedded' && options.host !== 'dedicated') fail('--host is embedded or dedicated')
const names = flags.model === 'all' ? models.map(({ name }) => name) : flags.model.split(',')
const chosen = names.map(
  (name) => models.find((model) => model.name === name) ?? fail(`there is no model ${name}`),
)

// ---- the two processes

/** @type {Set<import('node:child_process').ChildProcess>} */
const children = new Set()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})
for (const [signal, code] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
])) {
  process.on(signal, () => {
    console.error(`\nstopped by ${signal}; both processes have been ended`)
    process.exit(code)
  })
}

class Child {
  #next = 0
  #open = new Map()
  #gone
  progress = (_) => {}

  constructor(name, args) {
    this.name = name
    this.process = fork(fileURLToPath(new URL(`./${name}.mjs`, import.meta.url)), args, {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    children.add(this.process)
    let complaints = ''
    this.process.stderr.on('data', (text) => (complaints = (complaints + text).slice(-2000)))
    this.#gone = new Promise((_, reject) => {
      this.process.once('close', (code, signal) => {
        children.delete(this.process)
        reject(new Error(`the ${name} ended with ${signal ?? code}: ${complaints.trim()}`))
      })
    })
    this.#gone.catch(() => {})
    this.ready = new Promise((resolve) => this.#open.set('ready', resolve))
    this.process.on('message', (/** @type {any} */ message) => {
      if (message.progress) this.progress(message.progress)
      else if (message.ready) this.#open.get('ready')()
      else this.#open.get(message.id)?.(message.answer)
    })
  }

  ask(ask, with_ = null) {
    const id = this.#next++
    const answer = new Promise((resolve) => this.#open.set(id, resolve))
    this.process.send({ id, ask, with: with_ })
    return Promise.race([answer, this.#gone]).finally(() => this.#open.delete(id))
  }

  async began() {
    await Promise.race([this.ready, this.#gone])
  }

  async end() {
    const gone = this.#gone.catch(() => {})
    this.process.send({ id: -1, ask: 'stop', with: null })
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 5000)
    await gone
    clearTimeout(timer)
  }
}

const show = (/** @type {string} */ text) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

// ---- one model

/** @param {import('fivefold').Model} model */
async function soak(model) {
  const bounded = Number.isFinite(model.limits.maxWaiting)
  // Where every operation that waits has a thread, a connection can have two, and a thread costs megabytes.
  const connections = Math.min(options.connections, bounded ? 100 : Number.POSITIVE_INFINITY)
  const held = bounded ? Math.min(options.held, connections) : options.held
  const threads = bounded ? String(2 * connections + 32) : ''
  const both = ['server', 'generator'].map(
    (name) => new Child(name, [model.name, options.host, threads, flags.fault]),
  )
  const [server, generator] = both
  try {
    await Promise.all(both.map((child) => child.began()))
    const { port } = await server.ask('where')
    generator.progress = ({ messages, bytes, connections, open }) =>
      show(
        `${model.name}: ${messages} messages, ${Math.round(bytes / 1e6)} MB, ${connections} connections, ${open} open`,
      )
    const run = (messages, seconds, seed) =>
      generator.ask('run', { port, connections, messages, seconds, seed })
    const quiet = async () => {
      await server.ask('quiet')
      return Promise.all(both.map((child) => child.ask('measure')))
    }

    // All pools and tables at their sizes, all code compiled.
    await run(
      Math.max(options.messages / 5, WARM_MESSAGES),
      Math.max(options.seconds / 5, Math.min(options.seconds, WARM_SECONDS)),
      options.seed + 1_000_000,
    )
    await storms(generator, server, { port, held, rounds: 1 })
    const before = await quiet()
    const begin = performance.now()
    const did = await run(options.messages, options.seconds, options.seed)
    const seconds = (performance.now() - begin) / 1000
    const stormed = await storms(generator, server, { port, held, rounds: 2 })
    const after = await quiet()

    const problems = both.flatMap(({ name }, index) =>
      differences(before[index], after[index]).map((difference) => `${name}: ${difference}`),
    )
    for (const child of both) problems.unshift(...(await child.ask('troubles')))
    const processes = both.map(({ name }, index) => ({ name, before: before[index], after: after[index] }))
    return {
      model: model.name,
      ...did,
      seconds,
      connectionsAtATime: connections,
      stormed,
      processes,
      problems,
    }
  } finally {
    await Promise.all(both.map((child) => child.end()))
  }
}

const results = []
for (const model of chosen) {
  const verdict = model.probe()
  if (!verdict.ok) {
    console.log(`${model.name}: not here: ${verdict.reason}`)
    continue
  }
  let result
  try {
    result = await soak(model)
  } catch (error) {
    result = { model: model.name, problems: [/** @type {Error} */ (error).message] }
  }
  show('')
  results.push(result)
  if (result.processes !== undefined && flags.json !== '-') {
    console.log(
      `${model.name}: ${result.messages.toLocaleString('en')} messages, ${Math.round(result.bytes / 1e6).toLocaleString('en')} MB back, ` +
        `${result.connections.toLocaleString('en')} connections (${result.connectionsAtATime} at a time) in ${round(result.seconds)} s; ` +
        `storms: ${JSON.stringify(result.stormed)}`,
    )
    for (const { name, before, after } of result.processes) {
      const figures = bounds.map(({ what }) => `${what} ${round(before[what])} -> ${round(after[what])}`)
      console.log(`  ${name.padEnd(9)} ${figures.join(', ')}`)
    }
  }
  if (flags.json !== '-') for (const problem of result.problems) console.log(`  WRONG ${problem}`)
}
const wrong = results.filter(({ problems }) => problems.length > 0)
if (flags.json !== undefined) {
  const text = `${JSON.stringify({ options, node: process.version, results }, null, 2)}\n`
  if (flags.json === '-') process.stdout.write(text)
  else writeFileSync(flags.json, text)
}
if (flags.json !== '-') {
  const verdict =
    wrong.length === 0
      ? 'nothing is wrong, and nothing is left'
      : `wrong: ${wrong.map(({ model }) => model).join(', ')}`
  console.log(`${results.length} models: ${verdict}`)
}
process.exit(wrong.length > 0 || results.length === 0 ? 1 : 0)
