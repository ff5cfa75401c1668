/**
 * recvmmsg(2): many datagrams in one call, each into a slot of its own, with its sender and control data.
 *
 * The slots are used again with the next call: whatever is to stay is copied out. Memory that no datagram was written to is
 * never touched, so their room, for the largest each, costs addresses and no memory.
 */
import { Buffer } from 'node:buffer'
import { ADDRESS_BYTES, type Address, decodeShared } from '../sys/address.js'
import { allocateSlab, releaseSlab, type Slab } from '../sys/memory.js'
import { IOVEC, MMSGHDR, MSGHDR, rawRecvmmsg } from '../sys/message.js'
import { MSG_DONTWAIT, MSG_TRUNC } from '../sys/socket.js'
import { Copies, type Source } from './copies.js'

/** The most control data that are asked for. */
export const MOST_CONTROL = 128
/** The most bytes of a datagram. */
export const SLOT_ROOM = 64 * 1024
/** Datagrams in one call. */
export const SLOTS = 32

const VECTORS = SLOTS * MMSGHDR.size
const NAMES = VECTORS + SLOTS * IOVEC.size
const CONTROLS = NAMES + SLOTS * ADDRESS_BYTES
const DATA = (CONTROLS + SLOTS * MOST_CONTROL + 4095) & ~4095
/** Not a power of two: the beginnings of all slots would meet in a few lines of the processor's cache. */
const STRIDE = SLOT_ROOM + 5 * 64

/** What is no longer is copied beside others. */
const MOST_SHARED = 8 * 1024

export class MessageSlots {
  readonly #slab: Slab = allocateSlab(DATA + SLOTS * STRIDE)
  readonly #words = this.#slab.u32
  readonly #source: Source = { bytes: this.#slab.u8, words: this.#slab.i32 }
  readonly #names: readonly Uint8Array[]
  readonly #copies = new Copies()
  /** What the headers say, of every slot: the kernel writes over some of it. */
  #room = -1
  #controlBytes = -1
  #used = SLOTS

  constructor() {
    const slab = this.#slab
    this.#names = Array.from({ length: SLOTS }, (_, index) =>
      slab.u8.subarray(NAMES + index * ADDRESS_BYTES, NAMES + (index + 1) * ADDRESS_BYTES),
    )
    for (let index = 0; index < SLOTS; index++) {
      const header = index * MMSGHDR.size
      const vector = VECTORS + index * IOVEC.size
      slab.setPointer(header + MSGHDR.name, slab.address + NAMES + index * ADDRESS_BYTES)
      slab.setPointer(header + MSGHDR.iov, slab.address + vector)
      this.#words[(header + MSGHDR.iovlen) >>> 2] = 1
      slab.setPointer(header + MSGHDR.control, slab.address + CONTROLS + index * MOST_CONTROL)
      slab.setPointer(vector + IOVEC.base, slab.address + DATA + index * STRIDE)
    }
  }

  /**
   * @param room for each datagram: at most `SLOT_ROOM` bytes
   * @param controlBytes for each: at most `MOST_CONTROL`
   * @returns how many came, which may be fewer than there were; or a negative errno
   */
  receive(fd: number, room: number, controlBytes: number): number {
    const words = this.#words
    const anew = room !== this.#room || controlBytes !== this.#controlBytes
    const most = anew ? SLOTS : this.#used
    this.#room = room
    this.#controlBytes = controlBytes
    for (let index = 0; index < most; index++) {
      const header = index * (MMSGHDR.size >>> 2)
      words[header + (MSGHDR.namelen >>> 2)] = ADDRESS_BYTES
      words[header + (MSGHDR.controllen >>> 2)] = controlBytes
      words[(VECTORS + IOVEC.length + index * IOVEC.size) >>> 2] = room
    }
    const count = rawRecvmmsg(fd, this.#slab.address, SLOTS, MSG_DONTWAIT | MSG_TRUNC, null)
    this.#used = Math.max(count, 0)
    return count
  }

  /** The real length of a datagram: more than the room for it, when it was cut. */
  length(index: number): number {
    return this.#words[(index * MMSGHDR.size + MMSGHDR.length) >>> 2]!
  }

  /** Who sent it. */
  from(index: number): Address {
    const length = this.#words[(index * MMSGHDR.size + MSGHDR.namelen) >>> 2]!
    return decodeShared(this.#names[index]!, length)
  }

  /** The control data that came with it: a copy. */
  control(index: number): Uint8Array {
    const at = CONTROLS + index * MOST_CONTROL
    const length = this.#words[(index * MMSGHDR.size + MSGHDR.controllen) >>> 2]!
    return this.#slab.u8.slice(at, at + length)
  }

  /** A copy of the first `length` bytes of a datagram. */
  copy(index: number, length: number): Buffer {
    const at = DATA + index * STRIDE
    if (length <= MOST_SHARED) return this.#copies.copy(this.#source, at, length)
    const chunk = Buffer.allocUnsafeSlow(length)
    chunk.set(this.#slab.u8.subarray(at, at + length))
    return chunk
  }

  close(): void {
    releaseSlab(this.#slab)
  }
}
