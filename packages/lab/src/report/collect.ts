/** Runs what the report shows: the commands themselves, whose `--json` it keeps. */
import { models } from 'fivefold'
import { parse } from '../arguments.js'
import type { Trial } from '../claims/claim.js'
import { claimsCommand } from '../commands/claims.js'
import type { Command, Invocation } from '../commands/command.js'
import { compare } from '../commands/compare.js'
import { trace } from '../commands/trace.js'
import { environment } from '../environment.js'
import { oneLine } from '../failure.js'
import { watchOthers } from '../measure/others.js'
import { chooseProcessors } from '../measure/pinning.js'
import type { Comparison } from '../measure/results.js'
import { Progress, type Terminal } from '../terminal/terminal.js'
import type { Trace } from '../trace/trace.js'
import type { Results, Trouble } from './results.js'

/** Of several messages the one in the middle is drawn: one alone may be the one that was disturbed. */
const MESSAGES = 20
const QUICK_MESSAGES = 5

export interface Wanted {
  readonly quick: boolean
  /** Names of experiments. */
  readonly claims: readonly string[]
  /** No experiment is begun later than this after the beginning of it all, milliseconds. */
  readonly withinMs: number
}

const commands = { compare, trace, claims: claimsCommand }

/**
 * @param run the commands: others in tests
 * @throws what interrupted it; whatever else fails is among the results' troubles
 */
export async function collect(
  invocation: Invocation,
  { quick, claims, withinMs }: Wanted,
  run: Readonly<Record<keyof typeof commands, Command>> = commands,
): Promise<Results> {
  const { text, err } = invocation
  const began = performance.now()
  const before = environment(invocation.commandLine, chooseProcessors())
  const taken = watchOthers()
  const troubles: Trouble[] = []
  const says = text.report.parts
  const shortly = quick ? ['--quick'] : []
  err.line(err.style.bold(says.compare))
  const compared = await jsonOf<Comparison>(run.compare, shortly, invocation, troubles)

  err.line(err.style.bold(says.traces))
  const here = models.filter((model) => model.probe().ok)
  const repeat = String(quick ? QUICK_MESSAGES : MESSAGES)
  const traces: Trace[] = []
  const progress = new Progress(err, here.length)
  try {
    for (const { name } of here) {
      progress.at(name)
      const traced = await jsonOf<Trace>(run.trace, [name, '--repeat', repeat], invocation, troubles)
      if (traced !== null) traces.push(traced)
      progress.next()
    }
  } finally {
    progress.clear()
  }

  const trials: Trial[] = []
  const leftOut: string[] = []
  if (claims.length > 0) err.line(err.style.bold(says.claims))
  const tried = new Progress(err, claims.length)
  // The progress is told here.
  const quiet = { ...invocation, err: telling(err, () => {}) }
  try {
    for (const [index, name] of claims.entries()) {
      if (performance.now() - began > withinMs) {
        leftOut.push(...claims.slice(index))
        break
      }
      tried.at(name)
      const trial = await jsonOf<Trial>(run.claims, [name, ...shortly], quiet, troubles)
      if (trial !== null) trials.push(trial)
      tried.next()
    }
  } finally {
    tried.clear()
  }
  return {
    fivefold: before.version,
    environment: { ...before, takenByOthers: taken() },
    compare: compared,
    traces,
    claims: joined(trials),
    leftOut,
    troubles,
  }
}

/** A terminal that gives what it is told to somebody else. */
const telling = (terminal: Terminal, tell: (piece: string) => void): Terminal => ({
  ...terminal,
  isTTY: false,
  write: tell,
  line: (piece = '') => tell(`${piece}\n`),
})

function joined(trials: readonly Trial[]): Trial | null {
  const [first] = trials
  return first === undefined ? null : { ...first, results: trials.flatMap(({ results }) => results) }
}

/** What a command prints with `--json`. That it ended badly is kept beside what it printed. */
async function jsonOf<T>(
  command: Command,
  argv: readonly string[],
  invocation: Invocation,
  troubles: Trouble[],
): Promise<T | null> {
  const { text, signal } = invocation
  let printed = ''
  const out = telling(invocation.out, (piece) => {
    printed += piece
  })
  const parsed = parse(command.options, [...argv, '--json'], text, command.mostPositionals)
  const commandLine = ['fivefold', command.name, ...argv].join(' ')
  try {
    await command.run({ ...invocation, parsed, out, commandLine })
  } catch (error) {
    signal.throwIfAborted()
    troubles.push({ part: [command.name, ...argv].join(' '), message: oneLine(error) })
  }
  return printed === '' ? null : (JSON.parse(printed) as T)
}
