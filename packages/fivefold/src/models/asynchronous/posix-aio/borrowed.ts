/**
 * What is borrowed: epoll and the readiness driver do accept, connect, recvfrom and sendto, for which there is no
 * aio call. The letters refer to ../posix-aio.ts.
 */
import { rawClose } from '../../../sys/descriptor.js'
import { F_DUPFD_CLOEXEC, F_GETFL, F_SETFL, O_NONBLOCK, rawFcntl } from '../../../sys/fcntl.js'
import { type LoopWatch, watchInLoop } from '../../../sys/ffi.js'
import { finish, progress } from '../../answers.js'
import { type Host, READ } from '../../model.js'
import { EpollPoller } from '../../multiplexing/epoll.js'
import { Kind, Operation } from '../../operation.js'
import { ReadinessDriver } from '../../readiness.js'
import { Waiter } from '../../waiter/waiter.js'
import { makeBlocking } from './ends.js'
import type { Flights } from './flights.js'
import { raise, WakeUp } from './wake-up.js'

export class Borrowed {
  readonly #host: Host
  readonly #flights: Flights
  readonly #onReady: () => void
  #poller: EpollPoller | null = null
  #readiness: ReadinessDriver | null = null
  /** Connects and accepts, and what the readiness driver was asked for each. */
  readonly #asked = new Map<Operation, Operation>()
  /** A descriptor kept for the next connection's duplicate, or -1. */
  #reserved = -1
  /** The borrowed driver has to be given a turn. */
  #due = false

  // How one hears of the poller: embedded in Node's loop, or as one of the requests.
  #watch: LoopWatch | null = null
  #waiter: Waiter | null = null
  #wakeUp: WakeUp | null = null
  /** The waiter has reported, and is not read again before that is settled. */
  #reported = false

  /** @param onReady embedded: the poller has something */
  constructor(host: Host, flights: Flights, onReady: () => void) {
    this.#host = host
    this.#flights = flights
    this.#onReady = onReady
  }

  submit(operation: Operation): void {
    const readiness = (this.#readiness ??= this.#makeReadiness())
    const { kind, fd } = operation
    this.#due = true
    if (kind === Kind.connect) {
      this.#connect(operation, readiness)
      return
    }
    if (kind === Kind.accept) {
      if (!this.#reserve()) {
        finish(operation, -EMFILE)
        return
      }
      // A peer that has gone by the time of the call must not make it wait for the next.
      const flags = rawFcntl(fd, F_GETFL, 0)
      const result = (flags & O_NONBLOCK) === 0 ? rawFcntl(fd, F_SETFL, flags | O_NONBLOCK) : 0
      if (flags < 0 || result < 0) {
        finish(operation, flags < 0 ? flags : result)
        return
      }
      this.#accept(operation, readiness)
      return
    }
    readiness.submit(operation)
  }

  /**
   * A connection takes two descriptors, see (b): so that none is accepted that could not send, one is kept in reserve,
   * and is free while a connection is told of. Where there is none to keep, accepting ends as at the limit.
   */
  #accept(operation: Operation, readiness: ReadinessDriver): void {
    let short = false
    const asked = new Operation(Kind.accept, operation.fd, {
      completed: ({ result }) => {
        if (result < 0) {
          this.#asked.delete(operation)
          finish(operation, short ? -EMFILE : result)
          return
        }
        this.#giveUpReserve()
        progress(operation, result)
        if (this.#reserve() || !asked.inFlight) return
        short = true
        readiness.cancel(asked)
      },
    })
    asked.stamps = operation.stamps
    this.#asked.set(operation, asked)
    readiness.submit(asked)
  }

  #reserve(): boolean {
    if (this.#reserved < 0) this.#reserved = rawFcntl(this.#poller!.wakeFd, F_DUPFD_CLOEXEC, 0)
    return this.#reserved >= 0
  }

  #giveUpReserve(): void {
    if (this.#reserved >= 0) rawClose(this.#reserved)
    this.#reserved = -1
  }

  /** connect(2) waits unless the socket is O_NONBLOCK: it is so for as long as that lasts. */
  #connect(operation: Operation, readiness: ReadinessDriver): void {
    const { fd } = operation
    const flags = rawFcntl(fd, F_GETFL, 0)
    if (flags < 0) {
      finish(operation, flags)
      return
    }
    const waits = (flags & O_NONBLOCK) === 0
    if (waits) rawFcntl(fd, F_SETFL, flags | O_NONBLOCK)
    const asked = new Operation(Kind.connect, fd, {
      completed: ({ result }) => {
        this.#asked.delete(operation)
        if (waits) rawFcntl(fd, F_SETFL, flags)
        finish(operation, result)
      },
    })
    asked.address = operation.address
    asked.stamps = operation.stamps
    this.#asked.set(operation, asked)
    readiness.submit(asked)
  }

  cancel(operation: Operation): void {
    const asked = this.#asked.get(operation)
    if (asked !== undefined || operation.kind !== Kind.connect) this.#readiness?.cancel(asked ?? operation)
    this.#due = true
  }

  #makeReadiness(): ReadinessDriver {
    const poller = new EpollPoller(this.#host)
    const readiness = new ReadinessDriver(poller, { nonBlocking: false })
    try {
      if (this.#host === 'embedded') this.#watch = watchInLoop(poller.wakeFd, () => this.#ready())
      else {
        const waiter = (this.#waiter = new Waiter('poll'))
        waiter.set(poller.wakeFd, READ)
        // See (g): what the waiter writes is to be read by a thread of glibc's.
        makeBlocking(waiter.wakeFd)
        this.#wakeUp = new WakeUp(this.#flights, waiter.wakeFd, () => this.#report(waiter))
      }
    } catch (error) {
      readiness.close()
      throw error
    }
    this.#poller = poller
    return readiness
  }

  #ready(): void {
    this.#due = true
    this.#onReady()
  }

  #report(waiter: Waiter): void {
    // The waiter's event stays until the borrowed poller has nothing more: that is how the waiter works.
    raise(waiter.wakeFd)
    this.#reported = true
    this.#due = true
  }

  turn(): number {
    const readiness = this.#readiness
    if (!this.#due || readiness === null || this.#flights.closed) return 0
    this.#due = false
    const did = readiness.turn(0)
    if (did > 0) this.#due = true
    else if (this.#reported) {
      this.#reported = false
      // It is unarmed, and then its event is there to be read; or it will be in a moment, and we hear it again.
      this.#waiter!.settle(false)
      this.#wakeUp!.ask()
    }
    return did
  }

  /** @param waitMs how long to wait for the thread that sleeps in the waiter's eventfd */
  close(waitMs: number): void {
    const waiter = this.#waiter
    this.#watch?.close()
    if (waiter !== null) {
      waiter.set(this.#poller!.wakeFd, 0)
      // Its reader must be out before the number is closed.
      raise(waiter.wakeFd)
      const until = performance.now() + waitMs
      while (this.#wakeUp!.asked && performance.now() < until) {
        this.#flights.sleep(1)
        this.#flights.sweep()
      }
      waiter.close()
    }
    this.#readiness?.close()
    this.#giveUpReserve()
  }
}

const EMFILE = 24
