/**
 * Streams of files: Node's own ReadStream and WriteStream, which take the calls they make from outside. So they are
 * Node's in every event and option, and our reads and writes.
 */
import * as fs from 'node:fs'
import { keepFreedMemory } from '../sys/malloc.js'
import type { FileHandle } from './handle.js'
import { ReadAhead } from './read-ahead.js'
import { sizeOf } from './whole.js'

export interface ReadStreamOptions {
  encoding?: BufferEncoding | null
  /** Close the handle at the end. Default true. */
  autoClose?: boolean
  emitClose?: boolean
  /** The first byte, and the last. Without `start`: from the file's own position on. */
  start?: number
  end?: number
  /** The size of a chunk. Default 64 KiB. Of a regular file several are read at once. */
  highWaterMark?: number
  /** Destroys the stream, and ends a read that waits. */
  signal?: AbortSignal
}

export interface WriteStreamOptions {
  encoding?: BufferEncoding | null
  autoClose?: boolean
  emitClose?: boolean
  start?: number
  /** So many bytes may wait before `write` returns false. Default 1 MiB. */
  highWaterMark?: number
  /** fsync(2) before it closes. */
  flush?: boolean
  signal?: AbortSignal
}

/**
 * What is written while a write is under way goes out as one writev(2) afterwards. With as little as Node lets wait
 * (16 KiB, or 64) nothing would ever come together.
 */
const WRITE_AHEAD = 1024 * 1024

type Done = (error: Error | null, bytes?: number, memory?: unknown) => void

/** What Node's streams call in place of node:fs. */
function callsOf(handle: FileHandle, signal: AbortSignal | undefined) {
  handle.file.retain()
  return {
    read(_fd: number, buffer: Buffer, offset: number, length: number, position: number, done: Done) {
      const options =
        signal === undefined ? { offset, length, position } : { offset, length, position, signal }
      handle.read(buffer, options).then(
        ({ bytesRead }) => done(null, bytesRead, buffer),
        (error: Error) => done(error, 0, buffer),
      )
    },
    write(_fd: number, buffer: Buffer, offset: number, length: number, position: number, done: Done) {
      handle.write(buffer, offset, length, position).then(
        ({ bytesWritten }) => done(null, bytesWritten, buffer),
        (error: Error) => done(error, 0, buffer),
      )
    },
    writev(_fd: number, buffers: Buffer[], position: number, done: Done) {
      handle.writev(buffers, position).then(
        ({ bytesWritten }) => done(null, bytesWritten, buffers),
        (error: Error) => done(error, 0, buffers),
      )
    },
    fsync(_fd: number, done: Done) {
      handle.sync().then(() => done(null), done)
    },
    close(_fd: number, done: Done) {
      handle.file.release()
      handle.close().then(() => done(null), done)
    },
  }
}

// Node's types know of no such option; its documentation does.
type Taken = Parameters<typeof fs.createReadStream>[1] & Parameters<typeof fs.createWriteStream>[1]

function optionsFor(handle: FileHandle, options: ReadStreamOptions | WriteStreamOptions): Taken {
  if (handle.fd < 0) throw Object.assign(new Error('file closed'), { code: 'EBADF', syscall: 'read' })
  const { signal } = options
  return { ...options, fd: handle.fd, fs: callsOf(handle, signal) } as unknown as Taken
}

/** @throws EBADF for a handle that is closed, and what Node refuses */
export function readStream(handle: FileHandle, options: ReadStreamOptions = {}): fs.ReadStream {
  // A stream of large buffers that are freed as soon as they are read.
  keepFreedMemory()
  const stream = fs.createReadStream('', optionsFor(handle, options))
  // Of a handle that stays open, and has no `start`, the position is the user's: it must not run ahead of the stream.
  if (sizeOf(handle.fd) > 0 && (options.start !== undefined || options.autoClose !== false)) {
    new ReadAhead(handle.file, stream)
  }
  handle.once('close', () => stream.close())
  return stream
}

/** @throws as readStream */
export function writeStream(handle: FileHandle, options: WriteStreamOptions = {}): fs.WriteStream {
  const stream = fs.createWriteStream(
    '',
    optionsFor(handle, { ...options, highWaterMark: options.highWaterMark ?? WRITE_AHEAD }),
  )
  handle.once('close', () => stream.close())
  return stream
}
