/** The other process of a trace, which is the command itself: it lets the subject connect, and sends the message. */
import { randomBytes } from 'node:crypto'
import {
  AF_INET,
  AF_UNIX,
  check,
  close,
  encodeAddress,
  getsockname,
  rawAccept4,
  rawBind,
  rawConnect,
  rawListen,
  rawRecv,
  rawSend,
  rawSendto,
  rawSocket,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from 'fivefold/sys'
import { now } from '../measure/usage.js'

/** Of those that have a sender. */
export type SocketProtocol = 'udp' | 'tcp' | 'unix'

export interface SendTimes {
  readonly before: number
  readonly after: number
}

function encoded(port: number, path: string): Uint8Array {
  const room = new Uint8Array(128)
  const address =
    path === ''
      ? ({ family: 'IPv4', address: '127.0.0.1', port } as const)
      : ({ family: 'Unix', path } as const)
  return room.slice(0, encodeAddress(address, room))
}

export class Peer {
  readonly port: number
  readonly path: string
  readonly #fd: number
  readonly #datagrams: boolean

  #connection = -1

  constructor(protocol: SocketProtocol) {
    this.#datagrams = protocol === 'udp'
    // Abstract: it vanishes with the descriptor.
    this.path = protocol === 'unix' ? `\0fivefold-trace-${randomBytes(6).toString('hex')}` : ''
    this.#fd = opened(protocol, SOCK_CLOEXEC | SOCK_NONBLOCK)
    const address = encoded(0, this.path)
    check(rawBind(this.#fd, address, address.length), 'bind')
    if (!this.#datagrams) check(rawListen(this.#fd, 4), 'listen')
    const bound = getsockname(this.#fd)
    this.port = bound.family === 'Unix' ? 0 : bound.port
  }

  /**
   * Sends a message to the subject that waits; of streams, to the one that connected first since `hangUp`.
   * @returns when, on the clock that all processes share
   */
  send(message: Uint8Array, to: { readonly port: number }): SendTimes {
    if (this.#datagrams) {
      const address = encoded(to.port, '')
      const before = now()
      check(rawSendto(this.#fd, message, message.length, 0, address, address.length), 'sendto')
      return { before, after: now() }
    }
    if (this.#connection < 0)
      this.#connection = check(rawAccept4(this.#fd, null, null, SOCK_CLOEXEC), 'accept')
    const before = now()
    check(rawSend(this.#connection, message, message.length, 0), 'send')
    return { before, after: now() }
  }

  /** The next message is for the next that connects. */
  hangUp(): void {
    if (this.#connection >= 0) close(this.#connection)
    this.#connection = -1
  }

  close(): void {
    this.hangUp()
    close(this.#fd)
  }
}

function opened(protocol: SocketProtocol, flags: number): number {
  const type = protocol === 'udp' ? SOCK_DGRAM : SOCK_STREAM
  return check(rawSocket(protocol === 'unix' ? AF_UNIX : AF_INET, type | flags, 0), 'socket')
}

/** Sends some messages to itself: the first of a program's calls take long, and are not what is to be shown. */
export function warmUpSending(protocol: SocketProtocol, message: Uint8Array, times: number): void {
  const peer = new Peer(protocol)
  const fd = opened(protocol, SOCK_CLOEXEC)
  try {
    let port = 0
    if (protocol === 'udp') {
      const own = encoded(0, '')
      check(rawBind(fd, own, own.length), 'bind')
      const bound = getsockname(fd)
      port = bound.family === 'Unix' ? 0 : bound.port
    } else {
      const to = encoded(peer.port, peer.path)
      check(rawConnect(fd, to, to.length), 'connect')
    }
    const memory = new Uint8Array(message.length)
    for (let sent = 0; sent < times; sent++) {
      peer.send(message, { port })
      check(rawRecv(fd, memory, memory.length, 0), 'recv')
    }
  } finally {
    close(fd)
    peer.close()
  }
}
