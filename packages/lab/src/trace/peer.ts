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
  rawListen,
  rawSend,
  rawSendto,
  rawSocket,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from 'fivefold/sys'
import { now } from '../measure/usage.js'
import type { Waiting } from './subject.js'

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

  constructor(protocol: 'udp' | 'tcp' | 'unix') {
    this.#datagrams = protocol === 'udp'
    // Abstract: it vanishes with the descriptor.
    this.path = protocol === 'unix' ? `\0fivefold-trace-${randomBytes(6).toString('hex')}` : ''
    const type = (this.#datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK
    this.#fd = check(rawSocket(protocol === 'unix' ? AF_UNIX : AF_INET, type, 0), 'socket')
    const address = encoded(0, this.path)
    check(rawBind(this.#fd, address, address.length), 'bind')
    if (!this.#datagrams) check(rawListen(this.#fd, 1), 'listen')
    const bound = getsockname(this.#fd)
    this.port = bound.family === 'Unix' ? 0 : bound.port
  }

  /** Sends the message to the subject that waits. @returns when, on the clock that all processes share */
  send(message: Uint8Array, to: Waiting): SendTimes {
    if (this.#datagrams) {
      const address = encoded(to.port, '')
      const before = now()
      check(rawSendto(this.#fd, message, message.length, 0, address, address.length), 'sendto')
      return { before, after: now() }
    }
    const connection = check(rawAccept4(this.#fd, null, null, SOCK_CLOEXEC), 'accept')
    const before = now()
    check(rawSend(connection, message, message.length, 0), 'send')
    const after = now()
    this.#connection = connection
    return { before, after }
  }

  #connection = -1

  close(): void {
    if (this.#connection >= 0) close(this.#connection)
    close(this.#fd)
  }
}
