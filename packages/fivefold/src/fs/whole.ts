/** Whole files: read to the end, or written from one piece of data or many. */
import { checkAborted, nodeError } from '../file/node-error.js'
import type { OpenFile } from '../file/open-file.js'
import { AT_EMPTY_PATH, rawStatx, S_IFMT, S_IFREG, STATX } from '../sys/file.js'
import { bytesOf, type WholeFileOptions } from './arguments.js'

/** What writeFile takes. */
export type WritableData =
  | string
  | NodeJS.ArrayBufferView
  | Iterable<string | NodeJS.ArrayBufferView>
  | AsyncIterable<string | NodeJS.ArrayBufferView>

/**
 * So much at a time: between two portions a signal is looked at, and others have their turn. (What is in the page
 * cache is copied in this thread.)
 */
const PORTION = 512 * 1024
/** Of a file that does not tell its size. */
const UNKNOWN = 64 * 1024
/** A Buffer's most, as node:fs has it. */
const MOST = 2 ** 31 - 1

const statx = new Uint32Array(STATX.size / 4)
const STATX_TYPE_AND_SIZE = 0x201

/** The size of an open regular file; 0: it does not tell. Of an open file that is no wait for a disk. */
export function sizeOf(fd: number): number {
  const result = rawStatx(fd, '', AT_EMPTY_PATH, STATX_TYPE_AND_SIZE, statx)
  if (result < 0) throw nodeError(result, 'fstat')
  if ((statx[STATX.mode >>> 2]! & S_IFMT) !== S_IFREG) return 0
  return statx[STATX.fileSize >>> 2]! + statx[(STATX.fileSize >>> 2) + 1]! * 0x1_0000_0000
}

/** From the file's own position to its end. */
export async function readAll(
  file: OpenFile,
  { encoding, signal = undefined }: WholeFileOptions,
): Promise<Buffer | string> {
  checkAborted(signal)
  const size = sizeOf(file.fd)
  if (size > MOST) {
    throw Object.assign(new RangeError(`File size (${size}) is greater than 2 GiB`), {
      code: 'ERR_FS_FILE_TOO_LARGE',
    })
  }
  const buffer = size === 0 ? await readUnknown(file, signal) : await readKnown(file, size, signal)
  return encoding === undefined || encoding === null || (encoding as string) === 'buffer'
    ? buffer
    : buffer.toString(encoding)
}

async function readKnown(file: OpenFile, size: number, signal: AbortSignal | undefined): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(size)
  let total = 0
  while (total < size) {
    const portion = size <= PORTION ? buffer : buffer.subarray(total, Math.min(size, total + PORTION))
    // A portion of a regular file ends by itself: only what may wait is told of the signal.
    const bytes = (await file.read(portion, -1)) as number
    total += bytes
    if (signal !== undefined) checkAborted(signal)
    // It is shorter than it said.
    if (bytes < portion.length) break
  }
  return total === size ? buffer : buffer.subarray(0, total)
}

async function readUnknown(file: OpenFile, signal: AbortSignal | undefined): Promise<Buffer> {
  const pieces: Buffer[] = []
  for (;;) {
    const piece = Buffer.allocUnsafeSlow(UNKNOWN)
    const bytes = (await file.read(piece, -1, 0, null, signal ?? null)) as number
    checkAborted(signal)
    if (bytes === 0) break
    pieces.push(piece.subarray(0, bytes))
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
}

/** @returns null for data that are none */
export function writeAll(file: OpenFile, data: unknown, options: WholeFileOptions): Promise<void> | null {
  const { signal } = options
  const encoding = options.encoding ?? 'utf8'
  if (typeof data === 'string') return write(file, Buffer.from(data, encoding), signal)
  if (ArrayBuffer.isView(data)) return write(file, bytesOf(data), signal)
  if (typeof data !== 'object' || data === null) return null
  if (!(Symbol.asyncIterator in data) && !(Symbol.iterator in data)) return null
  return writeEach(file, data as Iterable<string>, encoding, signal)
}

async function writeEach(
  file: OpenFile,
  data: AsyncIterable<string | NodeJS.ArrayBufferView> | Iterable<string | NodeJS.ArrayBufferView>,
  encoding: BufferEncoding,
  signal: AbortSignal | undefined,
): Promise<void> {
  checkAborted(signal)
  for await (const piece of data) {
    checkAborted(signal)
    await write(file, ArrayBuffer.isView(piece) ? bytesOf(piece) : Buffer.from(piece, encoding), signal)
    checkAborted(signal)
  }
}

async function write(file: OpenFile, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
  checkAborted(signal)
  for (let written = 0; written < bytes.length; ) {
    if (signal !== undefined) checkAborted(signal)
    const portion =
      written === 0 && bytes.length <= PORTION ? bytes : bytes.subarray(written, written + PORTION)
    written += (await file.write(portion, -1, 0, null, signal ?? null)) as number
  }
}
