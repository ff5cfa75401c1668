// The bench: fivefold beside C and beside the other runtimes. `npm run bench -- --help`
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { build } from './lib/build.mjs'
import { compete } from './lib/compete.mjs'
import { contestant } from './lib/contestants.mjs'
import { describe, environment } from './lib/environment.mjs'
import { results } from './lib/paths.mjs'
import { installPeers } from './lib/peers.mjs'
import { describeOutcome, describeVerdicts, tallyOf } from './lib/report.mjs'
import { groups, scenarios } from './lib/scenarios.mjs'
import { selfCheck } from './lib/self-check.mjs'

const HELP = `npm run bench -- [what…] [options]

  what            scenarios or groups (${Object.keys(groups).join(', ')}); all of them if nothing is named
  --only TEXT     only contestants whose name contains TEXT; may be repeated
  --runs N        rounds, each with every contestant once (5)
  --duration S    seconds measured per run (2)
  --warmup S      seconds before that (1)
  --patience N    attempts at a run that others disturbed: other processes, stolen time, cores moved apart (3)
  --json FILE     where to write everything that was measured (bench/results/DATE.json)
  --list          the scenarios and who takes part
  --self-check    asks the bench three questions whose answers are known
  --help          this text
`

const { values: flags, positionals } = (() => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        only: { type: 'string', multiple: true, default: [] },
        runs: { type: 'string', default: '5' },
        duration: { type: 'string', default: '2' },
        patience: { type: 'string', default: '3' },
        warmup: { type: 'string', default: '1' },
        json: { type: 'string' },
        list: { type: 'boolean' },
        'self-check': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    return fail(/** @type {Error} */ (error).message)
  }
})()

/** @returns {never} */
function fail(/** @type {string} */ message) {
  console.error(`${message}\n\n${HELP}`)
  process.exit(2)
}
function positive(/** @type {'runs' | 'duration' | 'warmup' | 'patience'} */ name) {
  const value = Number(flags[name])
  if (!(value > 0)) fail(`--${name} must be a number above 0`)
  return value
}

if (flags.help) {
  console.log(HELP)
  process.exit(0)
}
if (flags.list) {
  for (const { name, title, entries, extra } of scenarios) {
    console.log(`${name.padEnd(14)} ${title}${extra ? ' (only when named)' : ''}`)
    console.log(
      `${' '.repeat(14)} ${entries.map((entry) => (typeof entry === 'string' ? entry : (entry.as ?? entry.name))).join(', ')}`,
    )
  }
  process.exit(0)
}

const options = {
  runs: Math.ceil(positive('runs')),
  duration: positive('duration'),
  warmup: positive('warmup'),
  patience: Math.ceil(positive('patience')),
  only: flags.only ?? [],
  progress(/** @type {string} */ text) {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
  },
}
const names = (positionals.length > 0 ? positionals : ['all']).flatMap((name) => groups[name] ?? [name])
const chosen = names.map(
  (name) => scenarios.find((scenario) => scenario.name === name) ?? fail(`there is no scenario ${name}`),
)

const { cc, missing } = build()
if (missing.has('load')) {
  console.error(
    `There is nothing to measure with: ${missing.get('load')}, and the load generator is written in C.`,
  )
  process.exit(1)
}
const takesPart = (/** @type {string} */ name) =>
  !flags['self-check'] &&
  (options.only.length === 0 || options.only.some((part) => name.includes(part))) &&
  chosen.some(({ entries }) => entries.includes(name))
const peers = installPeers(['bun', 'deno'].filter(takesPart))

/** Why our own servers cannot take part, or null. */
async function whyNotOurs() {
  try {
    const { listen } = await import('fivefold')
    return typeof listen === 'function' ? null : 'the library has no listen() yet'
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error)
    return code === 'ERR_MODULE_NOT_FOUND'
      ? 'the library is not built'
      : `the library cannot be loaded: ${message.split('\n')[0]}`
  }
}
const tools = { missing, peers, ours: flags['self-check'] ? 'not asked for' : await whyNotOurs() }
const resolve = (/** @type {string} */ name) => contestant(name, tools)
const surroundings = environment({ cc, peers })
console.log(describe(surroundings))

if (flags['self-check']) {
  const { sound, text } = await selfCheck(resolve, options)
  options.progress('')
  console.log(
    `\n${text}\n\n${sound ? 'The bench is sound on this machine.' : 'The bench is NOT sound on this machine: do not trust its numbers.'}`,
  )
  process.exit(sound ? 0 : 1)
}

const seconds = chosen.reduce((sum, { entries, kind }) => {
  const each = kind === 'startup' ? 0.3 : kind === 'memory' ? 2.5 : options.warmup + options.duration + 0.5
  return sum + each * options.runs * entries.length
}, 0)
console.log(`about ${Math.ceil(seconds / 60)} min if everybody takes part`)

const outcomes = []
for (const scenario of chosen) {
  const outcome = await compete(scenario, resolve, options)
  options.progress('')
  console.log(describeOutcome(outcome))
  outcomes.push(outcome)
}
if (outcomes.length > 1) console.log(`\n## all targets\n\n${describeVerdicts(outcomes)}`)
console.log(`\n${tallyOf(outcomes)}`)

mkdirSync(results, { recursive: true })
const file = flags.json ?? `${results}${surroundings.date.replace(/[:.]/g, '-')}.json`
writeFileSync(
  file,
  `${JSON.stringify({ environment: surroundings, options: { ...options, what: names }, outcomes }, null, 2)}\n`,
)
console.log(`everything measured is in ${file}`)
