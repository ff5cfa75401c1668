/**
 * The connection under a face: one descriptor of the library, with everything it tells turned into calls on a
 * stream, each in the asynchronous context that Node's own socket would have at that place.
 */
import { AsyncResource } from 'node:async_hooks'
import type { Duplex } from 'node:stream'
import type { Engine } from '../loop/engine.js'
import type { SocketHandlers } from '../stream/handlers.js'
import { Socket as Connection, uncaught } from '../stream/socket.js'
import { addressOf } from '../sys/ffi.js'
import { callError } from './errors.js'
import type { UserBuffer } from './onread.js'

/** What a link needs of the stream on top of it. */
export interface Face extends Duplex {
  /** Time-outs begin anew. */
  _unrefTimer(): void
}

type WriteCallback = (error?: Error | null) => void

/**
 * Small writes are put together here, and so reach the kernel without a view or a copy of their own. One for the
 * thread: it is used within one call.
 */
const GATHER = 64 * 1024
const gather = Buffer.allocUnsafeSlow(GATHER)
const gatherAddress = addressOf(gather)

/** Bytes of a Buffer that are rather copied into `gather` than handed over by themselves. */
const COPIED = 4096

/** We say ourselves when a resource is over. */
const manual = { requireManualDestroy: true }

const settings = {
  // The stream decides when our side ends.
  allowHalfOpen: true,
  // And how much it takes: what it hands over is taken whole.
  highWaterMark: Number.POSITIVE_INFINITY,
}

export class Link {
  readonly connection: Connection<Link>
  readonly engine: Engine
  readonly resource: AsyncResource
  readonly #face: Face
  readonly #userBuffer: UserBuffer | null
  reading = false
  #opened = false
  #ended = false
  #referenced = true
  #closing = false
  /** Of the write that waits for the kernel, with its context. */
  #written: WriteCallback | null = null
  #writtenIn: AsyncResource | null = null
  #writtenBytes = 0
  /** Of the end that is being sent. */
  #finished: WriteCallback | null = null
  #finishedIn: AsyncResource | null = null

  constructor(
    engine: Engine,
    fd: number,
    face: Face,
    resource: AsyncResource,
    userBuffer: UserBuffer | null,
  ) {
    this.engine = engine
    this.resource = resource
    this.#face = face
    this.#userBuffer = userBuffer
    this.connection = new Connection<Link>(engine, fd, { ...settings, handlers, data: this }, null)
    // Nothing is received before somebody reads.
    this.connection.pause()
    this.#settle()
  }

  // ---- reading

  readStart(): void {
    if (this.reading || this.#ended || this.#closing) return
    this.reading = true
    // A callback with a buffer of its own may have stopped in the middle of a chunk.
    if (this.#userBuffer?.resume(this.#face, this) === false) {
      this.reading = false
      return
    }
    this.#settle()
    this.connection.resume()
    if (this.#opened) return
    this.#opened = true
    this.connection.open()
  }

  readStop(): void {
    if (!this.reading) return
    this.reading = false
    this.connection.pause()
    this.#settle()
  }

  // ---- writing

  /** Bytes given to the link, whether the kernel has them or not. */
  bytesWritten = 0

  /** @param done called at once when the kernel takes it all, otherwise later; with what went wrong */
  write(chunk: Uint8Array | string, encoding: BufferEncoding, done: WriteCallback): void {
    const { connection } = this
    if (typeof chunk === 'string') {
      // A string's bytes are at most three for each of its units.
      if (chunk.length * 3 <= GATHER && connection.bytesQueued === 0) {
        const bytes = gather.write(chunk, 0, GATHER, encoding)
        this.bytesWritten += bytes
        this.#sendGathered(bytes, done)
        return
      }
      chunk = Buffer.from(chunk, encoding)
    }
    const { length } = chunk
    this.bytesWritten += length
    if (length === 0) {
      done()
      return
    }
    if (connection.bytesQueued > 0) {
      this.#wait([chunk], done)
      return
    }
    if (length <= COPIED) {
      gather.set(chunk, 0)
      this.#sendGathered(length, done)
      return
    }
    const sent = connection.sendNow(chunk, length)
    if (sent === length) done()
    else if (sent < 0) done(callError(sent, 'write'))
    else this.#wait([sent === 0 ? chunk : chunk.subarray(sent)], done)
  }

  writev(
    chunks: readonly { chunk: Uint8Array | string; encoding: BufferEncoding }[],
    done: WriteCallback,
  ): void {
    const { connection } = this
    let room = GATHER
    if (connection.bytesQueued === 0) {
      let at = 0
      for (const { chunk, encoding } of chunks) {
        const most = typeof chunk === 'string' ? chunk.length * 3 : chunk.length
        room -= most
        if (room < 0) break
        if (typeof chunk === 'string') at += gather.write(chunk, at, GATHER - at, encoding)
        else {
          gather.set(chunk, at)
          at += chunk.length
        }
      }
      if (room >= 0) {
        this.bytesWritten += at
        this.#sendGathered(at, done)
        return
      }
    }
    const buffers: Uint8Array[] = []
    for (const { chunk, encoding } of chunks) {
      const buffer = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk
      if (buffer.length > 0) buffers.push(buffer)
      this.bytesWritten += buffer.length
    }
    this.#wait(buffers, done)
  }

  #sendGathered(length: number, done: WriteCallback): void {
    if (length === 0) {
      done()
      return
    }
    const sent = this.connection.sendNow(gatherAddress, length)
    if (sent === length) done()
    else if (sent < 0) done(callError(sent, 'write'))
    else this.#wait([Buffer.from(gather.subarray(sent, length))], done)
  }

  /** What the kernel has no room for now. */
  #wait(buffers: Uint8Array[], done: WriteCallback): void {
    this.#written = done
    this.connection.writev(buffers)
    this.#writtenBytes = this.connection.bytesQueued
    if (this.#writtenBytes === 0 && this.#written !== null && !this.#closing) {
      // It had room after all.
      this.#written = null
      done()
      return
    }
    this.#writtenIn = new AsyncResource('WRITEWRAP', manual)
    this.#settle()
  }

  /** Bytes that wait for the kernel. @returns whether some have gone since this was last asked */
  get progressed(): boolean {
    const before = this.#writtenBytes
    if (before === 0) return false
    this.#writtenBytes = this.connection.bytesQueued
    return this.#writtenBytes !== before
  }

  /** Sends our end, after all that was written. */
  shutdown(done: WriteCallback): void {
    if (this.connection.endNow()) {
      process.nextTick(done)
      return
    }
    this.#finished = done
    this.#finishedIn = new AsyncResource('SHUTDOWNWRAP', manual)
    this.connection.end()
    this.#settle()
  }

  // ---- living and dying

  ref(): void {
    this.#wanted = true
    this.#settle()
  }

  unref(): void {
    this.#wanted = false
    this.#settle()
  }

  #wanted = true

  // As with libuv's handles: one that neither reads nor has something to send keeps no process alive.
  #settle(): void {
    const busy = this.reading || this.#written !== null || this.#finished !== null
    const wanted = this.#closing || (this.#wanted && busy)
    if (wanted === this.#referenced) return
    this.#referenced = wanted
    if (wanted) this.connection.ref()
    else this.connection.unref()
  }

  /** Closes the descriptor. The stream's `close`, with `hadError`, follows. */
  close(hadError: boolean, reset: boolean): void {
    if (this.#closing) return
    this.#closing = true
    this.#hadError = hadError
    this.reading = false
    this.#settle()
    if (this.#gone) setImmediate(tellClosed, this)
    else if (reset) this.connection.reset()
    else this.connection.terminate()
  }

  // ---- what the connection tells

  /** The connection closed itself, with both ends sent, before the face did. */
  #gone = false
  #hadError = false

  /** @internal */
  data(chunk: Buffer): void {
    const face = this.#face
    face._unrefTimer()
    if (face.destroyed) return
    const more = this.#userBuffer === null ? face.push(chunk) : this.#userBuffer.take(chunk, face, this)
    if (!more) this.readStop()
  }

  /** @internal */
  end(): void {
    this.#ended = true
    this.reading = false
    this.#settle()
    const face = this.#face
    face._unrefTimer()
    face.push(null)
    face.read(0)
  }

  /** @internal */
  flush(): void {
    const done = this.#written
    const resource = this.#writtenIn
    if (done === null || resource === null) return
    this.#written = null
    this.#writtenIn = null
    this.#writtenBytes = 0
    this.#settle()
    this.#face._unrefTimer()
    run(resource, done, null)
  }

  /** @internal */
  finish(): void {
    const done = this.#finished
    const resource = this.#finishedIn
    if (done === null || resource === null) return
    this.#finished = null
    this.#finishedIn = null
    this.#settle()
    run(resource, done, null)
  }

  /** @internal */
  error(error: NodeJS.ErrnoException): void {
    const done = this.#written
    const resource = this.#writtenIn
    if (error.syscall === 'recv' || done === null || resource === null) {
      const syscall = error.syscall === 'recv' ? 'read' : 'write'
      this.resource.runInAsyncScope(fail, undefined, this.#face, callError(error.errno ?? 0, syscall))
      return
    }
    this.#written = null
    this.#writtenIn = null
    run(resource, done, callError(error.errno ?? 0, 'write'))
  }

  /** @internal */
  closed(): void {
    this.#gone = true
    // Not within this turn: what was put off with nextTick, an error for one, comes first.
    if (this.#closing) setImmediate(tellClosed, this)
  }

  /** @internal */
  tellClosed(): void {
    // Who waits for the kernel waits in vain.
    this.flush()
    this.finish()
    this.#face.emit('close', this.#hadError)
  }
}

// One set of handlers for all: a connection costs no closure. They catch what the program's listeners throw,
// because a listener's error is uncaught in Node, and no verdict on the socket.
const handlers: SocketHandlers<Link> = {
  data(connection, chunk) {
    connection.data.resource.runInAsyncScope(tellData, connection.data, chunk)
  },
  end(connection) {
    connection.data.resource.runInAsyncScope(tellEnd, connection.data)
  },
  flush(connection) {
    connection.data.flush()
  },
  finish(connection) {
    connection.data.finish()
  },
  error(connection, error) {
    connection.data.error(error)
  },
  close(connection) {
    connection.data.closed()
  },
}

function tellData(this: Link, chunk: Buffer): void {
  try {
    this.data(chunk)
  } catch (error) {
    uncaught(error)
  }
}

function tellEnd(this: Link): void {
  try {
    this.end()
  } catch (error) {
    uncaught(error)
  }
}

function fail(face: Face, error: Error): void {
  try {
    face.destroy(error)
  } catch (thrown) {
    uncaught(thrown)
  }
}

function tellClosed(link: Link): void {
  const { resource } = link
  resource.runInAsyncScope(link.tellClosed, link)
  resource.emitDestroy()
}

function run(resource: AsyncResource, callback: WriteCallback, error: Error | null): void {
  resource.runInAsyncScope(guarded, undefined, callback, error)
  resource.emitDestroy()
}

function guarded(callback: WriteCallback, error: Error | null): void {
  try {
    callback(error)
  } catch (thrown) {
    uncaught(thrown)
  }
}
