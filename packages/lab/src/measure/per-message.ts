/** From what a process used and called in a while, to what one message cost. */
import type { Counted } from './counter.js'
import type { Result } from './results.js'
import type { Usage } from './usage.js'

export function difference(before: Usage, after: Usage): Usage {
  const found: Record<string, number> = {}
  for (const key of Object.keys(after) as (keyof Usage)[]) found[key] = after[key] - before[key]
  return found as unknown as Usage
}

export function costsPerMessage(
  used: Usage,
): Pick<Result, 'cpuMicrosPerMessage' | 'contextSwitchesPerMessage'> {
  const { messages } = used
  if (messages === 0) return { cpuMicrosPerMessage: null, contextSwitchesPerMessage: null }
  return {
    cpuMicrosPerMessage: { user: used.userMicros / messages, system: used.systemMicros / messages },
    contextSwitchesPerMessage: {
      voluntary: used.voluntarySwitches / messages,
      involuntary: used.involuntarySwitches / messages,
    },
  }
}

export function cpuShare(used: Usage): number {
  return ((used.userMicros + used.systemMicros) * 1000) / used.nanoseconds
}

/**
 * glibc's aio functions make their system calls on threads of their own, where the seam does not see them. Of
 * each request one is certain, the read or write itself, and of a wait that sleeps the sleeping one.
 */
const ofGlibc = /^aio_/
const notSystemCalls = /^(aio_error|aio_return|aio_cancel|aio_init|__libc_\w+)$/

/** Node's own poll, as it appears among the calls. */
export const NODES_POLL = 'epoll_wait (Node)'

export type CallsPerMessage = Pick<Result, 'syscallsPerMessage' | 'againPerMessage' | 'callsPerMessage'>

/** @returns and whether there were calls whose own system calls stay unseen */
export function callsPerMessage(
  before: Counted,
  after: Counted,
): { counted: CallsPerMessage; unseen: boolean } {
  const { messages, loopRounds } = difference(before.usage, after.usage)
  const nothing = { syscallsPerMessage: null, againPerMessage: null, callsPerMessage: null }
  if (messages === 0) return { counted: nothing, unseen: false }
  const calls: Record<string, number> = {}
  let system = loopRounds
  let again = 0
  let unseen = false
  for (const [name, { calls: made, again: refused }] of Object.entries(after.calls)) {
    const earlier = before.calls[name] ?? { calls: 0, again: 0 }
    if (made === earlier.calls) continue
    calls[name] = (made - earlier.calls) / messages
    if (ofGlibc.test(name)) unseen = true
    if (!notSystemCalls.test(name)) {
      system += made - earlier.calls
      again += refused - earlier.again
    }
  }
  if (loopRounds > 0) calls[NODES_POLL] = loopRounds / messages
  return {
    counted: {
      syscallsPerMessage: system / messages,
      againPerMessage: again / messages,
      callsPerMessage: calls,
    },
    unseen,
  }
}
