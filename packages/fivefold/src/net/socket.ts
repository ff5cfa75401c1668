/** `net.Socket` over the library: the constructor. What it can do is in socket-body.ts. */
import type { OnReadOpts, SocketConstructorOpts } from 'node:net'
import type { ModelName } from '../models/model.js'
import { setNonBlocking } from '../sys/fcntl.js'
import { AF_UNIX } from '../sys/socket.js'
import { adoptable, streamFamily } from './adopt.js'
import * as names from './names.js'
import { dress, NodeSocket } from './node.js'
import { userBufferOf } from './onread.js'
import { SocketBody } from './socket-body.js'
import type { KeepAliveOptions } from './socket-settings.js'
import { attach, kState, State } from './state.js'

export type { SocketBody } from './socket-body.js'

/** What `new Socket` takes: Node's options and one of our own. */
export interface SocketOptions extends SocketConstructorOpts {
  onread?: OnReadOpts | undefined
  /** Which mechanism serves it: see `listen` of `fivefold`. */
  model?: ModelName | 'auto' | undefined
  /**
   * Descriptors that come over a Unix socket are received, and told by `descriptors`. Its model then is one of those that
   * report readiness: 'epoll' (which 'auto' chooses), 'poll' or 'select'.
   */
  descriptors?: boolean | undefined
}

/** Node's class as the function it is. */
const nodeConstructor = NodeSocket as unknown as (this: unknown, options: object) => void

/** Any socket of this module, and of none other. */
export function isOurs(value: unknown): value is SocketBody {
  return Object.prototype.isPrototypeOf.call(SocketBody.prototype, value as object)
}

/** A connection that nobody expects anything on: what comes ends it. */
export function guardIdle(socket: unknown, on: boolean): void {
  if (!isOurs(socket)) return
  const { link } = socket[kState]
  if (link !== null) link.guarded = on
}

/** Makes `this` a socket, as Node's constructor does: by `new`, by `call` from an heir, or by a plain call. */
function construct(this: unknown, options?: SocketOptions | number): unknown {
  if (!(this instanceof NodeSocket)) return new Socket(options as SocketOptions)
  const given = (typeof options === 'number' ? { fd: options } : (options ?? {})) as SocketOptions & {
    handle?: unknown
    manualStart?: boolean
    pauseOnCreate?: boolean
  }
  const { fd } = given
  const ours = given.handle === undefined && fd !== undefined && adoptable(fd)
  const nodes = !ours && (given.handle !== undefined || fd !== undefined)
  if (nodes && new.target === construct) return new NodeSocket(given)
  if (!isOurs(this)) {
    nodeConstructor.call(this, given)
    return undefined
  }
  const state = new State()
  this[kState] = state
  nodeConstructor.call(this, ours ? { ...given, fd: undefined } : given)
  if (given.model !== undefined) state.model = given.model
  if (given.descriptors === true) {
    state.descriptors = true
    // A model that cannot is an error here, and not when it connects.
    state.engine()
  }
  state.userBuffer = userBufferOf(given.onread)
  state.options.begin(given)
  if (!ours) return undefined
  const engine = state.engine()
  setNonBlocking(fd, engine.model.limits.nonBlocking)
  if (names.peerOf(fd) === null) {
    // Not connected yet: `connect` will use it.
    state.unconnected = fd
    return undefined
  }
  attach(this, engine, fd, streamFamily(fd) === AF_UNIX)
  if (given.readable === false) return undefined
  if (given.pauseOnCreate) hiddenFlow(this)
  else if (!given.manualStart) this.read(0)
  return undefined
}

function hiddenFlow(socket: NodeSocket): void {
  ;(socket as { readableFlowing: boolean | null }).readableFlowing = false
}

/** Node's `net.Socket`, and what that never had. */
export interface Socket
  extends NodeSocket,
    Pick<
      SocketBody,
      'model' | 'fd' | 'setOption' | 'getOption' | 'peerCredentials' | 'getTypeOfService' | 'sendDescriptors'
    > {
  setTypeOfService(tos: number): this
  setKeepAlive(enable?: boolean, initialDelayMs?: number, intervalMs?: number, count?: number): this
  setKeepAlive(options: KeepAliveOptions): this
}
export interface SocketConstructor {
  new (options?: SocketOptions | number): Socket
  (options?: SocketOptions | number): Socket
  readonly prototype: Socket
}

export const Socket: SocketConstructor = construct as unknown as SocketConstructor
dress(construct, 'Socket', SocketBody.prototype, NodeSocket)
