/**
 * The driver of POSIX aio: gives each operation to those who know how it is done, and takes turns at hearing what
 * has been done. The notes on the mechanism are in ../posix-aio.ts; the letters below refer to them.
 */
import { isMainThread } from 'node:worker_threads'
import { rawClose } from '../../../sys/descriptor.js'
import { EFD_CLOEXEC, eventfd } from '../../../sys/eventfd.js'
import { begun, finish } from '../../answers.js'
import type { Driver, DriverOptions } from '../../model.js'
import { type FileOperation, Kind, type Operation } from '../../operation.js'
import { Borrowed } from './borrowed.js'
import { listen, unlisten } from './completion-signal.js'
import { Ends } from './ends.js'
import { Files } from './files.js'
import { Flights } from './flights.js'
import { Positioned } from './positioned.js'
import { Receives } from './receives.js'
import { Sends } from './sends.js'
import { raise, WakeUp } from './wake-up.js'

/** How long close() waits for threads that sleep in reads. */
const CLOSE_MS = 250

export class PosixAioDriver implements Driver {
  readonly wakeFd = -1
  onWork: (() => void) | null = null
  readonly #flights: Flights
  readonly #ends = new Ends()
  readonly #receives: Receives
  readonly #sends: Sends
  readonly #files: Files
  readonly #positioned: Positioned
  readonly #borrowed: Borrowed
  #wakeEventfd = -1
  #scheduled = false
  readonly #closeOnExit = () => this.close()

  constructor(options: DriverOptions) {
    const { host, maxThreads = Number.POSITIVE_INFINITY } = options
    const flights = new Flights(host, maxThreads, () => this.onWork?.())
    this.#flights = flights
    this.#receives = new Receives(flights, this.#ends)
    this.#sends = new Sends(flights, this.#ends)
    this.#files = new Files(flights)
    this.#positioned = new Positioned(flights, this.#ends)
    this.#borrowed = new Borrowed(host, flights, () => this.signalled())
    if (host === 'embedded') listen(this)
    else {
      this.#wakeEventfd = eventfd(0, EFD_CLOEXEC)
      new WakeUp(flights, this.#wakeEventfd, (wakeUp) => wakeUp.ask())
      // The process goes on when a Worker ends, and so would glibc's thread.
      if (!isMainThread) process.once('exit', this.#closeOnExit)
    }
  }

  submit(operation: Operation): void {
    begun(operation)
    if (this.#flights.closed) {
      finish(operation, -ECANCELED)
      return
    }
    switch (operation.kind) {
      case Kind.receive:
        this.#receives.submit(operation)
        break
      case Kind.send:
        this.#sends.submit(operation)
        break
      case Kind.read:
      case Kind.write:
        if ((operation as FileOperation).position < 0) this.#positioned.submit(operation)
        else this.#files.submit(operation as FileOperation)
        break
      case Kind.fsync:
      case Kind.fdatasync:
        this.#files.fsync(operation)
        break
      case Kind.open:
      case Kind.call:
        // aio has no such request, and limits.beyond does not promise one.
        finish(operation, -EOPNOTSUPP)
        break
      default:
        this.#borrowed.submit(operation)
    }
  }

  cancel(operation: Operation): void {
    if (!operation.inFlight || operation.cancelled) return
    switch (operation.kind) {
      case Kind.accept:
      case Kind.connect:
      case Kind.recvfrom:
      case Kind.sendto:
        this.#borrowed.cancel(operation)
        return
    }
    operation.cancelled = true
    const flight = this.#flights.of(operation)
    if (flight !== null) this.#flights.cancel(flight)
    else if (this.#ends.withdraw(operation)) finish(operation, -ECANCELED)
  }

  turn(timeoutMs: number): number {
    const flights = this.#flights
    if (flights.closed) return 0
    flights.offerAgain()
    let did = flights.sweep() + this.#borrowed.turn()
    if (did === 0 && timeoutMs !== 0 && !flights.closed) {
      flights.sleep(timeoutMs)
      did = flights.sweep() + this.#borrowed.turn()
    }
    return did
  }

  wake(): void {
    if (this.#wakeEventfd >= 0) raise(this.#wakeEventfd)
  }

  close(): void {
    const flights = this.#flights
    if (flights.closed) return
    flights.shut()
    unlisten(this)
    this.silence()
    process.removeListener('exit', this.#closeOnExit)
    this.#borrowed.close(CLOSE_MS)
    this.wake()
    flights.endPutOff()
    this.#receives.endDelivered()
    flights.cancelAll()
    const until = performance.now() + CLOSE_MS
    while (flights.count > 0) {
      flights.sweep()
      const left = until - performance.now()
      if (flights.count === 0 || left <= 0) break
      flights.sleep(left)
    }
    this.#abandon()
    flights.close()
    if (this.#wakeEventfd >= 0) rawClose(this.#wakeEventfd)
  }

  /** See (e): whoever still sleeps keeps his memory; his operation ends here. */
  #abandon(): void {
    const { left, stuck } = this.#flights.abandon()
    this.#ends.abandon(left, stuck)
    for (const operation of left) finish(operation, -ECANCELED)
  }

  /** @internal SIGIO, or the borrowed poller has something: a turn comes soon. */
  signalled(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (!this.#flights.closed) this.onWork?.()
    })
  }

  /** @internal See (f). */
  silence(): void {
    this.#flights.silence()
  }
}

const EOPNOTSUPP = 95
const ECANCELED = 125
