/**
 * Where streams' bytes land: a ring of buffers that the kernel fills, and that grows with the traffic.
 *
 * (a) A small payload is copied out, and the buffer goes on being used: a user who keeps it keeps no more. A large
 *     one is given away without a copy; a buffer of which something was given away is never written there
 *     again, and when the kernel has done with it a fresh one takes its place. The collector frees the old one
 *     with the last part of it.
 * (b) Since Linux 6.12 the kernel consumes a buffer piece by piece: small messages of many sockets share one, and
 *     a large message finds a large room. Completions of one buffer come in the order of its consumption, so
 *     counting what came says where the next piece lies. Before 6.12 every receive takes a whole buffer.
 * (c) Who has done with a large payload can give it back (`release`): a block whose parts all came back is used
 *     again while it is still in the processor's cache. That is worth a third of the cost of a 64 KiB message.
 * (d) When the kernel finds no buffer the receive ends with ENOBUFS. The data stay in the socket: nothing is lost.
 *     Each time that happens the ring gets more buffers, up to its capacity.
 */
import { Buffer } from 'node:buffer'
import { markAsUntransferable } from 'node:worker_threads'
import { addressOf } from '../../../sys/ffi.js'
import { keepFreedMemory } from '../../../sys/malloc.js'
import type { Ring } from '../../../sys/uring.js'
import { BufferRing, IOU_PBUF_RING_INC } from '../../../sys/uring-buffers.js'
import { Copies } from '../../copies.js'
import { GIVE_AWAY, Lender } from '../../lender.js'

/** How large buffers are, how many at first, and how many at most. */
export interface ReceiveSizes {
  bytes: number
  first: number
  most: number
}

// A block in the ring is old memory by the time something is in it: were there 64 of 256 KiB, those that one large upload
// uses would be old enough for the collector's thorough part, which then ran for every 100 MB of it (a third of the cost).
export const INCREMENTAL: ReceiveSizes = { bytes: 256 * 1024, first: 4, most: 16 }
export const WHOLE: ReceiveSizes = { bytes: 32 * 1024, first: 64, most: 1024 }

/** Blocks that came back and wait to be used again. */
const MOST_SPARE = 16

class Block extends Lender {
  readonly bytes: Buffer
  readonly words: Int32Array
  readonly address: number
  /** Where the kernel's next piece lies. */
  offset = 0
  /** The kernel puts nothing more into it. */
  done = false

  readonly #buffers: ReceiveBuffers

  constructor(buffers: ReceiveBuffers, bytes: number) {
    super()
    this.#buffers = buffers
    this.bytes = Buffer.allocUnsafeSlow(bytes)
    markAsUntransferable(this.bytes.buffer)
    this.words = new Int32Array(this.bytes.buffer)
    this.address = addressOf(this.bytes)
  }

  complete(): void {
    if (this.done) this.#buffers.spare(this)
  }
}

export class ReceiveBuffers {
  readonly group: number
  readonly incremental: boolean
  readonly #sizes: ReceiveSizes
  readonly #ring: BufferRing
  /** By the number that completions name them by. */
  readonly #blocks: Block[] = []
  readonly #spare: Block[] = []

  readonly #copies = new Copies()

  /** @throws EINVAL where the kernel has no such ring, or `incremental` is too much for it */
  constructor(ring: Ring, group: number, incremental: boolean, sizes: ReceiveSizes) {
    this.group = group
    this.incremental = incremental
    this.#sizes = sizes
    this.#ring = new BufferRing(ring, group, sizes.most, incremental ? IOU_PBUF_RING_INC : 0)
    while (this.#blocks.length < sizes.first) this.#provide(this.#blocks.length, new Block(this, sizes.bytes))
  }

  /** How many buffers there are: the most receives that can succeed before one is given back. */
  get count(): number {
    return this.#blocks.length
  }

  /** Adds as many buffers again, up to the capacity. @returns whether that changed anything */
  grow(): boolean {
    const { length } = this.#blocks
    const wanted = Math.min(length * 2, this.#sizes.most)
    for (let id = length; id < wanted; id++) this.#provide(id, new Block(this, this.#sizes.bytes))
    return wanted > length
  }

  /**
   * The bytes of a completion, as memory that is the user's from now on.
   * @param more the kernel goes on with this buffer (IORING_CQE_F_BUF_MORE)
   */
  take(id: number, length: number, more: boolean): Buffer {
    const block = this.#blocks[id]!
    const { offset } = block
    let chunk: Buffer
    if (length < GIVE_AWAY) {
      chunk = this.#copies.copy(block, offset, length)
    } else {
      chunk = block.give(block.bytes, offset, length)
    }
    if (more) block.offset = offset + length
    else this.#recycle(id, block)
    return chunk
  }

  /** @internal A block that the kernel has done with, and all parts of which came back, is used again. */
  spare(block: Block): void {
    if (this.#spare.length < MOST_SPARE) this.#spare.push(block)
  }

  /** The kernel has done with a buffer: it gets it anew, or another in its place. */
  #recycle(id: number, block: Block): void {
    if (block.given === 0) this.#provide(id, block)
    else {
      block.done = true
      keepFreedMemory()
      this.#provide(id, this.#spare.pop() ?? new Block(this, block.bytes.length))
    }
  }

  #provide(id: number, block: Block): void {
    this.#blocks[id] = block
    block.offset = 0
    block.done = false
    this.#ring.add(block.address, block.bytes.length, id)
  }

  /** Takes the buffers from the kernel. No receive may be in flight. */
  close(): void {
    this.#ring.close()
  }
}
