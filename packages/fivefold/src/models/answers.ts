/** From a driver's side: an operation that it has been handed, and how the owner hears of its completions. */
import type { Operation } from './operation.js'
import { now } from './stamps.js'

/** It has been handed to a driver that keeps its own place in it. */
export function begun(operation: Operation): void {
  operation.inFlight = true
  operation.cancelled = false
  operation.more = false
  operation.next = null
  operation.slot = -1
  operation.index = operation.offset = operation.sent = 0
  if (operation.stamps !== null) operation.stamps.called = now()
}

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
