/**
 * How an operation's owner hears of its completions.
 */
import type { Operation } from '../../operation.js'
import { now } from '../../stamps.js'

/** More is to come. */
export function progress(operation: Operation, result: number): void {
  operation.result = result
  operation.more = true
  if (operation.stamps !== null) operation.stamps.delivered = now()
  operation.owner.completed(operation)
  operation.chunk = null
}

/** The last completion. */
export function finish(operation: Operation, result: number): void {
  operation.result = result
  operation.more = false
  operation.inFlight = false
  if (operation.stamps !== null) operation.stamps.delivered = now()
  operation.owner.completed(operation)
  operation.chunk = null
}
