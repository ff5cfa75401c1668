/**
 * `fivefold/net`: everything `node:net` exports, with the same types, served by fivefold.
 *
 *     import net from 'fivefold/net'   // instead of 'node:net'
 */
import nodeNet, { type NetConnectOpts, type Socket as NodeSocket } from 'node:net'
import { known, normalize } from './arguments.js'
import { packServer, packSocket, packWith } from './sending.js'
import { Server, type ServerOptions } from './server.js'
import { Socket, type SocketOptions } from './socket.js'

export type {
  AddressInfo,
  DropArgument,
  IpcNetConnectOpts,
  IpcSocketConnectOpts,
  ListenOptions,
  LookupFunction,
  NetConnectOpts,
  OnReadOpts,
  ServerOpts,
  SocketAddressInitOptions,
  SocketConnectOpts,
  SocketConstructorOpts,
  SocketReadyState,
  TcpNetConnectOpts,
  TcpSocketConnectOpts,
} from 'node:net'
export {
  BlockList,
  getDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  isIP,
  isIPv4,
  isIPv6,
  SocketAddress,
  setDefaultAutoSelectFamily,
  setDefaultAutoSelectFamilyAttemptTimeout,
} from 'node:net'
export { Server, type ServerOptions, Socket, type SocketOptions }

packWith(packSocket)
packWith(packServer)

type ConnectionListener = (socket: Socket) => void

export function createServer(listener?: ConnectionListener): Server
export function createServer(options?: ServerOptions, listener?: ConnectionListener): Server
export function createServer(
  options?: ServerOptions | ConnectionListener,
  listener?: ConnectionListener,
): Server {
  return new Server(options as ServerOptions, listener as (socket: NodeSocket) => void)
}

export function connect(options: NetConnectOpts & SocketOptions, connectionListener?: () => void): Socket
export function connect(port: number, host?: string, connectionListener?: () => void): Socket
export function connect(port: number, connectionListener?: () => void): Socket
export function connect(path: string, connectionListener?: () => void): Socket
export function connect(...args: unknown[]): Socket {
  const normalized = normalize(args)
  const options = normalized[0] as { timeout?: number }
  const socket = new Socket(options as SocketOptions)
  if (options.timeout) socket.setTimeout(options.timeout)
  return socket.connect(normalized as never) as Socket
}

export { connect as createConnection, Socket as Stream }

export default {
  // What this version of Node has besides (BoundSocket, say), and names kept for old programs.
  ...nodeNet,
  connect,
  createConnection: connect,
  createServer,
  Server,
  Socket,
  Stream: Socket,
  // For what is built on Node's own: TLS calls it, and so do some programs.
  _normalizeArgs: (args: unknown[]) => known((nodeNet as unknown as Normalizing)._normalizeArgs(args)),
}

interface Normalizing {
  _normalizeArgs(args: unknown[]): object
}
