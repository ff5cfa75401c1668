/**
 * Arguments in all the forms node:fs/promises takes. What we do not recognise is put before Node itself, so that what
 * it refuses is refused in its words, whatever its version.
 */
import { constants, type OpenMode, type PathLike } from 'node:fs'
import * as promises from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } = constants

/** A path for the kernel, and for an error. */
export interface Path {
  /** With the NUL that ends it. */
  readonly bytes: Uint8Array
  readonly text: string
}

/** PATH_MAX: what is longer is refused, by Node. */
const MOST_BYTES = 4096

/** @returns null for what is none, or has a NUL in it, or is too long; @throws what a URL that names no file is refused with */
export function pathOf(path: unknown): Path | null {
  if (typeof path === 'string') {
    if (path.length >= MOST_BYTES || path.includes('\0')) return null
    const bytes = Buffer.from(`${path}\0`)
    return bytes.length > MOST_BYTES ? null : { bytes, text: path }
  }
  if (path instanceof Uint8Array) {
    if (path.length >= MOST_BYTES || path.includes(0)) return null
    const bytes = new Uint8Array(path.length + 1)
    bytes.set(path)
    return { bytes, text: Buffer.from(path).toString() }
  }
  return path instanceof URL ? pathOf(fileURLToPath(path)) : null
}

const byName = new Map<string, number>([
  ['r', O_RDONLY],
  ['rs', O_RDONLY | O_SYNC],
  ['sr', O_RDONLY | O_SYNC],
  ['r+', O_RDWR],
  ['rs+', O_RDWR | O_SYNC],
  ['sr+', O_RDWR | O_SYNC],
  ['w', O_TRUNC | O_CREAT | O_WRONLY],
  ['wx', O_TRUNC | O_CREAT | O_WRONLY | O_EXCL],
  ['xw', O_TRUNC | O_CREAT | O_WRONLY | O_EXCL],
  ['w+', O_TRUNC | O_CREAT | O_RDWR],
  ['wx+', O_TRUNC | O_CREAT | O_RDWR | O_EXCL],
  ['xw+', O_TRUNC | O_CREAT | O_RDWR | O_EXCL],
  ['a', O_APPEND | O_CREAT | O_WRONLY],
  ['ax', O_APPEND | O_CREAT | O_WRONLY | O_EXCL],
  ['xa', O_APPEND | O_CREAT | O_WRONLY | O_EXCL],
  ['as', O_APPEND | O_CREAT | O_WRONLY | O_SYNC],
  ['sa', O_APPEND | O_CREAT | O_WRONLY | O_SYNC],
  ['a+', O_APPEND | O_CREAT | O_RDWR],
  ['ax+', O_APPEND | O_CREAT | O_RDWR | O_EXCL],
  ['xa+', O_APPEND | O_CREAT | O_RDWR | O_EXCL],
  ['as+', O_APPEND | O_CREAT | O_RDWR | O_SYNC],
  ['sa+', O_APPEND | O_CREAT | O_RDWR | O_SYNC],
])

/** The flags of open(2), or -1 for what is none. */
export function flagsOf(flags: OpenMode | null | undefined): number {
  if (flags === undefined || flags === null) return O_RDONLY
  if (typeof flags === 'number')
    return Number.isInteger(flags) && flags >= 0 && flags <= 0x7fffffff ? flags : -1
  return byName.get(flags) ?? -1
}

/** The mode of a file that is created, or -1 for what is none. */
export function modeOf(mode: unknown): number {
  if (mode === undefined || mode === null) return 0o666
  if (typeof mode === 'string') return /^[0-7]{1,10}$/.test(mode) ? Number.parseInt(mode, 8) : -1
  return typeof mode === 'number' && Number.isInteger(mode) && mode >= 0 && mode <= 0xffffffff ? mode : -1
}

/** Options of readFile, writeFile, appendFile, by all their names. */
export interface WholeFileOptions {
  encoding?: BufferEncoding | null | undefined
  flag?: OpenMode | undefined
  mode?: number | string | undefined
  /** fsync(2) before it closes. */
  flush?: boolean | undefined
  signal?: AbortSignal | undefined
}

const noOptions: WholeFileOptions = {}

/** @returns null for what Node refuses */
export function optionsOf(options: unknown): WholeFileOptions | null {
  if (options === undefined || options === null) return noOptions
  if (typeof options === 'string') {
    return Buffer.isEncoding(options) ? { encoding: options } : null
  }
  if (typeof options !== 'object') return null
  const { encoding, signal, flush } = options as WholeFileOptions
  if (encoding !== undefined && encoding !== null && (encoding as string) !== 'buffer') {
    if (!Buffer.isEncoding(encoding)) return null
  }
  if (signal !== undefined && !isSignal(signal)) return null
  if (flush !== undefined && flush !== null && typeof flush !== 'boolean') return null
  return options as WholeFileOptions
}

export function isSignal(value: unknown): value is AbortSignal {
  return typeof value === 'object' && value !== null && 'aborted' in value
}

/** Any view as bytes. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  if (view instanceof Uint8Array) return view
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

// ---- Node's own refusals

/** Lets Node refuse what we did not recognise. What it accepts all the same, we refuse. */
export async function refused(call: () => unknown): Promise<never> {
  await call()
  throw Object.assign(new TypeError('these arguments are not understood'), { code: 'ERR_INVALID_ARG_VALUE' })
}

/** The same of a FileHandle's method: Node's own, of /dev/null, where no harm is done. */
export function refusedOfHandle(call: (handle: promises.FileHandle) => unknown): Promise<never> {
  return refused(() => onNull(call))
}

/** What Node makes of it, where it may well accept it. */
export async function onNull(call: (handle: promises.FileHandle) => unknown): Promise<void> {
  const handle = await promises.open('/dev/null', 'r+')
  try {
    await call(handle)
  } finally {
    await handle.close()
  }
}

/** Refuses what `pathOf` did not take. */
export function refusedPath(path: unknown): Promise<never> {
  return refused(() => promises.access(path as PathLike))
}
