/** A poller as a driver that has no phase 2: it reports what is ready, and moves nothing. */
import type { Driver, Interest, Poller } from '../models/model.js'
import { ReadyList } from '../models/model.js'
import type { Operation } from '../models/operation.js'

/** Who hears of it. */
export interface Ready {
  /** A turn begins. */
  begin(): void
  ready(fd: number, interest: Interest): void
  /** The poller met a descriptor that is none any more. */
  broken(): void
}

export class WatchDriver implements Driver {
  onWork: (() => void) | null = null
  readonly poller: Poller
  readonly #owner: Ready
  readonly #ready = new ReadyList(256)

  constructor(poller: Poller, owner: Ready) {
    this.poller = poller
    this.#owner = owner
    if ('onWork' in poller) poller.onWork = () => this.onWork?.()
  }

  get wakeFd(): number {
    return this.poller.wakeFd
  }

  submit(operation: Operation): void {
    operation.inFlight = operation.more = false
    operation.result = -EOPNOTSUPP
    operation.owner.completed(operation)
  }

  /** Nothing is ever in flight. */
  cancel(): void {}

  turn(timeoutMs: number): number {
    const ready = this.#ready
    this.#owner.begin()
    try {
      this.poller.wait(timeoutMs, ready)
    } catch (error) {
      // select fails as a whole where one descriptor is closed.
      if ((error as NodeJS.ErrnoException).code !== 'EBADF') throw error
      this.#owner.broken()
      return 1
    }
    for (let index = 0; index < ready.count; index++) {
      this.#owner.ready(ready.fds[index]!, ready.interests[index]!)
    }
    return ready.count
  }

  /** It never sleeps: Node's loop does. */
  wake(): void {}

  close(): void {
    this.poller.close()
  }
}

const EOPNOTSUPP = 95
