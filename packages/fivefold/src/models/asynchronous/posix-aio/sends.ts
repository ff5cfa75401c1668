/**
 * Sends: a descriptor's stand in a queue, and the first is written to its duplicate until it is whole.
 * The letters refer to ../posix-aio.ts.
 */
import { addressOf } from '../../../sys/ffi.js'
import { finish } from '../../answers.js'
import { advance, append, type Operation, ownSmall } from '../../operation.js'
import { type End, type Ends, makeBlocking } from './ends.js'
import { type Crew, Duty, type Flight, type Flights } from './flights.js'
import { gather, LARGE } from './landings.js'

/** Small buffers are gathered into one write of up to so many bytes. */
const GATHER = LARGE

export class Sends implements Crew {
  readonly #flights: Flights
  readonly #ends: Ends

  constructor(flights: Flights, ends: Ends) {
    this.#flights = flights
    this.#ends = ends
  }

  submit(operation: Operation): void {
    ownSmall(operation)
    const end = this.#ends.enter(operation.fd)
    if (end.sending !== null) append(end.sending, operation)
    else {
      end.sending = operation
      this.#send(end, operation)
    }
  }

  /** Begins or goes on with the first of a descriptor's sends. */
  #send(end: End, operation: Operation): void {
    const duplicate = this.#ends.duplicate(end)
    if (duplicate < 0) {
      this.#over(end, operation, duplicate)
      return
    }
    const flight = this.#flights.of(operation) ?? this.#flights.take(Duty.write, this, operation, true)
    if (flight === null) {
      this.#over(end, operation, -EAGAIN)
      return
    }
    const { buffers } = operation
    while (operation.index < buffers.length - 1 && operation.offset >= buffers[operation.index]!.length) {
      operation.index++
      operation.offset = 0
    }
    flight.fd = duplicate
    const first = buffers[operation.index] ?? empty
    const only = operation.index >= buffers.length - 1
    if (only || (end.stream && first.length - operation.offset >= GATHER / 4)) {
      const bytes = first.length - operation.offset
      if (bytes === 0 && end.stream) {
        this.#flights.release(flight)
        this.#over(end, operation, operation.sent)
        return
      }
      flight.memory = first
      const address = bytes === 0 ? 0 : addressOf(first) + operation.offset
      this.#flights.launch(flight, address, bytes)
    } else if (end.stream) {
      const landing = (flight.landing ??= this.#flights.landings.large())
      this.#flights.launch(flight, landing.address, gather(operation, landing))
    } else {
      // A datagram is one write.
      flight.memory = Buffer.concat(buffers)
      this.#flights.launch(flight, addressOf(flight.memory), flight.memory.length)
    }
  }

  landed(flight: Flight, result: number): void {
    const operation = flight.operation!
    const end = this.#ends.of(operation)
    const ends = operation.cancelled || this.#flights.closed
    let over = result
    if (result >= 0) {
      const whole = advance(operation, result) || !end.stream
      if (whole) over = operation.sent
      else if (ends) over = -ECANCELED
      else {
        this.#send(end, operation)
        return
      }
    } else if (passing.has(result)) {
      if (!ends) {
        if (result === -EAGAIN) makeBlocking(end.duplicate)
        // Out of kernel memory is no verdict on the bytes: they are kept, and offered again a little later.
        if (result === -ENOBUFS || result === -ENOMEM) this.#flights.putOff(flight)
        else this.#send(end, operation)
        return
      }
      over = -ECANCELED
    }
    this.#flights.release(flight)
    this.#over(end, operation, over)
  }

  #over(end: End, operation: Operation, result: number): void {
    end.sending = operation.next
    operation.next = null
    this.#ends.leave(end.fd)
    // What the handler sends is queued behind those that wait already.
    finish(operation, result)
    const following = end.sending
    if (following !== null && following.slot < 0 && !this.#flights.closed) this.#send(end, following)
  }
}

const empty = new Uint8Array(0)

const EINTR = 4
const EAGAIN = 11
const ENOMEM = 12
const ENOBUFS = 105
const ECANCELED = 125

/** Ends of a write after which it is made again. */
const passing = new Set([-EINTR, -EAGAIN, -ENOMEM, -ENOBUFS])
