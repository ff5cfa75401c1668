/** `connect` and `disconnect`: only exchanging datagrams with one peer. */
import { isIP } from 'node:net'
import { blocked } from '../net/errors.js'
import { errnos } from '../sys/errno.js'
import { AF_UNSPEC, rawConnect } from '../sys/socket.js'
import { isPort } from './arguments.js'
import { callError, invalid, placeError } from './errors.js'
import { askNode } from './node.js'
import { addressBytes } from './open.js'
import { enqueue, type SocketBody } from './socket-body.js'
import { BOUND, CONNECTED, CONNECTING, DISCONNECTED, type State, UNBOUND } from './state.js'
import { lookUp } from './transmit.js'

interface Target {
  port: number
  address: string
  callback: ((error?: Error) => void) | undefined
}

/** @throws what Node throws for such arguments */
export function connectTarget(state: State, args: readonly unknown[]): Target {
  const callback = args.find((one) => typeof one === 'function') as Target['callback']
  const [first, second] = args
  if (state.unix) {
    if (typeof first !== 'string' || first === '') throw invalid('connect takes a path, or an abstract name')
    return { port: 0, address: first, callback }
  }
  if (!isPort(first)) askNode(state.type, (probe) => probe.connect(first as number))
  const address = second === undefined || typeof second === 'function' ? '' : second
  if (typeof address !== 'string') askNode(state.type, (probe) => probe.connect(1, second as string))
  return { port: Number(first), address: address as string, callback }
}

export function connectSocket(self: SocketBody, state: State, target: Target): void {
  state.connectState = CONNECTING
  if (state.bindState === UNBOUND) self.bind({ port: 0, exclusive: true })
  if (state.bindState === BOUND) begin(self, state, target)
  else enqueue(self, state, () => begin(self, state, target))
}

function begin(self: SocketBody, state: State, { port, address, callback }: Target): void {
  if (callback !== undefined) self.once('connect', callback)
  if (state.unix) finish(self, state, port, address, address, callback, null)
  else
    lookUp(state, address, (error, ip) =>
      state.resource.runInAsyncScope(finish, undefined, self, state, port, address, ip, callback, error),
    )
}

function finish(
  self: SocketBody,
  state: State,
  port: number,
  address: string,
  ip: string,
  callback: Target['callback'],
  lookupError: Error | null,
): void {
  if (state.closed) return
  let error = lookupError
  if (!error && !state.unix && state.sendBlockList?.check(ip, isIP(ip) === 6 ? 'ipv6' : 'ipv4')) {
    error = blocked(ip)
  }
  if (!error) {
    const bytes = addressBytes(state.type, ip, port)
    const result = bytes === null ? -errnos.EINVAL : rawConnect(state.fd, bytes, bytes.length)
    if (result < 0) error = placeError(result, 'connect', address, port)
    else state.peer = bytes
  }
  if (!error) {
    state.connectState = CONNECTED
    process.nextTick(() => {
      if (!state.closed) self.emit('connect')
    })
    return
  }
  state.connectState = DISCONNECTED
  process.nextTick(() => {
    if (callback === undefined) self.emit('error', error)
    else {
      self.removeListener('connect', callback)
      callback(error)
    }
  })
}

/** Of no family: connect(2) takes the peer away. */
const nobody = new Uint8Array(16)
nobody[0] = AF_UNSPEC

/** @throws as Node does */
export function disconnectSocket(state: State): void {
  const result = rawConnect(state.fd, nobody, nobody.length)
  if (result < 0) throw callError(result, 'connect')
  state.connectState = DISCONNECTED
  state.peer = null
}
