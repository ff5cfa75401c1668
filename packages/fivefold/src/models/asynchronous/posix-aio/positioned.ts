/**
 * Reads and writes at the file's own position, one of a file after the other: see (i) in ../posix-aio.ts.
 */
import { F_GETFL, O_APPEND, rawFcntl } from '../../../sys/fcntl.js'
import { rawLseek, SEEK_CUR, SEEK_END, SEEK_SET } from '../../../sys/file.js'
import { finish } from '../../answers.js'
import { append, Kind, type Operation } from '../../operation.js'
import type { Ends } from './ends.js'
import { dutyOf, launchFile } from './files.js'
import type { Crew, Flight, Flights } from './flights.js'

export class Positioned implements Crew {
  readonly #flights: Flights
  readonly #ends: Ends

  constructor(flights: Flights, ends: Ends) {
    this.#flights = flights
    this.#ends = ends
  }

  submit(operation: Operation): void {
    const end = this.#ends.enter(operation.fd)
    if (end.positioned !== null) append(end.positioned, operation)
    else {
      end.positioned = operation
      this.#begin(operation)
    }
  }

  /** What has no position (a pipe, a terminal) may have to wait for somebody. */
  #begin(operation: Operation): void {
    const position = rawLseek(operation.fd, 0, SEEK_CUR)
    const flight = this.#flights.take(dutyOf(operation), this, operation, position < 0)
    if (flight === null) {
      this.#over(operation, -EAGAIN)
      return
    }
    flight.position = position
    launchFile(this.#flights, flight, operation, Math.max(0, position))
  }

  landed(flight: Flight, result: number): void {
    const operation = flight.operation!
    const { fd, position } = flight
    if (result > 0 && position >= 0) {
      const appends = operation.kind === Kind.write && (rawFcntl(fd, F_GETFL, 0) & O_APPEND) !== 0
      if (appends) rawLseek(fd, 0, SEEK_END)
      else rawLseek(fd, position + result, SEEK_SET)
    }
    this.#flights.release(flight)
    this.#over(operation, result)
  }

  #over(operation: Operation, result: number): void {
    const end = this.#ends.of(operation)
    end.positioned = operation.next
    operation.next = null
    this.#ends.leave(end.fd)
    finish(operation, result)
    const following = end.positioned
    if (following !== null && following.slot < 0 && !this.#flights.closed) this.#begin(following)
  }
}

const EAGAIN = 11
