/**
 * A ring of buffers that io_uring receives into (Linux 5.19): the kernel takes one when the data are there, not
 * when the receive is submitted, so ten thousand waiting receives need no memory.
 */
import { check } from './errno.js'
import { allocateSlab, releaseSlab, type Slab } from './memory.js'
import {
  IORING_REGISTER_PBUF_RING,
  IORING_UNREGISTER_PBUF_RING,
  type Ring,
  rawIoUringRegister,
} from './uring.js'

/** Linux 6.12: a buffer is consumed piece by piece (IORING_CQE_F_BUF_MORE: the kernel goes on with it). */
export const IOU_PBUF_RING_INC = 2

/** `struct io_uring_buf` is 16 bytes; the tail of the ring overlays the last two of the first. */
const ENTRY_BYTES = 16
const TAIL = 7

export class BufferRing {
  readonly group: number
  readonly entries: number
  readonly #ring: Ring
  readonly #slab: Slab
  readonly #u16: Uint16Array
  #tail = 0

  /**
   * @param group the number that receives name it by
   * @param entries a power of two, at most 32768
   * @param flags IOU_PBUF_RING_INC or 0
   * @throws EINVAL where the kernel knows no such rings (or no such flag), EEXIST when the group is taken
   */
  constructor(ring: Ring, group: number, entries: number, flags: number) {
    this.#ring = ring
    this.group = group
    this.entries = entries
    this.#slab = allocateSlab(entries * ENTRY_BYTES)
    this.#u16 = new Uint16Array(this.#slab.buffer)
    // struct io_uring_buf_reg { u64 ring_addr; u32 ring_entries; u16 bgid, flags; u64 resv[3] }
    const registration = new Int32Array(10)
    registration[0] = this.#slab.address
    registration[1] = this.#slab.address / 0x1_0000_0000
    registration[2] = entries
    registration[3] = group | (flags << 16)
    const result = rawIoUringRegister(ring.fd, IORING_REGISTER_PBUF_RING, registration, 1)
    if (result < 0) {
      releaseSlab(this.#slab)
      check(result, 'io_uring_register')
    }
  }

  /**
   * Gives the kernel a buffer. At most `entries` may be with it at once.
   * @param id what a completion will name it by (16 bits)
   */
  add(address: number, bytes: number, id: number): void {
    const { i32 } = this.#slab
    const index = this.#tail & (this.entries - 1)
    const at = index * (ENTRY_BYTES / 4)
    i32[at] = address
    i32[at + 1] = address / 0x1_0000_0000
    i32[at + 2] = bytes
    this.#u16[index * (ENTRY_BYTES / 2) + 6] = id
    this.#tail = (this.#tail + 1) & 0xffff
    Atomics.store(this.#u16, TAIL, this.#tail)
  }

  /** Takes the ring back. No receive of its group may be in flight. */
  close(): void {
    const registration = new Int32Array(10)
    registration[3] = this.group
    rawIoUringRegister(this.#ring.fd, IORING_UNREGISTER_PBUF_RING, registration, 1)
    releaseSlab(this.#slab)
  }
}
