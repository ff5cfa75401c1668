/**
 * `fivefold/https`: Node's own HTTPS on fivefold's sockets. TLS stays Node's and works on the bytes they bring.
 *
 *     import https from 'fivefold/https'   // instead of 'node:https'
 */
import type { ClientRequest, Agent as HttpAgent, IncomingMessage, RequestListener } from 'node:http'
import nodeHttps, {
  type AgentOptions,
  type ServerOptions as NodeServerOptions,
  type RequestOptions,
} from 'node:https'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { agentChooser, withAgent } from '../http/agent-choice.js'
import type { ModelName } from '../models/model.js'
import { connect } from '../net/index.js'
import { constructorOver } from '../net/node.js'
import { type ServerBody, type ServerConstructorOf, serverOver } from '../net/server.js'
import { lend } from './lend.js'
import { NodeAgent, NodeServer, sharedAgent } from './node.js'

/** What `createServer` takes: Node's options and one of our own. */
export interface ServerOptions extends NodeServerOptions {
  /** Which mechanism serves it: see `listen` of `fivefold`. */
  model?: ModelName | 'auto' | undefined
}

// ---- servers

export interface Server extends NodeServer, Pick<ServerBody, 'model' | 'fd'> {}
export interface ServerConstructor extends ServerConstructorOf<Server, ServerOptions, RequestListener> {}
export const Server = serverOver(NodeServer, {
  after(server: NodeServer) {
    server.prependListener('secureConnection', (socket: TLSSocket) => lend(socket))
  },
}) as ServerConstructor

export function createServer(listener?: RequestListener): Server
export function createServer(options: ServerOptions, listener?: RequestListener): Server
export function createServer(options?: ServerOptions | RequestListener, listener?: RequestListener): Server {
  return new Server(options, listener)
}

// ---- agents

type Created = (error: Error | null, socket: Duplex) => void
type CreateConnection = (this: NodeAgent, options: object, created?: Created) => Duplex | undefined
const nodeCreateConnection = (NodeAgent.prototype as unknown as { createConnection: CreateConnection })
  .createConnection

class AgentBody extends NodeAgent {
  override createConnection(options: RequestOptions, created?: Created): Duplex | undefined {
    const { socket } = options as { socket?: unknown }
    if (socket || (this as { options?: { proxyEnv?: unknown } }).options?.proxyEnv) {
      return nodeCreateConnection.call(this, options, created)
    }
    const secure = nodeCreateConnection.call(this, { ...options, socket: connect(options as never) }, created)
    if (secure !== undefined) lend(secure as TLSSocket)
    return secure
  }
}

export interface Agent extends NodeAgent {}
export interface AgentConstructor {
  new (options?: AgentOptions): Agent
  (options?: AgentOptions): Agent
  readonly prototype: Agent
}
export const Agent = constructorOver('Agent', NodeAgent, AgentBody.prototype) as AgentConstructor

let shared: HttpAgent | null = null

/** The agent of requests that name none. */
export function getGlobalAgent(): HttpAgent {
  shared ??= new Agent({ ...(sharedAgent as NodeAgent & { options: AgentOptions }).options })
  return shared
}

export function setGlobalAgent(agent: HttpAgent): void {
  shared = agent
}

// ---- requests

type Callback = (response: IncomingMessage) => void

const agentFor = agentChooser(() => new Agent(), getGlobalAgent)

const nodeRequest = nodeHttps.request

export function request(options: RequestOptions | string | URL, callback?: Callback): ClientRequest
export function request(url: string | URL, options: RequestOptions, callback?: Callback): ClientRequest
export function request(...args: unknown[]): ClientRequest {
  return nodeRequest(...(withAgent(args, agentFor) as [never]))
}

export function get(options: RequestOptions | string | URL, callback?: Callback): ClientRequest
export function get(url: string | URL, options: RequestOptions, callback?: Callback): ClientRequest
export function get(...args: unknown[]): ClientRequest {
  const sent = request(...(args as [never]))
  sent.end()
  return sent
}

const face = { ...nodeHttps, Agent, createServer, get, request, Server }
Object.defineProperty(face, 'globalAgent', {
  configurable: true,
  enumerable: true,
  get: getGlobalAgent,
  set: setGlobalAgent,
})
export default face as Omit<typeof face, 'globalAgent'> & { globalAgent: HttpAgent }
