/** `fivefold compare`: the same load through every model, one after the other, side by side at the end. */
import { type Model, type ModelName, models } from 'fivefold'
import { getrlimit, RLIMIT_NOFILE } from 'fivefold/sys'
import { counts, duration, given, has, modelList, modelNames, oneOf, port, size } from '../arguments.js'
import { environment } from '../environment.js'
import { Failure, oneLine } from '../failure.js'
import { type Cell, measure } from '../measure/cell.js'
import { measureFile } from '../measure/file-cell.js'
import { watchOthers } from '../measure/others.js'
import { chooseProcessors } from '../measure/pinning.js'
import { type Comparison, type Protocol, type Result, without } from '../measure/results.js'
import { namedFile, temporaryFile } from '../measure/target-file.js'
import { timesOf } from '../measure/times.js'
import { ChildError } from '../processes.js'
import { Progress } from '../terminal/terminal.js'
import type { Text } from '../text/language.js'
import type { Command, Invocation } from './command.js'
import { show } from './comparison.js'

const protocols = ['tcp', 'unix', 'udp'] as const satisfies readonly Protocol[]
const MOST_BYTES: Readonly<Record<Protocol, number>> = { tcp: 16 << 20, unix: 16 << 20, udp: 65_507 }
/** Descriptors that a process needs besides its connections. */
const OTHER_DESCRIPTORS = 64
/** What files are read by, and how many reads are in flight at once. */
const READ_BYTES = 4096
const READS_IN_FLIGHT = 16

interface Plan {
  readonly models: readonly ModelName[]
  readonly connections: readonly number[]
  readonly size: number
  readonly windowMs: number
  readonly protocol: Protocol
  readonly file: string | undefined
  readonly port: number
  readonly quick: boolean
}

function planOf({ parsed, text }: Invocation): Plan {
  const option = <T>(name: string, read: (value: string) => T, otherwise: T): T => {
    const value = given(parsed, name)
    return value === undefined ? otherwise : read(value)
  }
  const quick = has(parsed, 'quick')
  const protocol = option('protocol', (value) => oneOf('--protocol', value, protocols, text), 'tcp')
  return {
    quick,
    protocol,
    models: option('models', (value) => modelList(value, text), modelNames),
    connections: option('connections', (value) => counts(value, text), quick ? [64] : [1, 64, 1000]),
    size: option('size', (value) => size(value, MOST_BYTES[protocol], text), 64),
    windowMs: option('duration', (value) => duration(value, text), quick ? 700 : 2000),
    port: option('port', (value) => port(value, text), 0),
    file: given(parsed, 'file'),
  }
}

/** What can be refused before anything has run, is. */
function refuseEarly({ parsed, text }: Invocation, plan: Plan): void {
  if (given(parsed, 'models') !== undefined) {
    for (const model of chosenModels(plan)) {
      const verdict = model.probe()
      if (!verdict.ok) throw new Failure(text.errors.unavailable(model.name, verdict.reason, verdict.cure))
    }
  }
  if (given(parsed, 'connections') !== undefined) {
    const most = Math.max(...plan.connections)
    if (!enoughDescriptors(most)) {
      throw new Failure(text.errors.tooFewDescriptors(most, most + OTHER_DESCRIPTORS, descriptorLimit()))
    }
  }
}

const chosenModels = (plan: Plan): Model[] => models.filter(({ name }) => plan.models.includes(name))
const descriptorLimit = (): number => getrlimit(RLIMIT_NOFILE).soft
const enoughDescriptors = (connections: number) => connections + OTHER_DESCRIPTORS <= descriptorLimit()

export const compare: Command = {
  name: 'compare',
  options: {
    models: { type: 'string', value: 'MODEL,…' },
    connections: { type: 'string', value: 'N,…' },
    size: { type: 'string', value: 'BYTES' },
    duration: { type: 'string', value: 'TIME' },
    protocol: { type: 'string', value: 'tcp|unix|udp' },
    file: { type: 'string', value: 'PATH' },
    port: { type: 'string', value: 'PORT' },
    quick: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  mostPositionals: 0,

  async run(invocation) {
    const { parsed, text, out, err } = invocation
    const plan = planOf(invocation)
    refuseEarly(invocation, plan)
    const named = plan.file === undefined ? null : namedFile(plan.file, READ_BYTES, text)
    const processors = chooseProcessors()
    const before = environment(invocation.commandLine, processors)
    const taken = watchOthers()
    const readers = chosenModels(plan).filter(({ limits }) => limits.files)
    const file = named ?? (readers.length > 0 ? temporaryFile() : null)
    const progress = new Progress(err, plan.connections.length * plan.models.length + readers.length)
    const results: Result[] = []
    try {
      for (const connections of plan.connections) {
        for (const model of chosenModels(plan)) {
          const label = text.compare.cell(model.name, plan.protocol, connections)
          progress.at(label)
          const hold = connections === Math.max(...plan.connections)
          const { protocol, size, port } = plan
          const times = timesOf(plan.windowMs, plan.quick)
          const { signal } = invocation
          const cell: Cell = {
            model,
            protocol,
            connections,
            size,
            port,
            times,
            processors,
            text,
            signal,
            hold,
            progress: (step) => progress.at(label, text.compare.steps[step]),
          }
          const empty = (reason: string) =>
            without(model.name, model.family, protocol, connections, size, reason)
          results.push(await attempt(model, text, empty, connections, () => measure(cell), invocation, plan))
          progress.next()
        }
      }
      for (const model of file === null ? [] : readers) {
        const label = text.compare.fileCell(model.name)
        progress.at(label)
        const times = timesOf(plan.windowMs, plan.quick)
        const read = () =>
          measureFile({
            model,
            fd: file!.fd,
            size: READ_BYTES,
            inFlight: READS_IN_FLIGHT,
            times,
            processors,
            text,
            signal: invocation.signal,
            progress: (step) => progress.at(label, text.compare.steps[step]),
          })
        const empty = (reason: string) =>
          without(model.name, model.family, 'file', READS_IN_FLIGHT, READ_BYTES, reason)
        results.push(await attempt(model, text, empty, 0, read, invocation, plan))
        progress.next()
      }
    } finally {
      progress.clear()
      file?.close()
    }
    const comparison: Comparison = { environment: { ...before, takenByOthers: taken() }, results }
    if (has(parsed, 'json')) out.line(JSON.stringify(comparison, null, 2))
    else if (results.every(({ messagesPerSecond }) => messagesPerSecond === null))
      throw nothing(results, text)
    else show(comparison, file, text, out)
    return judge(results, text)
  },
}

/** Measures, or says in the result why not. What concerns the whole run (the port) ends it. */
async function attempt(
  model: Model,
  text: Text,
  empty: (reason: string) => Result,
  connections: number,
  run: () => Promise<Result>,
  { signal }: Invocation,
  plan: Plan,
): Promise<Result> {
  const verdict = model.probe()
  if (!verdict.ok) return empty(`${verdict.reason}. ${verdict.cure}`)
  if (!enoughDescriptors(connections)) {
    return empty(text.compare.reasons.needsDescriptors(connections + OTHER_DESCRIPTORS, descriptorLimit()))
  }
  try {
    return await run()
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof ChildError && plan.port !== 0) {
      if (error.code === 'EADDRINUSE') throw new Failure(text.errors.portInUse(plan.port))
      if (error.code === 'EACCES') throw new Failure(text.errors.portForbidden(plan.port))
    }
    return { ...empty(oneLine(error)), errors: 1 }
  }
}

/** Not one number: then there is no table to show, only the reason. */
function nothing([first]: readonly Result[], text: Text): Failure {
  return new Failure(text.compare.note(first!.model, first!.reason ?? text.compare.reasons.noSamples))
}

/** A run in which bytes went wrong or a process died does not end well, whatever it prints. */
function judge(results: readonly Result[], text: Text): number {
  const died = results.filter(({ reason, errors }) => reason !== null && errors !== null)
  if (died.length > 0)
    throw new Failure(text.errors.modelsFailed([...new Set(died.map(({ model }) => model))].join(', ')))
  // Datagrams may get lost.
  const errors = results.reduce(
    (sum, { protocol, errors }) => sum + (protocol === 'udp' ? 0 : (errors ?? 0)),
    0,
  )
  if (errors > 0) throw new Failure(text.errors.wrongBytes(errors))
  return 0
}
