/**
 * Memory whose pages the ring has looked up beforehand (`tuning.registeredBuffers`): reads and writes of files that lie
 * in one of these buffers name it by its number, and the kernel need not pin and release its pages each time.
 *
 * The pages stay pinned, and the buffers held, until the ring is closed.
 */
import { check } from '../../../sys/errno.js'
import { addressOf } from '../../../sys/ffi.js'
import { requireStable } from '../../../sys/memory.js'
import { IORING_REGISTER_BUFFERS, type Ring, rawIoUringRegister } from '../../../sys/uring.js'

interface Range {
  readonly index: number
  readonly from: number
  readonly to: number
}

export class RegisteredBuffers {
  readonly #ranges = new Map<ArrayBufferLike, Range[]>()

  /**
   * Linux 5.1.
   * @throws what io_uring_register says: ENOMEM where RLIMIT_MEMLOCK does not allow so much, EFAULT for memory that
   *   cannot be pinned; ERR_INVALID_ARG_VALUE for a resizable or an empty buffer, or none
   */
  constructor(ring: Ring, buffers: readonly Uint8Array[]) {
    if (buffers.length === 0 || buffers.some((buffer) => buffer.length === 0)) {
      throw Object.assign(new TypeError('registeredBuffers is a list of buffers that are not empty'), {
        code: 'ERR_INVALID_ARG_VALUE',
      })
    }
    // struct iovec { u64 base, length }
    const vectors = new BigUint64Array(2 * buffers.length)
    for (const [index, buffer] of buffers.entries()) {
      requireStable(buffer)
      vectors[2 * index] = BigInt(addressOf(buffer))
      vectors[2 * index + 1] = BigInt(buffer.length)
      const { byteOffset, byteLength } = buffer
      const range = { index, from: byteOffset, to: byteOffset + byteLength }
      const others = this.#ranges.get(buffer.buffer)
      if (others === undefined) this.#ranges.set(buffer.buffer, [range])
      else others.push(range)
    }
    check(
      rawIoUringRegister(ring.fd, IORING_REGISTER_BUFFERS, vectors, buffers.length),
      'io_uring_register',
      'registeredBuffers',
    )
  }

  /** @returns the number of the buffer that the view lies in; -1: in none */
  indexOf(view: Uint8Array): number {
    const ranges = this.#ranges.get(view.buffer)
    if (ranges === undefined) return -1
    const { byteOffset, byteLength } = view
    for (const { index, from, to } of ranges) {
      if (byteOffset >= from && byteOffset + byteLength <= to) return index
    }
    return -1
  }
}
