/** How a synchronous driver tells an operation's owner what became of it. */
import type { Operation } from './operation.js'
import { now } from './stamps.js'

/** A completion of a repeating operation that goes on. */
export function progress(operation: Operation, result: number): void {
  operation.result = result
  operation.more = true
  if (operation.stamps !== null) operation.stamps.delivered = now()
  operation.owner.completed(operation)
  operation.chunk = null
}

/** The last completion: the operation is its owner's again. */
export function finish(operation: Operation, result: number): void {
  operation.result = result
  operation.more = false
  operation.inFlight = false
  operation.chunk = null
  if (operation.stamps !== null) operation.stamps.delivered = now()
  operation.owner.completed(operation)
}
