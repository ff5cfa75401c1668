/**
 * Phase 2 of a repeating recvfrom, for the readiness driver: the calls that take the datagrams, and their delivery.
 *
 * (a) A datagram comes by recvfrom(2), and what else lies there by recvmmsg(2), as many as there are in one call; fewer
 *     than there was room for were the last. While several come together that call is the first. Large ones come by
 *     recvfrom, one by one, into memory that is given away: no byte is copied twice. What came last decides.
 * (b) A handler may cancel while others of the same call are yet to be told. They are no longer in the kernel, so they
 *     are told still, and the cancelled operation is over with the last of them: model.ts says so of `cancel`.
 * (c) An error of recvmmsg after the first datagram is told by the next call. It keeps the socket readable; a poller that
 *     hears of each event once goes on until there is nothing more.
 */
import { ADDRESS_BYTES, decodeShared } from '../sys/address.js'
import { MSG_DONTWAIT, MSG_TRUNC, rawRecvfrom } from '../sys/socket.js'
import { progress } from './answers.js'
import type { Arena } from './arena.js'
import { MessageSlots, SLOT_ROOM, SLOTS } from './message-slots.js'
import { ofTheNetwork } from './of-the-network.js'
import type { DatagramOperation } from './operation.js'
import { now } from './stamps.js'

/** Calls per descriptor and turn. */
const MOST_CALLS = 16
const MOST_DATAGRAMS = 64
/** From here on a datagram is better not copied. */
const LARGE = 8 * 1024

/** What became of a read: nothing more is there; there may be more; or else a negative errno that ends the operation. */
export const EMPTY = 0
export const UNFINISHED = 1

export class DatagramReader {
  readonly #arena: Arena
  readonly #address = new Uint8Array(ADDRESS_BYTES)
  readonly #addressLength = new Int32Array(1)
  #slots: MessageSlots | null = null
  /** The operation whose datagrams are being told. */
  #telling: DatagramOperation | null = null

  constructor(arena: Arena) {
    this.#arena = arena
  }

  /** @returns whether the operation, cancelled now, ends by itself: with what is yet to be told */
  tells(operation: object): boolean {
    return operation === this.#telling
  }

  /**
   * Takes what is there, within bounds, and tells it.
   * @param toTheEnd nobody reports again what stays unread, nor an error
   * @returns EMPTY, UNFINISHED or a negative errno. Meaningless when the operation was cancelled meanwhile.
   */
  read(operation: DatagramOperation, toTheEnd: boolean): number {
    let datagrams = 0
    for (let calls = 0; calls < MOST_CALLS && datagrams <= MOST_DATAGRAMS - SLOTS; calls++) {
      const small = !operation.large && operation.room <= SLOT_ROOM
      const many = operation.controlBytes > 0 || (small && (operation.several || datagrams > 0))
      const came = many ? this.#receiveMany(operation) : this.#receiveOne(operation)
      if (came > 0) {
        datagrams += came
        if (!operation.inFlight || operation.cancelled) return EMPTY
        if (many && came < SLOTS && !toTheEnd) return EMPTY
      } else if (came === -EAGAIN) return EMPTY
      else if (ofTheNetwork.has(came)) {
        // An ICMP answer to something sent earlier: it is told, and the socket goes on.
        operation.chunk = null
        progress(operation, came)
        if (!operation.inFlight) return EMPTY
      } else if (came !== -EINTR) return came
    }
    return UNFINISHED
  }

  #receiveMany(operation: DatagramOperation): number {
    const slots = (this.#slots ??= new MessageSlots())
    const { controlBytes } = operation
    const room = Math.min(operation.room, SLOT_ROOM)
    const count = slots.receive(operation.fd, room, controlBytes)
    operation.several = count > 1
    if (count <= 0) return count
    if (operation.stamps !== null) operation.stamps.copied = now()
    this.#telling = operation
    let length = 0
    for (let index = 0; index < count; index++) {
      length = slots.length(index)
      const kept = Math.min(length, room)
      operation.chunk = slots.copy(index, kept)
      operation.truncated = length > room
      operation.from = slots.from(index)
      if (controlBytes > 0) operation.control = slots.control(index)
      progress(operation, kept)
      // The driver was closed.
      if (this.#telling === null) return count
    }
    this.#telling = null
    operation.large = length >= LARGE
    return count
  }

  #receiveOne(operation: DatagramOperation): number {
    const { fd } = operation
    const arena = this.#arena
    const room = Math.min(operation.room, arena.room)
    this.#addressLength[0] = ADDRESS_BYTES
    const length = rawRecvfrom(
      fd,
      arena.address,
      room,
      MSG_DONTWAIT | MSG_TRUNC,
      this.#address,
      this.#addressLength,
    )
    if (length < 0) return length
    if (operation.stamps !== null) operation.stamps.copied = now()
    const kept = Math.min(length, room)
    operation.chunk = arena.take(kept)
    operation.truncated = length > room
    operation.from = decodeShared(this.#address, this.#addressLength[0]!)
    operation.large = length >= LARGE
    progress(operation, kept)
    return 1
  }

  /** Nothing more is told. */
  close(): void {
    this.#telling = null
    this.#slots?.close()
    this.#slots = null
  }
}

const EINTR = 4
const EAGAIN = 11
