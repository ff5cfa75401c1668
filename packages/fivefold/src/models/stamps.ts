/**
 * When each step of an operation happened. Off by default; while somebody listens to the diagnostics channel
 * `fivefold:operation`, the socket layer gives its operations stamps, and publishes each completion.
 */
import { channel } from 'node:diagnostics_channel'
import type { Operation, PhaseStamps } from './operation.js'

const operations = channel('fivefold:operation')

/** Nanoseconds of the monotonic clock, as a double: exact to a nanosecond for 104 days of uptime. */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e9 + nanoseconds
}

/** Fresh stamps when somebody listens, else null. */
export function stampsIfWanted(): PhaseStamps | null {
  return operations.hasSubscribers ? { called: 0, ready: 0, copied: 0, delivered: 0 } : null
}

/** Tells the listeners of a completion. Called for operations with stamps alone. */
export function publish(operation: Operation): void {
  operations.publish({
    kind: operation.kind,
    fd: operation.fd,
    result: operation.result,
    more: operation.more,
    ...operation.stamps,
  })
}
