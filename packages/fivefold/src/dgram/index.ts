/**
 * `fivefold/dgram`: everything `node:dgram` exports, with the same types, served by fivefold; and Unix datagram sockets.
 *
 *     import dgram from 'fivefold/dgram'   // instead of 'node:dgram'
 */
import nodeDgram from 'node:dgram'
import { packWith } from '../net/sending.js'
import { packDatagrams } from './sending.js'
import { Socket, type SocketConstructor, type SocketOptions } from './socket.js'
import type { SocketType } from './state.js'
import type { Listener, RemoteInfo } from './types.js'

export type { BindOptions } from 'node:dgram'
export type { SendCallback } from './arguments.js'
export type { BatchCallback, BatchMessage } from './batch.js'
export { type Listener, type RemoteInfo, Socket, type SocketConstructor, type SocketOptions, type SocketType }

packWith(packDatagrams)

export function createSocket(type: SocketType, listener?: Listener): Socket
export function createSocket(options: SocketOptions, listener?: Listener): Socket
export function createSocket(type: SocketType | SocketOptions, listener?: Listener): Socket {
  return new Socket(type, listener)
}

export default {
  // What this version of Node has besides, and names kept for old programs.
  ...nodeDgram,
  createSocket,
  Socket,
}
