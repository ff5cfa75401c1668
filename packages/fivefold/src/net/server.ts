/** `net.Server` over the library: Node's class, with listening, accepting and closing replaced. */
import { AsyncResource } from 'node:async_hooks'
import cluster from 'node:cluster'
import diagnostics from 'node:diagnostics_channel'
import dns from 'node:dns'
import { addAbortListener } from 'node:events'
import { chmodSync, statSync } from 'node:fs'
import { isIPv6, type ListenOptions as NodeListenOptions, type ServerOpts } from 'node:net'
import { type Engine, engineFor } from '../loop/engine.js'
import type { ModelName } from '../models/model.js'
import { Acceptor, type AcceptorOwner } from '../stream/acceptor.js'
import { errnos } from '../sys/errno.js'
import { dup } from '../sys/fcntl.js'
import { checkListen, isPath, isPort, normalize, numberOf } from './arguments.js'
import { alreadyListening, listenError, serverNotRunning } from './errors.js'
import { type ListenFlags, listenDescriptor, listenPath, listenPort, type Opened } from './listen.js'
import * as names from './names.js'
import { type Around, constructorOver, NodeServer, type NodeSocket } from './node.js'
import { passingEngine } from './passing.js'
import { hidden, kServer, type NodeClose, ServerState, type Stateful } from './server-state.js'
import { welcome } from './welcome.js'

/** What `new Server` takes: Node's options and one of our own. */
export interface ServerOptions extends ServerOpts {
  /** Which mechanism serves it: see `listen` of `fivefold`. */
  model?: ModelName | 'auto' | undefined
  /** Its sockets receive descriptors as well: see `SocketOptions`. */
  descriptors?: boolean | undefined
}

interface ListenOptions extends NodeListenOptions {
  fd?: number
  reusePort?: boolean
}

const listening = diagnostics.tracingChannel('net.server.listen')

export class ServerBody extends NodeServer implements AcceptorOwner {
  declare [kServer]: ServerState

  // ---- listening

  override listen(...args: never[]): this {
    const state = this[kServer]
    const self = hidden(this)
    const [given, callback] = normalize(args)
    if (self._handle || state.acceptor !== null) throw alreadyListening()
    const options = given as ListenOptions & { _handle?: unknown; handle?: unknown }
    // Handles that Node made, and the primary's in a cluster, are Node's to serve.
    if (options._handle || options.handle || (cluster.isWorker && !options.exclusive && !options.reusePort)) {
      return super.listen(...(args as []))
    }
    if (listening.hasSubscribers) listening.asyncStart.publish({ server: this, options } as never)
    if (callback !== null) this.once('listening', callback as () => void)
    const backlog = numberOf(args.length > 1 && args[1]) || numberOf(args.length > 2 && args[2]) || 0
    self._listeningId++
    listen(this, options, args, backlog)
    return this
  }

  override address(): ReturnType<NodeServer['address']> {
    if (hidden(this)._handle) return super.address()
    const { acceptor, unix } = this[kServer]
    const { _pipeName } = hidden(this)
    if (acceptor !== null && !unix) return names.localOf(acceptor.fd) as never
    return _pipeName ?? null
  }

  // ---- accepting

  /** @internal */
  accepted(fd: number): void {
    this[kServer].resource!.runInAsyncScope(welcome, undefined, this, fd)
  }

  /** @internal */
  acceptorClosed(): void {
    const state = this[kServer]
    state.closing--
    this._emitCloseIfDrained()
  }

  override getConnections(callback: (error: Error | null, count: number) => void): this {
    // Node asks the processes that sockets were sent to.
    if (hidden(this)._handle || hidden(this)._usingWorkers) return super.getConnections(callback) as this
    process.nextTick(callback, null, hidden(this)._connections)
    return this
  }

  // ---- closing

  override close(callback?: (error?: Error) => void): this {
    const state = this[kServer]
    const self = hidden(this)
    if (self._handle) {
      state.nodeClose.call(this, callback)
      return this
    }
    const { acceptor } = state
    self._listeningId++
    if (typeof callback === 'function') {
      if (acceptor === null) this.once('close', () => callback(serverNotRunning()))
      else this.once('close', callback)
    }
    // What an heir of Node's does before it closes: an HTTP server ends its idle connections.
    state.quiet = true
    state.nodeClose.call(this)
    state.quiet = false
    if (acceptor === null) this._emitCloseIfDrained()
    else {
      state.acceptor = null
      state.closing++
      acceptor.close()
    }
    return this
  }

  _emitCloseIfDrained(): void {
    const state = this[kServer]
    const self = hidden(this)
    if (state.quiet || state.acceptor !== null || state.closing > 0 || self._handle || self._connections > 0)
      return
    process.nextTick(emitClose, this, state)
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    if (!this.listening) return
    await new Promise<void>((resolve, reject) => {
      this.close((error) => (error === undefined ? resolve() : reject(error)))
    })
  }

  override ref(): this {
    hidden(this)._unref = false
    if (hidden(this)._handle) return super.ref()
    this[kServer].acceptor?.ref()
    return this
  }

  override unref(): this {
    hidden(this)._unref = true
    if (hidden(this)._handle) return super.unref()
    this[kServer].acceptor?.unref()
    return this
  }

  /** The mechanism that serves it. */
  get model(): ModelName {
    return engineFor(this[kServer].model).model.name
  }

  /** The listening descriptor, or -1. */
  get fd(): number {
    return this[kServer].acceptor?.fd ?? -1
  }
}

function listen(
  server: ServerBody,
  options: ListenOptions,
  args: readonly unknown[],
  backlogArgument: number,
): void {
  const state = server[kServer]
  const backlog = options.backlog || backlogArgument || 511
  closeOnAbort(server, options)
  const engine = engineFor(state.model)
  if (typeof options.fd === 'number' && options.fd >= 0) {
    // Of another server of ours: both listen, each with a descriptor of its own.
    const other = (options as Partial<Stateful>)[kServer]?.acceptor
    other?.share()
    const fd = other ? dup(options.fd) : options.fd
    begun(server, engine, listenDescriptor(fd, backlog, engine), undefined, undefined, 4)
    return
  }
  const anyPort =
    args.length === 0 ||
    typeof args[0] === 'function' ||
    (options.port === undefined && 'port' in options) ||
    options.port === null
  if (anyPort) options.port = 0
  const { port, host, path } = options
  if (typeof port === 'number' || typeof port === 'string') {
    if (!isPort(port)) checkListen([{ port }])
    const flags: ListenFlags = { ipv6Only: options.ipv6Only === true, reusePort: options.reusePort === true }
    if (host) lookUp(server, engine, Number(port) | 0, host, backlog, flags)
    else listenAnywhere(server, engine, Number(port) | 0, backlog, flags)
    return
  }
  if (!path || !isPath(path)) {
    checkListen([options])
    return
  }
  if (path.startsWith('\0') && (options.readableAll || options.writableAll)) checkListen([options])
  hidden(server)._pipeName = path
  state.unix = true
  begun(server, engine, listenPath(path, backlog, engine), path, -1, -1)
  if (state.acceptor === null) return
  const mode = (options.readableAll ? 0o444 : 0) | (options.writableAll ? 0o222 : 0)
  if (mode !== 0) chmodSync(path, (statSync(path).mode & 0o777) | mode)
}

function lookUp(
  server: ServerBody,
  engine: Engine,
  port: number,
  host: string,
  backlog: number,
  flags: ListenFlags,
): void {
  const self = hidden(server)
  const id = self._listeningId
  dns.lookup(host, { all: true }, (error, found) => {
    if (id !== self._listeningId) return
    if (error) {
      server.emit('error', error)
      return
    }
    // A link-local address is only good with its interface: the last choice.
    const { address, family } = found.find((one) => !isLinkLocal(one.address)) ?? found[0]!
    begun(server, engine, listenPort(address, port, backlog, engine, flags), address, port, family)
  })
}

function listenAnywhere(
  server: ServerBody,
  engine: Engine,
  port: number,
  backlog: number,
  flags: ListenFlags,
): void {
  const both = listenPort('::', port, backlog, engine, flags)
  // A port in use is one for either family; anything else means that there is no IPv6 here, or no leave.
  if (both.errno === 0 || both.errno === -errnos.EADDRINUSE) begun(server, engine, both, '::', port, 6)
  else begun(server, engine, listenPort('0.0.0.0', port, backlog, engine, flags), '0.0.0.0', port, 4)
}

function begun(
  server: ServerBody,
  engine: Engine,
  opened: Opened,
  address: string | undefined,
  port: number | undefined,
  family: number,
): void {
  const { fd, errno } = opened
  if (errno !== 0) {
    const error = listenError(errno, address, port)
    if (listening.hasSubscribers) listening.error.publish({ server, error } as never)
    process.nextTick(() => server.emit('error', error))
    return
  }
  const state = server[kServer]
  const self = hidden(server)
  state.resource = new AsyncResource(state.unix ? 'PIPESERVERWRAP' : 'TCPSERVERWRAP', {
    requireManualDestroy: true,
  })
  state.acceptor = new Acceptor(
    engine,
    fd,
    state.unix ? { family: 'Unix', path: address ?? '' } : null,
    server,
    opened.shared,
  )
  if (listening.hasSubscribers) listening.asyncEnd.publish({ server } as never)
  self._connectionKey = `${family}:${address}:${port}`
  if (self._unref) server.unref()
  process.nextTick(() => {
    if (state.acceptor !== null) server.emit('listening')
  })
}

function emitClose(server: ServerBody, state: ServerState): void {
  const { resource } = state
  if (resource === null) server.emit('close')
  else resource.runInAsyncScope(server.emit, server, 'close')
}

function isLinkLocal(address: string): boolean {
  return isIPv6(address) && /^fe[89ab]/i.test(address)
}

function closeOnAbort(server: NodeServer, { signal }: { signal?: AbortSignal | undefined }): void {
  if (signal === undefined) return
  if (typeof signal !== 'object' || signal === null || !('aborted' in signal))
    checkListen([{ port: 0, signal }])
  if (signal.aborted) process.nextTick(() => server.close())
  else {
    const listener = addAbortListener(signal, () => server.close())
    server.once('close', () => listener[Symbol.dispose]())
  }
}

Object.defineProperty(ServerBody.prototype, 'listening', {
  configurable: true,
  enumerable: true,
  get(this: ServerBody) {
    return hidden(this)._handle != null || this[kServer].acceptor !== null
  },
})

/** What is called as Node's constructors of servers are: with `new` or without. */
export interface ServerConstructorOf<Made, Options, Listener> {
  new (options?: Options | Listener, listener?: Listener): Made
  (options?: Options | Listener, listener?: Listener): Made
  readonly prototype: Made
}

/**
 * The constructor of a kind of Node's servers, on ours.
 * @param parent Node's: of HTTP, say
 * @param around what else is done before and after Node's constructor has made one
 */
export function serverOver(parent: object, around: Pick<Around, 'given' | 'after'> = {}): unknown {
  const Parent = parent as typeof NodeServer
  return constructorOver('Server', parent, Parent === NodeServer ? ServerBody.prototype : heirOf(Parent), {
    before: (server, options) => begin(server as ServerBody, options, Parent.prototype.close),
    ...around,
  })
}

/** The prototype of servers that can what those of another kind of Node's can, and ours besides. */
function heirOf(Parent: typeof NodeServer): NodeServer {
  class Heir extends Parent {}
  const {
    constructor: _,
    [Symbol.asyncDispose]: __,
    ...methods
  } = Object.getOwnPropertyDescriptors(ServerBody.prototype)
  return Object.defineProperties(Heir.prototype, methods as PropertyDescriptorMap)
}

/**
 * Gives a server of Node's that is just being made what ours need.
 * @param nodeClose what its kind does on closing, beyond what we do
 */
function begin(server: ServerBody, options: unknown, nodeClose: NodeClose): void {
  const state = new ServerState()
  state.nodeClose = nodeClose
  const { model, descriptors } = ((typeof options === 'object' ? options : null) ?? {}) as ServerOptions
  if (model !== undefined) state.model = model
  if (descriptors === true) {
    state.descriptors = true
    // A model that cannot is an error here, and not with the first connection.
    passingEngine(state.model)
  }
  server[kServer] = state
}

type ConnectionListener = (socket: NodeSocket) => void

/** Node's `net.Server`, and what that never had. */
export interface Server extends NodeServer, Pick<ServerBody, 'model' | 'fd'> {}
export interface ServerConstructor extends ServerConstructorOf<Server, ServerOptions, ConnectionListener> {}

export const Server = serverOver(NodeServer) as ServerConstructor
