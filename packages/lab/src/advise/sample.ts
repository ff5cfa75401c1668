/** One look at one mechanism under the workload that was described: fresh processes, as `compare` has them. */
import type { Model } from 'fivefold'
import type { Cell } from '../measure/cell.js'
import { complaintText } from '../measure/complaint.js'
import { measureFile } from '../measure/file-cell.js'
import type { Connected, Errors, Sent, Start, Window } from '../measure/generator.js'
import { Pair } from '../measure/pair.js'
import { costsPerMessage, cpuShare, difference } from '../measure/per-message.js'
import type { Processors } from '../measure/pinning.js'
import type { Arrivals } from '../measure/server.js'
import { percentiles } from '../measure/statistics.js'
import type { TargetFile } from '../measure/target-file.js'
import type { Times } from '../measure/times.js'
import type { Census, Usage } from '../measure/usage.js'
import type { Text } from '../text/language.js'

export interface Workload {
  readonly connections: number
  /** How many of them have a message under way at a time; of files, reads in flight. */
  readonly active: number
  readonly size: number
}

/** What was seen in one round. */
export interface Sample {
  readonly messagesPerSecond: number
  readonly latencyMicros: number
  readonly cpuMicrosPerMessage: number
  readonly cpuShareWhileWaiting: number
  /** Of the process, with all connections open; null for files. */
  readonly residentBytes: number | null
  readonly threads: number
}

export interface Surroundings {
  readonly times: Times
  readonly processors: Processors
  readonly text: Text
  readonly signal: AbortSignal
  /** What is read from, where the workload is one of files. */
  readonly file: TargetFile | null
}

/** @returns what was seen, or why nothing can be said */
export async function sampleOf(
  model: Model,
  workload: Workload,
  around: Surroundings,
): Promise<Sample | string> {
  return around.file === null
    ? ofSockets(model, workload, around)
    : ofFiles(model, workload, around, around.file)
}

async function ofSockets(model: Model, workload: Workload, around: Surroundings): Promise<Sample | string> {
  const { times, text } = around
  const says = text.compare.reasons
  const cell: Cell = {
    ...around,
    model,
    protocol: 'tcp',
    connections: workload.connections,
    size: workload.size,
    port: 0,
    hold: false,
    progress: () => {},
  }
  const pair = await Pair.start(cell, false)
  const { server, generator } = pair
  const between = async (during: () => Promise<unknown>): Promise<Usage> => {
    const before = await server.ask<Usage>('usage')
    await during()
    return difference(before, await server.ask<Usage>('usage'))
  }
  try {
    const connected = await generator.ask<Connected>('connect', { count: workload.connections })
    if (connected.reason !== null) {
      return says.notConnected(connected.open, workload.connections, complaintText(connected.reason, text))
    }
    const { residentBytes } = await server.ask<Census>('census')
    const idle = await between(() => new Promise((resolve) => setTimeout(resolve, times.idleMs)))
    await server.ask('note', times.singles)
    const sent = await generator.ask<Sent>('single', {
      samples: times.singles,
      milliseconds: times.singlesMs,
    })
    const arrivals = await server.ask<Arrivals>('noted')
    const known = Math.min(sent.nanoseconds.length, arrivals.nanoseconds.length)
    const latency = percentiles(
      sent.nanoseconds.slice(0, known).map((at, index) => (arrivals.nanoseconds[index]! - at) / 1000),
    )
    await generator.ask('start', { warmUpMs: times.warmUpMs, active: workload.active } satisfies Start)
    let window!: Window
    const busy = await between(async () => {
      window = await generator.ask<Window>('window', times.windowMs)
    })
    const { threads } = await server.ask<Census>('census')
    await generator.ask('stop')
    const seen = [await generator.ask<Errors>('errors'), await server.ask<Errors>('errors')]
    const complaints = seen.flatMap((each) => each.complaints)
    if (complaints.length > 0) return complaints.map((each) => complaintText(each, text)).join('; ')
    const { cpuMicrosPerMessage: cpu } = costsPerMessage(busy)
    if (latency === null || cpu === null) return says.noSamples
    return {
      messagesPerSecond: window.messages / window.seconds,
      latencyMicros: latency.p50,
      cpuMicrosPerMessage: cpu.user + cpu.system,
      cpuShareWhileWaiting: cpuShare(idle),
      residentBytes,
      threads,
    }
  } finally {
    await pair.end()
  }
}

async function ofFiles(
  model: Model,
  workload: Workload,
  around: Surroundings,
  { fd }: TargetFile,
): Promise<Sample | string> {
  const { size, active } = workload
  const result = await measureFile({ ...around, model, fd, size, inFlight: active, progress: () => {} })
  const { messagesPerSecond, latencyMicros, cpuMicrosPerMessage: cpu, reasons } = result
  if ((result.errors ?? 0) > 0) return reasons.errors ?? result.reason ?? ''
  if (messagesPerSecond === null || latencyMicros === null || cpu === null)
    return around.text.compare.reasons.noSamples
  return {
    messagesPerSecond,
    latencyMicros: latencyMicros.p50,
    cpuMicrosPerMessage: cpu.user + cpu.system,
    cpuShareWhileWaiting: result.cpuShareWhileWaiting ?? 0,
    residentBytes: null,
    threads: result.threads ?? 0,
  }
}
