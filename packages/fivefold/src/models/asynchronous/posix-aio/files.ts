/**
 * Files: reads and writes at a given offset, and fsync. They wait for no peer, and for none of the others.
 */
import { addressOf } from '../../../sys/ffi.js'
import { finish } from '../../answers.js'
import { type FileOperation, Kind, type Operation } from '../../operation.js'
import { type Crew, Duty, type Flight, type Flights } from './flights.js'

export class Files implements Crew {
  readonly #flights: Flights

  constructor(flights: Flights) {
    this.#flights = flights
  }

  submit(operation: FileOperation): void {
    const flight = this.#flights.take(dutyOf(operation), this, operation, false)!
    launchFile(this.#flights, flight, operation, operation.position)
  }

  fsync(operation: Operation): void {
    const duty = operation.kind === Kind.fsync ? Duty.fsync : Duty.fdatasync
    const flight = this.#flights.take(duty, this, operation, false)!
    this.#flights.launch(flight, 0, 0)
  }

  landed(flight: Flight, result: number): void {
    const operation = flight.operation!
    this.#flights.release(flight)
    finish(operation, result)
  }
}

export function dutyOf({ kind }: Operation): Duty {
  return kind === Kind.read ? Duty.read : Duty.write
}

/** Launches a read into the user's memory, or a write from there. */
export function launchFile(flights: Flights, flight: Flight, { buffers }: Operation, position: number): void {
  const memory = buffers[0] ?? empty
  flight.memory = memory
  flights.launch(flight, memory.length === 0 ? 0 : addressOf(memory), memory.length, position)
}

const empty = new Uint8Array(0)
