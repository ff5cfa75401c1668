/** A file of random bytes for experiments on files: without a name, so that nothing is left however a process ends. */
import { randomFillSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AT_FDCWD,
  addressOf,
  errnoName,
  errnos,
  fsync,
  O_CREAT,
  O_RDWR,
  openat,
  POSIX_FADV_DONTNEED,
  POSIX_FADV_RANDOM,
  posix_fadvise,
  pwrite,
  rawSyscall,
} from 'fivefold/sys'

/** A descriptor of a fresh file of so many bytes, in the folder for temporary files or in another. */
export function scratchFile(bytes: number, parent: string = tmpdir()): number {
  const folder = mkdtempSync(join(parent, 'fivefold-claims-'))
  const fd = openat(AT_FDCWD, join(folder, 'file'), O_RDWR | O_CREAT, 0o600)
  rmSync(folder, { recursive: true })
  const piece = Buffer.alloc(1024 * 1024)
  for (let at = 0; at < bytes; at += piece.length) {
    pwrite(fd, randomFillSync(piece).subarray(0, Math.min(piece.length, bytes - at)), at)
  }
  fsync(fd)
  return fd
}

/** Takes a file out of the page cache, and asks that nothing be read ahead. */
export function makeCold(fd: number): void {
  posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM)
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED)
}

const PREADV2 = process.arch === 'x64' ? 327 : 286
const RWF_NOWAIT = 8
const memory = Buffer.allocUnsafeSlow(1)
const iovec = new BigUint64Array(2)

/** preadv2 with RWF_NOWAIT. @returns whether a place is in the page cache; or the errno why that cannot be told */
export function isCached(fd: number, position: number): boolean | string {
  iovec[0] = BigInt(addressOf(memory))
  iovec[1] = 1n
  const answer = rawSyscall(Float64Array.of(PREADV2, fd, addressOf(iovec), 1, position, 0, RWF_NOWAIT))
  if (answer === 1) return true
  return answer === -errnos.EAGAIN ? false : errnoName(answer)
}
