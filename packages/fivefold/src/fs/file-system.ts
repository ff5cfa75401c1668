/** The functions of node:fs/promises over one model: those that touch a file's data are ours, the others Node's. */
import * as fs from 'node:fs'
import * as promises from 'node:fs/promises'
import { type Files, fileModel, filesFor } from '../file/files.js'
import { checkAborted, nodeError } from '../file/node-error.js'
import { OpenFile } from '../file/open-file.js'
import type { ModelName } from '../models/model.js'
import type { EngineOptions } from '../stream/handlers.js'
import { rawClose } from '../sys/descriptor.js'
import {
  flagsOf,
  modeOf,
  optionsOf,
  pathOf,
  refused,
  refusedPath,
  type WholeFileOptions,
} from './arguments.js'
import * as extras from './extras.js'
import { FileHandle } from './handle.js'
import { readAll, type WritableData, writeAll } from './whole.js'

/** A handle of ours, or a descriptor of anybody's, which must stay open until the call is over. */
export type Descriptor = FileHandle | number

export class FileSystem {
  readonly #options: EngineOptions
  #made: Files | null = null

  /** @param options which model, and which host; see `EngineOptions` */
  constructor(options: EngineOptions = {}) {
    this.#options = options
    this.open = this.open.bind(this)
    this.readFile = this.readFile.bind(this)
    this.writeFile = this.writeFile.bind(this)
    this.appendFile = this.appendFile.bind(this)
    this.sendfile = this.sendfile.bind(this)
    this.splice = this.splice.bind(this)
  }

  get #files(): Files {
    this.#made ??= filesFor(this.#options)
    return this.#made
  }

  /** The mechanism at work, once 'auto' has chosen. */
  get model(): ModelName {
    return this.#files.engine.model.name
  }

  /** Why this model, when 'auto' chose it. */
  get reason(): string {
    return fileModel(this.#options.model ?? 'auto').reason
  }

  // ---- ours

  /**
   * open(2).
   * @param flags as in node:fs; default 'r'
   * @param mode of a file that is created; default 0o666
   */
  async open(path: fs.PathLike, flags?: fs.OpenMode, mode?: fs.Mode): Promise<FileHandle> {
    const files = this.#files
    const known = flagsOf(flags)
    if (known < 0 || modeOf(mode) < 0) {
      return refused(() => promises.open('/dev/null', flags, mode).then((handle) => handle.close()))
    }
    return new FileHandle(files, await this.#open(files, path, known, modeOf(mode)), known)
  }

  async #open(
    files: Files,
    path: fs.PathLike,
    flags: number,
    mode: number,
    signal: AbortSignal | null = null,
  ): Promise<number> {
    const known = pathOf(path)
    if (known === null && !(typeof path === 'string' || path instanceof Uint8Array)) return refusedPath(path)
    if (files.opens && known !== null) return files.open(known.bytes, known.text, flags, mode, signal)
    return new Promise((resolve, reject) => {
      fs.open(path, flags, mode, (error, fd) => (error === null ? resolve(fd) : reject(error)))
    })
  }

  readFile(
    path: fs.PathLike | FileHandle | promises.FileHandle,
    options?: { encoding?: null; flag?: fs.OpenMode; signal?: AbortSignal } | null,
  ): Promise<Buffer>
  readFile(
    path: fs.PathLike | FileHandle | promises.FileHandle,
    options: BufferEncoding | { encoding: BufferEncoding; flag?: fs.OpenMode; signal?: AbortSignal },
  ): Promise<string>
  async readFile(
    path: fs.PathLike | FileHandle | promises.FileHandle,
    options?: unknown,
  ): Promise<string | Buffer> {
    if (path instanceof FileHandle) return path.readFile(options as BufferEncoding)
    if (isNodes(path)) return path.readFile(options as BufferEncoding)
    const known = optionsOf(options)
    const flags = known === null ? -1 : flagsOf(known.flag)
    if (known === null || flags < 0)
      return refused(() => promises.readFile('/dev/null', options as BufferEncoding))
    checkAborted(known.signal)
    const files = this.#files
    const file = new OpenFile(files, await this.#open(files, path, flags, 0o666, known.signal ?? null))
    try {
      return await closing(file, readAll(file, known), false)
    } catch (error) {
      // Of a folder. Whether its error bears the path depends on Node's version.
      if ((error as NodeJS.ErrnoException).code !== 'EISDIR') throw error
      return promises.readFile(path, options as BufferEncoding)
    }
  }

  async writeFile(
    path: fs.PathLike | FileHandle | promises.FileHandle,
    data: WritableData,
    options?: WholeFileOptions | BufferEncoding | null,
  ): Promise<void> {
    return this.#write(path, data, options, 'w')
  }

  async appendFile(
    path: fs.PathLike | FileHandle | promises.FileHandle,
    data: WritableData,
    options?: WholeFileOptions | BufferEncoding | null,
  ): Promise<void> {
    return this.#write(path, data, options, 'a')
  }

  async #write(
    path: fs.PathLike | FileHandle | promises.FileHandle,
    data: WritableData,
    options: WholeFileOptions | BufferEncoding | null | undefined,
    flag: string,
  ): Promise<void> {
    if (path instanceof FileHandle) return path.writeFile(data, options)
    if (isNodes(path)) return path.writeFile(data as string, options as BufferEncoding)
    const known = optionsOf(options)
    const flags = known === null ? -1 : flagsOf(known.flag || flag)
    const mode = known === null ? -1 : modeOf(known.mode)
    if (known === null || flags < 0 || mode < 0 || !isData(data)) {
      return refused(() => promises.writeFile('/dev/null', data as string, options as BufferEncoding))
    }
    checkAborted(known.signal)
    const files = this.#files
    const file = new OpenFile(files, await this.#open(files, path, flags, mode, known.signal ?? null))
    let work = writeAll(file, data, known)!
    if (known.flush) work = work.then(() => file.sync(false) as Promise<void>)
    return closing(file, work, true)
  }

  // ---- what Node has not

  /**
   * sendfile(2): moves bytes from a file to any descriptor within the kernel.
   * @param options.length bytes at most
   * @param options.inputPosition where in the input; default: at its own position
   * @returns the bytes moved, perhaps fewer; 0 at the end
   * @throws EBADF, EINVAL (the input cannot be mapped, or the output appends), EIO, EPIPE
   */
  sendfile(output: Descriptor, input: Descriptor, options: extras.MoveOptions): Promise<number> {
    return held([output, input], ([to, from]) => extras.sendfile(this.#files, to!, from!, options))
  }

  /**
   * splice(2): moves bytes between two descriptors, one of which is a pipe, without copying them where possible.
   * @returns the bytes moved, perhaps fewer; 0 at the end
   * @throws EBADF, EINVAL (neither is a pipe, or the file system cannot), ESPIPE
   */
  splice(input: Descriptor, output: Descriptor, options: extras.MoveOptions): Promise<number> {
    return held([input, output], ([from, to]) => extras.splice(this.#files, from!, to!, options))
  }

  // ---- Node's

  readonly access = promises.access
  readonly chmod = promises.chmod
  readonly chown = promises.chown
  readonly copyFile = promises.copyFile
  readonly cp = promises.cp
  readonly lchown = promises.lchown
  readonly link = promises.link
  readonly lstat = promises.lstat
  readonly lutimes = promises.lutimes
  readonly mkdir = promises.mkdir
  readonly mkdtemp = promises.mkdtemp
  readonly opendir = promises.opendir
  readonly readdir = promises.readdir
  readonly readlink = promises.readlink
  readonly realpath = promises.realpath
  readonly rename = promises.rename
  readonly rm = promises.rm
  readonly rmdir = promises.rmdir
  readonly stat = promises.stat
  readonly statfs = promises.statfs
  readonly symlink = promises.symlink
  readonly truncate = promises.truncate
  readonly unlink = promises.unlink
  readonly utimes = promises.utimes
  readonly watch = promises.watch
  readonly constants = promises.constants
}

/** A FileHandle of Node's own. */
function isNodes(path: unknown): path is promises.FileHandle {
  return typeof path === 'object' && path !== null && 'fd' in path && 'readFile' in path
}

function isData(data: unknown): data is WritableData {
  if (typeof data === 'string' || ArrayBuffer.isView(data)) return true
  return (
    typeof data === 'object' && data !== null && (Symbol.asyncIterator in data || Symbol.iterator in data)
  )
}

/** Closes a file when the work on it is over, well or not. */
async function closing<T>(file: OpenFile, work: Promise<T>, wrote: boolean): Promise<T> {
  let outcome: T
  try {
    outcome = await work
  } catch (error) {
    await close(file, wrote).catch((second: Error) => {
      throw Object.assign(new AggregateError([second, error], second.message), {
        code: (second as NodeJS.ErrnoException).code,
      })
    })
    throw error
  }
  // What was only read is closed without a wait.
  if (wrote) await close(file, wrote)
  else closeNow(file)
  return outcome
}

async function close(file: OpenFile, wrote: boolean): Promise<void> {
  if (!wrote) closeNow(file)
  else {
    // It may have to be flushed first: in a thread of Node's.
    await new Promise<void>((resolve, reject) => {
      fs.close(file.fd, (error) => (error ? reject(error) : resolve()))
    })
  }
}

function closeNow(file: OpenFile): void {
  const result = rawClose(file.fd)
  if (result < 0) throw nodeError(result, 'close')
}

/** Keeps handles open for the length of a call. */
async function held<T>(
  things: readonly Descriptor[],
  call: (fds: readonly number[]) => Promise<T>,
): Promise<T> {
  const files = things.flatMap((thing) => (typeof thing === 'number' ? [] : [thing.file]))
  for (const file of files) file.retain()
  try {
    return await call(things.map((thing) => (typeof thing === 'number' ? thing : thing.fd)))
  } finally {
    for (const file of files) file.release()
  }
}
