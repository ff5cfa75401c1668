/** The file that is read: the one that was named, or a temporary one that needs no tidying up. */
import { randomBytes, randomFillSync } from 'node:crypto'
import { closeSync, openSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../failure.js'
import type { Text } from '../text/language.js'

export interface TargetFile {
  /** Open for reading: the measured processes inherit it. */
  readonly fd: number
  /** What it is called in the output; null: a temporary file. */
  readonly name: string | null
  close(): void
}

const TEMPORARY_BYTES = 32 * 1024 * 1024

/** @throws Failure, in one line, for a file that is missing, forbidden, no file, or too small */
export function namedFile(path: string, least: number, text: Text): TargetFile {
  const { errors } = text
  try {
    // Looked at before it is opened: opening a FIFO would wait for its other end.
    const stat = statSync(path)
    if (!stat.isFile()) throw new Failure(errors.notAFile(path))
    const fd = openSync(path, 'r')
    if (stat.size >= least) return { fd, name: path, close: () => closeSync(fd) }
    closeSync(fd)
    throw new Failure(errors.fileTooSmall(path, least))
  } catch (error) {
    if (error instanceof Failure) throw error
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new Failure(errors.fileMissing(path))
    if (code === 'EACCES' || code === 'EPERM') throw new Failure(errors.fileForbidden(path))
    throw new Failure(errors.fileUnreadable(path, message))
  }
}

/** Random bytes. Its name is gone at once, so nothing is left behind however this ends. */
export function temporaryFile(): TargetFile {
  const path = join(tmpdir(), `fivefold-${randomBytes(6).toString('hex')}`)
  const fd = openSync(path, 'wx+', 0o600)
  unlinkSync(path)
  const piece = Buffer.alloc(1024 * 1024)
  for (let at = 0; at < TEMPORARY_BYTES; at += piece.length) writeSync(fd, randomFillSync(piece))
  return { fd, name: null, close: () => closeSync(fd) }
}
