/** What a server of ours has besides what Node's class gives it. */
import type { AsyncResource } from 'node:async_hooks'
import type { BlockList } from 'node:net'
import type { ModelName } from '../models/model.js'
import type { Acceptor } from '../stream/acceptor.js'
import { defaultModel } from './default-model.js'
import { NodeServer } from './node.js'

/** What Node's class keeps under names that are not in its types. */
export interface Hidden {
  _handle: object | null
  _connections: number
  _unref: boolean
  _usingWorkers?: boolean
  _listeningId: number
  _pipeName?: string
  _connectionKey?: string
}

/** What Node's constructor leaves on the server. */
export interface Settings {
  allowHalfOpen: boolean
  pauseOnConnect: boolean
  noDelay: boolean
  keepAlive: boolean
  keepAliveInitialDelay: number
  highWaterMark: number
  blockList?: BlockList
}

export type NodeClose = (this: NodeServer, callback?: (error?: Error) => void) => unknown

export class ServerState {
  model: ModelName | 'auto' = defaultModel()
  /** Its sockets receive descriptors as well. */
  descriptors = false
  acceptor: Acceptor | null = null
  resource: AsyncResource | null = null
  /** Descriptors on their way to being closed: `close` waits for them. */
  closing = 0
  /** `close` was asked for within Node's own: it is not to be told twice. */
  quiet = false
  unix = false
  nodeClose: NodeClose = NodeServer.prototype.close
}

export const kServer = Symbol('fivefold.server')

export type Stateful = NodeServer & { [kServer]: ServerState }

export function hidden(server: NodeServer): Hidden {
  return server as unknown as Hidden
}
