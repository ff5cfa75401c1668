/**
 * The methods of `net.Socket` over the library: Node's own class, with everything that touches a handle replaced.
 *
 * Node's code goes on serving what is not about moving bytes: the stream, its states, half-open ends, the errors
 * after an end. A socket whose descriptor is not ours to serve (a FIFO, the standard streams, a handle that
 * Node made) has Node's own handle, and every method here then steps aside.
 */
import type { AsyncResource } from 'node:async_hooks'
import { rawClose } from '../sys/descriptor.js'
import { checkTimeout } from './arguments.js'
import { connectSocket } from './connect.js'
import { closedBeforeConnection, invalidHandle, socketClosed } from './errors.js'
import { IdleTimer } from './idle.js'
import type { NodeSocket } from './node.js'
import { dropPassing, sendDescriptors, writePassing } from './passing-out.js'
import { SocketSettings } from './socket-settings.js'
import { hidden, kState, type State } from './state.js'
import type { WriteCallback } from './writing.js'

// Sockets are made by the function in socket.ts, which can be called in all the ways that Node's can: this class has
// no constructor of its own, and so no private fields.
export class SocketBody extends SocketSettings {
  declare timeout?: number

  // ---- reading

  override _read(size: number): void {
    if (hidden(this)._handle) super._read(size)
    else if (this.connecting || this[kState].link === null) this.once('connect', () => this._read(size))
    else this[kState].link.readStart()
  }

  override pause(): this {
    const { userBuffer, link } = this[kState]
    // With a buffer of the program's the stream has nothing to hold back: the link stops itself.
    if (userBuffer !== null && link !== null && !this.connecting) link.readStop()
    return super.pause()
  }

  override resume(): this {
    readOn(this)
    return super.resume()
  }

  override read(size?: number): unknown {
    readOn(this)
    return super.read(size)
  }

  // ---- writing

  override write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
    const { link, passing } = this[kState]
    if (typeof encoding === 'function') {
      callback = encoding
      encoding = undefined
    }
    if (
      link === null ||
      passing !== null ||
      this._write !== plainWrite ||
      this.writableEnded ||
      !isPlain(chunk, encoding, this) ||
      chunk.length + link.writing.bytesCorked >= this.writableHighWaterMark ||
      !link.writing.take(chunk, encoding === 'latin1' ? 'latin1' : 'utf8')
    ) {
      link?.writing.queueCorked()
      return super.write(chunk as string, encoding as BufferEncoding, callback as WriteCallback)
    }
    this._unrefTimer()
    if (typeof callback === 'function') process.nextTick(callback, null)
    return true
  }

  /** @internal What is in the stream's own queue. */
  get _queued(): number {
    return hidden(this)._writableState.length
  }

  /** @internal Into the stream's own queue. */
  _queue(chunk: Buffer): void {
    super.write(chunk)
  }

  override uncork(): void {
    super.uncork()
    const { link } = this[kState]
    if (link !== null && this.writableCorked === 0) link.writing.corkedFrom = -1
  }

  override _write(chunk: Uint8Array | string, encoding: BufferEncoding, done: WriteCallback): void {
    if (hidden(this)._handle) {
      super._write(chunk, encoding, done)
      return
    }
    const { link, passing } = this[kState]
    if (this.connecting) writeLater(this, chunk, encoding, done, () => this._write(chunk, encoding, done))
    else if (link === null) done(socketClosed())
    else if (passing !== null) writePassing(this, [{ chunk, encoding }], done)
    else {
      this._unrefTimer()
      link.writing.write(chunk, encoding, done)
    }
  }

  override _writev(
    chunks: { chunk: Uint8Array | string; encoding: BufferEncoding }[],
    done: WriteCallback,
  ): void {
    if (hidden(this)._handle) {
      super._writev?.(chunks, done)
      return
    }
    const { link, passing } = this[kState]
    if (this.connecting) writeLater(this, chunks, '', done, () => this._writev(chunks, done))
    else if (link === null) done(socketClosed())
    else if (passing !== null) writePassing(this, chunks, done)
    else {
      this._unrefTimer()
      link.writing.writev(chunks, done)
    }
  }

  override _final(done: WriteCallback): void {
    if (hidden(this)._handle) {
      super._final(done)
      return
    }
    if (this.connecting) {
      this.once('connect', () => this._final(done))
      return
    }
    const { link } = this[kState]
    if (link === null) done()
    else link.writing.shutdown(done)
  }

  /**
   * Sends descriptors over a Unix socket, in their place among what is written: sendmsg(2), SCM_RIGHTS of unix(7).
   * @param fds open descriptors, at most 253: the peer gets its own of the same files. Yours stay yours, to close when
   *   you like
   * @param data what goes with them, a byte at least
   * @param callback as that of `write`
   * @returns as `write`
   * @throws ERR_INVALID_ARG_VALUE; ERR_INVALID_STATE (no Unix socket); SystemError EBADF, EMFILE
   */
  sendDescriptors(fds: readonly number[], data: string | Uint8Array, callback?: WriteCallback): boolean {
    return sendDescriptors(this, fds, data, callback)
  }

  // ---- connecting and closing

  override connect(...args: never[]): this {
    if (hidden(this)._handle) return super.connect(...(args as unknown as [never]))
    connectSocket(this, args)
    return this
  }

  override once(event: string | symbol, listener: (...args: never[]) => void): this {
    // A TLSSocket made of a socket without a handle of Node's takes it for one that is still connecting, and waits
    // for its `connect`. When that has been, nobody else would tell it.
    if (event === 'connect' && this[kState]?.link && !this.connecting && waitsForTransport(listener)) {
      ;(listener as () => void)()
      return this
    }
    return super.once(event as string, listener as (...args: unknown[]) => void)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const self = hidden(this)
    if (self._handle) {
      super._destroy(error, done)
      return
    }
    const state = this[kState]
    const { link, dial, resource } = state
    this.connecting = false
    state.idle?.close()
    if (state.attemptTimer !== null) clearTimeout(state.attemptTimer)
    state.attemptTimer = null
    const hadError = error !== null && error !== undefined
    state.link = state.dial = state.resource = null
    self._sockname = null
    if (state.passing !== null) dropPassing(state)
    if (link !== null) {
      state.bytesRead = link.bytesRead
      state.bytesWritten = link.writing.bytesWritten
      link.close(hadError, state.resets)
    } else if (dial !== null) dial.close()
    if (state.unconnected >= 0) rawClose(state.unconnected)
    state.unconnected = -1
    state.resets = false
    done(error)
    if (link === null) {
      if (resource === null) process.nextTick(emitClose, this, undefined)
      else setImmediate(closeIn, resource, this, hadError)
    }
    const server = self._server
    if (server !== null) {
      server._connections--
      server._emitCloseIfDrained()
    }
  }

  override resetAndDestroy(): this {
    if (hidden(this)._handle) return super.resetAndDestroy()
    const { link, unix } = this[kState]
    if (link === null && !this.connecting) return this.destroy(socketClosed())
    if (unix) throw invalidHandle()
    if (this.connecting) this.once('connect', () => this._reset())
    else this._reset()
    return this
  }

  _reset(): this {
    this[kState].resets = true
    return this.destroy()
  }

  // ---- time-outs

  override setTimeout(msecs: number, callback?: () => void): this {
    if (hidden(this)._handle) return super.setTimeout(msecs, callback)
    if (this.destroyed) return this
    this.timeout = msecs
    checkTimeout(msecs, callback)
    const state = this[kState]
    const duration = Math.min(msecs, 0x7fffffff)
    if (duration > 0) state.idle ??= new IdleTimer(() => this._onTimeout())
    state.idle?.set(duration, nowOf(state))
    if (callback === undefined) return this
    if (duration > 0) this.once('timeout', callback)
    else this.removeListener('timeout', callback)
    return this
  }

  /** Something moved: the time-out begins anew. */
  _unrefTimer(): void {
    const state = this[kState]
    if (state.idle !== null) state.idle.moved(nowOf(state))
  }

  _onTimeout(): void {
    // As long as bytes go out it is not idle.
    if (this[kState].link?.writing.progressed) this._unrefTimer()
    else this.emit('timeout')
  }

  // ---- living

  override ref(): this {
    return reference(this, true, super.ref)
  }

  override unref(): this {
    return reference(this, false, super.unref)
  }
}

const plainWrite = SocketBody.prototype._write

/** Whether it is as `take` wants it: bytes, or text in an encoding that needs no look. */
function isPlain(chunk: unknown, encoding: unknown, socket: SocketBody): chunk is Uint8Array | string {
  if (typeof chunk === 'string') {
    if (encoding === undefined || encoding === null) {
      if (hidden(socket)._writableState.defaultEncoding !== 'utf8') return false
    } else if (encoding !== 'utf8' && encoding !== 'latin1') return false
    return true
  }
  return chunk instanceof Uint8Array
}

/** With a buffer of the program's, what was stopped goes on. */
function readOn(socket: SocketBody): void {
  const { userBuffer, link } = socket[kState]
  if (userBuffer !== null && link !== null && !socket.connecting) link.readStart()
}

function writeLater(
  socket: SocketBody,
  data: unknown,
  encoding: string,
  done: WriteCallback,
  write: () => void,
): void {
  const self = hidden(socket)
  self._pendingData = data
  self._pendingEncoding = encoding
  const closed = () => done(closedBeforeConnection())
  socket.once('connect', () => {
    socket.off('close', closed)
    self._pendingData = null
    self._pendingEncoding = ''
    write()
  })
  socket.once('close', closed)
}

function reference<S extends SocketBody>(socket: S, on: boolean, node: (this: NodeSocket) => NodeSocket): S {
  if (hidden(socket)._handle) return node.call(socket) as S
  const state = socket[kState]
  const held = state.link ?? state.dial
  if (held === null && !socket.connecting) {
    socket.once('connect', on ? socket.ref : socket.unref)
    return socket
  }
  state.referenced = on
  if (on) held?.ref()
  else held?.unref()
  return socket
}

function emitClose(socket: NodeSocket, hadError: boolean | undefined): void {
  if (hadError === undefined) socket.emit('close')
  else socket.emit('close', hadError)
}

function closeIn(resource: AsyncResource, socket: NodeSocket, hadError: boolean): void {
  resource.runInAsyncScope(emitClose, undefined, socket, hadError)
  resource.emitDestroy()
}

function nowOf({ link }: State): number {
  return link === null ? performance.now() : link.engine.nowMs
}

function waitsForTransport(listener: unknown): boolean {
  return String(listener).includes('this.connecting = false')
}
