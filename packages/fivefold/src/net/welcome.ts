/** What becomes of a connection: it is dropped, or a socket that the program hears of. */
import { AsyncResource } from 'node:async_hooks'
import diagnostics from 'node:diagnostics_channel'
import { isIP } from 'node:net'
import { rawClose } from '../sys/descriptor.js'
import { IPPROTO_TCP, rawSetsockoptInt, TCP_NODELAY } from '../sys/socket.js'
import * as names from './names.js'
import type { NodeServer, NodeSocket } from './node.js'
import { keepAlive } from './options.js'
import { hidden, kServer, type Settings, type Stateful as StatefulServer } from './server-state.js'
import { Socket } from './socket.js'
import { attach, kState, resourceOf, type Stateful } from './state.js'

const serverSockets = diagnostics.channel('net.server.socket')

/** Sockets begin in nobody's context, as they do in Node: what they do is not done for whoever listens. */
const nobody = new AsyncResource('FIVEFOLD')

/** A connection: it is dropped, or becomes a socket. */
export function welcome(server: StatefulServer, fd: number): void {
  const settings = server as unknown as Settings
  const self = hidden(server)
  const state = server[kServer]
  const most = server.maxConnections as number | undefined
  if (most !== undefined && most !== null && self._connections >= most && dropsAt(most)) {
    drop(server, fd, state.unix)
    return
  }
  if (settings.blockList !== undefined) {
    const { address = '' } = names.peerOf(fd) ?? {}
    const version = isIP(address)
    if (version !== 0 && settings.blockList.check(address, version === 6 ? 'ipv6' : 'ipv4')) {
      rawClose(fd)
      return
    }
  }
  const socket = new Socket({
    allowHalfOpen: settings.allowHalfOpen,
    readableHighWaterMark: settings.highWaterMark,
    writableHighWaterMark: settings.highWaterMark,
    model: state.model,
    descriptors: state.descriptors,
  } as object)
  const own = (socket as unknown as Stateful)[kState]
  const engine = own.engine()
  own.resource = nobody.runInAsyncScope(resourceOf, undefined, state.unix)
  if (!state.unix) {
    if (settings.noDelay) rawSetsockoptInt(fd, IPPROTO_TCP, TCP_NODELAY, 1)
    if (settings.keepAlive) keepAlive(fd, true, settings.keepAliveInitialDelay)
    own.options.inherit(settings.noDelay, settings.keepAlive, settings.keepAliveInitialDelay)
  }
  attach(socket as never, engine, fd, state.unix)
  if (settings.pauseOnConnect) (socket as { readableFlowing: boolean | null }).readableFlowing = false
  else socket.read(0)
  self._connections++
  const owned = socket as unknown as { server: NodeServer; _server: NodeServer }
  owned.server = server
  owned._server = server
  server.emit('connection', socket as NodeSocket)
  if (serverSockets.hasSubscribers) serverSockets.publish({ socket })
}

/** Up to Node 20 a limit of 0 is none. */
const zeroIsNone = Number(process.versions.node.split('.')[0]) <= 20
const dropsAt = (most: number) => most !== 0 || !zeroIsNone

function drop(server: StatefulServer, fd: number, unix: boolean): void {
  const local = names.localOf(fd) ?? {}
  const remote = names.peerOf(fd) ?? {}
  rawClose(fd)
  if (unix) {
    server.emit('drop')
    return
  }
  server.emit('drop', {
    localAddress: local.address,
    localPort: local.port,
    localFamily: local.family,
    remoteAddress: remote.address,
    remotePort: remote.port,
    remoteFamily: remote.family,
  } as never)
}
