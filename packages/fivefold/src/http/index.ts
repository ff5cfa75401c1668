/**
 * `fivefold/http`: Node's own HTTP on fivefold's sockets.
 *
 *     import http from 'fivefold/http'   // instead of 'node:http'
 *
 * Servers listen with `fivefold/net`, and agents dial with it; everything between is Node's code.
 */
import nodeHttp, {
  type AgentOptions,
  ClientRequest,
  type IncomingMessage,
  type ServerOptions as NodeServerOptions,
  type RequestListener,
  type RequestOptions,
} from 'node:http'
import type { Duplex } from 'node:stream'
import type { ModelName } from '../models/model.js'
import { createConnection } from '../net/index.js'
import { constructorOver } from '../net/node.js'
import { type ServerBody, type ServerConstructorOf, serverOver } from '../net/server.js'
import { guardIdle } from '../net/socket.js'
import { agentChooser, withAgent } from './agent-choice.js'
import { NodeAgent, NodeServer, sharedAgent } from './node.js'
import { withRequest } from './request.js'

export * from 'node:http'

/** What `createServer` takes: Node's options and one of our own. */
export interface ServerOptions extends NodeServerOptions {
  /** Which mechanism serves it: see `listen` of `fivefold`. */
  model?: ModelName | 'auto' | undefined
}

// ---- servers

export interface Server extends NodeServer, Pick<ServerBody, 'model' | 'fd'> {}
export interface ServerConstructor extends ServerConstructorOf<Server, ServerOptions, RequestListener> {}
export const Server = serverOver(NodeServer, { given: withRequest }) as ServerConstructor

export function createServer(listener?: RequestListener): Server
export function createServer(options: ServerOptions, listener?: RequestListener): Server
export function createServer(options?: ServerOptions | RequestListener, listener?: RequestListener): Server {
  return new Server(options, listener)
}

// ---- agents

type Created = (error: Error | null, socket: Duplex) => void
interface AgentInternals {
  createConnection(options: object, created?: Created): Duplex | undefined
}

class AgentBody extends NodeAgent {
  override createConnection(options: object, created?: Created): Duplex | undefined {
    // Through a proxy Node makes more than a connection.
    if (proxied(this)) {
      return (NodeAgent.prototype as unknown as AgentInternals).createConnection.call(this, options, created)
    }
    return createConnection(options as never, created as never)
  }

  /** A response that nobody asked for must not be taken for the answer to the next request. */
  override keepSocketAlive(socket: Duplex): boolean {
    const keep: unknown = super.keepSocketAlive(socket)
    if (keep !== false) guardIdle(socket, true)
    return keep as boolean
  }

  override reuseSocket(socket: Duplex, sent: ClientRequest): void {
    guardIdle(socket, false)
    super.reuseSocket(socket, sent)
  }
}

function proxied(agent: NodeAgent): boolean {
  return Boolean((agent as { options?: { proxyEnv?: unknown } }).options?.proxyEnv)
}

export interface Agent extends NodeAgent {}
export interface AgentConstructor {
  new (options?: AgentOptions): Agent
  (options?: AgentOptions): Agent
  readonly prototype: Agent
  readonly defaultMaxSockets: number
}
export const Agent = constructorOver('Agent', NodeAgent, AgentBody.prototype) as AgentConstructor

/** Node's settings for the agent that everybody shares. */
const sharedSettings = (sharedAgent as NodeAgent & { options: AgentOptions }).options
let shared: NodeAgent | null = null

/** The agent of requests that name none. */
export function getGlobalAgent(): NodeAgent {
  shared ??= new Agent({ ...sharedSettings })
  return shared
}

export function setGlobalAgent(agent: NodeAgent): void {
  shared = agent
}

// ---- requests

type Callback = (response: IncomingMessage) => void

const agentFor = agentChooser(() => new Agent(), getGlobalAgent)

export function request(options: RequestOptions | string | URL, callback?: Callback): ClientRequest
export function request(url: string | URL, options: RequestOptions, callback?: Callback): ClientRequest
export function request(...args: unknown[]): ClientRequest {
  return new ClientRequest(...(withAgent(args, agentFor) as [never]))
}

export function get(options: RequestOptions | string | URL, callback?: Callback): ClientRequest
export function get(url: string | URL, options: RequestOptions, callback?: Callback): ClientRequest
export function get(...args: unknown[]): ClientRequest {
  const sent = request(...(args as [never]))
  sent.end()
  return sent
}

const face = {
  ...nodeHttp,
  Agent,
  createServer,
  get,
  request,
  Server,
}
Object.defineProperty(face, 'globalAgent', {
  configurable: true,
  enumerable: true,
  get: getGlobalAgent,
  set: setGlobalAgent,
})
export default face as Omit<typeof face, 'globalAgent'> & { globalAgent: NodeAgent }
