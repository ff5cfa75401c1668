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
 * (c) When the kernel finds no buffer the receive ends with ENOBUFS. The data stay in the socket: nothing is lost.
 *     Each time that happens the ring gets more buffers, up to its capacity.
 */
import { markAsUntransferable } from 'node:worker_threads'
import { addressOf } from '../../../sys/ffi.js'
import type { Ring } from '../../../sys/uring.js'
import { BufferRing, IOU_PBUF_RING_INC } from '../../../sys/uring-buffers.js'

/** From here on giving away beats copying; below it, one kept chunk would keep a whole buffer alive. */
const GIVE_AWAY = 8 * 1024
/** Up to here words are copied in a loop: faster than making the view that `set` needs. */
const COPY_WORDS = 384
const SMALL_BLOCK = 32 * 1024

/** How large buffers are, how many at first, and how many at most. */
export interface ReceiveSizes {
  bytes: number
  first: number
  most: number
}

export const INCREMENTAL: ReceiveSizes = { bytes: 256 * 1024, first: 4, most: 64 }
export const WHOLE: ReceiveSizes = { bytes: 32 * 1024, first: 64, most: 1024 }

export class ReceiveBuffers {
  readonly group: number
  readonly incremental: boolean
  readonly #sizes: ReceiveSizes
  readonly #ring: BufferRing
  readonly #blocks: Buffer[] = []
  readonly #words: Int32Array[] = []
  readonly #addresses: number[] = []
  /** Where in its block the kernel's next piece lies. */
  readonly #offsets: Int32Array
  /** 1: a part was given away. */
  readonly #given: Uint8Array

  #small = new ArrayBuffer(0)
  #smallBytes = new Uint8Array(0)
  #smallWords = new Int32Array(0)
  #smallAt = 0

  /** @throws EINVAL where the kernel has no such ring, or `incremental` is too much for it */
  constructor(ring: Ring, group: number, incremental: boolean, sizes: ReceiveSizes) {
    this.group = group
    this.incremental = incremental
    this.#sizes = sizes
    this.#ring = new BufferRing(ring, group, sizes.most, incremental ? IOU_PBUF_RING_INC : 0)
    this.#offsets = new Int32Array(sizes.most)
    this.#given = new Uint8Array(sizes.most)
    while (this.#blocks.length < sizes.first) this.#provide(this.#blocks.length)
  }

  /** How many buffers there are: the most receives that can succeed before one is given back. */
  get count(): number {
    return this.#blocks.length
  }

  /** Adds as many buffers again, up to the capacity. @returns whether that changed anything */
  grow(): boolean {
    const { length } = this.#blocks
    const wanted = Math.min(length * 2, this.#sizes.most)
    for (let id = length; id < wanted; id++) this.#provide(id)
    return wanted > length
  }

  /**
   * The bytes of a completion, as memory that is the user's from now on.
   * @param more the kernel goes on with this buffer (IORING_CQE_F_BUF_MORE)
   */
  take(id: number, length: number, more: boolean): Buffer {
    const offset = this.#offsets[id]!
    let chunk: Buffer
    if (length < GIVE_AWAY) {
      chunk = this.#copy(id, offset, length)
    } else {
      chunk = Buffer.from(this.#blocks[id]!.buffer as ArrayBuffer, offset, length)
      this.#given[id] = 1
    }
    if (more) this.#offsets[id] = offset + length
    else this.#recycle(id)
    return chunk
  }

  /** Takes a buffer back whose bytes nobody wants. */
  drop(id: number, length: number, more: boolean): void {
    if (more) this.#offsets[id]! += length
    else this.#recycle(id)
  }

  #copy(id: number, from: number, length: number): Buffer {
    if (this.#smallAt + length > this.#small.byteLength) {
      this.#small = Buffer.allocUnsafeSlow(SMALL_BLOCK).buffer as ArrayBuffer
      markAsUntransferable(this.#small)
      this.#smallBytes = new Uint8Array(this.#small)
      this.#smallWords = new Int32Array(this.#small)
      this.#smallAt = 0
    }
    const at = this.#smallAt
    this.#smallAt = (at + length + 7) & ~7
    if (length <= COPY_WORDS && (from & 3) === 0) {
      const target = this.#smallWords
      const source = this.#words[id]!
      let to = at >> 2
      const end = (from + length + 3) >> 2
      for (let word = from >> 2; word < end; word++) target[to++] = source[word]!
    } else {
      this.#smallBytes.set(this.#blocks[id]!.subarray(from, from + length), at)
    }
    return Buffer.from(this.#small, at, length)
  }

  #recycle(id: number): void {
    this.#offsets[id] = 0
    if (this.#given[id] === 0) this.#ring.add(this.#addresses[id]!, this.#sizes.bytes, id)
    else this.#provide(id)
  }

  #provide(id: number): void {
    const block = Buffer.allocUnsafeSlow(this.#sizes.bytes)
    markAsUntransferable(block.buffer)
    this.#blocks[id] = block
    this.#words[id] = new Int32Array(block.buffer, block.byteOffset, block.length >> 2)
    this.#addresses[id] = addressOf(block)
    this.#offsets[id] = 0
    this.#given[id] = 0
    this.#ring.add(this.#addresses[id]!, this.#sizes.bytes, id)
  }

  /** Takes the buffers from the kernel. No receive may be in flight. */
  close(): void {
    this.#ring.close()
  }
}
