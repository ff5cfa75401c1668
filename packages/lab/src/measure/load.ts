/**
 * The connections of the load generator.
 *
 * The bytes of a connection are a function of their position in its stream: a random pattern whose length is
 * prime, begun elsewhere for each connection. What comes back is compared with what must come next, so a lost,
 * doubled, swapped or altered byte is an error.
 */
import {
  addressOf,
  check,
  close,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_MOD,
  EPOLL_EVENT,
  EPOLLIN,
  EPOLLOUT,
  encodeAddress,
  errnoName,
  IPPROTO_TCP,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  rawConnect,
  rawEpollCreate1,
  rawEpollCtl,
  rawEpollWait,
  rawRecv,
  rawSend,
  rawSocket,
  rawSocketError,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  setsockoptInt,
  TCP_NODELAY,
} from 'fivefold/sys'
import { Patience } from '../patience.js'
import { type Complaint, type ComplaintKind, Complaints } from './complaint.js'
import type { Protocol } from './results.js'
import { now } from './usage.js'

export interface LoadConfig {
  readonly protocol: Protocol
  readonly port: number
  readonly path: string
  /** Bytes of a message. */
  readonly size: number
}

const PERIOD = 65521
const ROOM = 256 * 1024
const EVENTS = 512
const CONNECTING_AT_ONCE = 128
/** Without any progress for so long, what is asked for is not coming. */
const STALLED_MS = 10_000
/** A datagram that did not come back by then is lost. */
const LOST_MS = 1000
/** How long the loop keeps Node's own from its turn. */
const TURN_MS = 2

const AGAIN = -11
const IN_PROGRESS = -115

class Connection {
  readonly fd: number
  /** Where its bytes begin in the pattern. */
  readonly phase: number
  connected = false
  greeted = false
  broken = false
  /** Positions in the stream: asked to be sent, sent, received. */
  wanted = 0
  sent = 0
  received = 0
  /** There was no room to send. */
  blocked = false
  /** Datagrams: when the last one was sent. */
  since = 0

  constructor(fd: number, phase: number) {
    this.fd = fd
    this.phase = phase
  }
}

export class Load {
  /** Messages that came back whole. */
  messages = 0
  greeted = 0
  readonly complaints = new Complaints()
  /** Bytes of the first message of each connection. */
  #greeting = 0
  readonly #config: LoadConfig
  readonly #datagrams: boolean
  readonly #epoll = check(rawEpollCreate1(EPOLL_CLOEXEC), 'epoll_create1')
  readonly #events = new Int32Array((EVENTS * EPOLL_EVENT.size) / 4)
  readonly #change = new Int32Array(4)
  readonly #pattern = makePattern()
  readonly #patternAddress = addressOf(this.#pattern)
  readonly #received = Buffer.allocUnsafeSlow(ROOM)
  readonly #receivedAddress = addressOf(this.#received)
  readonly #address: Uint8Array
  readonly #all: Connection[] = []
  readonly #byFd: (Connection | undefined)[] = []
  /** Each connection's next message follows the last. */
  #flowing = false
  #stepping = false
  #swept = 0

  constructor(config: LoadConfig) {
    this.#config = config
    this.#datagrams = config.protocol === 'udp'
    const room = new Uint8Array(128)
    const length = encodeAddress(
      config.protocol === 'unix'
        ? { family: 'Unix', path: config.path }
        : { family: 'IPv4', address: '127.0.0.1', port: config.port },
      room,
    )
    this.#address = room.slice(0, length)
  }

  /** Opens connections, and has a message come back on each. @returns why there are fewer, or null */
  async open(count: number, greeting = this.#config.size): Promise<Complaint | null> {
    this.#greeting = greeting
    const target = this.#all.length + count
    let reason: Complaint | null = null
    let seen = -1
    const patience = new Patience(STALLED_MS)
    const usable = () => this.#all.filter((connection) => !connection.broken).length
    while (this.greeted < Math.min(target, usable()) || (this.#all.length < target && reason === null)) {
      while (
        reason === null &&
        this.#all.length < target &&
        this.#all.length - this.greeted < CONNECTING_AT_ONCE
      ) {
        const refused = this.#connect()
        if (refused === LATER) break
        reason = refused
      }
      this.#turn(1)
      if (this.greeted !== seen) {
        seen = this.greeted
        patience.renew()
      } else if (patience.over()) {
        reason ??= { kind: 'noAnswer', what: String(this.greeted + 1), times: 1 }
        break
      }
      await turnOfNode()
    }
    return reason ?? (this.greeted < target ? this.complaints.list()[0]! : null)
  }

  /**
   * @param active so many connections take part, the others stay silent
   * @returns how many do: fewer, where there are no more
   */
  start(active = Number.POSITIVE_INFINITY): number {
    this.#flowing = true
    let started = 0
    for (const connection of this.#all) {
      if (started === active) break
      if (!connection.greeted || connection.broken) continue
      started++
      this.#next(connection)
    }
    if (!this.#stepping) {
      this.#stepping = true
      setImmediate(() => this.#step())
    }
    return started
  }

  /** Ends the flow when every message is back; those that never come are errors. */
  async stop(): Promise<void> {
    this.#flowing = false
    const patience = new Patience(STALLED_MS)
    while (this.#underWay() > 0 && !patience.over()) {
      if (!this.#stepping) this.#turn(1)
      await turnOfNode()
    }
    const missing = this.#underWay()
    if (missing > 0) this.complaints.add('missing', '', missing)
  }

  /** One message at a time; the server has gone to sleep before the next. @returns when each was sent */
  async single(samples: number, milliseconds: number): Promise<Float64Array> {
    const connections = this.#all.filter((connection) => connection.greeted && !connection.broken)
    const sent = new Float64Array(samples)
    const until = now() + milliseconds * 1e6
    let count = 0
    let nodesTurn = now() + TURN_MS * 1e6
    while (count < samples && connections.length > 0) {
      const began = now()
      if (began > until) break
      const connection = connections[Math.floor(Math.random() * connections.length)]!
      const goal = this.messages + 1
      sent[count++] = now()
      this.#next(connection)
      const patience = new Patience(this.#datagrams ? LOST_MS : STALLED_MS)
      // Asking again and again: this process has a processor to itself, and its own waking up is not the subject.
      while (this.messages < goal && !connection.broken && !patience.over()) this.#turn(0)
      if (this.messages < goal) {
        this.complaints.add('single')
        break
      }
      // Long enough for the server to reach its waiting call, never the same twice.
      const pause = now() + 20_000 + Math.random() * 30_000
      while (now() < pause);
      if (now() > nodesTurn) {
        await turnOfNode()
        nodesTurn = now() + TURN_MS * 1e6
      }
    }
    return sent.slice(0, count)
  }

  #step(): void {
    const until = now() + TURN_MS * 1e6
    do this.#turn(TURN_MS)
    while (this.#flowing && now() < until)
    this.#stepping = this.#flowing
    if (this.#flowing) setImmediate(() => this.#step())
  }

  #underWay(): number {
    let count = 0
    for (const { broken, wanted, received } of this.#all) if (!broken && received < wanted) count++
    return count
  }

  #connect(): Complaint | typeof LATER | null {
    const { protocol } = this.#config
    const type = this.#datagrams ? SOCK_DGRAM : SOCK_STREAM
    const family = protocol === 'unix' ? 1 : 2
    const fd = rawSocket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    if (fd < 0) return { kind: 'ownLimit', what: `socket: ${errnoName(fd)}`, times: 1 }
    const result = rawConnect(fd, this.#address, this.#address.length)
    if (result < 0 && result !== IN_PROGRESS) {
      close(fd)
      return result === AGAIN ? LATER : { kind: 'failed', what: `connect: ${errnoName(result)}`, times: 1 }
    }
    if (protocol === 'tcp') setsockoptInt(fd, IPPROTO_TCP, TCP_NODELAY, 1)
    const connection = new Connection(fd, (this.#all.length * 7919) % PERIOD)
    this.#all.push(connection)
    this.#byFd[fd] = connection
    this.#watch(connection, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT)
    return null
  }

  #watch(connection: Connection, operation: number, events: number): void {
    this.#change[0] = events
    this.#change[EPOLL_EVENT.data / 4] = connection.fd
    check(rawEpollCtl(this.#epoll, operation, connection.fd, this.#change), 'epoll_ctl')
  }

  #turn(timeoutMs: number): void {
    const found = rawEpollWait(this.#epoll, this.#events, EVENTS, timeoutMs)
    const words = EPOLL_EVENT.size / 4
    for (let at = 0; at < found * words; at += words) {
      const connection = this.#byFd[this.#events[at + EPOLL_EVENT.data / 4]!]!
      const events = this.#events[at]!
      if ((events & EPOLLOUT) !== 0) this.#writable(connection)
      if ((events & ~EPOLLOUT) !== 0 && !connection.broken) this.#readable(connection)
    }
    if (this.#datagrams && now() - this.#swept > (LOST_MS / 2) * 1e6) this.#sweep()
  }

  #writable(connection: Connection): void {
    if (!connection.connected) {
      const error = rawSocketError(connection.fd)
      if (error !== 0) {
        this.#break(connection, 'failed', `connect: ${errnoName(-Math.abs(error))}`)
        return
      }
      connection.connected = true
      this.#watch(connection, EPOLL_CTL_MOD, EPOLLIN)
      this.#next(connection)
    } else if (connection.blocked) this.#send(connection)
  }

  /** Starts the connection's next message. */
  #next(connection: Connection): void {
    connection.wanted += connection.greeted ? this.#config.size : this.#greeting
    this.#send(connection)
  }

  #send(connection: Connection): void {
    const { fd, phase, wanted } = connection
    while (connection.sent < wanted) {
      const length = this.#datagrams ? wanted - connection.sent : Math.min(wanted - connection.sent, ROOM)
      const at = this.#patternAddress + ((phase + connection.sent) % PERIOD)
      const sent = rawSend(fd, at, length, MSG_DONTWAIT | MSG_NOSIGNAL)
      if (sent === AGAIN) {
        if (!connection.blocked) this.#watch(connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT)
        connection.blocked = true
        return
      }
      if (sent < 0) {
        this.#break(connection, 'failed', `send: ${errnoName(sent)}`)
        return
      }
      connection.sent += sent
    }
    if (this.#datagrams) connection.since = now()
    if (connection.blocked) {
      connection.blocked = false
      this.#watch(connection, EPOLL_CTL_MOD, EPOLLIN)
    }
  }

  #readable(connection: Connection): void {
    const length = rawRecv(connection.fd, this.#receivedAddress, ROOM, MSG_DONTWAIT)
    if (length === AGAIN) return
    if (length < 0 && this.#datagrams) {
      this.complaints.add('failed', `recv: ${errnoName(length)}`)
      return
    }
    if (length <= 0) {
      if (length === 0) this.#break(connection, 'closed')
      else this.#break(connection, 'failed', `recv: ${errnoName(length)}`)
      return
    }
    const at = (connection.phase + connection.received) % PERIOD
    if (this.#received.compare(this.#pattern, at, at + length, 0, length) !== 0) {
      // A datagram given up as lost may yet come: that is late, not wrong; but it cannot be told apart here.
      if (this.#datagrams) this.complaints.add('late')
      else this.#break(connection, 'wrong', String(connection.received))
      return
    }
    connection.received += length
    if (connection.received > connection.sent) {
      this.#break(connection, 'extra')
      return
    }
    if (connection.received < connection.wanted) return
    if (connection.greeted) this.messages++
    else {
      connection.greeted = true
      this.greeted++
    }
    if (this.#flowing) this.#next(connection)
  }

  /** Datagrams that are lost are counted, and sent again. */
  #sweep(): void {
    this.#swept = now()
    for (const connection of this.#all) {
      if (connection.received >= connection.sent || this.#swept - connection.since < LOST_MS * 1e6) continue
      this.complaints.add('lost')
      connection.sent = connection.received
      this.#send(connection)
    }
  }

  #break(connection: Connection, kind: ComplaintKind, what = ''): void {
    connection.broken = true
    this.#byFd[connection.fd] = undefined
    if (connection.greeted) this.greeted--
    close(connection.fd)
    this.complaints.add(kind, what)
  }
}

/** Not a reason to give up: the server's backlog is full for the moment. */
const LATER = 'later'

function turnOfNode(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Random bytes from a fixed seed (xorshift), twice around and a room more: any run of them lies in one piece. */
function makePattern(): Buffer {
  const pattern = Buffer.allocUnsafeSlow(PERIOD + ROOM)
  let state = 0x9e3779b9
  for (let at = 0; at < pattern.length; at++) {
    if (at >= PERIOD) {
      pattern[at] = pattern[at - PERIOD]!
      continue
    }
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    pattern[at] = state
  }
  return pattern
}
