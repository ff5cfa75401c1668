/** A queue of operations, linked by `next`: an operation is in one queue at most, and queueing allocates nothing. */
import type { Operation } from '../../operation.js'

export class OperationQueue {
  #first: Operation | null = null
  #last: Operation | null = null

  get empty(): boolean {
    return this.#first === null
  }

  push(operation: Operation): void {
    operation.next = null
    if (this.#last === null) this.#first = operation
    else this.#last.next = operation
    this.#last = operation
  }

  /** The longest waiting one, or null. */
  shift(): Operation | null {
    const operation = this.#first
    if (operation === null) return null
    this.#first = operation.next
    if (this.#first === null) this.#last = null
    operation.next = null
    return operation
  }
}
