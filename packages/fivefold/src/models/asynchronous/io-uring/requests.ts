/**
 * How each operation is asked of the kernel: the submission entry of each kind, and the memory it points into.
 */
import { O_CLOEXEC } from '../../../sys/fcntl.js'
import { addressOf } from '../../../sys/ffi.js'
import { AF_UNIX, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_WAITALL, SOCK_CLOEXEC } from '../../../sys/socket.js'
import {
  IORING_ACCEPT_MULTISHOT,
  IORING_FSYNC_DATASYNC,
  IORING_OP_ACCEPT,
  IORING_OP_CONNECT,
  IORING_OP_FSYNC,
  IORING_OP_OPENAT,
  IORING_OP_POLL_ADD,
  IORING_OP_READ,
  IORING_OP_READ_FIXED,
  IORING_OP_READV,
  IORING_OP_RECV,
  IORING_OP_RECVMSG,
  IORING_OP_SEND,
  IORING_OP_SEND_ZC,
  IORING_OP_SENDMSG,
  IORING_OP_SENDMSG_ZC,
  IORING_OP_TIMEOUT,
  IORING_OP_WRITE,
  IORING_OP_WRITE_FIXED,
  IORING_OP_WRITEV,
  IORING_RECV_MULTISHOT,
  IOSQE_ASYNC,
  IOSQE_BUFFER_SELECT,
  IOSQE_FIXED_FILE,
  type Ring,
} from '../../../sys/uring.js'
import { type DatagramOperation, type FileOperation, Kind, type Operation } from '../../operation.js'
import { Blocks, HEADERS, MOST_COPIED } from './blocks.js'
import { ADDRESS_ROOM } from './datagrams.js'
import type { RegisteredBuffers } from './registered-buffers.js'
import type { RegisteredFiles } from './registered-files.js'
import type { Slots } from './slots.js'

/** Groups of provided buffers. */
export const STREAMS = 0
export const DATAGRAMS = 1

/** In a block of headers: msghdr (56 bytes), then iovecs; in a datagram's, one iovec and the address. */
const MSGHDR_BYTES = 56
const IOVECS = 64
const MOST_IOVECS = 124
const ADDRESS = 80

const PAUSE_NS = 1_000_000
const POLLOUT = 4
const MULTISHOT = IOSQE_BUFFER_SELECT | IORING_RECV_MULTISHOT
const SEND_FLAGS = MSG_NOSIGNAL | MSG_WAITALL

export class Requests {
  readonly #ring: Ring
  readonly #memory = new Blocks()
  readonly #slots: Slots
  readonly #files: RegisteredFiles | null
  readonly #buffers: RegisteredBuffers | null
  readonly #zeroCopyFrom: number
  /** Slots whose socket knows no zero-copy send. */
  readonly #copying = new Set<number>()

  /** A `struct __kernel_timespec` of `PAUSE_NS`. */
  readonly #pauseAddress: number

  constructor(
    ring: Ring,
    slots: Slots,
    files: RegisteredFiles | null,
    buffers: RegisteredBuffers | null,
    zeroCopyFrom = Number.POSITIVE_INFINITY,
  ) {
    this.#ring = ring
    this.#slots = slots
    this.#files = files
    this.#buffers = buffers
    this.#zeroCopyFrom = zeroCopyFrom
    const block = this.#memory.take(16)
    this.#memory.slab(block).u32.set([0, 0, PAUSE_NS, 0], this.#memory.offset(block) >> 2)
    this.#pauseAddress = this.#memory.address(block)
  }

  /** Writes the request of an operation that has a slot, or of what is left of it. There must be room. */
  start(operation: Operation, generation: number): void {
    switch (operation.kind) {
      case Kind.receive: {
        const head = IORING_OP_RECV | MULTISHOT | this.#file(operation.fd)
        const at = this.#push(head, operation, generation, 0, 0, 0)
        this.#ring.sqes[at + 10] = STREAMS
        break
      }
      case Kind.send:
        this.#send(operation, generation)
        break
      case Kind.accept:
        this.#push(IORING_OP_ACCEPT | IORING_ACCEPT_MULTISHOT, operation, generation, 0, 0, SOCK_CLOEXEC)
        break
      case Kind.connect:
        this.#connect(operation, generation)
        break
      case Kind.recvfrom:
        this.#receiveFrom(operation as DatagramOperation, generation)
        break
      case Kind.sendto:
        this.#sendTo(operation, generation)
        break
      case Kind.read:
      case Kind.write: {
        const reads = operation.kind === Kind.read
        const at =
          operation.buffers.length === 1
            ? this.#single(reads, operation, generation)
            : this.#vector(reads ? IORING_OP_READV : IORING_OP_WRITEV, operation, generation)
        // An offset of -1 is the file's own position (5.6).
        const { position } = operation as FileOperation
        this.#ring.sqes[at + 2] = position
        this.#ring.sqes[at + 3] = Math.floor(position / 0x1_0000_0000)
        break
      }
      case Kind.fsync:
        this.#push(IORING_OP_FSYNC, operation, generation, 0, 0, 0)
        break
      case Kind.fdatasync:
        this.#push(IORING_OP_FSYNC, operation, generation, 0, 0, IORING_FSYNC_DATASYNC)
        break
      case Kind.open:
        this.#open(operation as FileOperation, generation)
        break
      case Kind.call:
        // The driver refuses it: the ring has no such request.
        break
    }
  }

  /**
   * Writes a request that waits until a datagram may have room. Readiness tells that, but not of a Unix socket
   * that names its peer with each datagram: it is always writable, however full the peer's queue. It waits a while.
   */
  pause(operation: Operation, generation: number, outOfMemory: boolean): void {
    if (outOfMemory || operation.address?.[0] === AF_UNIX) {
      this.#push(IORING_OP_TIMEOUT, operation, generation, this.#pauseAddress, 1, 0)
    } else {
      this.#push(IORING_OP_POLL_ADD, operation, generation, 0, 0, POLLOUT)
    }
  }

  /** A zero-copy send was refused (Unix sockets): the next try copies. @returns whether it was one */
  copyInstead(operation: Operation): boolean {
    if (this.#zeroCopyFrom === Number.POSITIVE_INFINITY || this.#copying.has(operation.slot)) return false
    this.#copying.add(operation.slot)
    return true
  }

  #file(fd: number): number {
    return this.#files?.has(fd) ? IOSQE_FIXED_FILE : 0
  }

  /** The operation in a slot is over: its memory can serve another. */
  release(slot: number): void {
    if (this.#copying.size > 0) this.#copying.delete(slot)
    const block = this.#slots.blocks[slot]!
    if (block < 0) return
    this.#memory.give(block)
    this.#slots.blocks[slot] = -1
  }

  /** Gives the memory back. Nothing may be in flight. */
  close(): void {
    this.#memory.close()
  }

  #push(
    head: number,
    operation: Operation,
    generation: number,
    address: number,
    length: number,
    flags: number,
  ): number {
    return this.#ring.push(head, operation.fd, address, length, flags, operation.slot, generation)
  }

  /** A read or write of one buffer, which the ring may know by a number. */
  #single(reads: boolean, operation: Operation, generation: number): number {
    const data = operation.buffers[0]!
    const known = this.#buffers === null ? -1 : this.#buffers.indexOf(data)
    let head = reads ? IORING_OP_READ : IORING_OP_WRITE
    if (known >= 0) head = reads ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED
    const at = this.#push(head, operation, generation, addressOf(data), data.length, 0)
    if (known >= 0) this.#ring.sqes[at + 10] = known
    return at
  }

  /**
   * What is small is copied: its memory is the sender's again at once, and no address need be looked up. What is
   * large stays where it is: the operation, which holds it, is held until its last completion.
   */
  #send(operation: Operation, generation: number): void {
    const { buffers, slot, sent } = operation
    const memory = this.#memory
    const single = buffers.length === 1
    let total = single ? buffers[0]!.length : 0
    if (!single) for (let index = 0; index < buffers.length; index++) total += buffers[index]!.length
    const file = this.#file(operation.fd)
    if (total > MOST_COPIED) {
      const zeroCopy = total - sent >= this.#zeroCopyFrom && !this.#copying.has(slot)
      if (single) {
        this.#push(
          (zeroCopy ? IORING_OP_SEND_ZC : IORING_OP_SEND) | file,
          operation,
          generation,
          addressOf(buffers[0]!) + sent,
          total - sent,
          SEND_FLAGS,
        )
      } else {
        this.#sendmsg((zeroCopy ? IORING_OP_SENDMSG_ZC : IORING_OP_SENDMSG) | file, operation, generation)
      }
      return
    }
    let block = this.#slots.blocks[slot]!
    if (block < 0) {
      block = this.#slots.blocks[slot] = memory.take(total)
      const { u8 } = memory.slab(block)
      let to = memory.offset(block)
      if (single) u8.set(buffers[0]!, to)
      else {
        for (let index = 0; index < buffers.length; index++) {
          const data = buffers[index]!
          u8.set(data, to)
          to += data.length
        }
      }
    }
    this.#push(
      IORING_OP_SEND | file,
      operation,
      generation,
      memory.address(block) + sent,
      total - sent,
      SEND_FLAGS,
    )
  }

  #sendmsg(head: number, operation: Operation, generation: number): void {
    const { buffers, slot } = operation
    const memory = this.#memory
    if (this.#slots.blocks[slot]! < 0) this.#slots.blocks[slot] = memory.take(IOVECS + MOST_IOVECS * 16)
    const block = this.#slots.blocks[slot]!
    const slab = memory.slab(block)
    const at = memory.offset(block)
    let count = 0
    let skip = operation.offset
    for (let index = operation.index; index < buffers.length && count < MOST_IOVECS; index++) {
      const data = buffers[index]!
      if (data.length > skip) {
        const iovec = at + IOVECS + 16 * count++
        slab.setPointer(iovec, addressOf(data) + skip)
        slab.setPointer(iovec + 8, data.length - skip)
      }
      skip = 0
    }
    slab.u8.fill(0, at, at + MSGHDR_BYTES)
    slab.setPointer(at + 16, slab.address + at + IOVECS)
    slab.u32[(at + 24) >> 2] = count
    this.#push(head, operation, generation, slab.address + at, 1, SEND_FLAGS)
  }

  #connect(operation: Operation, generation: number): void {
    const address = operation.address!
    const { slot } = operation
    const memory = this.#memory
    if (this.#slots.blocks[slot]! < 0) {
      const block = (this.#slots.blocks[slot] = memory.take(address.length))
      memory.slab(block).u8.set(address, memory.offset(block))
    }
    const at = this.#push(
      IORING_OP_CONNECT,
      operation,
      generation,
      memory.address(this.#slots.blocks[slot]!),
      0,
      0,
    )
    this.#ring.sqes[at + 2] = address.length
  }

  /** Several buffers: an iovec, which the kernel has read when it takes the request. */
  #vector(code: number, operation: Operation, generation: number): number {
    const { buffers, slot } = operation
    const memory = this.#memory
    if (this.#slots.blocks[slot]! < 0) this.#slots.blocks[slot] = memory.take(buffers.length * 16)
    const block = this.#slots.blocks[slot]!
    const slab = memory.slab(block)
    const at = memory.offset(block)
    for (let index = 0; index < buffers.length; index++) {
      const data = buffers[index]!
      slab.setPointer(at + 16 * index, data.length === 0 ? 0 : addressOf(data))
      slab.setPointer(at + 16 * index + 8, data.length)
    }
    return this.#push(code, operation, generation, memory.address(block), buffers.length, 0)
  }

  /**
   * Left to a kernel thread at once. Tried in ours, the kernel would open with O_NONBLOCK: a FIFO without waiting
   * for its other end, and then a read would find the end of the file.
   */
  #open(operation: FileOperation, generation: number): void {
    const path = operation.address!
    const { slot, mode } = operation
    const memory = this.#memory
    if (this.#slots.blocks[slot]! < 0) {
      const block = (this.#slots.blocks[slot] = memory.take(path.length))
      memory.slab(block).u8.set(path, memory.offset(block))
    }
    const flags = operation.flags | O_CLOEXEC
    this.#push(
      IORING_OP_OPENAT | IOSQE_ASYNC,
      operation,
      generation,
      memory.address(this.#slots.blocks[slot]!),
      mode,
      flags,
    )
  }

  /** A msghdr that says how many bytes of each buffer are for the sender's address. */
  #receiveFrom(operation: DatagramOperation, generation: number): void {
    const { slot } = operation
    const memory = this.#memory
    if (this.#slots.blocks[slot]! < 0) {
      const block = (this.#slots.blocks[slot] = memory.take(HEADERS))
      const slab = memory.slab(block)
      const at = memory.offset(block)
      slab.u8.fill(0, at, at + MSGHDR_BYTES)
      slab.u32[(at + 8) >> 2] = ADDRESS_ROOM
      slab.u32[(at + 40) >> 2] = operation.controlBytes
    }
    const at = this.#push(
      IORING_OP_RECVMSG | MULTISHOT,
      operation,
      generation,
      memory.address(this.#slots.blocks[slot]!),
      1,
      0,
    )
    this.#ring.sqes[at + 10] = DATAGRAMS
  }

  #sendTo(operation: Operation, generation: number): void {
    const { slot, address } = operation
    const memory = this.#memory
    const data = operation.buffers[0]!
    const copied = data.length <= MOST_COPIED
    if (this.#slots.blocks[slot]! < 0)
      this.#slots.blocks[slot] = memory.take(HEADERS + (copied ? data.length : 0))
    const block = this.#slots.blocks[slot]!
    const slab = memory.slab(block)
    const at = memory.offset(block)
    const base = slab.address + at
    const { u8, u32 } = slab
    u8.fill(0, at, at + MSGHDR_BYTES)
    if (address !== null) {
      u8.set(address, at + ADDRESS)
      slab.setPointer(at, base + ADDRESS)
      u32[(at + 8) >> 2] = address.length
    }
    slab.setPointer(at + 16, base + IOVECS)
    u32[(at + 24) >> 2] = 1
    if (copied) u8.set(data, at + HEADERS)
    slab.setPointer(at + IOVECS, copied ? base + HEADERS : addressOf(data))
    slab.setPointer(at + IOVECS + 8, data.length)
    this.#push(IORING_OP_SENDMSG, operation, generation, base, 1, MSG_NOSIGNAL | MSG_DONTWAIT)
  }
}
