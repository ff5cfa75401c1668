/** What a socket of ours has besides what Node's class gives it. */
import { AsyncResource } from 'node:async_hooks'
import type { Socket as NodeSocket } from 'node:net'
import { type Engine, engineFor } from '../loop/engine.js'
import type { ModelName } from '../models/model.js'
import { defaultModel } from './default-model.js'
import type { Dial } from './dial.js'
import type { IdleTimer } from './idle.js'
import { Link } from './link.js'
import type { Name } from './names.js'
import type { UserBuffer } from './onread.js'
import { Options } from './options.js'
import { passingEngine } from './passing.js'

/** What Node's class keeps under names that are not in its types. */
export interface Hidden {
  _handle: object | null
  _parent: { connecting?: boolean } | null
  _server: { _connections: number; _emitCloseIfDrained(): void } | null
  _peername: Name | null | undefined
  _sockname: Name | null | undefined
  _pendingData: unknown
  _pendingEncoding: string
  _aborted?: boolean
  _writableState: { defaultEncoding: BufferEncoding; length: number }
  _unrefTimer(): void
  _undestroy(): void
}

export class State {
  model: ModelName | 'auto' = defaultModel()
  /** It receives descriptors as well. */
  descriptors = false
  /** Those that wait to be sent, each with the bytes it goes with. */
  passing: Map<Uint8Array, number[]> | null = null
  link: Link | null = null
  dial: Dial | null = null
  /** Of the attempts to connect: one address after the other. */
  attemptTimer: NodeJS.Timeout | null = null
  resource: AsyncResource | null = null
  userBuffer: UserBuffer | null = null
  unix = false
  /** A descriptor that was passed in, for `connect` to use; or -1. */
  unconnected = -1
  referenced = true
  readonly options = new Options()
  idle: IdleTimer | null = null
  /** How many bytes went, once the link is gone. */
  bytesRead = 0
  bytesWritten = 0
  resets = false

  engine(): Engine {
    return this.descriptors ? passingEngine(this.model) : engineFor(this.model)
  }

  /** Where Node's socket would have a handle. */
  get held(): boolean {
    return this.link !== null || this.dial !== null
  }

  /** The descriptor, while there is one. */
  get fd(): number {
    return this.link?.connection.fd ?? this.dial?.fd ?? this.unconnected
  }
}

export const kState = Symbol('fivefold.state')

export type Stateful = NodeSocket & {
  [kState]: State
  connecting: boolean
  autoSelectFamilyAttemptedAddresses: string[]
}

export function hidden(socket: NodeSocket): Hidden {
  return socket as unknown as Hidden
}

/** Puts a connection under a socket. */
export function attach(socket: Stateful, engine: Engine, fd: number, unix: boolean): Link {
  const state = socket[kState]
  state.unix = unix
  state.resource ??= resourceOf(unix)
  const link = new Link(engine, fd, socket as never, state.resource, state.userBuffer)
  link.descriptors = state.descriptors
  state.link = link
  if (!state.referenced) link.unref()
  return link
}

/** What stands for a socket among the asynchronous resources, by the name that Node's has. */
export function resourceOf(unix: boolean): AsyncResource {
  return new AsyncResource(unix ? 'PIPEWRAP' : 'TCPWRAP', { requireManualDestroy: true })
}
