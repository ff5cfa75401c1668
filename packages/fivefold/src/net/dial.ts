/** One attempt to connect: a descriptor on its way to a peer. */
import { AsyncResource } from 'node:async_hooks'
import type { Engine } from '../loop/engine.js'
import { type Completion, Kind, Operation } from '../models/operation.js'
import { encoded, familyOf } from '../stream/resolve.js'
import type { Address } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import { errnos } from '../sys/errno.js'
import {
  rawBind,
  rawSetsockoptInt,
  rawShutdown,
  rawSocket,
  SHUT_RDWR,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../sys/socket.js'

/** How it ended: 0, or a negative errno. After 0 the descriptor is the caller's. */
type Ended = (errno: number, dial: Dial) => void

export class Dial implements Completion {
  readonly engine: Engine
  readonly fd: number
  readonly unix: boolean
  readonly #address: Uint8Array | null
  #operation: Operation | null = null
  #ended: Ended | null = null
  #resource: AsyncResource | null = null
  #referenced = false
  #closed = false
  #submitting = false

  /** `fd`, where none is passed in, is a negative errno when there is no socket to be had. */
  constructor(engine: Engine, address: Address, fd = -1) {
    this.engine = engine
    this.#address = bytesOf(address)
    this.unix = address.family === 'Unix'
    if (fd >= 0) {
      this.fd = fd
      return
    }
    const flags = SOCK_STREAM | SOCK_CLOEXEC | (engine.model.limits.nonBlocking ? SOCK_NONBLOCK : 0)
    this.fd = this.#address === null ? -errnos.EINVAL : rawSocket(familyOf(address), flags, 0)
  }

  /** Binds our side. @returns 0 or a negative errno */
  bind(local: Address): number {
    rawSetsockoptInt(this.fd, SOL_SOCKET, SO_REUSEADDR, 1)
    const bytes = encoded(local)
    return rawBind(this.fd, bytes, bytes.length)
  }

  /** Connects. `ended` is called in a later turn, in the context of this call, unless `close` comes before. */
  connect(ended: Ended, referenced: boolean): void {
    this.#ended = ended
    this.#resource = new AsyncResource(this.unix ? 'PIPECONNECTWRAP' : 'TCPCONNECTWRAP', {
      requireManualDestroy: true,
    })
    if (referenced) this.ref()
    const operation = new Operation(Kind.connect, this.fd, this)
    operation.address = this.#address
    this.#operation = operation
    this.#submitting = true
    this.engine.submit(operation)
    this.#submitting = false
  }

  ref(): void {
    if (this.#referenced || this.#closed) return
    this.#referenced = true
    this.engine.ref()
  }

  unref(): void {
    if (!this.#referenced) return
    this.#referenced = false
    this.engine.unref()
  }

  /** Gives up: nothing is told any more, and the descriptor is closed. */
  close(): void {
    if (this.#closed) return
    this.#ended = null
    const operation = this.#operation
    if (operation?.inFlight) {
      // A connect that cannot be cancelled ends when its socket is shut down.
      if (!this.engine.model.limits.cancels) rawShutdown(this.fd, SHUT_RDWR)
      this.engine.cancel(operation)
    } else this.#close()
  }

  /** @internal */
  completed({ result }: Operation): void {
    // A Unix socket connects at once, in the call that asks for it: it is told later all the same.
    if (this.#submitting) setImmediate(() => this.#tell(result))
    else this.#tell(result)
  }

  #tell(result: number): void {
    const ended = this.#ended
    const resource = this.#resource!
    this.unref()
    if (ended === null || result < 0) this.#close()
    else this.#closed = true
    if (ended !== null) resource.runInAsyncScope(ended, undefined, result, this)
    resource.emitDestroy()
  }

  #close(): void {
    if (this.#closed) return
    this.unref()
    this.#closed = true
    if (this.fd >= 0) rawClose(this.fd)
  }
}

/** The address as the kernel reads it; null when it is none, a path that is too long say. */
function bytesOf(address: Address): Uint8Array | null {
  try {
    return encoded(address)
  } catch {
    return null
  }
}
