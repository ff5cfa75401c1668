/** A thread as the driver sees it: the desk that both write to, and the ways to get it out of a call. */
import { Buffer } from 'node:buffer'
import { ADDRESS_BYTES } from '../../sys/address.js'
import { addressOf } from '../../sys/ffi.js'
import { rawTgkill } from '../../sys/signal.js'
import type { Copies, Source } from '../copies.js'
import { type DatagramOperation, type FileOperation, Kind, type Operation } from '../operation.js'
import * as at from './layout.js'

/** The room of a receive. */
const ROOM = 64 * 1024
/** A received chunk of so much is given away together with its memory; a smaller one is copied. */
const GIVE_AWAY = 32 * 1024
/** Up to so much shares a block with others. */
const MOST_SHARED = 8 * 1024

/** Where a slot's bytes land. */
interface Landing extends Source {
  readonly bytes: Buffer
}

/** A thread as the driver sees it. */
export class Thread {
  readonly index: number
  readonly words: Int32Array
  readonly doubles: Float64Array
  readonly bytes: Uint8Array
  operation: Operation | null = null
  taken = 0
  mask = 0
  interrupting = false
  /** It starts: it has not taken all its descriptors yet. */
  starting = true
  /** Where each slot's bytes land. Held here for as long as the thread may be told to write there. */
  readonly landings: Landing[] = []

  constructor(index: number, desk: SharedArrayBuffer) {
    this.index = index
    this.words = new Int32Array(desk)
    this.doubles = new Float64Array(desk)
    this.bytes = new Uint8Array(desk)
  }

  #land(slot: number, room: number): void {
    const bytes = Buffer.allocUnsafeSlow((room + 3) & ~3)
    this.landings[slot] = { bytes, words: new Int32Array(bytes.buffer) }
    this.doubles[at.SLOT_DOUBLES + slot * at.DOUBLES_PER_SLOT + at.LANDING] = addressOf(bytes)
  }

  /** What landed, as memory that is the user's from now on. */
  chunk(slot: number, length: number, copies: Copies): Buffer {
    const landing = this.landings[slot]!
    const { bytes } = landing
    if (length >= GIVE_AWAY && length * 2 >= bytes.length) {
      this.#land(slot, bytes.length)
      return Buffer.from(bytes.buffer, 0, length)
    }
    if (length > MOST_SHARED) {
      const chunk = Buffer.allocUnsafeSlow(length)
      chunk.set(bytes.subarray(0, length))
      return chunk
    }
    return copies.copy(landing, 0, length)
  }

  /** Writes what differs from kind to kind. */
  describe(operation: Operation): void {
    const { words, doubles } = this
    switch (operation.kind) {
      case Kind.accept:
        this.mask = at.SLOTS - 1
        break
      case Kind.receive:
        this.mask = 1
        this.#makeRoom(ROOM)
        break
      case Kind.recvfrom: {
        const { room } = operation as DatagramOperation
        this.mask = room > 2 * ROOM ? 1 : at.SLOTS - 1
        this.#makeRoom(room)
        break
      }
      case Kind.send:
        doubles[at.SLOT_DOUBLES + at.BYTES] = 0
        words[at.COUNT] = this.#writeIovec(operation)
        break
      case Kind.connect:
        this.#writeAddress(operation)
        break
      case Kind.sendto:
        this.#writeAddress(operation)
        this.#writeMemory(operation)
        break
      case Kind.read:
      case Kind.write:
        if (operation.buffers.length > 1) words[at.COUNT] = this.#writeIovec(operation)
        else this.#writeMemory(operation)
        doubles[at.POSITION] = (operation as FileOperation).position
        break
      case Kind.fsync:
      case Kind.fdatasync:
        break
      case Kind.open:
        this.bytes.set(operation.address!, at.IOV_AT)
        words[at.FLAGS] = (operation as FileOperation).flags
        words[at.MODE] = (operation as FileOperation).mode
        break
      case Kind.call:
        doubles.set((operation as FileOperation).call!, at.CALL)
        break
    }
  }

  #makeRoom(room: number): void {
    this.words[at.ROOM] = room
    for (let slot = 0; slot <= this.mask; slot++) {
      const landing = this.landings[slot]
      if (landing === undefined || landing.bytes.length < room) this.#land(slot, Math.max(room, 1))
    }
  }

  #writeAddress(operation: Operation): void {
    const { address } = operation
    if (address === null) return
    this.bytes.set(address.subarray(0, ADDRESS_BYTES), at.ADDRESS_AT)
    this.words[at.COUNT] = Math.min(address.length, ADDRESS_BYTES)
  }

  #writeMemory(operation: Operation): void {
    const memory = operation.buffers[0]!
    this.doubles[at.MEMORY] = memory.length === 0 ? 0 : addressOf(memory)
    this.doubles[at.LENGTH] = memory.length
  }

  /** Writes where what is left to send lies, as an iovec. @returns its entries */
  #writeIovec(operation: Operation): number {
    const { buffers } = operation
    const { words } = this
    let { offset } = operation
    let count = 0
    for (let index = operation.index; index < buffers.length && count < at.MOST_IOV; index++) {
      const buffer = buffers[index]!
      const length = buffer.length - offset
      const address = length === 0 ? 0 : addressOf(buffer) + offset
      const word = (at.IOV_AT + count * 16) / 4
      words[word] = address | 0
      words[word + 1] = address / 0x1_0000_0000
      words[word + 2] = length | 0
      words[word + 3] = length / 0x1_0000_0000
      offset = 0
      count++
    }
    return count
  }

  /** Interrupts the call the thread sleeps in. @returns false when there is no such thread any more */
  interrupt(signal: number): boolean {
    const tid = Atomics.load(this.words, at.TID)
    return tid === 0 || rawTgkill(process.pid, tid, signal) !== -ESRCH
  }

  /** Takes a request back that the thread has not taken. @returns whether that was in time */
  retract(): boolean {
    return Atomics.compareExchange(this.words, at.STATE, at.REQUESTED, at.IDLE) === at.REQUESTED
  }

  /** Ends an idle thread. */
  quit(): void {
    Atomics.compareExchange(this.words, at.STATE, at.IDLE, at.QUITTING)
    Atomics.notify(this.words, at.STATE)
  }

  /** A thread that was told to quit does nothing any more, or has never begun. */
  gone(signal: number): boolean {
    const { words } = this
    if (Atomics.load(words, at.STATE) === at.GONE || Atomics.load(words, at.TID) === 0) return true
    return !this.interrupt(signal)
  }

  /** Tells the thread that the process ends. @returns whether it is out of everything */
  leave(signal: number): boolean {
    const { words } = this
    Atomics.store(words, at.QUIT, 1)
    Atomics.store(words, at.CANCEL, 1)
    if (Atomics.load(words, at.STATE) === at.GONE) return true
    Atomics.notify(words, at.STATE)
    Atomics.notify(words, at.TAKEN)
    return !this.interrupt(signal)
  }
}

const ESRCH = 3
