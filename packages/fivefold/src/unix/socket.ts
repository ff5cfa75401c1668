/**
 * A connected Unix socket that carries messages, and descriptors beside them.
 *
 * (a) The calls are sendmsg and recvmsg, made when the descriptor is ready: io_uring has refused descriptors in its
 *     own (liburing #128), and the rest gains nothing. So the models are those of `watch`.
 * (b) A message of seqpacket or dgram is read whole: its length is asked for first (MSG_PEEK | MSG_TRUNC).
 * (c) An empty message and the end look the same: recvmsg answers 0. But a message brings its time, and the end
 *     brings nothing. So SO_TIMESTAMPNS is on.
 * (d) Descriptors that wait to be sent are duplicates: the sender may close its own at once. Those that come are the
 *     receiver's to close; where nobody takes them, they are closed here.
 */
import { rawClose } from '../sys/descriptor.js'
import { errnos } from '../sys/errno.js'
import { dup } from '../sys/fcntl.js'
import {
  controlSpace,
  fdsIn,
  type IncomingMessage,
  recvmsg,
  rights,
  SCM_MAX_FD,
  sendmsg,
  timestampIn,
} from '../sys/message.js'
import {
  type Credentials,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_TRUNC,
  peerCredentials,
  rawRecv,
  rawShutdown,
  SHUT_WR,
  SO_TIMESTAMPNS,
  SOL_SOCKET,
  setsockoptInt,
} from '../sys/socket.js'
import { type Watch, watch } from '../watch/watch.js'
import type { UnixHandlers, UnixSocketOptions, UnixSocketType } from './handlers.js'

interface Waiting {
  data: Uint8Array
  fds: readonly number[]
}

/** Messages in one turn: others have theirs. */
const MOST_MESSAGES = 16
/** The room of a stream's read. */
const ROOM = 64 * 1024
const CONTROL = controlSpace(16) + controlSpace(4 * SCM_MAX_FD)
const probe = Buffer.alloc(1)

export class UnixSocket<Data = unknown> implements Disposable {
  readonly type: UnixSocketType
  readonly fd: number
  data: Data
  readonly #handlers: UnixHandlers<Data>
  readonly #watch: Watch
  readonly #allowHalfOpen: boolean
  readonly #onClose: ((socket: UnixSocket<Data>) => void) | null
  #credentials: Credentials | null = null
  #waiting: Waiting[] = []
  #reading = true
  #ended = false
  #ending = false
  #wantsDrain = false
  #closed = false

  /**
   * @internal
   * @param fd a connected O_NONBLOCK socket; from here on it is this object's
   */
  constructor(
    fd: number,
    type: UnixSocketType,
    options: UnixSocketOptions<Data>,
    onClose: ((socket: UnixSocket<Data>) => void) | null = null,
  ) {
    this.fd = fd
    this.type = type
    this.data = options.data as Data
    this.#handlers = options.socket ?? {}
    this.#allowHalfOpen = options.allowHalfOpen ?? false
    this.#onClose = onClose
    try {
      if (type !== 'stream') setsockoptInt(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1)
      this.#watch = watch(fd, 'read', (ready) => this.#ready(ready), { model: options.model ?? 'auto' })
    } catch (error) {
      rawClose(fd)
      throw error
    }
    this.#call('open')
  }

  /** Who the peer was when it connected, listened or made the pair: SO_PEERCRED. */
  get credentials(): Credentials {
    this.#credentials ??= peerCredentials(this.fd)
    return this.#credentials
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Messages that wait for room. */
  get waiting(): number {
    return this.#waiting.length
  }

  /**
   * Sends a message, and descriptors with it.
   * @param message what is sent as one; of a stream at least one byte, where there are descriptors. Yours again at once
   * @param options.fds open descriptors, at most 253: the peer gets its own of the same files. Yours stay yours
   * @returns false: it waits for room, and `drain` will tell. It is sent all the same
   * @throws EPIPE after `end`; EMSGSIZE: longer than the socket's buffer; EBADF: a descriptor that is none;
   *   ERR_INVALID_ARG_VALUE
   */
  send(message: string | Uint8Array, { fds = [] }: { fds?: readonly number[] } = {}): boolean {
    const data = typeof message === 'string' ? Buffer.from(message) : message
    this.#requireSendable(data, fds)
    if (this.#waiting.length === 0) {
      const left = this.#try({ data, fds })
      if (left === null) return true
      this.#wait(left)
    } else this.#wait({ data, fds })
    this.#wantsDrain = true
    return false
  }

  #requireSendable(data: Uint8Array, fds: readonly number[]): void {
    if (this.#closed || this.#ending) {
      throw Object.assign(new Error('send after the end'), { code: 'EPIPE', syscall: 'sendmsg' })
    }
    if (fds.length > SCM_MAX_FD || !fds.every((fd) => Number.isInteger(fd) && fd >= 0)) {
      throw Object.assign(new TypeError(`fds are at most ${SCM_MAX_FD} descriptors`), {
        code: 'ERR_INVALID_ARG_VALUE',
      })
    }
    if (this.type === 'stream' && data.length === 0 && fds.length > 0) {
      throw Object.assign(new TypeError('a stream carries descriptors beside a byte at least'), {
        code: 'ERR_INVALID_ARG_VALUE',
      })
    }
  }

  /** @returns what is left of it, or null */
  #try(message: Waiting): Waiting | null {
    const { data, fds } = message
    if (this.type === 'stream' && data.length === 0) return null
    try {
      const control = fds.length === 0 ? [] : [rights(fds)]
      const sent = sendmsg(this.fd, { data, control }, MSG_NOSIGNAL | MSG_DONTWAIT)
      return sent === data.length ? null : { data: data.subarray(sent), fds: [] }
    } catch (error) {
      const { errno } = error as NodeJS.ErrnoException
      if (errno !== -errnos.EAGAIN && errno !== -errnos.ENOBUFS) throw error
      return message
    }
  }

  #wait({ data, fds }: Waiting): void {
    const held: number[] = []
    try {
      for (const fd of fds) held.push(dup(fd))
    } catch (error) {
      for (const fd of held) rawClose(fd)
      throw error
    }
    this.#waiting.push({ data: Uint8Array.from(data), fds: held })
    this.#arm()
  }

  /** No more from our side, once what waits is sent: the peer hears of the end. */
  end(): void {
    if (this.#closed || this.#ending) return
    this.#ending = true
    this.#finishSending()
  }

  #finishSending(): void {
    if (!this.#ending || this.#waiting.length > 0) return
    rawShutdown(this.fd, SHUT_WR)
    if (this.#ended) this.close()
  }

  /** At once: what waits is lost. */
  close(): void {
    this.#close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  pause(): void {
    this.#reading = false
    this.#arm()
  }

  resume(): void {
    this.#reading = true
    this.#arm()
  }

  ref(): this {
    this.#watch.ref()
    return this
  }

  unref(): this {
    this.#watch.unref()
    return this
  }

  // ---- at work

  /** A watch always wants something: one that wants to read nothing is asked for room, which it mostly has. */
  #arm(): void {
    if (this.#closed) return
    const read = this.#reading && !this.#ended
    const write = this.#waiting.length > 0
    if (read || write) this.#watch.interest = read && write ? 'both' : write ? 'write' : 'read'
    else this.#watch.pause()
  }

  #ready(ready: 'read' | 'write' | 'both'): void {
    try {
      if (ready !== 'read') this.#flush()
      if (ready !== 'write') this.#receive()
    } catch (error) {
      this.#close(error as Error)
    }
  }

  #flush(): void {
    while (this.#waiting.length > 0 && !this.#closed) {
      const first = this.#waiting[0]!
      const left = this.#try(first)
      if (left === first) return
      for (const fd of first.fds) rawClose(fd)
      if (left === null) this.#waiting.shift()
      else this.#waiting[0] = left
    }
    this.#arm()
    this.#finishSending()
    if (this.#wantsDrain && !this.#closed) {
      this.#wantsDrain = false
      this.#call('drain')
    }
  }

  #receive(): void {
    for (let count = 0; count < MOST_MESSAGES; count++) {
      if (this.#closed || this.#ended || !this.#reading) return
      const message = this.#next()
      if (message === null) return
      const fds = fdsIn(message.control)
      if (message.controlTruncated) {
        for (const fd of fds) rawClose(fd)
        throw Object.assign(new Error('descriptors came, and there is no room for them (RLIMIT_NOFILE)'), {
          code: 'EMFILE',
          errno: -errnos.EMFILE,
          syscall: 'recvmsg',
        })
      }
      const isEnd = message.bytes === 0 && (this.type === 'stream' || timestampIn(message.control) === null)
      if (isEnd) {
        this.#end()
        return
      }
      this.#tell(message, fds)
    }
  }

  #buffer: Buffer = Buffer.alloc(0)

  #next(): IncomingMessage | null {
    let room = ROOM
    if (this.type !== 'stream') {
      const length = rawRecv(this.fd, probe, probe.length, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT)
      // Whatever it is, the call that follows tells.
      room = Math.max(0, length)
    }
    this.#buffer = Buffer.allocUnsafe(room)
    try {
      return recvmsg(this.fd, this.#buffer, CONTROL, MSG_DONTWAIT)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).errno === -errnos.EAGAIN) return null
      throw error
    }
  }

  #tell({ bytes }: IncomingMessage, fds: number[]): void {
    const message = this.#buffer.subarray(0, bytes)
    this.#buffer = probe
    const { message: handler } = this.#handlers
    if (handler === undefined) {
      for (const fd of fds) rawClose(fd)
      return
    }
    handler.call(this.#handlers, this, message, fds)
  }

  #end(): void {
    this.#ended = true
    this.#arm()
    this.#call('end')
    if (!this.#allowHalfOpen) this.end()
    if (this.#ending) this.#finishSending()
  }

  #call(name: 'open' | 'drain' | 'end'): void {
    try {
      this.#handlers[name]?.(this)
    } catch (error) {
      this.#close(error as Error)
    }
  }

  #close(error?: Error): void {
    if (this.#closed) return
    this.#closed = true
    // While it is open it can still be asked.
    this.#credentials ??= credentialsOrNone(this.fd)
    this.#watch.close()
    rawClose(this.fd)
    for (const { fds } of this.#waiting) for (const fd of fds) rawClose(fd)
    this.#waiting = []
    setImmediate(() => {
      if (error !== undefined) this.#handlers.error?.(this, error)
      this.#handlers.close?.(this, error)
      this.#onClose?.(this)
    })
  }
}

function credentialsOrNone(fd: number): Credentials {
  try {
    return peerCredentials(fd)
  } catch {
    return { pid: 0, uid: 0xffffffff, gid: 0xffffffff }
  }
}
