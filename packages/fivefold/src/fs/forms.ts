/** The forms in which FileHandle's read and write take their arguments, brought to one. */
import { bytesOf, isSignal, refusedOfHandle } from './arguments.js'

/** What `read` takes in place of its last three arguments. */
export interface ReadOptions<T extends NodeJS.ArrayBufferView = NodeJS.ArrayBufferView> {
  buffer?: T
  /** Where in the buffer. Default 0. */
  offset?: number | null
  /** How many bytes at most. Default: to the end of the buffer. */
  length?: number | null
  /** Where in the file; null, the default: at the file's own position, which moves on. */
  position?: number | bigint | null
  /** Ends a read that waits (of a FIFO, a terminal, a device), as far as the model can. */
  signal?: AbortSignal
}

export interface WriteOptions {
  offset?: number | null
  length?: number | null
  position?: number | null
  signal?: AbortSignal
}

/** What is read into or written from, and where in the file; -1: at its own position. */
export interface Form {
  /** As the user gave it. */
  readonly buffer: unknown
  /** The part of it that counts; empty: there is nothing to do. */
  readonly memory: Uint8Array
  readonly position: number
  readonly signal: AbortSignal | null
}

/** @throws what Node refuses, in its words; and what Node lets end the process */
export async function readForm(
  given: unknown,
  offset: unknown,
  length: unknown,
  position: unknown,
): Promise<Form> {
  const refuse = () =>
    refusedOfHandle((node) =>
      node.read(given as Buffer, offset as number, length as number, position as number),
    )
  let buffer = given
  let options: ReadOptions = {}
  if (!ArrayBuffer.isView(buffer)) {
    if (buffer !== undefined && buffer !== null && (typeof buffer !== 'object' || Array.isArray(buffer))) {
      return refuse()
    }
    options = (buffer ?? {}) as ReadOptions
    ;({ offset, length, position } = options)
    buffer = options.buffer === undefined ? Buffer.alloc(16384) : options.buffer
    if (!ArrayBuffer.isView(buffer)) return refuse()
  } else if (typeof offset === 'object' && offset !== null) {
    options = offset
    ;({ offset, length, position } = options)
  }
  const signal = signalOf(options)
  const bytes = bytesOf(buffer as ArrayBufferView)
  offset ??= 0
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0) return refuse()
  length ??= bytes.length - offset
  // Node does not look at this one, and ends the process.
  if (typeof length !== 'number' || !Number.isInteger(length))
    throw wrong(`length is an integer, not ${length}`)
  if (length < 0 || (length > 0 && offset + length > bytes.length)) return refuse()
  const memory = length === bytes.length ? bytes : bytes.subarray(offset, offset + length)
  return { buffer, memory, position: length === 0 ? -1 : await readPosition(position, refuse), signal }
}

/** What is no offset means the file's own position, unless this version of Node refuses it. */
async function readPosition(position: unknown, refuse: () => Promise<unknown>): Promise<number> {
  if (position === undefined || position === null || position === -1 || position === -1n) return -1
  if (typeof position === 'number' && Number.isSafeInteger(position) && position >= 0) return position
  if (typeof position === 'bigint' && position >= 0n && position <= BigInt(Number.MAX_SAFE_INTEGER)) {
    return Number(position)
  }
  try {
    await refuse()
  } catch (error) {
    if ((error as Error).message !== 'these arguments are not understood') throw error
  }
  return -1
}

/** @returns a promise that rejects with what Node refuses, in its words @throws for a signal that is none */
export function writeForm(
  buffer: unknown,
  offset: unknown,
  length: unknown,
  position: unknown,
): Form | Promise<never> {
  const refuse = () =>
    refusedOfHandle((node) =>
      node.write(buffer as Buffer, offset as number, length as number, position as number),
    )
  if (typeof buffer === 'string') {
    if (length === 'hex' && buffer.length % 2 !== 0) return refuse()
    const encoding = Buffer.isEncoding(length as string) ? (length as BufferEncoding) : 'utf8'
    return { buffer, memory: Buffer.from(buffer, encoding), position: offsetOr(offset), signal: null }
  }
  if (!ArrayBuffer.isView(buffer)) return refuse()
  const bytes = bytesOf(buffer)
  if (bytes.length === 0) return { buffer, memory: bytes, position: -1, signal: null }
  let signal: AbortSignal | null = null
  if (typeof offset === 'object' && offset !== null) {
    const options: WriteOptions = offset
    ;({ offset, length, position } = options)
    signal = signalOf(options)
  }
  offset ??= 0
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0) return refuse()
  const count = typeof length === 'number' ? length : bytes.length - offset
  if (!Number.isInteger(count) || count < 0 || offset > bytes.length || offset + count > bytes.length) {
    return refuse()
  }
  const memory = count === bytes.length ? bytes : bytes.subarray(offset, offset + count)
  return { buffer, memory, position: offsetOr(position), signal }
}

/** What is no offset means the file's own position. */
export function offsetOr(position: unknown): number {
  return typeof position === 'number' && Number.isSafeInteger(position) && position >= 0 ? position : -1
}

function signalOf({ signal = null as never }: { signal?: AbortSignal }): AbortSignal | null {
  if (signal === null || isSignal(signal)) return signal
  throw wrong(`signal is an AbortSignal, not ${String(signal)}`)
}

function wrong(message: string): Error {
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_TYPE' })
}
