/** A datagram's way from `send` to the model: its destination found, its callback told. */
import { AsyncResource } from 'node:async_hooks'
import dns from 'node:dns'
import { isIP } from 'node:net'
import type { DatagramSocket } from '../datagram/socket.js'
import { blocked } from '../net/errors.js'
import { uncaught } from '../stream/socket.js'
import { errnos } from '../sys/errno.js'
import type { SendCallback, Sending } from './arguments.js'
import { placeError } from './errors.js'
import type { NodeSocket } from './node.js'
import { addressBytes } from './open.js'
import type { State } from './state.js'

/** Node's, as it was: a program that has put another in its place expects it to be asked. */
const nodeLookup = dns.lookup

export type Found = (error: NodeJS.ErrnoException | null, address: string) => void

/**
 * Finds the address of a name, as Node does: an address that needs no finding costs no question.
 * @param found called later, in any case
 */
export function lookUp(state: State, name: string | undefined, found: Found): void {
  const family = state.type === 'udp6' ? 6 : 4
  const host = name || (family === 4 ? '127.0.0.1' : '::1')
  const { lookup } = state
  if (lookup !== undefined) lookup(host, family as never, found)
  else if (dns.lookup !== nodeLookup) dns.lookup(host, family, found)
  else if (isIP(host) !== 0) process.nextTick(found, null, host)
  else dns.lookup(host, family, found)
}

/** Sends, now that the socket is bound. */
export function transmit(self: NodeSocket, state: State, sending: Sending): void {
  const { socket } = state
  if (socket === null) return
  const { address, port } = sending
  if (address === undefined && port === 0) {
    give(socket, state, sending, null)
    return
  }
  const host = address || (state.unix ? '' : state.type === 'udp6' ? '::1' : '127.0.0.1')
  const simple = state.unix || (state.lookup === undefined && state.sendBlockList === undefined)
  if (simple) {
    const known = state.known.get(host, port)
    if (known !== undefined) {
      give(socket, state, sending, known)
      return
    }
    if (state.unix || isIP(host) !== 0) {
      toAddress(state, socket, sending, host)
      return
    }
  }
  lookUp(state, address, (error, found) => {
    if (error) fail(self, sending.callback, error)
    else if (state.socket !== null) {
      if (state.sendBlockList?.check(found, isIP(found) === 6 ? 'ipv6' : 'ipv4')) {
        if (sending.callback !== undefined) process.nextTick(sending.callback, blocked(found))
      } else toAddress(state, state.socket, sending, found)
    }
  })
}

function toAddress(state: State, socket: DatagramSocket, sending: Sending, host: string): void {
  const encoded = addressBytes(state.type, host, sending.port)
  if (encoded === null) {
    if (sending.callback !== undefined) process.nextTick(sending.callback, sendError(-errnos.EINVAL, sending))
    return
  }
  state.known.set(host, sending.port, encoded)
  give(socket, state, sending, encoded)
}

function give(socket: DatagramSocket, state: State, sending: Sending, address: Uint8Array | null): void {
  const { bytes, callback } = sending
  // What goes only later names its receiver: by then the socket may be connected with nobody.
  const to = address ?? (socket.inTurn ? state.peer : null)
  // As with Node, what nobody asks about fails in silence.
  if (callback === undefined) {
    socket.sendNow(bytes, to, ignore)
    return
  }
  let result: number | undefined
  let resource: AsyncResource | undefined
  socket.sendNow(bytes, to, (told) => {
    if (resource === undefined) result = told
    else resource.runInAsyncScope(tell, undefined, callback, state, sending, told)
  })
  if (result !== undefined) process.nextTick(tell, callback, state, sending, result)
  else resource = new AsyncResource('UDPSENDWRAP')
}

function ignore(): void {}

function tell(callback: SendCallback, state: State, sending: Sending, result: number): void {
  // Node has not sent yet what was to go to an address when the socket is closed in the same breath, and tells nobody.
  // Here it is on its way: but a program is not told what it does not expect.
  if (state.closed && sending.port !== 0) return
  try {
    if (result < 0) (callback as (error: Error) => void)(sendError(result, sending))
    else callback(null, result)
  } catch (error) {
    uncaught(error)
  }
}

function sendError(result: number, { address, port }: Sending): NodeJS.ErrnoException {
  return placeError(result, 'send', address, port)
}

function fail(self: NodeSocket, callback: SendCallback | undefined, error: Error): void {
  if (callback !== undefined) process.nextTick(callback, error)
  else process.nextTick(() => self.emit('error', error))
}
