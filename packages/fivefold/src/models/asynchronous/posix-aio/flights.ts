/**
 * Flights: requests on their way through glibc. One is taken, launched, and settled when glibc is done with it.
 * The letters refer to ../posix-aio.ts.
 */
import {
  ControlBlocks,
  fillTimespec,
  IN_PROGRESS,
  LIO_NOP,
  LIO_NOWAIT,
  LIO_READ,
  rawAioCancel,
  rawAioError,
  rawAioFsync,
  rawAioRead,
  rawAioReturn,
  rawAioSuspend,
  rawAioWrite,
  rawLioListio,
  SIGEV_NONE,
  SIGEV_SIGNAL,
} from '../../../sys/aio.js'
import { SIGIO } from '../../../sys/signal.js'
import type { Host } from '../../model.js'
import type { Operation } from '../../operation.js'
import { now } from '../../stamps.js'
import { type Landing, Landings } from './landings.js'
import { Threads } from './threads.js'

/** What glibc is asked for. `wake` wakes the dedicated host: see (g). */
export const Duty = { read: 0, write: 1, fsync: 2, wake: 3, fdatasync: 4 } as const
export type Duty = (typeof Duty)[keyof typeof Duty]

/** Whose flight it is. */
export interface Crew {
  /** glibc is done with it. It is launched again, put off, or released. */
  landed(flight: Flight, result: number): void
}

/** Not with glibc: it is being prepared, or its completion is being delivered. */
const GROUNDED = 0
/** With glibc. */
const FLYING = 1
/** glibc had no memory or no thread for it: it is offered again. */
const PUT_OFF = 2

/** After how long a request that was put off is offered again. */
const PUT_OFF_MS = 1

/** Users' memory that a thread may still read or write although its driver is closed. */
const abandoned: unknown[] = []

/** One request: a control block, and whose it is. */
export class Flight {
  readonly index: number
  readonly block: number
  duty: Duty = Duty.read
  crew: Crew
  fd = -1
  state: number = GROUNDED
  operation: Operation | null = null
  /** Counted among those that wait. */
  waits = false
  /** Where it is in the list of those with glibc. */
  place = -1
  landing: Landing | null = null
  /** The user's memory, held. */
  memory: Uint8Array | null = null
  /** A stream ends with an empty read; a datagram may be empty. */
  stream = true
  /** read, write at the file's own position: where that was; -1: it has none. */
  position = -1

  constructor(index: number, block: number, crew: Crew) {
    this.index = index
    this.block = block
    this.crew = crew
  }

  /** With glibc. */
  get flying(): boolean {
    return this.state === FLYING
  }
}

export class Flights {
  readonly landings = new Landings()
  /** The driver is closed: nothing more is launched. */
  closed = false
  readonly #embedded: boolean
  readonly #threads: Threads
  readonly #blocks: ControlBlocks
  readonly #onOffer: () => void
  readonly #all: Flight[] = []
  readonly #spare: Flight[] = []
  /** Those with glibc, without gaps; and their control blocks' addresses in the same order, for aio_suspend. */
  readonly #flying: Flight[] = []
  #list = new Uint32Array(2 * 64)
  #putOff: Flight[] = []
  readonly #single = new Uint32Array(2)
  readonly #timespec = new Uint32Array(4)
  #timer: NodeJS.Timeout | null = null

  /**
   * @param most how many may wait
   * @param onOffer embedded: it is time to offer again what was put off
   */
  constructor(host: Host, most: number, onOffer: () => void) {
    this.#embedded = host === 'embedded'
    this.#onOffer = onOffer
    this.#threads = new Threads(most)
    this.#blocks = this.#embedded ? new ControlBlocks(SIGEV_SIGNAL, SIGIO) : new ControlBlocks(SIGEV_NONE)
  }

  /** How many are with glibc. */
  get count(): number {
    return this.#flying.length
  }

  /** The flight of an operation, if it has one. */
  of(operation: Operation): Flight | null {
    const flight = operation.slot < 0 ? undefined : this.#all[operation.slot]
    return flight !== undefined && flight.operation === operation ? flight : null
  }

  /** @returns a flight, or null, and a warning: too many operations wait */
  take(duty: Duty, crew: Crew, operation: Operation | null, waits: boolean): Flight | null {
    if (waits && operation !== null && this.#threads.exhausted) {
      this.#threads.warn()
      return null
    }
    let flight = this.#spare.pop()
    if (flight === undefined) {
      flight = new Flight(this.#all.length, this.#blocks.acquire(), crew)
      this.#all.push(flight)
    }
    flight.duty = duty
    flight.crew = crew
    flight.operation = operation
    flight.waits = waits
    if (waits) this.#threads.count(1)
    if (operation !== null) {
      flight.fd = operation.fd
      operation.slot = flight.index
    }
    return flight
  }

  release(flight: Flight): void {
    if (flight.landing !== null) {
      this.landings.give(flight.landing)
      flight.landing = null
    }
    if (flight.waits) this.#threads.count(-1)
    if (flight.operation !== null) flight.operation.slot = -1
    flight.operation = null
    flight.memory = null
    this.#spare.push(flight)
  }

  /** Hands a request to glibc: for the memory at `address`, and from `offset` of the file on. */
  launch(flight: Flight, address: number, bytes: number, offset = 0): void {
    const opcode = flight.duty === Duty.wake ? LIO_READ : LIO_NOP
    this.#blocks.prepare(flight.block, flight.fd, address, bytes, offset, opcode)
    this.#offer(flight)
  }

  /** The prepared block is offered to glibc a little later. */
  putOff(flight: Flight): void {
    flight.state = PUT_OFF
    this.#putOff.push(flight)
    if (!this.#embedded || this.#timer !== null) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      if (!this.closed) this.#onOffer()
    }, PUT_OFF_MS)
  }

  offerAgain(): void {
    // One by one: a completion in here may close the driver, which must find those that are left.
    for (let left = this.#putOff.length; left > 0 && this.#putOff.length > 0; left--) {
      const flight = this.#putOff.shift()!
      flight.state = GROUNDED
      this.#offer(flight)
    }
  }

  #offer(flight: Flight): void {
    const result = this.#call(flight)
    if (result === 0) {
      const place = this.#flying.length
      if (place * 2 === this.#list.length) {
        const grown = new Uint32Array(this.#list.length * 2)
        grown.set(this.#list)
        this.#list = grown
      }
      flight.state = FLYING
      flight.place = place
      this.#flying.push(flight)
      this.#blocks.list(flight.block, this.#list, place)
    } else if (result === -EAGAIN || flight.operation === null) this.putOff(flight)
    else this.settle(flight, result)
  }

  #call(flight: Flight): number {
    const address = this.#blocks.address(flight.block)
    switch (flight.duty) {
      case Duty.write:
        return rawAioWrite(address)
      case Duty.fsync:
        return rawAioFsync(address)
      case Duty.fdatasync:
        return rawAioFsync(address, true)
      case Duty.wake:
        // By another call, so that who counts or traces aio_read sees what was asked for.
        this.#blocks.list(flight.block, this.#single, 0)
        return rawLioListio(LIO_NOWAIT, this.#single, 1, null)
      default:
        return rawAioRead(address)
    }
  }

  /** See (d): it ends when it ends, unless no thread has begun it. */
  cancel(flight: Flight): void {
    if (flight.state === FLYING) rawAioCancel(flight.fd, this.#blocks.address(flight.block))
    else if (flight.state === PUT_OFF) {
      this.#putOff.splice(this.#putOff.indexOf(flight), 1)
      flight.state = GROUNDED
      this.settle(flight, -ECANCELED)
    }
  }

  /** Until one is over, or it is time to offer again what was put off. */
  sleep(timeoutMs: number): void {
    const most = this.#putOff.length > 0 ? PUT_OFF_MS : timeoutMs
    const timeout = most < 0 ? null : fillTimespec(most, this.#timespec)
    rawAioSuspend(this.#list, this.#flying.length, timeout)
  }

  /** Looks at every request once: see (f). @returns how many were over */
  sweep(): number {
    const blocks = this.#blocks
    const flying = this.#flying
    let did = 0
    // From the end: what takes the place of one that is over has been looked at, or is new.
    for (let place = flying.length - 1; place >= 0; place--) {
      const flight = flying[place]
      if (flight === undefined || blocks.errorOf(flight.block) === IN_PROGRESS) continue
      did++
      const address = blocks.address(flight.block)
      const error = rawAioError(address)
      // Another look will come, for this turn did something.
      if (error === IN_PROGRESS) continue
      const result = error === 0 ? rawAioReturn(address) : -error
      this.#land(flight)
      this.settle(flight, result)
    }
    return did
  }

  #land(flight: Flight): void {
    const last = this.#flying.pop()!
    if (last !== flight) {
      last.place = flight.place
      this.#flying[flight.place] = last
      this.#blocks.list(last.block, this.#list, flight.place)
    }
    flight.place = -1
    flight.state = GROUNDED
  }

  /** glibc is done with it. */
  settle(flight: Flight, result: number): void {
    const stamps = flight.operation?.stamps ?? null
    if (stamps !== null) stamps.ready = stamps.copied = now()
    flight.crew.landed(flight, result)
  }

  // ---- the end

  /** Nothing more is launched. */
  shut(): void {
    this.closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  /** See (f). */
  silence(): void {
    this.#blocks.silence()
  }

  endPutOff(): void {
    const putOff = this.#putOff
    this.#putOff = []
    for (const flight of putOff) {
      flight.state = GROUNDED
      this.settle(flight, -ECANCELED)
    }
  }

  cancelAll(): void {
    for (const flight of [...this.#flying]) {
      if (flight.operation === null) continue
      flight.operation.cancelled = true
      this.cancel(flight)
    }
  }

  /** See (e): whoever still sleeps keeps his memory. @returns the operations, and the descriptors that are slept on */
  abandon(): { left: Operation[]; stuck: Set<number> } {
    const left: Operation[] = []
    const stuck = new Set(this.#flying.map(({ fd }) => fd))
    for (const flight of this.#flying.splice(0)) {
      const { operation } = flight
      abandoned.push(flight.memory)
      if (operation === null) continue
      flight.operation = null
      left.push(operation)
    }
    return { left, stuck }
  }

  /** What an abandoned flight still has is never used again. */
  close(): void {
    this.landings.close()
    for (const { block } of this.#spare) this.#blocks.release(block)
    this.#blocks.close()
  }
}

const EAGAIN = 11
const ECANCELED = 125
