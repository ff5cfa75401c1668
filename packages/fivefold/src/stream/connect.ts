/** connect(): a stream socket to a peer. */
import { type Engine, engineFor } from '../loop/engine.js'
import { Kind, Operation } from '../models/operation.js'
import type { Address } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import { systemError } from '../sys/errno.js'
import {
  IPPROTO_TCP,
  rawShutdown,
  SHUT_RDWR,
  SOCK_STREAM,
  setsockoptInt,
  TCP_NODELAY,
} from '../sys/socket.js'
import type { ConnectOptions } from './handlers.js'
import { DEFAULT_HIGH_WATER_MARK } from './listener.js'
import { openSocket } from './open.js'
import { encoded, placeOf, resolve } from './resolve.js'
import { Socket } from './socket.js'

/**
 * Connects to TCP (`hostname`, `port`) or to a Unix socket (`path`). A name's addresses are tried in order.
 * @throws (rejects with) ECONNREFUSED, ETIMEDOUT, ENOENT, … with `syscall`, `address`, `port` or `path`; the
 *   signal's reason when it is aborted; what a named model's probe says where it cannot work
 */
export async function connect<Data = undefined>(options: ConnectOptions<Data>): Promise<Socket<Data>> {
  const { signal } = options
  signal?.throwIfAborted()
  if (options.path === undefined && options.port === undefined) {
    throw Object.assign(new TypeError('connect takes a port or a path'), { code: 'ERR_MISSING_ARGS' })
  }
  const engine = engineFor(options.model, options.host, options.tuning)
  const addresses = await resolve(options)
  let failure: unknown
  for (const address of addresses) {
    try {
      const fd = await dial(engine, address, signal)
      const socket = new Socket<Data>(
        engine,
        fd,
        {
          handlers: options.socket,
          allowHalfOpen: options.allowHalfOpen ?? false,
          highWaterMark: options.highWaterMark ?? DEFAULT_HIGH_WATER_MARK,
          data: options.data as Data,
        },
        null,
      )
      if (address.family !== 'Unix' && (options.noDelay ?? true))
        setsockoptInt(fd, IPPROTO_TCP, TCP_NODELAY, 1)
      socket.open()
      return socket
    } catch (error) {
      signal?.throwIfAborted()
      failure = error
    }
  }
  throw failure
}

function dial(engine: Engine, address: Address, signal: AbortSignal | undefined): Promise<number> {
  signal?.throwIfAborted()
  const { limits } = engine.model
  // Before there is a descriptor: an address that cannot be written leaves none behind.
  const bytes = encoded(address)
  const fd = openSocket(address, SOCK_STREAM, limits)
  return new Promise((resolve, reject) => {
    const abort = () => {
      // A connect that cannot be cancelled ends when its socket is shut down.
      if (!limits.cancels) rawShutdown(fd, SHUT_RDWR)
      engine.cancel(operation)
    }
    const operation = new Operation(Kind.connect, fd, {
      completed({ result }) {
        engine.unref()
        signal?.removeEventListener('abort', abort)
        if (result >= 0 && signal?.aborted !== true) {
          resolve(fd)
          return
        }
        rawClose(fd)
        reject(signal?.aborted === true ? signal.reason : systemError(result, 'connect', placeOf(address)))
      },
    })
    operation.address = bytes
    signal?.addEventListener('abort', abort, { once: true })
    engine.ref()
    engine.submit(operation)
  })
}
