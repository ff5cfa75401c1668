/**
 * One measurement: one mechanism, one protocol, so many connections. A fresh server process, a fresh generator
 * process, each on a processor of its own; then a second pair in which the calls are counted.
 *
 *   connect 1 → census → connect the rest → census   memory and descriptors per connection
 *   wait                                             CPU while waiting
 *   one message at a time                            latency
 *   all connections at once                          messages per second, CPU, context switches
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Model } from 'fivefold'
import { getrlimit, RLIMIT_NOFILE } from 'fivefold/sys'
import { Child, ChildError } from '../processes.js'
import type { Text } from '../text/language.js'
import { complaintText } from './complaint.js'
import type { Counted } from './counter.js'
import type { Connected, Errors, Sent, Window } from './generator.js'
import type { LoadConfig } from './load.js'
import {
  type CallsPerMessage,
  callsPerMessage,
  costsPerMessage,
  cpuShare,
  difference,
} from './per-message.js'
import { type Processors, startedOn } from './pinning.js'
import { type Protocol, type Result, without } from './results.js'
import type { Arrivals, Listening, ServerConfig } from './server.js'
import { enoughForP99, percentiles } from './statistics.js'
import type { Times } from './times.js'
import type { Census, Usage } from './usage.js'

export interface Cell {
  readonly model: Model
  readonly protocol: Protocol
  readonly connections: number
  readonly size: number
  readonly port: number
  readonly times: Times
  readonly processors: Processors
  readonly text: Text
  readonly signal: AbortSignal
  /** Also try how many connections it holds. */
  readonly hold: boolean
  progress(step: keyof Text['compare']['steps']): void
}

const here = (name: string) => new URL(name, import.meta.url)
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** A server and the generator that talks to it. */
class Pair {
  readonly server: Child
  readonly generator: Child

  /** Before the server listened. */
  readonly threadsAtStart: number

  private constructor(server: Child, generator: Child, threadsAtStart: number) {
    this.server = server
    this.generator = generator
    this.threadsAtStart = threadsAtStart
  }

  static async start(cell: Cell, counting: boolean): Promise<Pair> {
    const { model, protocol, size, port, processors, signal, text } = cell
    const names = text.compare.processes
    // An abstract name: nothing is left behind, however this ends.
    const path = protocol === 'unix' ? `\0fivefold-${randomBytes(6).toString('hex')}` : ''
    const config: ServerConfig = { model: model.name, protocol, port, path, size }
    const execArgv = ['--expose-gc', ...(counting ? ['--import', here('./counter.js').href] : [])]
    const server = startedOn(
      processors.server,
      () => new Child(names.server(model.name), here('./server.js'), { config, execArgv, signal, text }),
    )
    try {
      const atStart = await server.ask<Census>('census')
      const listening = await server.ask<Listening>('listen')
      const load: LoadConfig = { protocol, port: listening.port, path, size }
      const generator = startedOn(
        processors.generator,
        () => new Child(names.generator, here('./generator.js'), { config: load, signal, text }),
      )
      return new Pair(server, generator, atStart.threads)
    } catch (error) {
      await server.end()
      throw error
    }
  }

  async end(): Promise<void> {
    await Promise.all([this.generator.end(), this.server.end()])
  }
}

/** @throws Failure when a process died, ChildError when the port is taken and the like */
export async function measure(cell: Cell): Promise<Result> {
  const { model, protocol, connections, size, text } = cell
  const waiting = protocol === 'udp' ? 1 : connections + 1
  if (waiting > model.limits.maxWaiting) {
    return without(
      model.name,
      model.family,
      protocol,
      connections,
      size,
      text.compare.reasons.tooManyWaiting(model.limits.maxWaiting, waiting),
    )
  }
  const result = await measureLoad(cell)
  if (result.reason !== null) return result
  const { held, reasons, ...counted } = await countCalls(cell)
  const whole = { ...result, ...counted, reasons: { ...result.reasons, ...reasons } }
  if (held === null || result.maxConnections === null) return whole
  if (held.reason === null) return { ...whole, connectionsHeld: held.open }
  // Fewer than the limits would allow were really to be had.
  return {
    ...whole,
    connectionsHeld: held.open,
    maxConnections: Math.min(result.maxConnections, held.open),
    maxConnectionsBound: 'refused',
    reasons: { ...whole.reasons, maxConnections: complaintText(held.reason, cell.text) },
  }
}

async function measureLoad(cell: Cell): Promise<Result> {
  const { model, protocol, connections, size, times, text } = cell
  const reasons: Record<string, string> = {}
  cell.progress('start')
  const pair = await Pair.start(cell, false)
  const { server, generator } = pair
  try {
    cell.progress('connect')
    let connected = await generator.ask<Connected>('connect', { count: 1 })
    const one = await server.ask<Census>('census')
    if (connected.reason === null && connections > 1) {
      connected = await generator.ask<Connected>('connect', { count: connections - 1 })
    }
    if (connected.reason !== null) {
      const [complaint = connected.reason] = (await server.ask<Errors>('errors')).complaints
      const why = text.compare.reasons.notConnected(
        connected.open,
        connections,
        complaintText(complaint, text),
      )
      return without(model.name, model.family, protocol, connections, size, why)
    }
    const all = await server.ask<Census>('census')

    cell.progress('wait')
    const idle = await between(server, () => sleep(times.idleMs))

    cell.progress('single')
    await server.ask('note', times.singles)
    const sent = await generator.ask<Sent>('single', {
      samples: times.singles,
      milliseconds: times.singlesMs,
    })
    const arrivals = await server.ask<Arrivals>('noted')
    const latencies = latenciesOf(sent.nanoseconds, arrivals.nanoseconds)
    const latency = percentiles(latencies)
    if (latency === null) reasons.latencyMicros = text.compare.reasons.noSamples

    cell.progress('load')
    await generator.ask('start', times.warmUpMs)
    let window!: Window
    const busy = await between(server, async () => {
      window = await generator.ask<Window>('window', times.windowMs)
    })
    const busyCensus = await server.ask<Census>('census')
    await generator.ask('stop')
    const seen = [await generator.ask<Errors>('errors'), await server.ask<Errors>('errors')]
    const errors = seen.reduce((sum, { count }) => sum + count, 0)

    const descriptors = connections > 1 ? (all.descriptors - one.descriptors) / (connections - 1) : Number.NaN
    const memory = connections > 1 ? (all.residentBytes - one.residentBytes) / (connections - 1) : null
    if (protocol === 'udp') reasons.residentBytesPerConnection = text.compare.reasons.oneSocketForAll
    else if (memory === null) reasons.residentBytesPerConnection = text.compare.reasons.oneConnection
    const most = maxConnections(cell, one, descriptors, memory)
    if (most.count === null) {
      reasons.maxConnections =
        protocol === 'udp' ? text.compare.reasons.oneSocketForAll : text.compare.reasons.oneConnection
    }
    if (errors > 0) {
      const complaints = seen.flatMap((each) => each.complaints)
      reasons.errors = complaints.map((each) => complaintText(each, text)).join('; ')
    }
    return {
      ...without(model.name, model.family, protocol, connections, size, ''),
      messagesPerSecond: window.messages / window.seconds,
      messagesPerSecondSpread: { lowest: Math.min(...window.slices), highest: Math.max(...window.slices) },
      latencyMicros: latency,
      latencySamples: latencies.length,
      ...costsPerMessage(busy),
      cpuShareWhileWaiting: cpuShare(idle),
      threads: busyCensus.threads,
      threadsAtStart: pair.threadsAtStart,
      residentBytesPerConnection: protocol === 'udp' ? null : memory,
      maxConnections: most.count,
      maxConnectionsBound: most.bound,
      connectionsHeld: protocol === 'udp' ? null : connected.open,
      errors,
      generatorShare: window.share,
      generatorBound: window.share > 0.9,
      reason: null,
      reasons: enoughForP99(latencies.length)
        ? reasons
        : { ...reasons, p99: text.compare.reasons.fewSamples(latencies.length) },
    }
  } finally {
    await pair.end()
  }
}

/** What the server used while something went on. */
async function between(server: Child, during: () => Promise<unknown>): Promise<Usage> {
  const before = await server.ask<Usage>('usage')
  await during()
  return difference(before, await server.ask<Usage>('usage'))
}

/** Microseconds from each sending to its arrival; nothing where one of them is missing. */
function latenciesOf(sent: Float64Array, arrived: Float64Array): Float64Array {
  // The last one may have been sent in vain; a gap in the middle ends the series (see Load.single).
  return sent
    .slice(0, Math.min(sent.length, arrived.length))
    .map((at, index) => (arrived[index]! - at) / 1000)
}

/** The most connections by each limit there is, and the nearest of them. */
function maxConnections(
  { model, protocol }: Cell,
  one: Census,
  descriptors: number,
  memory: number | null,
): { count: number | null; bound: Result['maxConnectionsBound'] } {
  if (protocol === 'udp' || memory === null) return { count: null, bound: null }
  const bounds = {
    descriptors: 1 + Math.floor((getrlimit(RLIMIT_NOFILE).soft - one.descriptors) / descriptors),
    // One of those that wait is the accept.
    threads: model.limits.maxWaiting - 1,
    memory: memory <= 0 ? Number.POSITIVE_INFINITY : Math.floor(availableMemory() / memory),
  }
  const bound = (Object.keys(bounds) as (keyof typeof bounds)[]).reduce((nearest, name) =>
    bounds[name] < bounds[nearest] ? name : nearest,
  )
  return { count: bounds[bound], bound }
}

function availableMemory(): number {
  const kilobytes = /^MemAvailable:\s*(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]
  return Number(kilobytes) * 1024
}

/** The second pass: the same load, with the calls counted; and then as many connections as it holds. */
async function countCalls(
  cell: Cell,
): Promise<Partial<CallsPerMessage> & { held: Connected | null; reasons: Record<string, string> }> {
  const { model, times, connections, hold, protocol, text } = cell
  cell.progress('count')
  const pair = await Pair.start(cell, true)
  const { server, generator } = pair
  try {
    const connected = await generator.ask<Connected>('connect', { count: connections })
    if (connected.reason !== null)
      return { held: null, reasons: { syscallsPerMessage: complaintText(connected.reason, text) } }
    await generator.ask('start', Math.min(times.warmUpMs, 100))
    const before = await server.ask<Counted>('counted')
    let after = before
    // On a busy machine it may take longer until there is something to count.
    for (let tries = 0; tries < 20 && after.usage.messages - before.usage.messages < 10; tries++) {
      await sleep(times.countMs)
      after = await server.ask<Counted>('counted')
    }
    await generator.ask('stop')
    const { counted, unseen } = callsPerMessage(before, after)
    const reasons: Record<string, string> = unseen
      ? { callsPerMessage: text.compare.reasons.callsUnseen }
      : {}
    // One more than the threads there are is certain to be refused; trying would only start them all.
    const most = Math.min(times.holdAtMost, Number.isFinite(model.limits.maxWaiting) ? 0 : times.holdAtMost)
    if (!hold || protocol === 'udp' || most <= connections) return { ...counted, held: null, reasons }
    cell.progress('hold')
    const held = await generator.ask<Connected>('connect', {
      count: most - connections,
      greeting: Math.min(cell.size, 64),
    })
    return { ...counted, held, reasons }
  } finally {
    await pair.end()
  }
}

/** Whether an error says that what was asked for cannot be had, rather than that something broke. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ChildError && error.code === 'ERR_FIVEFOLD_MODEL_UNAVAILABLE'
}
