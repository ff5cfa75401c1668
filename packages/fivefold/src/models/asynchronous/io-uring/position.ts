/**
 * The file's own position after a write that could not take all: the disk is full. The kernel writes what fits, tries the
 * rest once more in a thread of its own, and when that fails answers with what fitted; but then it leaves the position
 * where it was (Linux 6.18, kiocb_done in io_uring/rw.c). The next write would go over what was just written.
 */
import { rawLseek, SEEK_CUR, SEEK_SET } from '../../../sys/file.js'
import type { FileOperation } from '../../operation.js'

/** Before a write. */
export function notePosition(operation: FileOperation): void {
  if (operation.position < 0) operation.offset = rawLseek(operation.fd, 0, SEEK_CUR)
}

/** After it: moves the position as far as was written, if the kernel has not. */
export function mendPosition(operation: FileOperation, written: number): void {
  const { fd, offset, position } = operation
  // What has no position (a FIFO) had an error for one.
  if (position >= 0 || written <= 0 || offset < 0) return
  let asked = 0
  for (const buffer of operation.buffers) asked += buffer.length
  if (written < asked && rawLseek(fd, 0, SEEK_CUR) === offset) rawLseek(fd, offset + written, SEEK_SET)
}
