/** `fivefold advise`: a workload is described, and measured; one mechanism is recommended. */
import { type Model, models } from 'fivefold'
import { getrlimit, RLIMIT_NOFILE } from 'fivefold/sys'
import { better, type Candidate, type Excluded, type Goal, goals, rank, wantedOf } from '../advise/rank.js'
import { type Sample, type Surroundings, sampleOf, type Workload } from '../advise/sample.js'
import { show } from '../advise/show.js'
import { duration, given, has, MOST_CONNECTIONS, oneOf, size } from '../arguments.js'
import { environment } from '../environment.js'
import { Failure, oneLine, USAGE } from '../failure.js'
import { watchOthers } from '../measure/others.js'
import { chooseProcessors } from '../measure/pinning.js'
import { temporaryFile } from '../measure/target-file.js'
import { timesOf } from '../measure/times.js'
import { Progress } from '../terminal/terminal.js'
import type { Text } from '../text/language.js'
import type { Command, Invocation } from './command.js'

const ROUNDS = 3
const MOST_BYTES = 16 << 20
const MOST_READ_BYTES = 1 << 20
/** Descriptors that a process needs besides its connections. */
const OTHER_DESCRIPTORS = 64
/** Who is so many times worse in the first round is not measured again. */
const HOPELESS = 2

interface Plan extends Workload {
  readonly goal: Goal
  readonly files: boolean
  readonly windowMs: number
}

function planOf({ parsed, text }: Invocation): Plan {
  const option = <T>(name: string, read: (value: string) => T, otherwise: T): T => {
    const value = given(parsed, name)
    return value === undefined ? otherwise : read(value)
  }
  const files = has(parsed, 'files')
  const goal = option('for', (value) => oneOf('--for', value, goals, text), 'throughput')
  if (files && goal === 'memory') throw new Failure(text.advise.memoryOfFiles, USAGE)
  const connections = option('connections', (value) => oneCount(value, text), 64)
  const share = option('active', (value) => shareOf(value, text), 1)
  return {
    goal,
    files,
    connections,
    active: Math.max(1, Math.round(connections * share)),
    size: option(
      'size',
      (value) => size(value, files ? MOST_READ_BYTES : MOST_BYTES, text),
      files ? 4096 : 64,
    ),
    windowMs: option('duration', (value) => duration(value, text), 500),
  }
}

function oneCount(value: string, text: Text): number {
  const count = /^\d+$/.test(value) ? Number(value) : Number.NaN
  if (!(count >= 1 && count <= MOST_CONNECTIONS)) throw new Failure(text.advise.oneNumber(value), USAGE)
  return count
}

/** `0.01`, `1%`. */
export function shareOf(value: string, text: Text): number {
  const [, number, percent] = /^(\d*\.?\d+)(%?)$/.exec(value) ?? []
  const share = number === undefined ? Number.NaN : Number(number) / (percent === '%' ? 100 : 1)
  if (!(share > 0 && share <= 1)) throw new Failure(text.advise.badShare(value), USAGE)
  return share
}

/** Why a model is no candidate, or null. */
function unfit(model: Model, { files, connections, active }: Plan, text: Text): string | null {
  const verdict = model.probe()
  if (!verdict.ok) return `${verdict.reason}. ${verdict.cure}`
  if (files && !model.limits.files) return text.compare.reasons.files
  const waiting = files ? active : connections + 1
  if (waiting > model.limits.maxWaiting)
    return text.compare.reasons.tooManyWaiting(model.limits.maxWaiting, waiting)
  return null
}

export const advise: Command = {
  name: 'advise',
  options: {
    connections: { type: 'string', value: 'N' },
    active: { type: 'string', value: 'SHARE' },
    size: { type: 'string', value: 'BYTES' },
    for: { type: 'string', value: goals.join('|') },
    files: { type: 'boolean' },
    duration: { type: 'string', value: 'TIME' },
    json: { type: 'boolean' },
  },
  mostPositionals: 0,

  async run(invocation) {
    const { parsed, text, out, err, signal } = invocation
    const plan = planOf(invocation)
    const limit = getrlimit(RLIMIT_NOFILE).soft
    const needed = plan.connections + OTHER_DESCRIPTORS
    if (!plan.files && needed > limit) {
      throw new Failure(text.errors.tooFewDescriptors(plan.connections, needed, limit))
    }
    const processors = chooseProcessors()
    const before = environment(invocation.commandLine, processors)
    const taken = watchOthers()
    const excluded: Excluded[] = []
    const samples = new Map<Model, Sample[]>()
    for (const model of models) {
      const reason = unfit(model, plan, text)
      if (reason === null) samples.set(model, [])
      else excluded.push({ model: model.name, reason })
    }
    const file = plan.files ? temporaryFile() : null
    const around: Surroundings = { times: timesOf(plan.windowMs, true), processors, text, signal, file }
    const progress = new Progress(err, samples.size * ROUNDS)
    try {
      for (let round = 0; round < ROUNDS; round++) {
        // Once in one order, once in the other: what changes meanwhile is not always at the same one's expense.
        const order = round % 2 === 0 ? [...samples.keys()] : [...samples.keys()].reverse()
        for (const model of order) {
          const found = samples.get(model)!
          if (found.length === round && !(round > 0 && hopeless(found, [...samples.values()], plan.goal))) {
            progress.at(text.advise.round(model.name, round + 1))
            const sample = await attempt(() => sampleOf(model, plan, around), signal)
            if (typeof sample === 'string') {
              samples.delete(model)
              excluded.push({ model: model.name, reason: sample })
            } else found.push(sample)
          }
          progress.next()
        }
      }
    } finally {
      progress.clear()
      file?.close()
    }
    const candidates: Candidate[] = [...samples].map(([{ name }, seen]) => ({ model: name, samples: seen }))
    const recommendation = rank(candidates, plan.goal)
    const { windowMs: _, goal, files, ...workload } = plan
    const advice = {
      environment: { ...before, takenByOthers: taken() },
      workload: { ...workload, files },
      goal,
      recommended: recommendation.recommended?.model ?? null,
      runnerUp: recommendation.runnerUp?.model ?? null,
      withinSpread: recommendation.withinSpread,
      ranking: recommendation.ranking,
      excluded: [
        ...excluded,
        ...recommendation.wasteful.map((model) => ({ model, reason: text.advise.wasteful })),
      ],
    }
    if (has(parsed, 'json')) out.line(JSON.stringify(advice, null, 2))
    else show(advice, recommendation, text, out)
    if (recommendation.recommended === null) throw new Failure(text.advise.nothing)
    return 0
  },
}

function hopeless(own: readonly Sample[], all: readonly (readonly Sample[])[], goal: Goal): boolean {
  const firsts = all.filter((samples) => samples.length > 0).map(([first]) => wantedOf(first!, goal))
  const best = firsts.reduce((a, b) => (better(a, b, goal) ? a : b))
  const ratio = wantedOf(own[0]!, goal) / best
  return goal === 'throughput' ? ratio < 1 / HOPELESS : ratio > HOPELESS
}

/** A process that dies is a reason against its model, not against the advice. */
async function attempt(take: () => Promise<Sample | string>, signal: AbortSignal): Promise<Sample | string> {
  try {
    return await take()
  } catch (error) {
    signal.throwIfAborted()
    return oneLine(error)
  }
}
