// The bench: fivefold beside C and beside the other runtimes. `npm run bench -- --help`
import { mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { build } from './lib/build.mjs'
import { compete } from './lib/compete.mjs'
import { contestant, peerOf, whyNotOurs } from './lib/contestants.mjs'
import { describeRecorded, reportOf, write } from './lib/earlier.mjs'
import { describe, environment, independentTools } from './lib/environment.mjs'
import { results } from './lib/paths.mjs'
import { installPeers } from './lib/peers.mjs'
import { planned, takingPart } from './lib/plan.mjs'
import { describeOutcome } from './lib/report.mjs'
import { groups, scenarios } from './lib/scenarios.mjs'
import { selfCheck } from './lib/self-check.mjs'

const HELP = `npm run bench -- [what…] [options]

  what            scenarios or groups (${Object.keys(groups).join(', ')}); all of them if nothing is named
  --quick         the whole table in about five minutes, to look at, not to quote: fewer and
                  shorter runs of those alone whom the table shows
  --only TEXT     only contestants whose name contains TEXT; may be repeated
  --runs N        rounds, each with every contestant once (5; quick 2)
  --duration S    seconds measured per run (1.2; quick 0.35)
  --warmup S      seconds before that (0.6; quick 0.25)
  --patience N    attempts at a run that others disturbed: other processes, stolen time, cores moved apart (3; quick 1);
                  a sixth of all runs is repeated at most
  --json FILE     where to write everything that was measured (bench/results/DATE.json)
  --from FILE     measures nothing: prints the table of promises from the JSON file of an earlier run
  --markdown      that table as Markdown
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
        runs: { type: 'string' },
        duration: { type: 'string' },
        patience: { type: 'string' },
        warmup: { type: 'string' },
        json: { type: 'string' },
        from: { type: 'string' },
        quick: { type: 'boolean', default: false },
        markdown: { type: 'boolean', default: false },
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
function positive(
  /** @type {'runs' | 'duration' | 'warmup' | 'patience'} */ name,
  /** @type {number} */ usual,
  /** @type {number} */ quick,
) {
  const value = flags[name] === undefined ? (flags.quick ? quick : usual) : Number(flags[name])
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
if (flags.from !== undefined) {
  try {
    console.log(reportOf(flags.from, flags.markdown))
  } catch (error) {
    console.error(/** @type {Error} */ (error).message)
    process.exit(1)
  }
  process.exit(0)
}

const options = {
  quick: flags.quick,
  runs: Math.ceil(positive('runs', 5, 2)),
  duration: positive('duration', 1.2, 0.35),
  warmup: positive('warmup', 0.6, 0.25),
  patience: Math.ceil(positive('patience', 3, 1)),
  only: flags.only ?? [],
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
const taking = chosen.flatMap((scenario) => takingPart(scenario, options).map(({ name }) => name))
const wantedPeers = flags['self-check']
  ? []
  : [...new Set(taking.map(peerOf))].filter((name) => name !== undefined)
const available = {
  missing,
  peers: installPeers(wantedPeers),
  ours: flags['self-check'] ? {} : await whyNotOurs(),
  tools: independentTools(),
}
const resolve = (/** @type {string} */ name) => contestant(name, available)
const surroundings = environment({ cc, ...available })
console.log(describe(surroundings))

const progress = (/** @type {string} */ text) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}
if (flags['self-check']) {
  const { sound, text } = await selfCheck(resolve, { ...options, progress })
  progress('')
  console.log(
    `\n${text}\n\n${sound ? 'The bench is sound on this machine.' : 'The bench is NOT sound on this machine: do not trust its numbers.'}`,
  )
  process.exit(sound ? 0 : 1)
}

const plan = planned(chosen, resolve, options)
const repeats = { left: options.patience > 1 ? plan.repeats : 0 }
console.log(
  `about ${Math.ceil(plan.seconds / 60)} min${repeats.left > 0 ? `, and up to ${repeats.left} repeated runs` : ''}`,
)

mkdirSync(results, { recursive: true })
const file = flags.json ?? `${results}${surroundings.date.replace(/[:.]/g, '-')}.json`
/** @type {import('./lib/compete.mjs').Outcome[]} */
const outcomes = []
const recorded = { environment: surroundings, options: { ...options, what: names }, outcomes }
for (const scenario of chosen) {
  if (scenario.kind === 'http' && !available.tools.wrk) {
    console.log(`\n## ${scenario.name}: ${scenario.title}\nskipped: wrk is not installed`)
    continue
  }
  const outcome = await compete(scenario, resolve, { ...options, repeats, progress })
  progress('')
  console.log(describeOutcome(outcome))
  outcomes.push(outcome)
  write(file, recorded) // whoever stops it keeps what there is
}
write(file, recorded)
console.log(`\n## what was promised\n\n${describeRecorded(recorded, flags.markdown)}`)
console.log(`everything measured is in ${file}`)
