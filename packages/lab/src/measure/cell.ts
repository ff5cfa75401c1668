/**
 * One measurement: one mechanism, one protocol, so many connections.
 *
 * The first pair of processes:
 *   one connection, then all        memory and descriptors per connection
 *   wait                            CPU while waiting
 *   one message at a time           latency
 *   all connections at once         messages per second, CPU, context switches
 * The second, with the counting seam:
 *   all connections at once         calls per message
 *   as many connections as allowed  how many it holds, and again memory per connection
 */
import type { Model } from 'fivefold'
import type { Child } from '../processes.js'
import type { Text } from '../text/language.js'
import { capacityOf, type Holding } from './capacity.js'
import { complaintText } from './complaint.js'
import type { Counted } from './counter.js'
import type { Connected, Errors, Sent, Start, Window } from './generator.js'
import { Pair } from './pair.js'
import {
  type CallsPerMessage,
  callsPerMessage,
  costsPerMessage,
  cpuShare,
  difference,
} from './per-message.js'
import type { Processors } from './pinning.js'
import { type Protocol, type Result, without } from './results.js'
import type { Arrivals } from './server.js'
import { enoughForP99, percentiles } from './statistics.js'
import type { Times } from './times.js'
import type { Census, Usage } from './usage.js'

export interface Cell {
  readonly model: Model
  readonly protocol: Protocol
  readonly connections: number
  /** So many of them have messages under way, the others are open and silent; without it, all. */
  readonly active?: number
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

/** A server with few connections and with many. */
export interface Held {
  readonly few: Holding
  readonly many: Holding
  /** Why there were not more. */
  readonly refused: string | null
}

/** What the first pair showed. */
export interface Loaded {
  readonly result: Result
  readonly held: Held
  /** How many connections had messages under way; null: it did not come to that. */
  readonly active: number | null
}

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** @throws Failure when a process died, ChildError when the port is taken and the like */
export async function measure(cell: Cell): Promise<Result> {
  const { model, protocol, connections, text } = cell
  const says = text.compare.reasons
  const waiting = protocol === 'udp' ? 1 : connections + 1
  if (waiting > model.limits.maxWaiting) {
    return nothing(cell, says.tooManyWaiting(model.limits.maxWaiting, waiting))
  }
  const { result, held } = await measureLoad(cell)
  if (result.reason !== null) return result
  const counted = await countCalls(cell)
  const borrowed =
    protocol === 'udp' ? model.limits.borrows.filter((each) => each === 'recvfrom' || each === 'sendto') : []
  const reasons: Record<string, string> = { ...result.reasons, ...counted.reasons }
  if (borrowed.includes('recvfrom')) reasons.model = text.models.borrows(borrowed.join(', '))
  const whole = { ...result, ...counted.calls, reasons }
  if (protocol === 'udp') return withoutCapacity(whole, says.oneSocketForAll)
  const widest = counted.held ?? held
  if (widest.many.connections <= widest.few.connections) return withoutCapacity(whole, says.oneConnection)
  return withCapacity(whole, cell, widest)
}

const nothing = ({ model, protocol, connections, size }: Cell, reason: string): Result =>
  without(model.name, model.family, protocol, connections, size, reason)

function withoutCapacity(result: Result, why: string): Result {
  const reasons = { ...result.reasons, residentBytesPerConnection: why, maxConnections: why }
  return { ...result, connectionsHeld: result.protocol === 'udp' ? null : result.connections, reasons }
}

function withCapacity(result: Result, { model, text }: Cell, { few, many, refused }: Held): Result {
  const { bytesPerConnection, most, bound } = capacityOf(model, few, many)
  const reasons: Record<string, string> = { ...result.reasons }
  if (bytesPerConnection === null) reasons.residentBytesPerConnection = text.compare.reasons.withinNoise
  if (refused !== null) reasons.maxConnections = refused
  return {
    ...result,
    residentBytesPerConnection: bytesPerConnection,
    // Fewer than the limits would allow may be all that are really to be had.
    maxConnections: refused === null ? most : Math.min(most, many.connections),
    maxConnectionsBound: refused === null ? bound : 'refused',
    connectionsHeld: many.connections,
    reasons,
  }
}

// ---- the first pair

/** The first pair alone: no calls counted, no limits tried. */
export async function measureLoad(cell: Cell): Promise<Loaded> {
  const { connections, times, text } = cell
  const reasons: Record<string, string> = {}
  cell.progress('start')
  const pair = await Pair.start(cell, false)
  const { server, generator } = pair
  try {
    cell.progress('connect')
    let connected = await generator.ask<Connected>('connect', { count: 1 })
    const few = { connections: 1, census: await server.ask<Census>('census') }
    if (connected.reason === null && connections > 1) {
      connected = await generator.ask<Connected>('connect', { count: connections - 1 })
    }
    const many = { connections: connected.open, census: await server.ask<Census>('census') }
    const held: Held = { few, many, refused: null }
    if (connected.reason !== null) {
      const [complaint = connected.reason] = (await server.ask<Errors>('errors')).complaints
      const why = complaintText(complaint, text)
      return {
        result: nothing(cell, text.compare.reasons.notConnected(connected.open, connections, why)),
        held,
        active: null,
      }
    }

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
    else if (!enoughForP99(latencies.length)) reasons.p99 = text.compare.reasons.fewSamples(latencies.length)

    cell.progress('load')
    const start: Start = {
      warmUpMs: times.warmUpMs,
      ...(cell.active === undefined ? {} : { active: cell.active }),
    }
    const active = await generator.ask<number>('start', start)
    let window!: Window
    const busy = await between(server, async () => {
      window = await generator.ask<Window>('window', times.windowMs)
    })
    const busyCensus = await server.ask<Census>('census')
    await generator.ask('stop')
    const seen = [await generator.ask<Errors>('errors'), await server.ask<Errors>('errors')]
    const errors = seen.reduce((sum, { count }) => sum + count, 0)
    if (errors > 0) {
      const complaints = seen.flatMap((each) => each.complaints)
      reasons.errors = complaints.map((each) => complaintText(each, text)).join('; ')
    }
    const result: Result = {
      ...nothing(cell, ''),
      reason: null,
      messagesPerSecond: window.messages / window.seconds,
      messagesPerSecondSpread: { lowest: Math.min(...window.slices), highest: Math.max(...window.slices) },
      latencyMicros: latency,
      latencySamples: latencies.length,
      ...costsPerMessage(busy),
      cpuShareWhileWaiting: cpuShare(idle),
      threads: busyCensus.threads,
      threadsAtStart: pair.threadsAtStart,
      errors,
      generatorShare: window.share,
      generatorBound: window.share > 0.9,
      reasons,
    }
    return { result, held, active }
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

// ---- the second pair

interface CountedCalls {
  readonly calls: Partial<CallsPerMessage>
  readonly held: Held | null
  readonly reasons: Readonly<Record<string, string>>
}

async function countCalls(cell: Cell): Promise<CountedCalls> {
  const { times, connections, text } = cell
  cell.progress('count')
  const pair = await Pair.start(cell, true)
  const { server, generator } = pair
  try {
    const connected = await generator.ask<Connected>('connect', { count: connections })
    if (connected.reason !== null) {
      return { calls: {}, held: null, reasons: { syscallsPerMessage: complaintText(connected.reason, text) } }
    }
    await generator.ask('start', { warmUpMs: Math.min(times.warmUpMs, 100) } satisfies Start)
    const before = await server.ask<Counted>('counted')
    let after = before
    // On a busy machine it may take longer until there is something to count.
    for (let tries = 0; tries < 20 && after.usage.messages - before.usage.messages < 10; tries++) {
      await sleep(times.countMs)
      after = await server.ask<Counted>('counted')
    }
    await generator.ask('stop')
    const { counted, unseen } = callsPerMessage(before, after)
    return {
      calls: counted,
      held: await hold(cell, pair),
      reasons: unseen ? { callsPerMessage: text.compare.reasons.callsUnseen } : {},
    }
  } finally {
    await pair.end()
  }
}

/** Opens as many more connections as are worth the time. @returns null where that is none */
async function hold(cell: Cell, { server, generator }: Pair): Promise<Held | null> {
  const { model, protocol, connections, times, size, text } = cell
  // Where each connection has a thread, starting them all would show no more than some of them did.
  if (!cell.hold || protocol === 'udp' || Number.isFinite(model.limits.maxWaiting)) return null
  if (times.holdAtMost <= connections) return null
  cell.progress('hold')
  const few = { connections, census: await server.ask<Census>('census') }
  const { open, reason } = await generator.ask<Connected>('connect', {
    count: times.holdAtMost - connections,
    greeting: Math.min(size, 64),
  })
  const many = { connections: open, census: await server.ask<Census>('census') }
  if (many.connections <= few.connections) return null
  return { few, many, refused: reason === null ? null : complaintText(reason, text) }
}
