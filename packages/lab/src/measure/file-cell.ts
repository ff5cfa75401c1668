/** One measurement of random file reads: a fresh process for the time, and another in which the calls are counted. */
import type { Model } from 'fivefold'
import { Child } from '../processes.js'
import type { Text } from '../text/language.js'
import { complaintText } from './complaint.js'
import type { FilesConfig, FileWindow } from './files.js'
import type { Errors } from './generator.js'
import { callsPerMessage, costsPerMessage, cpuShare, difference } from './per-message.js'
import { type Processors, startedOn } from './pinning.js'
import { type Result, without } from './results.js'
import { enoughForP99, percentiles } from './statistics.js'
import type { Times } from './times.js'
import type { Census, Usage } from './usage.js'

export interface FileCell {
  readonly model: Model
  /** Open for reading. */
  readonly fd: number
  /** Bytes of a read, and reads in flight at once. */
  readonly size: number
  readonly inFlight: number
  readonly times: Times
  readonly processors: Processors
  readonly text: Text
  readonly signal: AbortSignal
  progress(step: keyof Text['compare']['steps']): void
}

export async function measureFile(cell: FileCell): Promise<Result> {
  const { model, size, inFlight, times, text } = cell
  const reasons: Record<string, string> = {
    residentBytesPerConnection: text.compare.reasons.files,
    maxConnections: text.compare.reasons.files,
  }
  cell.progress('start')
  const child = await start(cell, false)
  try {
    const atStart = await child.ask<Census>('census')
    await child.ask('open')
    cell.progress('load')
    const { before, after, seconds, slices } = await child.ask<FileWindow>('window', {
      warmUpMs: times.warmUpMs,
      milliseconds: times.windowMs,
    })
    const busy = await child.ask<Census>('census')
    cell.progress('single')
    const latencies = await child.ask<Float64Array>('single', {
      samples: times.singles,
      milliseconds: times.singlesMs,
    })
    cell.progress('wait')
    const idle = await child.ask<{ before: Usage; after: Usage }>('idle', times.idleMs)
    const errors = await child.ask<Errors>('errors')
    if (errors.count > 0)
      reasons.errors = errors.complaints.map((each) => complaintText(each, text)).join('; ')
    const latency = percentiles(latencies)
    if (latency === null) reasons.latencyMicros = text.compare.reasons.noSamples
    else if (!enoughForP99(latencies.length)) reasons.p99 = text.compare.reasons.fewSamples(latencies.length)

    cell.progress('count')
    const { counted, unseen } = await countCalls(cell)
    if (unseen) reasons.callsPerMessage = text.compare.reasons.callsUnseen
    const used = difference(before.usage, after.usage)
    return {
      ...without(model.name, model.family, 'file', inFlight, size, ''),
      reason: null,
      messagesPerSecond: used.messages / seconds,
      messagesPerSecondSpread: { lowest: Math.min(...slices), highest: Math.max(...slices) },
      latencyMicros: latency,
      latencySamples: latencies.length,
      ...costsPerMessage(used),
      ...counted,
      cpuShareWhileWaiting: cpuShare(difference(idle.before, idle.after)),
      threads: busy.threads,
      threadsAtStart: atStart.threads,
      errors: errors.count,
      reasons,
    }
  } finally {
    await child.end()
  }
}

async function start(
  { model, fd, size, inFlight, processors, signal, text }: FileCell,
  counting: boolean,
): Promise<Child> {
  const config: FilesConfig = { model: model.name, size, inFlight, counting }
  const counter = new URL('./counter.js', import.meta.url)
  return startedOn(
    processors.server,
    () =>
      new Child(text.compare.processes.reader(model.name), new URL('./files.js', import.meta.url), {
        config,
        execArgv: ['--expose-gc', ...(counting ? ['--import', counter.href] : [])],
        signal,
        text,
        inherit: fd,
      }),
  )
}

async function countCalls(cell: FileCell): Promise<ReturnType<typeof callsPerMessage>> {
  const child = await start(cell, true)
  try {
    await child.ask('open')
    // The first part is the warm-up, so that both counts are taken while reads flow.
    await child.ask<FileWindow>('window', { warmUpMs: 50, milliseconds: 50 })
    const { before, after } = await child.ask<FileWindow>('window', {
      warmUpMs: 0,
      milliseconds: cell.times.countMs,
    })
    return callsPerMessage(before, after)
  } finally {
    await child.end()
  }
}
