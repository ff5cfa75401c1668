/**
 * Memory that ends where we say. A mapping reaches one page beyond the end of its file: what the kernel reads or writes
 * there on our behalf answers EFAULT. So the least memory with which a call does not complain is what it touches.
 * (Never look beyond the end from JavaScript: that is SIGBUS.)
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AT_FDCWD,
  close,
  errnos,
  ftruncate,
  MAP_SHARED,
  mmap,
  O_CREAT,
  O_RDWR,
  openat,
  PAGE,
  PROT_READ,
  PROT_WRITE,
  viewOf,
} from 'fivefold/sys'

export class Guarded {
  readonly bytes: number
  readonly view: Uint8Array
  readonly #end: number

  constructor(least: number) {
    this.bytes = Math.ceil(least / PAGE) * PAGE
    const folder = mkdtempSync(join(tmpdir(), 'fivefold-claims-'))
    const fd = openat(AT_FDCWD, join(folder, 'memory'), O_RDWR | O_CREAT, 0o600)
    // The descriptor and the mapping keep the file; nobody else needs its name.
    rmSync(folder, { recursive: true })
    ftruncate(fd, this.bytes)
    const address = mmap(this.bytes + PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
    close(fd)
    this.view = new Uint8Array(viewOf(address, this.bytes))
    this.#end = address + this.bytes
  }

  /** The address of the last so many bytes before the end. */
  last(size: number): number {
    return this.#end - size
  }

  /** The last so many bytes. */
  tail(size: number): Uint8Array {
    return this.view.subarray(this.bytes - size)
  }

  /**
   * With how little memory a call works.
   * @param most more than it needs
   * @param call makes the call with memory at an address, and answers what it answers
   * @param fill puts the call's arguments into the last so many bytes
   */
  touchedBy(most: number, call: (address: number) => number, fill: (size: number) => void): number {
    let fails = -1
    let works = most
    while (works - fails > 1) {
      const size = (works + fails) >> 1
      fill(size)
      if (call(this.last(size)) === -errnos.EFAULT) fails = size
      else works = size
    }
    return works
  }
}
