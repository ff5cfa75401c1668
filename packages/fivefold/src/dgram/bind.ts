/** `bind`: in all its forms, and what begins with it. */
import { errorMonitor } from 'node:events'
import type { DatagramHandlers } from '../datagram/handlers.js'
import { DatagramSocket } from '../datagram/socket.js'
import { uncaught } from '../stream/socket.js'
import type { Address } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import { SO_RCVBUF, SO_SNDBUF } from '../sys/socket.js'
import { alreadyBound, callError, invalid, placeError } from './errors.js'
import { textOf } from './names.js'
import { askNode } from './node.js'
import { adopt, adoptable, bindDescriptor, openDescriptor } from './open.js'
import { bufferSize, type SocketBody, tellClosed } from './socket-body.js'
import { BINDING, BOUND, type State, UNBOUND } from './state.js'
import { lookUp } from './transmit.js'

interface Wanted {
  port?: unknown
  address?: string
  path?: string
  fd?: unknown
  recvStart?: unknown
}

/** `bind([port] [, address] [, callback])`, `bind(path)`, `bind({ port, address, path, fd })`. */
export function bindSocket(self: SocketBody, state: State, args: readonly unknown[]): void {
  if (state.bindState !== UNBOUND) throw alreadyBound()
  const [first, second] = args
  const given = typeof first === 'object' && first !== null ? (first as Wanted) : null
  if (typeof given?.recvStart === 'function') {
    throw invalid("a handle of Node's cannot be served: pass its descriptor, bind({ fd })")
  }
  state.bindState = BINDING
  const callback = args.at(-1)
  if (typeof callback === 'function') whenBound(self, callback as () => void)
  const { fd } = given ?? {}
  if (typeof fd === 'number' && Number.isInteger(fd) && fd > 0) {
    bindToDescriptor(self, state, fd)
    return
  }
  if (state.unix) {
    const path = given !== null ? (given.path ?? given.address) : first
    process.nextTick(() => begin(self, state, typeof path === 'string' ? path : undefined, 0))
    return
  }
  const port = given !== null ? given.port : first
  const host = given !== null ? given.address : typeof second === 'function' ? '' : (second as string)
  lookUp(state, host || (state.type === 'udp4' ? '0.0.0.0' : '::'), (error, ip) => {
    if (state.closed) return
    if (error) {
      state.bindState = UNBOUND
      self.emit('error', error)
    } else begin(self, state, ip, port)
  })
}

function whenBound(self: SocketBody, callback: () => void): void {
  const forget = () => {
    self.removeListener(errorMonitor, forget)
    self.removeListener('listening', bound)
  }
  const bound = () => {
    forget()
    callback.call(self)
  }
  self.on(errorMonitor as never, forget)
  self.on('listening', bound)
}

function bindToDescriptor(self: SocketBody, state: State, fd: number): void {
  if (!adoptable(state.type, fd)) {
    if (state.unix) throw invalid(`descriptor ${fd} is not a Unix datagram socket`)
    askNode(state.type, (probe) => probe.bind({ fd }))
  }
  const engine = state.engine()
  adopt(fd, engine.model.limits)
  state.fd = fd
  listening(self, state, false)
}

/** bind(2), now that the address is known. A Unix socket without a name is only opened. */
function begin(self: SocketBody, state: State, name: string | undefined, port: unknown): void {
  if (state.closed) return
  let opened = -1
  try {
    if (state.fd < 0) opened = state.fd = openDescriptor(state.type, state.engine().model.limits)
    if (name !== undefined) {
      const result = bindDescriptor(state, state.fd, name, (Number(port) >>> 0) & 0xffff)
      if (result < 0) throw placeError(result, 'bind', name, port as number)
    }
  } catch (error) {
    if (opened >= 0) {
      rawClose(opened)
      state.fd = -1
    }
    state.bindState = UNBOUND
    self.emit('error', error as Error)
    return
  }
  listening(self, state, name !== undefined)
}

function listening(self: SocketBody, state: State, removesName: boolean): void {
  const { fd, recvBufferSize, sendBufferSize } = state
  state.bindState = BOUND
  // Before the first datagram can come.
  if (recvBufferSize) bufferSize(state, recvBufferSize, SO_RCVBUF)
  if (sendBufferSize) bufferSize(state, sendBufferSize, SO_SNDBUF)
  const maxDatagram = state.maxDatagram === undefined ? {} : { maxDatagram: state.maxDatagram }
  const { timestamps, gro, coalesce } = state
  const options = { socket: handlersOf(self, state), timestamps, gro, coalesce, ...maxDatagram }
  try {
    state.socket = new DatagramSocket(state.engine(), fd, options, undefined, removesName)
  } catch (error) {
    // What was asked for is not to be had.
    rawClose(fd)
    state.fd = -1
    state.bindState = UNBOUND
    self.emit('error', error as Error)
    return
  }
  if (!state.referenced) state.socket.unref()
  self.emit('listening')
}

/** Of a datagram: who sent it, and how long it is. */
export interface RemoteInfo {
  address: string
  family: 'IPv4' | 'IPv6' | 'Unix'
  /** 0 from a Unix socket. */
  port: number
  size: number
  /** It was longer than what is received; only there when it was. */
  truncated?: true
  /** With `timestamps`: when the kernel received it, in nanoseconds of CLOCK_REALTIME. */
  timestampNs?: bigint
}

function remoteInfo(from: Address, size: number, truncated: boolean): RemoteInfo {
  const info: RemoteInfo =
    from.family === 'IPv4'
      ? { address: from.address, family: 'IPv4', port: from.port, size }
      : {
          address: textOf(from),
          family: from.family,
          port: from.family === 'Unix' ? 0 : from.port,
          size,
        }
  if (truncated) info.truncated = true
  return info
}

function handlersOf(self: SocketBody, state: State): DatagramHandlers {
  const { resource } = state
  return {
    data(_socket, datagram, from, truncated, timestampNs) {
      const info = remoteInfo(from, datagram.length, truncated)
      if (timestampNs !== undefined) info.timestampNs = timestampNs
      if (
        state.receiveBlockList !== undefined &&
        from.family !== 'Unix' &&
        state.receiveBlockList.check(from.address, from.family === 'IPv6' ? 'ipv6' : 'ipv4')
      ) {
        return
      }
      resource.runInAsyncScope(tellMessage, self, datagram, info)
    },
    error(_socket, error) {
      const { errno } = error as NodeJS.ErrnoException
      resource.runInAsyncScope(tellError, self, errno === undefined ? error : callError(errno, 'recvmsg'))
    },
    close() {
      try {
        tellClosed(self)
      } catch (error) {
        uncaught(error)
      }
    },
  }
}

// What a listener throws is uncaught, as in Node, and no verdict on the socket.
function tellMessage(this: SocketBody, datagram: Buffer, info: RemoteInfo): void {
  try {
    this.emit('message', datagram, info as never)
  } catch (error) {
    uncaught(error)
  }
}

function tellError(this: SocketBody, error: Error): void {
  try {
    this.emit('error', error)
  } catch (thrown) {
    uncaught(thrown)
  }
}
