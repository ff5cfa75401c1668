/** Private names that Node's class had until version 25, which warn whoever uses them (DEP0112). They say what is so here. */
import { deprecate } from 'node:util'
import { notRunning } from './errors.js'
import { NodeSocket } from './node.js'
import type { SocketBody } from './socket-body.js'
import { BOUND, kDgram } from './state.js'

type Getter = (socket: SocketBody) => unknown

const properties: Readonly<Record<string, Getter>> = {
  // There is none. Whether it is there tells programs that the socket lives.
  _handle: (socket) => (socket[kDgram].closed ? null : Object.freeze({ fd: socket.fd })),
  _receiving: (socket) => socket[kDgram].socket !== null,
  _bindState: (socket) => socket[kDgram].bindState,
  _queue: (socket) => socket[kDgram].queue,
  _reuseAddr: (socket) => socket[kDgram].reuseAddr,
}

const methods: Readonly<Record<string, (socket: SocketBody) => void>> = {
  _healthCheck(socket) {
    if (socket[kDgram].closed) throw notRunning()
  },
  _stopReceiving(socket) {
    const state = socket[kDgram]
    if (state.bindState === BOUND) state.socket?.pause()
  },
}

const old = (name: string) => `Socket.prototype.${name} is deprecated`

/** Gives a prototype the names that this Node's has. */
export function addLegacy(prototype: object): void {
  for (const [name, get] of Object.entries(properties)) {
    if (!(name in NodeSocket.prototype)) continue
    Object.defineProperty(prototype, name, {
      configurable: true,
      get: deprecate(
        function (this: SocketBody) {
          return get(this)
        },
        old(name),
        'DEP0112',
      ),
      set: deprecate(() => {}, old(name), 'DEP0112'),
    })
  }
  for (const [name, call] of Object.entries(methods)) {
    if (!(name in NodeSocket.prototype)) continue
    Object.defineProperty(prototype, name, {
      configurable: true,
      writable: true,
      value: deprecate(
        function (this: SocketBody) {
          call(this)
        },
        old(`${name}()`),
        'DEP0112',
      ),
    })
  }
}
