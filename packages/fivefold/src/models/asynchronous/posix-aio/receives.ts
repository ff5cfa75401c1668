/**
 * Receives: one read after the other, each in memory of ours, what came is copied from there.
 * The letters refer to ../posix-aio.ts.
 */

import { finish, progress } from '../../answers.js'
import type { Operation } from '../../operation.js'
import { type Ends, makeBlocking } from './ends.js'
import { type Crew, Duty, type Flight, type Flights } from './flights.js'
import { copyOf } from './landings.js'

export class Receives implements Crew {
  readonly #flights: Flights
  readonly #ends: Ends
  /** Those whose completion is being delivered. */
  readonly #delivering: Flight[] = []

  constructor(flights: Flights, ends: Ends) {
    this.#flights = flights
    this.#ends = ends
  }

  submit(operation: Operation): void {
    const flight = this.#flights.take(Duty.read, this, operation, true)
    if (flight === null) {
      finish(operation, -EAGAIN)
      return
    }
    const end = this.#ends.enter(operation.fd)
    // Now, so that who could begin to receive can send, too. Where it fails, the send tries again, and tells.
    if (end.socket) this.#ends.duplicate(end)
    const { landings } = this.#flights
    flight.stream = end.stream
    flight.landing = flight.stream ? landings.small() : landings.large()
    this.#read(flight)
  }

  #read(flight: Flight): void {
    const { address, bytes } = flight.landing!
    this.#flights.launch(flight, address, bytes.length)
  }

  landed(flight: Flight, result: number): void {
    const operation = flight.operation!
    const ends = operation.cancelled || this.#flights.closed
    if ((result === -EAGAIN || result === -EINTR) && !ends) {
      // Somebody made it O_NONBLOCK, or gave it a time-out.
      if (result === -EAGAIN) makeBlocking(flight.fd)
      this.#read(flight)
      return
    }
    const last = result < 0 || ends || (result === 0 && flight.stream)
    if (result > 0 || (result === 0 && !flight.stream)) operation.chunk = copyOf(flight.landing!, result)
    if (last) {
      this.#over(flight, operation, result === -EAGAIN || result === -EINTR ? -ECANCELED : result)
      return
    }
    this.#delivering.push(flight)
    progress(operation, result)
    this.#delivering.pop()
    // close() has ended it.
    if (flight.operation !== operation) return
    if (operation.cancelled) {
      this.#over(flight, operation, -ECANCELED)
      return
    }
    if (flight.stream) flight.landing = this.#flights.landings.suit(flight.landing!, result)
    this.#read(flight)
  }

  #over(flight: Flight, operation: Operation, result: number): void {
    this.#flights.release(flight)
    this.#ends.leave(operation.fd)
    finish(operation, result)
  }

  /** When the driver is closed from a handler: that ends the operation that is being told of, too. */
  endDelivered(): void {
    for (const flight of [...this.#delivering]) this.#flights.settle(flight, -ECANCELED)
  }
}

const EINTR = 4
const EAGAIN = 11
const ECANCELED = 125
