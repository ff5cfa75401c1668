/**
 * Sockets that are sent to another process: see ../net/sending.ts. Node gets a socket of its own over a duplicate, which lives
 * until it is on its way; what that receives in the meantime is told by ours.
 */
import nodeDgram, { type BindOptions, type SocketType } from 'node:dgram'
import { coded } from '../net/errors.js'
import { type Parcel, requireShareable } from '../net/sending.js'
import { dup } from '../sys/fcntl.js'
import type { SocketBody } from './socket-body.js'
import { BOUND, kDgram } from './state.js'

const { createSocket } = nodeDgram

/** @throws ERR_INVALID_HANDLE_TYPE for a socket that is not bound, or that Node has no kind for */
export function packDatagrams(value: object): Parcel | null {
  const state = (value as Partial<SocketBody>)[kDgram]
  if (state === undefined) return null
  const socket = value as SocketBody
  if (state.unix) throw refused('a Unix datagram socket. Its descriptor can be inherited (`stdio`)')
  if (state.bindState !== BOUND || state.fd < 0) throw refused('a socket that is not bound')
  requireShareable(state.engine())
  const carrier = createSocket({ type: state.type as SocketType, reuseAddr: true })
  carrier.on('message', (message, from) => socket.emit('message', message, from))
  carrier.on('error', () => {})
  carrier.bind({ fd: dup(state.fd), exclusive: true } as BindOptions)
  return { handle: carrier, done: () => void carrier.close() }
}

function refused(what: string): Error {
  return coded(new TypeError(`This handle type cannot be sent: ${what}`), 'ERR_INVALID_HANDLE_TYPE')
}
