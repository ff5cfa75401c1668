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

  /** Puts one before all others. */
  unshift(operation: Operation): void {
    operation.next = this.#first
    this.#first = operation
    if (this.#last === null) this.#last = operation
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

  /** Takes one out of the middle. @returns whether it was there */
  remove(operation: Operation): boolean {
    let before: Operation | null = null
    for (let at = this.#first; at !== null; at = at.next) {
      if (at === operation) {
        if (before === null) this.#first = at.next
        else before.next = at.next
        if (this.#last === at) this.#last = before
        at.next = null
        return true
      }
      before = at
    }
    return false
  }
}
