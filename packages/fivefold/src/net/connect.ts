/** `socket.connect()`: from what a program names to a connection, with the events Node emits on the way. */
import diagnostics from 'node:diagnostics_channel'
import dns, { type LookupAddress, type LookupOptions } from 'node:dns'
import {
  type BlockList,
  getDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  isIP,
  type LookupFunction,
} from 'node:net'
import type { Address } from '../sys/address.js'
import { errnos } from '../sys/errno.js'
import { checkConnect, normalize } from './arguments.js'
import { Dial } from './dial.js'
import * as errors from './errors.js'
import { attach, hidden, kState, resourceOf, type Stateful } from './state.js'

const clientSockets = diagnostics.channel('net.client.socket')

/** The shortest an attempt may take before the next one begins: Node's own floor. */
const LEAST_ATTEMPT_MS = 10

interface ConnectOptions {
  port?: number | string
  host?: string
  path?: string
  family?: number | 'IPv4' | 'IPv6'
  hints?: number
  localAddress?: string
  localPort?: number
  lookup?: LookupFunction
  autoSelectFamily?: boolean
  autoSelectFamilyAttemptTimeout?: number
}

type Family = 4 | 6
interface Target {
  address: string
  family: Family
}

/** What stays the same over the attempts of one `connect`. */
interface Way {
  readonly socket: Stateful
  readonly port: number
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
}

export function connectSocket(socket: Stateful, args: readonly unknown[]): void {
  const [given, callback] = normalize(args)
  const options = given as ConnectOptions
  const self = hidden(socket)
  const state = socket[kState]
  if (clientSockets.hasSubscribers) clientSockets.publish({ socket })
  if (callback !== null) socket.once('connect', callback as () => void)
  if (self._parent?.connecting) return
  checkConnect(given)
  if (Object.hasOwn(socket, 'write')) {
    // What Node puts there when the other side has ended.
    Reflect.deleteProperty(socket, 'write')
  }
  if (socket.destroyed) {
    self._peername = self._sockname = null
    state.bytesRead = state.bytesWritten = 0
  }
  if (state.link === null && state.dial === null) {
    self._undestroy()
    self._sockname = null
    state.unix = Boolean(options.path)
    state.resource = resourceOf(state.unix)
  }
  self._unrefTimer()
  socket.connecting = true
  if (options.path) {
    const way = { socket, port: 0, localAddress: undefined, localPort: undefined }
    attempt(way, { family: 'Unix', path: options.path })
  } else lookUp(socket, options)
}

function lookUp(socket: Stateful, options: ConnectOptions): void {
  const host = options.host || 'localhost'
  const way: Way = {
    socket,
    port: Number(options.port) | 0,
    localAddress: options.localAddress,
    localPort: options.localPort,
  }
  const family = isIP(host)
  if (family !== 0) {
    process.nextTick(() => {
      if (socket.connecting) attemptOne(way, { address: host, family: family as Family })
    })
    return
  }
  const self = socket as unknown as { _host: string }
  self._host = host
  const wanted = options.family === 'IPv4' ? 4 : options.family === 'IPv6' ? 6 : options.family
  const query: LookupOptions = { hints: options.hints || 0 }
  if (wanted !== undefined) query.family = wanted
  const either = wanted !== 4 && wanted !== 6
  if (either && query.hints === 0) query.hints = dns.ADDRCONFIG
  const lookup = options.lookup ?? (dns.lookup as unknown as LookupFunction)
  const choosing = options.autoSelectFamily ?? getDefaultAutoSelectFamily()
  if (either && !way.localAddress && choosing) {
    query.all = true
    lookup(host, query as never, (error, found) => {
      foundAll(way, options, host, error, found as unknown as LookupAddress[])
    })
  } else {
    lookup(host, query as never, (error, address, version) => {
      foundOne(way, options, host, error, address as unknown as string, version as Family)
    })
  }
}

function foundOne(
  way: Way,
  options: ConnectOptions,
  host: string,
  error: Error | null,
  address: string,
  family: Family,
): void {
  const { socket } = way
  socket.emit('lookup', error, address, family, host)
  if (!socket.connecting) return
  const wrong = error ?? wrongWith(address, family, options)
  if (wrong !== null) {
    failLater(socket, wrong)
    return
  }
  hidden(socket)._unrefTimer()
  attemptOne(way, { address, family })
}

function wrongWith(address: unknown, family: unknown, { host, port }: ConnectOptions): Error | null {
  if (typeof address !== 'string' || isIP(address) === 0) return errors.invalidIP(address)
  if (family !== 4 && family !== 6) return errors.invalidFamily(family, host, port)
  return null
}

function failLater(socket: Stateful, error: Error): void {
  // Nobody can be listening yet: the socket has only just been made.
  process.nextTick(() => socket.destroy(error))
}

function foundAll(
  way: Way,
  options: ConnectOptions,
  host: string,
  error: Error | null,
  found: readonly LookupAddress[],
): void {
  const { socket } = way
  if (!socket.connecting) return
  if (error) {
    socket.emit('lookup', error, undefined, undefined, host)
    if (socket.connecting) failLater(socket, error)
    return
  }
  const targets: Target[] = []
  for (const { address, family } of found) {
    socket.emit('lookup', error, address, family, host)
    if (!socket.connecting) return
    if (wrongWith(address, family, options) !== null) continue
    if (!targets.some((target) => target.address === address)) {
      targets.push({ address, family: family as Family })
    }
  }
  if (targets.length === 0) {
    const wrong = wrongWith(found[0]?.address, found[0]?.family, options)
    if (wrong !== null) failLater(socket, wrong)
    return
  }
  hidden(socket)._unrefTimer()
  if (targets.length === 1) {
    attemptOne(way, targets[0]!)
    return
  }
  socket.autoSelectFamilyAttemptedAddresses = []
  const timeoutMs = options.autoSelectFamilyAttemptTimeout ?? getDefaultAutoSelectFamilyAttemptTimeout()
  new Race(way, alternating(targets), Math.max(timeoutMs, LEAST_ATTEMPT_MS)).next()
}

/** The family that the resolver put first goes first; then one of each in turn. */
function alternating(targets: readonly Target[]): Target[] {
  const first = targets.filter(({ family }) => family === targets[0]!.family)
  const second = targets.filter(({ family }) => family !== targets[0]!.family)
  const ordered: Target[] = []
  for (let at = 0; at < Math.max(first.length, second.length); at++) {
    if (at < first.length) ordered.push(first[at]!)
    if (at < second.length) ordered.push(second[at]!)
  }
  return ordered
}

const addressOf = ({ address, family }: Target, port: number): Address => ({
  family: family === 6 ? 'IPv6' : 'IPv4',
  address,
  port,
})

/** Binds our side, where options name it. @returns what went wrong, or null */
function bindLocal(dial: Dial, way: Way, target: Target): Error | null {
  if (!way.localAddress && !way.localPort) return null
  const address = way.localAddress || (target.family === 4 ? '0.0.0.0' : '::')
  const errno = dial.bind(addressOf({ address, family: target.family }, way.localPort ?? 0))
  return errno < 0 ? errors.placeError(errno, 'bind', address, way.localPort) : null
}

const blockListOf = (socket: Stateful) => (socket as { blockList?: BlockList }).blockList

function isBlocked(socket: Stateful, { address, family }: Target): boolean {
  return blockListOf(socket)?.check(address, family === 6 ? 'ipv6' : 'ipv4') ?? false
}

function attemptOne(way: Way, target: Target): void {
  attempt(way, addressOf(target, way.port), target)
}

/** The only attempt. */
function attempt(way: Way, address: Address, target?: Target): void {
  const { socket } = way
  const state = socket[kState]
  if (state.link !== null || state.dial !== null) {
    socket.destroy(connectError(-errnos.EISCONN, address, way))
    return
  }
  const dial = new Dial(state.engine(), address, state.unconnected)
  state.unconnected = -1
  if (dial.fd < 0) {
    socket.destroy(connectError(dial.fd, address, way))
    return
  }
  state.dial = dial
  const wrong = target === undefined ? null : bindLocal(dial, way, target)
  if (wrong !== null) {
    socket.destroy(wrong)
    return
  }
  if (target === undefined)
    socket.emit('connectionAttempt', (address as { path: string }).path, undefined, undefined)
  else socket.emit('connectionAttempt', target.address, way.port, target.family)
  if (state.dial !== dial) return
  if (target !== undefined && isBlocked(socket, target)) {
    socket.destroy(errors.blocked(target.address))
    return
  }
  dial.connect((errno) => {
    if (state.dial !== dial) return
    if (errno === 0) {
      connected(socket, dial)
      return
    }
    socket.connecting = false
    const error = connectError(errno, address, way)
    if (target === undefined) {
      socket.emit('connectionAttemptFailed', (address as { path: string }).path, undefined, undefined, error)
    } else socket.emit('connectionAttemptFailed', target.address, way.port, target.family, error)
    socket.destroy(error)
  }, state.referenced)
}

function connectError(errno: number, address: Address, way: Way): NodeJS.ErrnoException {
  if (address.family === 'Unix') return errors.placeError(errno, 'connect', address.path)
  const { localAddress, localPort } = way
  const local = localAddress && localPort ? `${localAddress}:${localPort}` : undefined
  const error = errors.placeError(errno, 'connect', address.address, address.port, local)
  return local === undefined ? error : Object.assign(error, { localAddress, localPort })
}

function connected(socket: Stateful, dial: Dial): void {
  const state = socket[kState]
  const link = attach(socket, dial.engine, dial.fd, dial.unix)
  state.dial = null
  socket.connecting = false
  hidden(socket)._sockname = null
  hidden(socket)._unrefTimer()
  state.options.apply(dial.fd)
  socket.emit('connect')
  socket.emit('ready')
  // Begins to read, so that an end is heard of even when nobody listens for data.
  if (!socket.isPaused() && state.link === link) socket.read(0)
}

/** One address after the other, each with so much time before the next is tried: RFC 8305. */
class Race {
  readonly #way: Way
  readonly #targets: readonly Target[]
  readonly #timeoutMs: number
  readonly #errors: Error[] = []
  #at = 0

  constructor(way: Way, targets: readonly Target[], timeoutMs: number) {
    this.#way = way
    this.#targets = targets
    this.#timeoutMs = timeoutMs
  }

  next(): void {
    const { socket, port } = this.#way
    const state = socket[kState]
    if (state.attemptTimer !== null) clearTimeout(state.attemptTimer)
    state.attemptTimer = null
    if (hidden(socket)._aborted) return
    const target = this.#targets[this.#at++]
    if (target === undefined) {
      this.#failed()
      return
    }
    state.dial?.close()
    state.dial = null
    const { address, family } = target
    const dial = new Dial(state.engine(), addressOf(target, port), state.unconnected)
    state.unconnected = -1
    state.dial = dial.fd < 0 ? null : dial
    const wrong =
      dial.fd < 0
        ? connectError(dial.fd, addressOf(target, port), this.#way)
        : bindLocal(dial, this.#way, target)
    if (wrong !== null) {
      this.#errors.push(wrong)
      this.next()
      return
    }
    if (isBlocked(socket, target)) {
      this.#lost(target, errors.blocked(address))
      return
    }
    socket.emit('connectionAttempt', address, port, family)
    socket.autoSelectFamilyAttemptedAddresses?.push(`${address}:${port}`)
    if (state.dial !== dial) return
    dial.connect((errno) => this.#ended(errno, dial, target), state.referenced)
    if (this.#at < this.#targets.length) {
      state.attemptTimer = setTimeout(() => this.#timeIsUp(dial, target), this.#timeoutMs)
    }
  }

  #ended(errno: number, dial: Dial, target: Target): void {
    const { socket } = this.#way
    const state = socket[kState]
    if (state.dial !== dial) return
    if (state.attemptTimer !== null) clearTimeout(state.attemptTimer)
    state.attemptTimer = null
    if (errno === 0) {
      connected(socket, dial)
      return
    }
    this.#lost(target, connectError(errno, addressOf(target, this.#way.port), this.#way))
  }

  #lost(target: Target, error: Error): void {
    const { socket, port } = this.#way
    this.#errors.push(error)
    socket.emit('connectionAttemptFailed', target.address, port, target.family, error)
    if (socket.connecting) this.next()
  }

  #timeIsUp(dial: Dial, target: Target): void {
    const { socket, port } = this.#way
    socket.emit('connectionAttemptTimeout', target.address, port, target.family)
    this.#errors.push(connectError(-errnos.ETIMEDOUT, addressOf(target, port), this.#way))
    const state = socket[kState]
    dial.close()
    if (state.dial === dial) state.dial = null
    if (socket.connecting) this.next()
  }

  #failed(): void {
    const { socket } = this.#way
    if (this.#errors.length === 0) {
      socket.destroy(errors.connectionTimeout())
      return
    }
    const error = new AggregateError(this.#errors) as AggregateError & { code?: string | undefined }
    error.code = (this.#errors[0] as NodeJS.ErrnoException).code
    socket.destroy(error)
  }
}
