/** malloc(3), whose habits decide what a fresh large Buffer costs. */
import { bind, libcKind } from './ffi.js'

let done = false

/**
 * Makes glibc keep freed memory instead of giving it back to the kernel at once, so that a stream of large Buffers
 * does not pay a page fault for every 4 KiB of each. Measured with 64 KiB messages: a fifth of their cost.
 *
 * glibc adapts by itself, to the largest block that was ever freed (mallopt(3), M_MMAP_THRESHOLD): a process that
 * once dropped a Buffer of 32 MiB is in this state. We drop such a one, untouched. Afterwards up to
 * 64 MiB that were in use stay with the process. Other C libraries are left alone.
 */
export function keepFreedMemory(): void {
  if (done) return
  done = true
  if (libcKind !== 'glibc') return
  const malloc = bind<(bytes: number) => number>('malloc', 'address', ['size_t'])
  const free = bind<(address: number) => void>('free', 'void', ['size_t'])
  free(malloc(LARGEST_ADAPTED))
}

/** Just below DEFAULT_MMAP_THRESHOLD_MAX: 32 MiB where a long has 64 bits. */
const LARGEST_ADAPTED = 32 * 1024 * 1024 - 65536
