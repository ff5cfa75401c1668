/** From the trace of a message to one column of the textbook's last figure: how long each phase took, and how it held the application. */
import type { Family, ModelName } from 'fivefold'
import type { CallEvent } from '../trace/event.js'
import { startOf } from '../trace/event.js'
import type { Trace } from '../trace/trace.js'

/**
 * held: a call of the operation does not return. checking: the application asks, and asks again. free: nothing of the
 * operation needs the thread; if it slept all the same, it had nothing else to do.
 */
export type Hold = 'held' | 'checking' | 'free'

export interface Phases {
  readonly model: ModelName
  readonly family: Family
  readonly protocol: Trace['protocol']
  /** From the application's question until the other process sent. */
  readonly waitMicros: number
  /** From then until the copying began: how long until the application knew. */
  readonly noticeMicros: number
  readonly copyMicros: number
  /** From the copy's end until the handler had the message. */
  readonly handMicros: number
  readonly first: Hold
  /** What the thread waited in, or asked with. */
  readonly firstCall: string | null
  /** How often it asked in vain. */
  readonly checks: number
  /** free: no call of the application's copied. Whose thread did, the trace does not tell. */
  readonly second: Exclude<Hold, 'checking'>
  /** What copied; null: nothing that the application called. */
  readonly secondCall: string | null
}

const copies = /^(recv|recvfrom|recvmsg|read)$/
/** Calls that wait for descriptors: without them the application would not learn that its data are there. */
const waitsForDescriptors = /^(select|pselect|pselect6|poll|ppoll|epoll_wait|epoll_pwait|epoll_pwait2)$/

export function phasesOf(trace: Trace): Phases {
  const { model, family, protocol, events, phase2, delivered, fd } = trace
  const calls = events.filter((event) => event.kind === 'call')
  const sent = events.find((event) => event.kind === 'mark' && event.mark === 'sent')
  const sentAt = sent === undefined ? phase2.from : startOf(sent)
  const ofSocket = (call: CallEvent) => copies.test(call.name) && call.arguments[0] === String(fd)
  const copy = calls.find((call) => ofSocket(call) && call.result > 0) ?? null
  const checks = calls
    .filter((call) => ofSocket(call) && call.error === 'EAGAIN')
    .reduce((sum, { count }) => sum + count, 0)
  const { hold, name } = waiting(calls, copy, sentAt, checks)
  return {
    model,
    family,
    protocol,
    waitMicros: sentAt,
    noticeMicros: Math.max(0, phase2.from - sentAt),
    copyMicros: phase2.to - phase2.from,
    handMicros: Math.max(0, delivered - phase2.to),
    first: hold,
    firstCall: name,
    checks,
    second: copy === null ? 'free' : 'held',
    secondCall: copy?.name ?? null,
  }
}

function waiting(
  calls: readonly CallEvent[],
  copy: CallEvent | null,
  sentAt: number,
  checks: number,
): { hold: Hold; name: string | null } {
  // It was in the very call that copies when the message came.
  if (copy !== null && copy.began < sentAt) return { hold: 'held', name: copy.name }
  // What the thread was in for most of the wait.
  const spent = new Map<CallEvent, number>()
  for (const call of calls) {
    if (call.thread === 0) spent.set(call, Math.min(call.ended, sentAt) - Math.max(call.began, 0))
  }
  const byName = new Map<string, { micros: number; call: CallEvent }>()
  for (const [call, micros] of spent) {
    const known = byName.get(call.name)
    byName.set(call.name, { call, micros: (known?.micros ?? 0) + Math.max(0, micros) })
  }
  const [longest] = [...byName.values()].sort((a, b) => b.micros - a.micros)
  if (longest === undefined) return { hold: 'free', name: null }
  const { call } = longest
  if (copies.test(call.name) && checks > 1) return { hold: 'checking', name: call.name }
  const noDescriptors = call.arguments[0] === 'NULL'
  if (copy !== null && waitsForDescriptors.test(call.name) && !noDescriptors)
    return { hold: 'held', name: call.name }
  return { hold: 'free', name: call.name }
}
