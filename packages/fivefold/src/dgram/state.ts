/** What a socket of this face keeps. */
import { AsyncResource } from 'node:async_hooks'
import type { LookupOneOptions } from 'node:dns'
import type { BlockList } from 'node:net'
import type { DatagramSocket } from '../datagram/socket.js'
import { type Engine, engineFor } from '../loop/engine.js'
import type { ModelName } from '../models/model.js'
import { defaultModel } from '../net/default-model.js'
import { KnownAddresses } from './known.js'

export type SocketType = 'udp4' | 'udp6' | 'unix_dgram'

export type Lookup = (
  hostname: string,
  options: LookupOneOptions,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
) => void

export const UNBOUND = 0
export const BINDING = 1
export const BOUND = 2

export const DISCONNECTED = 0
export const CONNECTING = 1
export const CONNECTED = 2

export class State {
  readonly type: SocketType
  model: ModelName | 'auto' = defaultModel()
  bindState = UNBOUND
  connectState = DISCONNECTED
  /** The address of the peer that it is connected with. */
  peer: Uint8Array | null = null
  /** Opened, and perhaps not served yet: joining a group comes before bind. */
  fd = -1
  socket: DatagramSocket | null = null
  closed = false
  closer: AsyncResource | null = null
  referenced = true
  /** What waits for the bind. */
  queue: (() => void)[] | undefined
  reuseAddr = false
  reusePort = false
  ipv6Only = false
  recvBufferSize = 0
  sendBufferSize = 0
  maxDatagram: number | undefined
  timestamps = false
  gro = false
  coalesce = true
  receiveBlockList: BlockList | undefined
  sendBlockList: BlockList | undefined
  /** Undefined: Node's own, which need not be asked about what is an address already. */
  lookup: Lookup | undefined
  readonly known = new KnownAddresses()
  readonly resource = new AsyncResource('UDPWRAP', { requireManualDestroy: true })

  constructor(type: SocketType) {
    this.type = type
  }

  get unix(): boolean {
    return this.type === 'unix_dgram'
  }

  engine(): Engine {
    return engineFor(this.model)
  }
}

export const kDgram = Symbol('fivefold.dgram')
