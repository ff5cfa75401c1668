/**
 * Where datagrams land: a ring of buffers, each with room for the largest, because a datagram takes a whole buffer
 * and what does not fit is cut off for good.
 *
 * A multishot RECVMSG begins each buffer with `struct io_uring_recvmsg_out { u32 namelen, controllen, payloadlen,
 * flags }`, then comes the sender's address in as many bytes as the msghdr offered, then the control data likewise, then
 * the datagram.
 */
import { Buffer } from 'node:buffer'
import { ADDRESS_BYTES, type Address, decodeShared } from '../../../sys/address.js'
import { allocateSlab, releaseSlab, type Slab } from '../../../sys/memory.js'
import type { Ring } from '../../../sys/uring.js'
import { BufferRing } from '../../../sys/uring-buffers.js'
import { Copies, type Source } from '../../copies.js'
import { MOST_CONTROL } from '../../message-slots.js'

const HEADER = 16
const CONTROL = HEADER + ADDRESS_BYTES
/** What a msghdr must offer for the sender's address. */
export const ADDRESS_ROOM = ADDRESS_BYTES
/** The most a datagram can bring here; larger ones (Unix sockets know them) arrive cut. */
export const MOST_DATAGRAM = 65536
const BYTES = CONTROL + MOST_CONTROL + MOST_DATAGRAM

/** Up to so much is copied beside others. */
const MOST_SHARED = 8 * 1024

const MSG_TRUNC = 0x20

export class DatagramBuffers {
  readonly group: number
  /** How many datagrams can be received before one is taken. */
  readonly count: number
  readonly #ring: BufferRing
  readonly #slab: Slab
  readonly #source: Source
  /** Where the sender's address lies in each buffer: a view made for each datagram would cost more than its copy. */
  readonly #senders: readonly Uint8Array[]
  readonly #copies = new Copies()

  /** @param count a power of two */
  constructor(ring: Ring, group: number, count: number) {
    this.group = group
    this.count = count
    this.#ring = new BufferRing(ring, group, count, 0)
    this.#slab = allocateSlab(count * BYTES)
    this.#source = { bytes: this.#slab.u8, words: this.#slab.i32 }
    this.#senders = Array.from({ length: count }, (_, id) =>
      this.#slab.u8.subarray(id * BYTES + HEADER, id * BYTES + CONTROL),
    )
    for (let id = 0; id < count; id++) this.#ring.add(this.#slab.address + id * BYTES, BYTES, id)
  }

  /** How long the datagram is that lies in a buffer, of which at most `room` bytes are wanted. */
  length(id: number, room: number): number {
    const payload = this.#slab.u32[(id * BYTES + 8) >> 2]!
    return Math.min(payload, room, MOST_DATAGRAM)
  }

  /** Whether more was sent than arrives. */
  truncated(id: number, room: number): boolean {
    const at = (id * BYTES) >> 2
    return this.#slab.u32[at + 2]! > room || (this.#slab.u32[at + 3]! & MSG_TRUNC) !== 0
  }

  /** Who sent it: one object for all datagrams of a peer. */
  sender(id: number): Address {
    const length = this.#slab.u32[(id * BYTES) >> 2]!
    return decodeShared(this.#senders[id]!, Math.min(length, ADDRESS_BYTES))
  }

  /** The control data that came with it: a copy. */
  control(id: number): Uint8Array {
    const at = id * BYTES
    return this.#slab.u8.slice(at + CONTROL, at + CONTROL + this.#slab.u32[(at + 4) >> 2]!)
  }

  /** A copy of the first `length` bytes of the datagram, before which `controlBytes` were offered for control data. */
  copy(id: number, length: number, controlBytes: number): Buffer {
    const at = id * BYTES + CONTROL + controlBytes
    if (length <= MOST_SHARED) return this.#copies.copy(this.#source, at, length)
    const chunk = Buffer.allocUnsafeSlow(length)
    chunk.set(this.#slab.u8.subarray(at, at + length))
    return chunk
  }

  /** Gives the buffer back to the kernel. */
  recycle(id: number): void {
    this.#ring.add(this.#slab.address + id * BYTES, BYTES, id)
  }

  /** Takes the buffers from the kernel. No receive may be in flight. */
  close(): void {
    this.#ring.close()
    releaseSlab(this.#slab)
  }
}
