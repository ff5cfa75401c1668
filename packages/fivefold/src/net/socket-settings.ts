/**
 * What a socket says of itself, and its settings: of its descriptor, or kept until it has one.
 *
 * A socket with a handle of Node's own has Node's answers.
 */
import type { ModelName } from '../models/model.js'
import * as names from './names.js'
import { NodeSocket } from './node.js'
import { hidden, kState, type State } from './state.js'

/** For `setKeepAlive`: times in milliseconds, how many probes may go unanswered. */
export interface KeepAliveOptions {
  enable?: boolean
  initialDelay?: number
  interval?: number
  count?: number
}

export class SocketSettings extends NodeSocket {
  declare [kState]: State
  declare connecting: boolean

  // ---- settings

  override setNoDelay(noDelay?: boolean): this {
    if (hidden(this)._handle) return super.setNoDelay(noDelay)
    const { options, link } = this[kState]
    options.setNoDelay(link?.connection.fd ?? -1, noDelay === undefined || Boolean(noDelay))
    return this
  }

  override setKeepAlive(
    enable?: boolean | KeepAliveOptions,
    initialDelayMs?: number,
    intervalMs?: number,
    count?: number,
  ): this {
    if (hidden(this)._handle) return super.setKeepAlive(enable as boolean, initialDelayMs)
    const { options, link } = this[kState]
    const fd = link?.connection.fd ?? -1
    if (typeof enable === 'object' && enable !== null) {
      options.setKeepAlive(fd, Boolean(enable.enable), enable.initialDelay, enable.interval, enable.count)
    } else options.setKeepAlive(fd, Boolean(enable), initialDelayMs, intervalMs, count)
    return this
  }

  setTypeOfService(tos: number): this {
    this[kState].options.setTypeOfService(this[kState].link?.connection.fd ?? -1, tos)
    return this
  }

  getTypeOfService(): number {
    return this[kState].options.getTypeOfService(this[kState].link?.connection.fd ?? -1)
  }

  // ---- what it tells about itself

  /** What was handed down; Node's `bytesWritten` adds what still waits in the stream. */
  get _bytesDispatched(): number | undefined {
    const state: State | undefined = this[kState]
    return state?.link?.writing.bytesWritten ?? state?.bytesWritten
  }

  override address(): names.Name {
    return this._getsockname()
  }

  _getpeername(): names.Name {
    const self = hidden(this)
    const { link } = this[kState]
    if (link === null || this.connecting) return self._peername ?? {}
    self._peername ??= names.peerOf(link.connection.fd)
    return self._peername ?? {}
  }

  _getsockname(): names.Name {
    const self = hidden(this)
    const { fd } = this[kState]
    if (fd < 0) return {}
    self._sockname ??= names.localOf(fd)
    return self._sockname ?? {}
  }

  // ---- what Node's never had

  /** The mechanism that serves it. */
  get model(): ModelName {
    return this[kState].engine().model.name
  }

  /** The descriptor, or -1. It stays the socket's: do not close it. */
  get fd(): number {
    return this[kState].fd
  }

  /** Programs keep what they like under this name, and Node does on its standard streams. */
  set fd(value: number) {
    Object.defineProperty(this, 'fd', { value, writable: true, enumerable: true, configurable: true })
  }

  /**
   * setsockopt(2).
   * @param value an int, or the option's bytes
   * @throws SystemError EBADF (not connected), ENOPROTOOPT, EINVAL, …
   */
  setOption(level: number, name: number, value: number | NodeJS.ArrayBufferView): this {
    names.setOption(this[kState].fd, level, name, value)
    return this
  }

  /**
   * getsockopt(2) of an int; with `into`, of anything.
   * @returns the int, or the bytes written into `into`
   */
  getOption(level: number, name: number, into?: NodeJS.ArrayBufferView): number {
    return names.getOption(this[kState].fd, level, name, into)
  }

  /** Who is at the other end of a Unix socket: SO_PEERCRED, unix(7). @throws SystemError ENOTCONN, EBADF */
  get peerCredentials(): names.Credentials {
    return names.peerCredentials(this[kState].fd)
  }
}

/** Properties that Node's types know as fields: for a handle of Node's, Node's own answer. */
function define(
  name: 'pending' | 'bufferSize' | 'bytesRead' | 'writableLength',
  answer: (socket: SocketSettings) => unknown,
): void {
  Object.defineProperty(SocketSettings.prototype, name, {
    configurable: true,
    get(this: SocketSettings) {
      return hidden(this)._handle ? Reflect.get(NodeSocket.prototype, name, this) : answer(this)
    },
  })
}

define('pending', (socket) => socket.connecting || !socket[kState].held)
define('bufferSize', (socket) =>
  socket.connecting || socket[kState].held ? socket.writableLength : undefined,
)
define('bytesRead', (socket) => {
  const { link, bytesRead } = socket[kState]
  return link?.bytesRead ?? bytesRead
})
// With what was written while it was corked, wherever that is kept.
define(
  'writableLength',
  (socket) => hidden(socket)._writableState.length + (socket[kState]?.link?.writing.bytesCorked ?? 0),
)
