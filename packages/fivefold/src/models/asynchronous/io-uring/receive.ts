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
import { markAsUntransferable } from 'node:worker_threads'
import { addressOf } from '../../../sys/ffi.js'
import { keepFreedMemory } from '../../../sys/malloc.js'
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

/** Finds a block by the ArrayBuffer of a chunk. */
const BLOCK = Symbol('fivefold.block')
/** Blocks that came back and wait to be used again. */
const MOST_SPARE = 16

class Block {
  readonly bytes: Buffer
  readonly words: Int32Array
  readonly address: number
  /** Where the kernel's next piece lies. */
  offset = 0
  /** Parts given away, and not come back. */
  given = 0
  /** The kernel puts nothing more into it. */
  done = false

  constructor(bytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(bytes)
    markAsUntransferable(this.bytes.buffer)
    this.words = new Int32Array(this.bytes.buffer)
    this.address = addressOf(this.bytes)
    ;(this.bytes.buffer as Owned)[BLOCK] = this
  }
}

interface Owned extends ArrayBuffer {
  [BLOCK]?: Block
}

export class ReceiveBuffers {
  readonly group: number
  readonly incremental: boolean
  readonly #sizes: ReceiveSizes
  readonly #ring: BufferRing
  /** By the number that completions name them by. */
  readonly #blocks: Block[] = []
  readonly #spare: Block[] = []

  #gaveAway = false
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
    while (this.#blocks.length < sizes.first) this.#provide(this.#blocks.length, new Block(sizes.bytes))
  }

  /** How many buffers there are: the most receives that can succeed before one is given back. */
  get count(): number {
    return this.#blocks.length
  }

  /** Adds as many buffers again, up to the capacity. @returns whether that changed anything */
  grow(): boolean {
    const { length } = this.#blocks
    const wanted = Math.min(length * 2, this.#sizes.most)
    for (let id = length; id < wanted; id++) this.#provide(id, new Block(this.#sizes.bytes))
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
      chunk = this.#copy(block, offset, length)
    } else {
      if (!this.#gaveAway) {
        this.#gaveAway = true
        keepFreedMemory()
      }
      chunk = Buffer.from(block.bytes.buffer as ArrayBuffer, offset, length)
      block.given++
    }
    if (more) block.offset = offset + length
    else this.#recycle(id, block)
    return chunk
  }

  /**
   * Takes back the memory of a chunk that `take` made. Nobody may look at it any more: it is written again. A chunk
   * that was copied out, or that is none of ours, is left alone.
   */
  release(chunk: Buffer): void {
    const block = (chunk.buffer as Owned)[BLOCK]
    if (block === undefined || --block.given > 0 || !block.done) return
    if (this.#spare.length < MOST_SPARE) this.#spare.push(block)
  }

  #copy(block: Block, from: number, length: number): Buffer {
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
      const source = block.words
      let to = at >> 2
      const end = (from + length + 3) >> 2
      for (let word = from >> 2; word < end; word++) target[to++] = source[word]!
    } else {
      this.#smallBytes.set(block.bytes.subarray(from, from + length), at)
    }
    return Buffer.from(this.#small, at, length)
  }

  /** The kernel has done with a buffer: it gets it anew, or another in its place. */
  #recycle(id: number, block: Block): void {
    if (block.given === 0) this.#provide(id, block)
    else {
      block.done = true
      this.#provide(id, this.#spare.pop() ?? new Block(block.bytes.length))
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
