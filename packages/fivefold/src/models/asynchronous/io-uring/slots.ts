/**
 * The operations that a ring has in flight, by slot. A request is named by slot and generation, never by its
 * descriptor, whose number may have a new owner by the time of the completion (note f).
 */
import type { Operation } from '../../operation.js'

/** No result is held back. */
export const NONE = 0x7fff_ffff

export class Slots {
  readonly operations: (Operation | null)[] = []
  generations = new Int32Array(1024)
  /** 1: the kernel has the request, and its completion is to come. */
  asked = new Uint8Array(1024)
  /** 1: a datagram whose request is the wait for room. */
  pausing = new Uint8Array(1024)
  /** 1: a receive that got something since it last ran dry. */
  fed = new Uint8Array(1024)
  /** The result of a zero-copy send whose buffer the kernel still has (note l); NONE: there is no such thing. */
  held = new Int32Array(1024).fill(NONE)
  /** A block of memory for the request (see requests.ts), -1: none. */
  blocks = new Int32Array(1024).fill(-1)
  /** How many operations there are. */
  count = 0
  readonly #free: number[] = []

  /** Gives an operation a slot, of a new generation. */
  take(operation: Operation): void {
    const slot = this.#free.length > 0 ? this.#free.pop()! : this.#newSlot()
    this.operations[slot] = operation
    this.generations[slot]!++
    this.asked[slot] = this.fed[slot] = 0
    operation.slot = slot
    this.count++
  }

  /** The operation is over. */
  give(slot: number): void {
    this.operations[slot] = null
    this.#free.push(slot)
    this.count--
  }

  /** The operation that a completion names, or null when it is over. */
  named(slot: number, generation: number): Operation | null {
    return this.generations[slot] === generation ? this.operations[slot]! : null
  }

  #newSlot(): number {
    const slot = this.operations.length
    this.operations.push(null)
    if (slot === this.generations.length) {
      this.generations = grown(this.generations, new Int32Array(slot * 2))
      this.asked = grown(this.asked, new Uint8Array(slot * 2))
      this.pausing = grown(this.pausing, new Uint8Array(slot * 2))
      this.fed = grown(this.fed, new Uint8Array(slot * 2))
      this.blocks = grown(this.blocks, new Int32Array(slot * 2).fill(-1))
      this.held = grown(this.held, new Int32Array(slot * 2).fill(NONE))
    }
    return slot
  }
}

function grown<A extends Int32Array | Uint8Array>(from: A, into: A): A {
  into.set(from)
  return into
}
