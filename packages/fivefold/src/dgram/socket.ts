/** `dgram.Socket` over the library: the constructor. What it can do is in socket-body.ts. */
import cluster from 'node:cluster'
import diagnostics from 'node:diagnostics_channel'
import dns from 'node:dns'
import { addAbortListener, EventEmitter } from 'node:events'
import { BlockList } from 'node:net'
import type { ModelName } from '../models/model.js'
import { coded } from '../net/errors.js'
import { dress } from '../net/node.js'
import { addLegacy } from './legacy.js'
import { askNode, type NodeOptions, NodeSocket } from './node.js'
import { SocketBody } from './socket-body.js'
import { kDgram, type Lookup, type SocketType, State } from './state.js'
import type { Listener, SocketShape } from './types.js'

/** What `createSocket` takes: Node's options, and some of our own. */
export interface SocketOptions extends Omit<NodeOptions, 'type'> {
  /** `'unix_dgram'`: a Unix datagram socket, with paths and abstract names for addresses. */
  type: SocketType
  /** Which mechanism serves it: see `bind` of `fivefold`. */
  model?: ModelName | 'auto' | undefined
  /** SO_REUSEPORT: several sockets on one port; the kernel shares the datagrams out by their sender. */
  reusePort?: boolean | undefined
  /** Whoever is on it is not heard. */
  receiveBlockList?: BlockList | undefined
  /** Nothing is sent to whoever is on it. */
  sendBlockList?: BlockList | undefined
  /** The kernel tells when it received each datagram: `info.timestampNs`. Not with every model. Default false. */
  timestamps?: boolean | undefined
  /** Datagrams of one sender and size are taken from the kernel together (UDP_GRO), and told one by one. Default false. */
  gro?: boolean | undefined
  /**
   * While datagrams that nobody answers come in a flood, Node's loop is woken by a clock and not by each: see `bind` of
   * `fivefold`. False: none waits for others. Default true.
   */
  coalesce?: boolean | undefined
  /** The most bytes of a datagram; what is longer arrives cut, and says so. Default 65,535. */
  maxDatagram?: number | undefined
}

const created = diagnostics.channel('udp.socket')
const nodeLookup = dns.lookup

/** Any socket of this module, and of none other. */
function isOurs(value: unknown): value is SocketBody {
  return Object.prototype.isPrototypeOf.call(SocketBody.prototype, value as object)
}

function construct(this: unknown, type: SocketType | SocketOptions, listener?: Listener): unknown {
  if (!isOurs(this)) return new Socket(type, listener)
  const options = (typeof type === 'object' && type !== null ? type : { type }) as SocketOptions
  // The primary of a cluster hands out Node's handles: Node serves them, unless it is asked for otherwise.
  const ours = options.model !== undefined || options.reusePort || options.type === 'unix_dgram'
  if (cluster.isWorker && !ours && new.target === construct) {
    return new (NodeSocket as unknown as new (...args: unknown[]) => NodeSocket)(type, listener)
  }
  check(options)
  ;(EventEmitter as unknown as (this: unknown) => void).call(this)
  const state = new State(options.type)
  Object.defineProperty(this, kDgram, { value: state })
  ;(this as SocketBody & { type: string }).type = options.type
  if (options.model !== undefined) {
    state.model = options.model
    state.engine()
  }
  state.lookup = (options.lookup ?? undefined) as Lookup | undefined
  if (state.lookup === (nodeLookup as unknown)) state.lookup = undefined
  state.reuseAddr = Boolean(options.reuseAddr)
  state.reusePort = Boolean(options.reusePort)
  state.ipv6Only = Boolean(options.ipv6Only)
  state.recvBufferSize = options.recvBufferSize || 0
  state.sendBufferSize = options.sendBufferSize || 0
  state.maxDatagram = options.maxDatagram
  state.timestamps = options.timestamps === true
  state.gro = options.gro === true
  state.coalesce = options.coalesce !== false
  state.receiveBlockList = options.receiveBlockList || undefined
  state.sendBlockList = options.sendBlockList || undefined
  if (typeof listener === 'function') this.on('message', listener as never)
  closeOnAbort(this, state, options.signal)
  if (created.hasSubscribers) created.publish({ socket: this })
  return undefined
}

/** @throws what Node throws for such options */
function check(options: SocketOptions): void {
  const { type, lookup, recvBufferSize, sendBufferSize, signal, receiveBlockList, sendBlockList } = options
  if (type === 'unix_dgram') {
    if (typeof options.reusePort === 'boolean' && options.reusePort) {
      throw coded(new TypeError('a Unix socket has no port to share'), 'ERR_INVALID_ARG_VALUE')
    }
  } else if (type !== 'udp4' && type !== 'udp6') askOptions({ type })
  const plain =
    (lookup === undefined || typeof lookup === 'function') &&
    isSize(recvBufferSize) &&
    isSize(sendBufferSize) &&
    (signal === undefined || (typeof signal === 'object' && signal !== null && 'aborted' in signal))
  if (!plain) askOptions({ ...options, type: type === 'udp6' ? 'udp6' : 'udp4' })
  for (const [name, list] of Object.entries({ receiveBlockList, sendBlockList })) {
    if (list && !(list instanceof BlockList)) {
      throw coded(
        new TypeError(`The "options.${name}" property must be an instance of net.BlockList.`),
        'ERR_INVALID_ARG_TYPE',
      )
    }
  }
}

function isSize(value: unknown): boolean {
  return !value || (typeof value === 'number' && value >>> 0 === value)
}

/** Node's constructor says what is wrong with options of which something is. */
function askOptions(options: object): never {
  return askNode('udp4', () => {
    const { signal: _, ...others } = options as { signal?: unknown }
    const probe = new (NodeSocket as unknown as new (options: object) => NodeSocket)(
      isSignal((options as { signal?: unknown }).signal) ? others : options,
    )
    probe.close()
  })
}

function isSignal(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'aborted' in value
}

function closeOnAbort(self: SocketBody, state: State, signal: AbortSignal | undefined): void {
  if (signal === undefined) return
  const close = () => {
    if (!state.closed) self.close()
  }
  if (signal.aborted) close()
  else {
    const listening = addAbortListener(signal, close)
    self.once('close', () => listening[Symbol.dispose]())
  }
}

/** Node's `dgram.Socket`, and what that never had. */
export interface Socket extends SocketShape {}
export interface SocketConstructor {
  new (type: SocketType | SocketOptions, listener?: Listener): Socket
  readonly prototype: Socket
}

export const Socket: SocketConstructor = construct as unknown as SocketConstructor
addLegacy(SocketBody.prototype)
dress(construct, 'Socket', SocketBody.prototype, NodeSocket)
