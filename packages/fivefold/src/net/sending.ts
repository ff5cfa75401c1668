/**
 * Sockets and servers that are sent to another process: `child.send(message, socket)`, `process.send`, and `worker.send` of
 * a cluster's primary, with `fork`ed processes of Node.
 *
 * (a) Node sends a handle of its own, and we have none. So it gets one that it makes of a duplicate of our descriptor.
 * (b) The place for that is `send`, which Node gives to each child process as it is made: `diagnostics_channel` tells
 *     of one before it has got it.
 * (c) What Node's `send` does to a socket beside (it counts its server's connections, and takes it away from HTTP) is right
 *     for ours too. So it gets our socket, seen through a window in which the handle is there.
 * (d) The other process makes its descriptor O_NONBLOCK, and so ours: models that cannot live with that refuse.
 */
import diagnostics from 'node:diagnostics_channel'
import type { EventEmitter } from 'node:events'
import type { Engine } from '../loop/engine.js'
import { dup } from '../sys/fcntl.js'
import { coded } from './errors.js'
import { NodeServer, NodeSocket } from './node.js'
import { kServer, type Stateful as StatefulServer } from './server-state.js'
import { hidden, kState, type Stateful } from './state.js'

/** What goes in the place of something of ours. */
export interface Parcel {
  handle: object
  /** It is on its way, or will never be. */
  done(): void
}

/** @returns null for what is not its own to pack, or has nothing to send, which is Node's to say */
export type Packer = (value: object, keepOpen: boolean) => Parcel | null

const packers: Packer[] = []

/** Whatever is sent from now on is shown to this one, too. */
export function packWith(packer: Packer): void {
  if (packers.push(packer) > 1) return
  diagnostics.subscribe('child_process', (message) => {
    watchFor((message as { process: Sender }).process)
  })
  const { send } = process as Sender
  if (send !== undefined) process.send = packing(send) as NonNullable<typeof process.send>
}

type Callback = (error: Error | null) => void
type Send = (
  this: Sender,
  message: unknown,
  handle?: unknown,
  options?: unknown,
  callback?: unknown,
) => boolean
interface Sender extends EventEmitter {
  send?: Send
  channel?: unknown
}

/** A child process that is being made: it gets its `send` with its channel, or never. */
function watchFor(child: Sender): void {
  const own = { configurable: true, writable: true, enumerable: true }
  Object.defineProperty(child, 'send', {
    configurable: true,
    get: () => undefined,
    set(send: Send) {
      const value = child.channel && typeof send === 'function' ? packing(send) : send
      Object.defineProperty(child, 'send', { ...own, value })
    },
  })
}

function packing(send: Send): Send {
  return function (this: Sender, ...args) {
    const [message, handle, third, fourth] = args
    if (typeof handle !== 'object' || handle === null) return send.apply(this, args)
    const callback = typeof third === 'function' ? third : fourth
    const options = typeof third === 'function' ? undefined : third
    const parcel = pack(handle, (options as { keepOpen?: boolean } | undefined)?.keepOpen === true)
    if (parcel === null) return send.apply(this, args)
    const done = onItsWay(this, parcel)
    try {
      return send.call(this, message, parcel.handle, options, ((error) => {
        done()
        if (typeof callback === 'function') callback(error)
        else if (error) this.emit('error', error)
      }) satisfies Callback)
    } catch (error) {
      done()
      throw error
    }
  }
}

/** With a channel that breaks while something waits Node does not tell of `disconnect`. */
const ends = ['disconnect', 'exit']
const waiting = new WeakMap<Sender, Set<() => void>>()

/** @returns to be called when the parcel is on its way. Of what still waits when the channel closes nobody is told. */
function onItsWay(sender: Sender, parcel: Parcel): () => void {
  let parcels = waiting.get(sender)
  if (parcels === undefined) {
    parcels = new Set()
    waiting.set(sender, parcels)
    for (const end of ends) sender.on(end, noneIsLeft)
  }
  const all = parcels
  const done = () => {
    if (!all.delete(done)) return
    // A listener would keep a child process alive.
    if (all.size === 0 && waiting.delete(sender)) for (const end of ends) sender.off(end, noneIsLeft)
    parcel.done()
  }
  all.add(done)
  return done
}

function noneIsLeft(this: Sender): void {
  for (const done of waiting.get(this) ?? []) done()
}

function pack(value: object, keepOpen: boolean): Parcel | null {
  for (const packer of packers) {
    const parcel = packer(value, keepOpen)
    if (parcel !== null) return parcel
  }
  return null
}

/** @throws ERR_INVALID_HANDLE_TYPE, as Node's `send` for what it cannot send */
export function requireShareable({ model }: Engine): void {
  const { cancels, nonBlocking, eitherWay } = model.limits
  if (cancels && (nonBlocking || eitherWay)) return
  throw coded(
    new TypeError(
      `This handle type cannot be sent: ${model.name} cannot share a socket with another process. ` +
        "Use another model ('epoll', say) for what is to be sent",
    ),
    'ERR_INVALID_HANDLE_TYPE',
  )
}

/** A socket of Node's over a duplicate of a descriptor, which is read by nobody. */
function nodeSocketOf(fd: number): NodeSocket {
  return new NodeSocket({ fd: dup(fd), readable: false })
}

// ---- sockets and servers

export function packSocket(value: object, keepOpen: boolean): Parcel | null {
  const state = (value as Partial<Stateful>)[kState]
  if (state === undefined) return null
  const socket = value as Stateful
  const { link } = state
  if (hidden(socket)._handle || link === null) return null
  requireShareable(link.engine)
  const carrier = nodeSocketOf(link.connection.fd)
  const self = hidden(carrier)
  const window = {
    get(target: Stateful, name: string | symbol) {
      if (name !== '_handle') return Reflect.get(target, name)
      // It may have gone before its turn came.
      return state.link === link ? self._handle : null
    },
    set(target: Stateful, name: string | symbol, to: unknown) {
      if (name !== '_handle') return Reflect.set(target, name, to)
      self._handle = to as object | null
      if (to === null) leave(socket)
      return true
    },
  }
  return {
    handle: new Proxy(socket, window),
    done() {
      // Otherwise Node closes the handle, when the other process has it.
      if (keepOpen || self._handle) carrier.destroy()
    },
  }
}

/** It goes on elsewhere. */
function leave(socket: Stateful): void {
  const state = socket[kState]
  const { link, resource } = state
  if (link === null) return
  state.bytesRead = link.bytesRead
  state.bytesWritten = link.writing.bytesWritten
  state.link = state.resource = null
  link.leave()
  resource?.emitDestroy()
}

export function packServer(value: object): Parcel | null {
  const state = (value as Partial<StatefulServer>)[kServer]
  if (state === undefined || state.acceptor === null) return null
  requireShareable(state.acceptor.engine)
  const carrier = nodeSocketOf(state.acceptor.fd)
  const server = new NodeServer()
  ;(server as unknown as { _handle: unknown })._handle = hidden(carrier)._handle
  state.acceptor.share()
  return { handle: server, done: () => void carrier.destroy() }
}
