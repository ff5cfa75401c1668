/**
 * Memory the kernel may touch after a call has returned: mapped by us, so that neither the collector nor a
 * `transfer()` can take it away, and never unmapped while a view of it can be reached.
 */
import { check } from './errno.js'
import { bind, errno, viewOf } from './ffi.js'
import { PAGE } from './platform.js'

const mmapC = bind<
  (address: number, length: number, prot: number, flags: number, fd: number, offset: number) => number
>('mmap', 'address', ['size_t', 'size_t', 'int', 'int', 'int', 'int64'])

export const PROT_READ = 1
export const PROT_WRITE = 2
export const MAP_SHARED = 0x01
export const MAP_PRIVATE = 0x02
export const MAP_ANONYMOUS = 0x20
export const MAP_POPULATE = 0x8000

/** mmap(2). Returns the address. */
export function mmap(length: number, prot: number, flags: number, fd: number, offset: number): number {
  const address = mmapC(0, length, prot, flags, fd, offset)
  return address === -1 ? check(-errno(), 'mmap') : address
}

/** A mapped piece of memory, seen from JavaScript and known by its address. */
export class Slab {
  readonly address: number
  readonly bytes: number
  readonly buffer: ArrayBuffer
  readonly u8: Uint8Array
  readonly i32: Int32Array
  readonly u32: Uint32Array

  constructor(address: number, bytes: number) {
    this.address = address
    this.bytes = bytes
    this.buffer = viewOf(address, bytes)
    this.u8 = new Uint8Array(this.buffer)
    this.i32 = new Int32Array(this.buffer)
    this.u32 = new Uint32Array(this.buffer)
  }

  /** Writes a 64-bit pointer at a byte offset (a multiple of 4). */
  setPointer(offset: number, address: number): void {
    this.u32[offset >>> 2] = address >>> 0
    this.u32[(offset >>> 2) + 1] = (address / 0x1_0000_0000) >>> 0
  }
}

// Slabs that were given back, by size: a process that opens and closes drivers does not grow. A view of a
// slab is never handed to users, so a driver that has ended cannot see its slab's next life.
const spare = new Map<number, Slab[]>()

/** Maps at least `bytes` of zeroed memory, rounded up to whole pages. */
export function allocateSlab(bytes: number): Slab {
  const rounded = Math.ceil(bytes / PAGE) * PAGE
  const again = spare.get(rounded)?.pop()
  if (again !== undefined) {
    again.u8.fill(0)
    return again
  }
  return new Slab(mmap(rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), rounded)
}

/** Gives a slab back. Only when the kernel can no longer touch it and no view of it was handed out. */
export function releaseSlab(slab: Slab): void {
  const list = spare.get(slab.bytes)
  if (list === undefined) spare.set(slab.bytes, [slab])
  else list.push(slab)
}

/**
 * Refuses memory that could move or vanish under the kernel: detached views, and resizable buffers.
 * Called at every entrance where a user's buffer comes in.
 */
export function requireStable(view: ArrayBufferView): void {
  const { buffer } = view as {
    buffer: ArrayBuffer & { detached?: boolean; resizable?: boolean; growable?: boolean }
  }
  if (buffer.resizable === true || buffer.growable === true) {
    throw Object.assign(
      new TypeError(
        'a resizable buffer cannot be given to the kernel: it could shrink under a call; pass a copy',
      ),
      { code: 'ERR_INVALID_ARG_VALUE' },
    )
  }
  // `detached` is new in Node 21; before it, a detached buffer shows as one of no bytes whose view keeps none.
  if (buffer.detached === true || (buffer.detached === undefined && isDetached(buffer))) {
    throw Object.assign(
      new TypeError(
        'the buffer is detached: its memory was transferred elsewhere; pass a buffer you still own',
      ),
      { code: 'ERR_INVALID_STATE' },
    )
  }
}

function isDetached(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength !== 0) return false
  try {
    new Uint8Array(buffer)
    return false
  } catch {
    return true
  }
}
