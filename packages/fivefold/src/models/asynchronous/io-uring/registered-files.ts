/**
 * Sockets whose files the ring has looked up beforehand (`tuning.registeredFiles`): a table in the kernel, in which a
 * descriptor's place is its own number.
 *
 * The table holds the file open. So a place is emptied before the descriptor can be closed, or the peer would
 * never hear of the end; and not before the kernel has taken every request that names it.
 */
import { check } from '../../../sys/errno.js'
import { allocateSlab, releaseSlab, type Slab } from '../../../sys/memory.js'
import { getrlimit, RLIMIT_NOFILE } from '../../../sys/process.js'
import {
  IORING_REGISTER_FILES_UPDATE,
  IORING_REGISTER_FILES2,
  IORING_RSRC_REGISTER_SPARSE,
  type Ring,
  rawIoUringRegister,
} from '../../../sys/uring.js'

/** What the kernel allows (IORING_MAX_FIXED_FILES). */
const MOST = 1 << 20
const RSRC_REGISTER_BYTES = 32

export class RegisteredFiles {
  readonly #ring: Ring
  readonly #registered: Uint8Array
  /** `struct io_uring_files_update { u32 offset, resv; u64 fds }`, and at 16 the one descriptor it points to. */
  readonly #update: Slab

  /** Linux 5.19. @throws what io_uring_register says */
  constructor(ring: Ring) {
    this.#ring = ring
    const places = Math.min(getrlimit(RLIMIT_NOFILE).soft, MOST)
    // struct io_uring_rsrc_register { u32 nr, flags; u64 resv2, data, tags }
    const table = new Int32Array(RSRC_REGISTER_BYTES / 4)
    table[0] = places
    table[1] = IORING_RSRC_REGISTER_SPARSE
    check(
      rawIoUringRegister(ring.fd, IORING_REGISTER_FILES2, table, RSRC_REGISTER_BYTES),
      'io_uring_register',
      'registeredFiles',
    )
    this.#registered = new Uint8Array(places)
    this.#update = allocateSlab(64)
    this.#update.setPointer(8, this.#update.address + 16)
  }

  has(fd: number): boolean {
    return this.#registered[fd] === 1
  }

  add(fd: number): void {
    if (fd >= this.#registered.length || this.#registered[fd] === 1) return
    // Where it cannot be done the descriptor goes by its number, as ever.
    if (this.#set(fd, fd)) this.#registered[fd] = 1
  }

  remove(fd: number): void {
    if (this.#registered[fd] !== 1) return
    while (this.#ring.pending > 0 && this.#ring.submit() >= 0) {}
    this.#set(fd, -1)
    this.#registered[fd] = 0
  }

  #set(place: number, fd: number): boolean {
    const { i32, address } = this.#update
    i32[0] = place
    i32[4] = fd
    return rawIoUringRegister(this.#ring.fd, IORING_REGISTER_FILES_UPDATE, address, 1) === 1
  }

  /** The ring is closed. */
  close(): void {
    releaseSlab(this.#update)
  }
}
