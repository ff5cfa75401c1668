/**
 * Linux's calls on files that Node never had. None has an asynchronous form worth it, so each sleeps in a thread of
 * the blocking model, whatever the model of the handle; a signal interrupts it there.
 */
import type { Files } from '../file/files.js'
import { AbortError, nodeError } from '../file/node-error.js'
import type { OpenFile } from '../file/open-file.js'
import { rawSyscall } from '../sys/descriptor.js'
import { addressOf } from '../sys/ffi.js'
import { SYS } from '../sys/platform.js'

/** flock(2). */
const LOCK_SH = 1
const LOCK_EX = 2
const LOCK_NB = 4
const LOCK_UN = 8
const locks = { shared: LOCK_SH, exclusive: LOCK_EX, unlock: LOCK_UN } as const

export interface LockOptions {
  /** False: EWOULDBLOCK (EAGAIN) where somebody else has it. Default true. */
  wait?: boolean
  /** Ends the wait. */
  signal?: AbortSignal
}

export async function flock(file: OpenFile, kind: keyof typeof locks, options: LockOptions): Promise<void> {
  const { wait = true, signal = null } = options
  const operation = locks[kind]
  if (operation === undefined) {
    throw Object.assign(new TypeError(`a lock is 'shared', 'exclusive' or 'unlock', not '${String(kind)}'`), {
      code: 'ERR_INVALID_ARG_VALUE',
    })
  }
  if (signal?.aborted) throw new AbortError(signal)
  // Asked like this it does not sleep; and mostly nobody has it.
  const result = rawSyscall(Float64Array.of(SYS.flock, file.fd, operation | LOCK_NB, 0, 0, 0, 0))
  if (result === 0) return
  if (result !== -EAGAIN || !wait) throw nodeError(result, 'flock')
  await file.files.call(SYS.flock, 'flock', [file.fd, operation], signal)
}

export async function fallocate(file: OpenFile, offset: number, length: number, mode: number): Promise<void> {
  for (const [name, value] of Object.entries({ offset, length, mode })) requireCount(name, value)
  await file.files.call(SYS.fallocate, 'fallocate', [file.fd, mode, offset, length])
}

/** What sendfile and splice move: how much, from where, and what ends them. */
export interface MoveOptions {
  /** Bytes at most. */
  length: number
  /** Where in the input; default: at its own position, which moves on. */
  inputPosition?: number
  /** splice: where in the output; default: at its own position. */
  outputPosition?: number
  signal?: AbortSignal
}

/**
 * Where the kernel reads a 64-bit offset and writes it back. It lies in memory that is held until the call is over.
 */
class Offset {
  readonly #words: BigInt64Array | null

  constructor(name: string, position: number | undefined) {
    if (position !== undefined) requireCount(name, position)
    this.#words = position === undefined ? null : BigInt64Array.of(BigInt(position))
  }

  get address(): number {
    return this.#words === null ? 0 : addressOf(this.#words)
  }

  get memory(): Uint8Array[] {
    return this.#words === null ? [] : [new Uint8Array(this.#words.buffer)]
  }
}

/** sendfile(2): from a file to any descriptor, within the kernel. @returns the bytes moved; 0: the end */
export async function sendfile(
  files: Files,
  output: number,
  input: number,
  { length, inputPosition, signal }: MoveOptions,
): Promise<number> {
  requireCount('length', length)
  const offset = new Offset('inputPosition', inputPosition)
  const values = [output, input, offset.address, Math.min(length, MOST)]
  return files.call(SYS.sendfile, 'sendfile', values, signal ?? null, offset.memory)
}

/** splice(2): one of the two is a pipe. @returns the bytes moved; 0: the end */
export async function splice(
  files: Files,
  input: number,
  output: number,
  { length, inputPosition, outputPosition, signal }: MoveOptions,
): Promise<number> {
  requireCount('length', length)
  const from = new Offset('inputPosition', inputPosition)
  const to = new Offset('outputPosition', outputPosition)
  const values = [input, from.address, output, to.address, Math.min(length, MOST), 0]
  return files.call(SYS.splice, 'splice', values, signal ?? null, [...from.memory, ...to.memory])
}

function requireCount(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return
  throw Object.assign(new RangeError(`${name} is a whole number from 0 up, not ${value}`), {
    code: 'ERR_OUT_OF_RANGE',
  })
}

/**
 * Memory whose first byte lies at a multiple of `alignment`: what O_DIRECT asks for.
 * @param bytes how much
 * @param alignment a power of two; default 4096, which suits every disk
 */
export function alignedBuffer(bytes: number, alignment = 4096): Buffer {
  requireCount('bytes', bytes)
  if (!Number.isInteger(Math.log2(alignment)) || alignment > 2 ** 30) {
    throw Object.assign(new RangeError(`alignment is a power of two, not ${alignment}`), {
      code: 'ERR_OUT_OF_RANGE',
    })
  }
  const memory = new ArrayBuffer(bytes + alignment - 1)
  const beyond = addressOf(memory) % alignment
  return Buffer.from(memory, beyond === 0 ? 0 : alignment - beyond, bytes)
}

/** Linux moves no more in one call. */
const MOST = 0x7ffff000
const EAGAIN = 11
