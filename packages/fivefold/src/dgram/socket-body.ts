/** `dgram.Socket` over the library: what it can do. How it begins is in socket.ts. */
import { AsyncResource } from 'node:async_hooks'
import { errorMonitor } from 'node:events'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import type { ModelName } from '../models/model.js'
import { getOption, setOption } from '../net/names.js'
import { rawClose } from '../sys/descriptor.js'
import {
  rawGetsockopt,
  rawSetsockoptInt,
  SO_BROADCAST,
  SO_RCVBUF,
  SO_SNDBUF,
  SOL_SOCKET,
} from '../sys/socket.js'
import { sendArguments } from './arguments.js'
import { type BatchCallback, type BatchMessage, batchItems, sendItems } from './batch.js'
import { bindSocket } from './bind.js'
import { connectSocket, connectTarget, disconnectSocket } from './connect.js'
import { badBufferSize, callError, isConnected, notConnected, notRunning } from './errors.js'
import { member, sourceMember } from './membership.js'
import { localName, peerName } from './names.js'
import { askNode, NodeSocket } from './node.js'
import * as options from './socket-options.js'
import { BOUND, CONNECTED, DISCONNECTED, kDgram, type State, UNBOUND } from './state.js'
import { transmit } from './transmit.js'

export class SocketBody extends NodeSocket {
  declare [kDgram]: State

  // ---- beginning

  override bind(...args: unknown[]): this {
    const state = running(this)
    bindSocket(this, state, args)
    return this
  }

  override connect(...args: unknown[]): void {
    const state = this[kDgram]
    const target = connectTarget(state, args)
    if (state.connectState !== DISCONNECTED) throw isConnected()
    connectSocket(this, state, target)
  }

  override disconnect(): void {
    const state = this[kDgram]
    if (state.connectState !== CONNECTED) throw notConnected()
    disconnectSocket(state)
  }

  // ---- sending

  override send(
    message: unknown,
    offset?: unknown,
    length?: unknown,
    port?: unknown,
    address?: unknown,
    callback?: unknown,
  ): void {
    const state = this[kDgram]
    const connected = state.connectState === CONNECTED
    const sending = sendArguments(state.type, connected, message, offset, length, port, address, callback)
    if (state.closed) throw notRunning()
    if (state.bindState === BOUND) {
      transmit(this, state, sending)
      return
    }
    if (state.bindState === UNBOUND) this.bind({ port: 0, exclusive: true })
    enqueue(this, state, () => transmit(this, state, sending))
  }

  /**
   * Sends many datagrams in as few system calls as can be: sendmmsg(2). What has to wait does so in order, as with `send`.
   * @param callback hears once, when every datagram has gone or failed
   * @throws as `send`, and ERR_INVALID_ARG_VALUE for an address that would have to be looked up; before anything is sent
   */
  sendBatch(messages: readonly BatchMessage[], callback?: BatchCallback): void {
    const state = running(this)
    const items = batchItems(state, messages)
    if (state.bindState === BOUND) {
      sendItems(state, items, callback)
      return
    }
    if (state.bindState === UNBOUND) this.bind({ port: 0, exclusive: true })
    enqueue(this, state, () => sendItems(state, items, callback))
  }

  /** As `send` with all its arguments: for old programs. */
  sendto(
    message: unknown,
    offset: unknown,
    length: unknown,
    port: unknown,
    address: unknown,
    callback?: unknown,
  ): void {
    const fine =
      typeof offset === 'number' &&
      typeof length === 'number' &&
      typeof port === 'number' &&
      typeof address === 'string'
    if (!fine && !this[kDgram].unix) {
      askNode(this[kDgram].type, (probe) =>
        (probe as unknown as SocketBody).sendto(message, offset, length, port, address),
      )
    }
    this.send(message, offset, length, port, address, callback)
  }

  override getSendQueueSize(): number {
    return this[kDgram].socket?.sending.bytes ?? 0
  }

  override getSendQueueCount(): number {
    return this[kDgram].socket?.sending.count ?? 0
  }

  // ---- the end

  override close(callback?: () => void): this {
    const state = this[kDgram]
    if (typeof callback === 'function') this.on('close', callback)
    if (state.queue !== undefined) {
      state.queue.push(() => this.close())
      return this
    }
    running(this)
    state.closed = true
    state.closer = new AsyncResource('TickObject')
    const { socket, fd } = state
    state.socket = null
    state.fd = -1
    if (socket !== null) void socket.close()
    else {
      if (fd >= 0) rawClose(fd)
      process.nextTick(tellClosed, this)
    }
    return this
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    if (!this[kDgram].closed) await promisify(this.close).call(this)
  }

  override ref(): this {
    const state = this[kDgram]
    state.referenced = true
    state.socket?.ref()
    return this
  }

  override unref(): this {
    const state = this[kDgram]
    state.referenced = false
    state.socket?.unref()
    return this
  }

  // ---- what it is

  override address(): AddressInfo {
    return localName(running(this).fd) as AddressInfo
  }

  override remoteAddress(): AddressInfo {
    const state = running(this)
    if (state.connectState !== CONNECTED) throw notConnected()
    return peerName(state.fd) as AddressInfo
  }

  /** The mechanism that serves it. */
  get model(): ModelName {
    return this[kDgram].engine().model.name
  }

  /** The descriptor, or -1. */
  get fd(): number {
    return this[kDgram].fd
  }

  /** Sets any socket option; the numbers are in `fivefold/sys`. @throws SystemError as setsockopt(2) */
  setOption(level: number, name: number, value: number | NodeJS.ArrayBufferView): void {
    setOption(running(this).fd, level, name, value)
  }

  /** Reads any socket option: an int, or the bytes into `into`, of which it tells how many. @throws SystemError */
  getOption(level: number, name: number, into?: NodeJS.ArrayBufferView): number {
    return getOption(running(this).fd, level, name, into)
  }

  // ---- options by name

  override setBroadcast(flag: boolean): void {
    const { fd } = this[kDgram]
    done(rawSetsockoptInt(fd, SOL_SOCKET, SO_BROADCAST, flag ? 1 : 0), 'setBroadcast')
  }

  override setTTL(ttl: number): number {
    const state = numeric(this, 'setTTL', ttl)
    done(options.setTtl(state.fd, state.type === 'udp6', ttl), 'setTTL')
    return ttl
  }

  override setMulticastTTL(ttl: number): number {
    const state = numeric(this, 'setMulticastTTL', ttl)
    done(options.setMulticastTtl(state.fd, state.type === 'udp6', ttl), 'setMulticastTTL')
    return ttl
  }

  override setMulticastLoopback(flag: boolean): boolean {
    const { fd, type } = this[kDgram]
    done(options.setMulticastLoopback(fd, type === 'udp6', flag), 'setMulticastLoopback')
    return flag
  }

  override setMulticastInterface(multicastInterface: string): void {
    const state = running(this)
    if (typeof multicastInterface !== 'string') {
      askNode(state.type, (probe) => probe.setMulticastInterface(multicastInterface))
    }
    done(options.setMulticastInterface(state.fd, multicastInterface), 'setMulticastInterface')
  }

  override addMembership(multicastAddress: string, multicastInterface?: string): void {
    member(running(this), 'addMembership', multicastAddress, multicastInterface, true)
  }

  override dropMembership(multicastAddress: string, multicastInterface?: string): void {
    member(running(this), 'dropMembership', multicastAddress, multicastInterface, false)
  }

  override addSourceSpecificMembership(source: string, group: string, multicastInterface?: string): void {
    sourceMember(running(this), 'addSourceSpecificMembership', source, group, multicastInterface, true)
  }

  override dropSourceSpecificMembership(source: string, group: string, multicastInterface?: string): void {
    sourceMember(running(this), 'dropSourceSpecificMembership', source, group, multicastInterface, false)
  }

  override setRecvBufferSize(size: number): void {
    bufferSize(this[kDgram], size, SO_RCVBUF)
  }

  override setSendBufferSize(size: number): void {
    bufferSize(this[kDgram], size, SO_SNDBUF)
  }

  override getRecvBufferSize(): number {
    return bufferSize(this[kDgram], 0, SO_RCVBUF)
  }

  override getSendBufferSize(): number {
    return bufferSize(this[kDgram], 0, SO_SNDBUF)
  }
}

/** What waits for the bind, and goes with it: done when it has succeeded, forgotten when it failed. */
export function enqueue(self: SocketBody, state: State, work: () => void): void {
  if (state.queue === undefined) {
    state.queue = []
    const settle = (bound: boolean) => () => {
      self.removeListener(errorMonitor, failed)
      self.removeListener('listening', listening)
      const { queue } = state
      state.queue = undefined
      if (bound) for (const next of queue!) next()
    }
    const failed = settle(false)
    const listening = settle(true)
    self.on(errorMonitor as never, failed)
    self.on('listening', listening)
  }
  state.queue.push(work)
}

/** After the last sign of life. */
export function tellClosed(self: SocketBody): void {
  const { resource, closer } = self[kDgram]
  resource.emitDestroy()
  // In the context of whoever closed it, as in Node.
  closer!.runInAsyncScope(self.emit, self, 'close')
}

function running(self: SocketBody): State {
  const state = self[kDgram]
  if (state.closed) throw notRunning()
  return state
}

function done(result: number, syscall: string): void {
  if (result < 0) throw callError(result, syscall)
}

function numeric(self: SocketBody, name: 'setTTL' | 'setMulticastTTL', ttl: unknown): State {
  const state = self[kDgram]
  if (typeof ttl !== 'number') askNode(state.type, (probe) => probe[name](ttl as number))
  return state
}

const cell = new Int32Array(1)
const length = new Uint32Array(1)

export function bufferSize(state: State, size: number, option: number): number {
  if (size >>> 0 !== size) throw badBufferSize()
  const { fd } = state
  let result = size === 0 ? 0 : rawSetsockoptInt(fd, SOL_SOCKET, option, size)
  if (result === 0) {
    length[0] = 4
    result = rawGetsockopt(fd, SOL_SOCKET, option, cell, length)
  }
  if (result === 0) return size === 0 ? cell[0]! : size
  // Node's error for it is of a kind that only Node can make; there is one reason for it.
  return askNode(state.type, (probe) => {
    if (option === SO_RCVBUF) probe.setRecvBufferSize(size)
    else probe.setSendBufferSize(size)
  })
}
