/** What the readiness driver keeps of a descriptor. */
import type { Interest } from './model.js'
import type { Operation } from './operation.js'

/** What one descriptor waits for. */
export class Entry {
  readonly fd: number
  /** The operation at work in each direction; further ones are queued behind it by `next`. */
  reader: Operation | null = null
  writer: Operation | null = null
  /** What the poller knows. */
  registered: Interest = 0
  /** In the list of those whose interest changed. */
  changed = false

  constructor(fd: number) {
    this.fd = fd
  }
}
