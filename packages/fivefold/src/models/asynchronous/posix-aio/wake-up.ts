/**
 * An eventfd in the list of requests: what ends the dedicated host's sleep from outside, see (g) in ../posix-aio.ts.
 */
import { rawEventfdWrite } from '../../../sys/eventfd.js'
import { type Crew, Duty, type Flight, type Flights } from './flights.js'

export class WakeUp implements Crew {
  readonly #flights: Flights
  readonly #flight: Flight
  readonly #heard: (wakeUp: WakeUp) => void

  /**
   * @param fd not O_NONBLOCK: a thread of glibc's is to sleep in reading it
   * @param heard it has been read, and is not again before `ask`
   */
  constructor(flights: Flights, fd: number, heard: (wakeUp: WakeUp) => void) {
    this.#flights = flights
    this.#heard = heard
    this.#flight = flights.take(Duty.wake, this, null, true)!
    this.#flight.fd = fd
    this.#flight.landing = flights.landings.small()
    this.ask()
  }

  /** A thread sleeps in reading it. */
  get asked(): boolean {
    return this.#flight.flying
  }

  ask(): void {
    this.#flights.launch(this.#flight, this.#flight.landing!.address, 8)
  }

  landed(flight: Flight, result: number): void {
    if (this.#flights.closed) this.#flights.release(flight)
    else if (result < 0) this.#flights.putOff(flight)
    else this.#heard(this)
  }
}

export function raise(eventfd: number): void {
  while (rawEventfdWrite(eventfd, 1) === -EINTR);
}

const EINTR = 4
