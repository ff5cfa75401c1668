/** The socket options that Node has names for, kept until there is a descriptor to set them on. */
import {
  getsockoptInt,
  IP_TOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_TCLASS,
  rawSetsockoptInt,
  SO_KEEPALIVE,
  SOL_SOCKET,
  setsockoptInt,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
} from '../sys/socket.js'

/** What libuv asks for when nobody says otherwise: seconds between probes, and how many. */
const KEEP_ALIVE_INTERVAL = 1
const KEEP_ALIVE_COUNT = 10

export interface GivenOptions {
  noDelay?: boolean
  keepAlive?: boolean
  keepAliveInitialDelay?: number
}

const seconds = (ms: number | undefined) => ~~((ms as number) / 1000)

/** Turns keep-alive on or off, with delays in seconds. Not every socket has it: that is no error in Node. */
export function keepAlive(fd: number, on: boolean, delay: number, interval?: number, count?: number): void {
  rawSetsockoptInt(fd, SOL_SOCKET, SO_KEEPALIVE, on ? 1 : 0)
  if (!on || delay <= 0) return
  rawSetsockoptInt(fd, IPPROTO_TCP, TCP_KEEPIDLE, delay)
  rawSetsockoptInt(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval || KEEP_ALIVE_INTERVAL)
  rawSetsockoptInt(fd, IPPROTO_TCP, TCP_KEEPCNT, count || KEEP_ALIVE_COUNT)
}

export class Options {
  noDelay = false
  #keepAlive = false
  #delay = 0
  #interval: number | undefined
  #count: number | undefined
  #tos: number | undefined

  /** What the constructor was given. */
  begin(given: object): void {
    const { noDelay, keepAlive, keepAliveInitialDelay, typeOfService } = given as GivenOptions & {
      typeOfService?: number
    }
    this.noDelay = Boolean(noDelay)
    this.#keepAlive = Boolean(keepAlive)
    this.#delay = seconds(Math.max(keepAliveInitialDelay ?? 0, 0))
    this.#tos = typeOfService
  }

  /** Sets on a new connection what was asked for so far. */
  apply(fd: number): void {
    if (this.noDelay) rawSetsockoptInt(fd, IPPROTO_TCP, TCP_NODELAY, 1)
    if (this.#keepAlive) keepAlive(fd, true, this.#delay, this.#interval, this.#count)
    if (this.#tos !== undefined) {
      rawSetsockoptInt(fd, IPPROTO_IP, IP_TOS, this.#tos)
      rawSetsockoptInt(fd, IPPROTO_IPV6, IPV6_TCLASS, this.#tos)
    }
  }

  /** What a server has set on a connection already. */
  inherit(noDelay: boolean, on: boolean, delay: number): void {
    this.noDelay = noDelay
    this.#keepAlive = on
    this.#delay = delay
  }

  setNoDelay(fd: number, on: boolean): void {
    if (fd >= 0 && on !== this.noDelay) rawSetsockoptInt(fd, IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0)
    this.noDelay = on
  }

  setKeepAlive(fd: number, on: boolean, delayMs?: number, intervalMs?: number, count?: number): void {
    const delay = seconds(delayMs)
    const interval = intervalMs === undefined ? undefined : seconds(intervalMs)
    const changes =
      on !== this.#keepAlive ||
      (on && (delay !== this.#delay || interval !== this.#interval || count !== this.#count))
    this.#keepAlive = on
    this.#delay = delay
    this.#interval = interval
    this.#count = count
    if (fd >= 0 && changes) keepAlive(fd, on, delay, interval, count)
  }

  setTypeOfService(fd: number, tos: number): void {
    if (!Number.isInteger(tos) || tos < 0 || tos > 255) {
      throw Object.assign(
        new RangeError(`The value of "tos" is out of range. It must be >= 0 && <= 255. Received ${tos}`),
        { code: 'ERR_OUT_OF_RANGE' },
      )
    }
    this.#tos = tos
    if (fd < 0) return
    // An IPv6 socket has both, for the peers it meets as mapped addresses.
    if (rawSetsockoptInt(fd, IPPROTO_IPV6, IPV6_TCLASS, tos) < 0) setsockoptInt(fd, IPPROTO_IP, IP_TOS, tos)
    else rawSetsockoptInt(fd, IPPROTO_IP, IP_TOS, tos)
  }

  getTypeOfService(fd: number): number {
    return fd < 0 ? (this.#tos ?? 0) : getsockoptInt(fd, IPPROTO_IP, IP_TOS)
  }
}
