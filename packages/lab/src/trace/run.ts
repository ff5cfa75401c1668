/** Traces one message: starts the process that receives it, sends it when that has waited for a while. */
import { randomBytes } from 'node:crypto'
import type { Model } from 'fivefold'
import { Failure } from '../failure.js'
import { Child, Unanswered } from '../processes.js'
import type { Text } from '../text/language.js'
import { Peer } from './peer.js'
import type { Recorded, SubjectConfig, Waiting } from './subject.js'
import { type Timeline, timelineOf } from './timeline.js'

export type TraceProtocol = SubjectConfig['protocol']

/** The message, and how long it is waited for. */
export const MESSAGE_BYTES = 64
const WAIT_MS = 50
const PATIENCE_MS = 10_000

export async function traceMessage(
  model: Model,
  protocol: TraceProtocol,
  text: Text,
  signal: AbortSignal,
): Promise<Timeline> {
  const peer = new Peer(protocol)
  const config: SubjectConfig = { model: model.name, protocol, port: peer.port, path: peer.path }
  const recorder = new URL('./recorder.js', import.meta.url)
  const child = new Child(
    text.compare.processes.receiver(model.name),
    new URL('./subject.js', import.meta.url),
    {
      config,
      execArgv: ['--import', recorder.href],
      signal,
      text,
    },
  )
  try {
    const waiting = await child.ask<Waiting>('wait', null, PATIENCE_MS)
    const recorded = child.ask<Recorded>('recorded', null, PATIENCE_MS)
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS))
    const sent = peer.send(randomBytes(MESSAGE_BYTES), waiting)
    return timelineOf(await recorded, sent)
  } catch (error) {
    throw error instanceof Unanswered ? new Failure(text.errors.noMessage(model.name)) : error
  } finally {
    peer.close()
    await child.end()
  }
}
