/**
 * FileHandle: the API of Node's, over a model's driver. read, write, readv, writev, readFile, writeFile, sync and
 * datasync are ours; what has no asynchronous system call, or gains nothing, is Node's (docs/fs.md has the table).
 */
import { EventEmitter } from 'node:events'
import * as fs from 'node:fs'
import type { FileHandle as NodeFileHandle } from 'node:fs/promises'
import { createInterface, type Interface } from 'node:readline'
import { requireBatch } from '../file/batch.js'
import type { Files } from '../file/files.js'
import { checkAborted, nodeError } from '../file/node-error.js'
import { OpenFile } from '../file/open-file.js'
import { Answer } from '../file/transfer.js'
import { rawClose } from '../sys/descriptor.js'
import { O_ACCMODE, O_RDONLY } from '../sys/fcntl.js'
import { bytesOf, onNull, optionsOf, refusedOfHandle, type WholeFileOptions } from './arguments.js'
import { fallocate, flock, type LockOptions } from './extras.js'
import { offsetOr, type ReadOptions, readForm, type WriteOptions, writeForm } from './forms.js'
import { type ReadStreamOptions, readStream, type WriteStreamOptions, writeStream } from './streams.js'
import { readAll, type WritableData, writeAll } from './whole.js'

// A handle that nobody can close any more closes itself, as Node's does; and as there the advice comes once.
let advised = false
const forgotten = new FinalizationRegistry<OpenFile>((file) => {
  file.whenIdle(() => rawClose(file.fd))
  process.emitWarning(`Closing file descriptor ${file.fd} on garbage collection`)
  if (advised) return
  advised = true
  process.emitWarning(
    'Closing a FileHandle object on garbage collection is deprecated. ' +
      'Please close FileHandle objects explicitly using FileHandle.prototype.close(). ' +
      'In the future, an error will be thrown if a file descriptor is closed during garbage collection.',
    'DeprecationWarning',
    'DEP0137',
  )
})

export class FileHandle extends EventEmitter implements AsyncDisposable {
  readonly #file: OpenFile
  readonly #writes: boolean
  #fd: number
  #closing: Promise<void> | null = null

  /** @internal Use `open`. @param flags O_* it was opened with */
  constructor(files: Files, fd: number, flags: number) {
    super()
    this.#file = new OpenFile(files, fd)
    this.#fd = fd
    this.#writes = (flags & O_ACCMODE) !== O_RDONLY
    forgotten.register(this, this.#file, this)
  }

  /** The descriptor; -1 once the handle is closed. */
  get fd(): number {
    return this.#fd
  }

  /** The mechanism that serves it. */
  get model(): string {
    return this.#file.files.engine.model.name
  }

  // ---- reading and writing

  read<T extends NodeJS.ArrayBufferView>(
    buffer: T,
    offset?: number | null,
    length?: number | null,
    position?: number | bigint | null,
  ): Promise<{ bytesRead: number; buffer: T }>
  read<T extends NodeJS.ArrayBufferView>(
    buffer: T,
    options?: ReadOptions<T>,
  ): Promise<{ bytesRead: number; buffer: T }>
  read<T extends NodeJS.ArrayBufferView = Buffer>(
    options?: ReadOptions<T> | null,
  ): Promise<{ bytesRead: number; buffer: T }>
  read(buffer?: unknown, offset?: unknown, length?: unknown, position?: unknown): Promise<never> {
    if (this.#fd < 0) return closed('read') as Promise<never>
    // The common form first: everything given, everything right.
    if (
      buffer instanceof Uint8Array &&
      typeof offset === 'number' &&
      typeof length === 'number' &&
      typeof position === 'number' &&
      position >= 0 &&
      offset >= 0 &&
      length > 0 &&
      length + offset <= buffer.length &&
      Number.isInteger(offset) &&
      Number.isInteger(length) &&
      Number.isSafeInteger(position)
    ) {
      const memory = length === buffer.length ? buffer : buffer.subarray(offset, offset + length)
      try {
        return this.#file.read(memory, position, Answer.read, buffer) as Promise<never>
      } catch (error) {
        return Promise.reject(error)
      }
    }
    return this.#readSlowly(buffer, offset, length, position) as Promise<never>
  }

  async #readSlowly(given: unknown, offset: unknown, length: unknown, position: unknown): Promise<unknown> {
    const form = await readForm(given, offset, length, position)
    const { buffer, memory, signal } = form
    if (memory.length === 0) return { bytesRead: 0, buffer }
    if (this.#fd < 0) return closed('read')
    checkAborted(signal)
    return this.#file.read(memory, form.position, Answer.read, buffer, signal)
  }

  write<T extends NodeJS.ArrayBufferView>(
    buffer: T,
    offset?: number | null,
    length?: number | null,
    position?: number | null,
  ): Promise<{ bytesWritten: number; buffer: T }>
  write<T extends NodeJS.ArrayBufferView>(
    buffer: T,
    options?: WriteOptions,
  ): Promise<{ bytesWritten: number; buffer: T }>
  write(
    data: string,
    position?: number | null,
    encoding?: BufferEncoding | null,
  ): Promise<{ bytesWritten: number; buffer: string }>
  write(buffer: unknown, offset?: unknown, length?: unknown, position?: unknown): Promise<never> {
    try {
      return this.#write(buffer, offset, length, position) as Promise<never>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #write(buffer: unknown, offset: unknown, length: unknown, position: unknown): Promise<unknown> {
    if (this.#fd < 0) return closed('write')
    const form = writeForm(buffer, offset, length, position)
    if (form instanceof Promise) return form
    const { memory, signal } = form
    if (memory.length === 0) return Promise.resolve({ bytesWritten: 0, buffer })
    checkAborted(signal)
    return this.#file.write(memory, form.position, Answer.written, buffer, signal)
  }

  async readv<T extends readonly NodeJS.ArrayBufferView[]>(
    buffers: T,
    position?: number | null,
  ): Promise<{ bytesRead: number; buffers: T }> {
    if (this.#fd < 0) return closed('readv')
    if (!isBuffers(buffers) || buffers.length === 0) {
      return this.#likeNode((node) => node.readv(buffers, position as number), { bytesRead: 0, buffers })
    }
    return { bytesRead: await this.#file.readv(buffers.map(bytesOf), offsetOr(position)), buffers }
  }

  async writev<T extends readonly NodeJS.ArrayBufferView[]>(
    buffers: T,
    position?: number | null,
  ): Promise<{ bytesWritten: number; buffers: T }> {
    if (this.#fd < 0) return closed('writev')
    if (!isBuffers(buffers)) return refusedOfHandle((node) => node.writev(buffers, position as number))
    if (buffers.length === 0) return { bytesWritten: 0, buffers }
    return { bytesWritten: await this.#file.writev(buffers.map(bytesOf), offsetOr(position)), buffers }
  }

  /** What Node refuses is refused so; what it accepts has this outcome. */
  async #likeNode<R>(call: (node: NodeFileHandle) => unknown, outcome: R): Promise<R> {
    await onNull(call)
    return outcome
  }

  /**
   * Many reads at given offsets, in one submission and with one promise. Not in Node.
   * @param buffers what is read into: each is filled as far as the file goes
   * @param positions the offset in the file of each
   * @param options.signal ends those that are not over
   * @returns the bytes read into each
   * @throws the error of the first that failed, with its `index` and the `results` of all (negative: an errno)
   */
  async readBatch(
    buffers: readonly NodeJS.ArrayBufferView[],
    positions: ArrayLike<number>,
    { signal = null }: { signal?: AbortSignal | null } = {},
  ): Promise<Int32Array> {
    if (this.#fd < 0) return closed('readBatch')
    const memory = buffers.every((buffer) => buffer instanceof Uint8Array)
      ? (buffers as readonly Uint8Array[])
      : buffers.map(bytesOf)
    requireBatch(memory, positions)
    checkAborted(signal)
    if (memory.length === 0) return new Int32Array(0)
    return this.#file.readBatch(memory, positions, signal)
  }

  async readFile(options?: { encoding?: null; signal?: AbortSignal } | null): Promise<Buffer>
  async readFile(
    options: BufferEncoding | { encoding: BufferEncoding; signal?: AbortSignal },
  ): Promise<string>
  async readFile(options?: unknown): Promise<Buffer | string> {
    if (this.#fd < 0) return closed('readFile')
    const known = optionsOf(options)
    if (known === null) return refusedOfHandle((node) => node.readFile(options as BufferEncoding))
    return this.#held(readAll(this.#file, known))
  }

  async writeFile(data: WritableData, options?: WholeFileOptions | BufferEncoding | null): Promise<void> {
    if (this.#fd < 0) return closed('writeFile')
    const known = optionsOf(options)
    const write = known === null ? null : writeAll(this.#file, data, known)
    if (write === null) return refusedOfHandle((node) => node.writeFile(data as string, options))
    return this.#held(write)
  }

  /** As writeFile: where it writes is the flag's affair. */
  appendFile(data: WritableData, options?: WholeFileOptions | BufferEncoding | null): Promise<void> {
    return this.writeFile(data, options)
  }

  /** Several operations that belong together: none of them finds the file closed. */
  async #held<T>(work: Promise<T>): Promise<T> {
    this.#file.retain()
    try {
      return await work
    } finally {
      this.#file.release()
    }
  }

  sync(): Promise<void> {
    if (this.#fd < 0) return closed('fsync')
    return this.#file.sync(false) as Promise<void>
  }

  datasync(): Promise<void> {
    if (this.#fd < 0) return closed('fdatasync')
    return this.#file.sync(true) as Promise<void>
  }

  // ---- what Node does

  stat(options?: fs.StatOptions & { bigint?: false }): Promise<fs.Stats>
  stat(options: fs.StatOptions & { bigint: true }): Promise<fs.BigIntStats>
  async stat(options?: fs.StatOptions): Promise<fs.Stats | fs.BigIntStats> {
    if (!(#fd in this)) {
      throw Object.assign(new Error('handle must be an instance of FileHandle'), {
        code: 'ERR_INTERNAL_ASSERTION',
      })
    }
    return this.#node('fstat', (fd, done) => fs.fstat(fd, options, done))
  }

  truncate(len = 0): Promise<void> {
    return this.#node('ftruncate', (fd, done) => fs.ftruncate(fd, len, done))
  }

  chmod(mode: fs.Mode): Promise<void> {
    return this.#node('fchmod', (fd, done) => fs.fchmod(fd, mode, done))
  }

  chown(uid: number, gid: number): Promise<void> {
    return this.#node('fchown', (fd, done) => fs.fchown(fd, uid, gid, done))
  }

  utimes(atime: fs.TimeLike, mtime: fs.TimeLike): Promise<void> {
    return this.#node('futimes', (fd, done) => fs.futimes(fd, atime, mtime, done))
  }

  #node<T>(
    name: string,
    call: (fd: number, done: (error: Error | null, value?: T) => void) => void,
  ): Promise<T> {
    if (this.#fd < 0) return closed(name)
    return this.#held(
      new Promise((resolve, reject) => {
        call(this.#fd, (error, value) =>
          error === null || error === undefined ? resolve(value as T) : reject(error),
        )
      }),
    )
  }

  // ---- what Node has not

  /**
   * fallocate(2): room on the disk for a range, or a hole in its place.
   * @param offset bytes
   * @param length bytes
   * @param mode FALLOC_FL_* of fivefold/sys; 0, the default: room, and the file grows to hold it
   * @throws EBADF, EFBIG, EINVAL, ENOSPC, EOPNOTSUPP (the file system cannot), ESPIPE
   */
  async fallocate(offset: number, length: number, mode = 0): Promise<void> {
    if (this.#fd < 0) return closed('fallocate')
    return this.#held(fallocate(this.#file, offset, length, mode))
  }

  /**
   * flock(2): a lock on the open file, advisory, kept until it is given back or the file is closed.
   * @param kind 'shared', 'exclusive', or 'unlock'
   * @param options.wait false: EWOULDBLOCK where somebody else has it. Default true
   * @param options.signal ends the wait
   */
  async flock(kind: 'shared' | 'exclusive' | 'unlock', options: LockOptions = {}): Promise<void> {
    if (this.#fd < 0) return closed('flock')
    return this.#held(flock(this.#file, kind, options))
  }

  /** @internal */
  get file(): OpenFile {
    return this.#file
  }

  // ---- streams

  /** Node's own ReadStream, which reads from here. */
  createReadStream(options?: ReadStreamOptions): fs.ReadStream {
    return readStream(this, options)
  }

  /** Node's own WriteStream, which writes to here. */
  createWriteStream(options?: WriteStreamOptions): fs.WriteStream {
    return writeStream(this, options)
  }

  /** The lines of the file, one by one: `for await`, or the event 'line'. */
  readLines(options?: ReadStreamOptions): Interface {
    return createInterface({ input: this.createReadStream(options), crlfDelay: Number.POSITIVE_INFINITY })
  }

  // ---- the end

  /** Closes it, once all that is under way is over. */
  close(): Promise<void> {
    if (this.#closing !== null) return this.#closing
    if (this.#fd < 0) return Promise.resolve()
    forgotten.unregister(this)
    this.#closing = new Promise<void>((resolve, reject) => {
      this.#file.whenIdle(() => {
        const fd = this.#fd
        this.#fd = -1
        // Closing what was only read does not wait for a disk. What was written may have to be flushed first.
        if (this.#writes) fs.close(fd, (error) => (error ? reject(error) : resolve()))
        else {
          const result = rawClose(fd)
          if (result < 0) reject(nodeError(result, 'close'))
          else resolve()
        }
      })
    }).finally(() => {
      this.#closing = null
    })
    this.emit('close')
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function closed<T>(syscall: string): Promise<T> {
  return Promise.reject(Object.assign(new Error('file closed'), { code: 'EBADF', syscall }))
}

function isBuffers(buffers: unknown): buffers is readonly NodeJS.ArrayBufferView[] {
  return Array.isArray(buffers) && buffers.every((buffer) => ArrayBuffer.isView(buffer))
}
