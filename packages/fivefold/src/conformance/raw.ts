/**
 * A peer made of bare system calls, past the fault table: it does what a test says, when it says so, which no
 * peer with a loop of its own does.
 */
import { ADDRESS_BYTES, type Address, encodeAddress } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import { check, errnos, systemError } from '../sys/errno.js'
import {
  getsockname,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  rawAccept4,
  rawBind,
  rawConnect,
  rawListen,
  rawRecv,
  rawSend,
  rawSetsockopt,
  rawShutdown,
  rawSocket,
  SHUT_WR,
  SO_LINGER,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../sys/socket.js'
import { faults } from './faults.js'
import { type Context, freshPath } from './harness.js'

const families = { Unix: 1, IPv4: 2, IPv6: 10 } as const

function encoded(address: Address): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_BYTES)
  return bytes.slice(0, encodeAddress(address, bytes))
}

function open(address: Address, kind: number): number {
  return check(rawSocket(families[address.family], kind | SOCK_CLOEXEC, 0), 'socket')
}

export class RawPeer {
  readonly fd: number
  #open = true

  constructor(fd: number) {
    this.fd = fd
  }

  /** Connected when it returns: a listener's backlog answers by itself. */
  static connect(t: Context, address: Address): RawPeer {
    const peer = RawPeer.unconnected(t, address)
    peer.connect(address)
    return peer
  }

  static unconnected(t: Context, like: Address = rawPlace(t)): RawPeer {
    const peer = new RawPeer(faults.suspended(() => open(like, SOCK_STREAM)))
    t.cleanup(() => peer.close())
    return peer
  }

  connect(address: Address): void {
    const bytes = encoded(address)
    faults.suspended(() => check(rawConnect(this.fd, bytes, bytes.length), 'connect'))
  }

  /** A datagram socket, bound. */
  static bind(t: Context): { peer: RawPeer; address: Address } {
    return faults.suspended(() => {
      const place = rawPlace(t)
      const fd = open(place, SOCK_DGRAM)
      const bytes = encoded(place)
      check(rawBind(fd, bytes, bytes.length), 'bind')
      const peer = new RawPeer(fd)
      t.cleanup(() => peer.close())
      return { peer, address: getsockname(fd) }
    })
  }

  /** Sends as much as the kernel takes now. @returns the bytes it took; 0: there is no room */
  send(bytes: Uint8Array): number {
    const sent = faults.suspended(() => rawSend(this.fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL))
    if (sent === -errnos.EAGAIN) return 0
    return check(sent, 'send')
  }

  /** What is there now: bytes; none: the end; null: nothing. @throws ECONNRESET */
  receive(most = 65536): Buffer | null {
    const buffer = Buffer.allocUnsafeSlow(most)
    const received = faults.suspended(() => rawRecv(this.fd, buffer, most, MSG_DONTWAIT))
    if (received === -errnos.EAGAIN) return null
    return buffer.subarray(0, check(received, 'recv'))
  }

  /** Receives until as many bytes are there, or the end. */
  async receiveAll(t: Context, bytes: number): Promise<Buffer> {
    const chunks: Buffer[] = []
    let left = bytes
    for (let waited = 0; left > 0; ) {
      const chunk = this.receive(Math.min(left, 1 << 20))
      if (chunk === null) {
        if (waited++ > 200_000) throw new Error(`${left} of ${bytes} bytes did not come`)
        await t.turn()
        continue
      }
      waited = 0
      if (chunk.length === 0) break
      chunks.push(chunk)
      left -= chunk.length
    }
    return Buffer.concat(chunks)
  }

  /** shutdown(2) of our side: the end. */
  end(): void {
    faults.suspended(() => rawShutdown(this.fd, SHUT_WR))
  }

  /** Closes so that the peer is reset at once, whatever is unread or unsent. */
  reset(): void {
    faults.suspended(() =>
      check(rawSetsockopt(this.fd, SOL_SOCKET, SO_LINGER, new Int32Array([1, 0]), 8), 'setsockopt'),
    )
    this.close()
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    faults.suspended(() => rawClose(this.fd))
  }
}

/** A listener that accepts only when told to. */
export class RawListener {
  readonly fd: number
  readonly address: Address

  constructor(t: Context, backlog = 128) {
    const { fd, address } = faults.suspended(() => {
      const place = rawPlace(t)
      const fd = open(place, SOCK_STREAM)
      const bytes = encoded(place)
      check(rawBind(fd, bytes, bytes.length), 'bind')
      check(rawListen(fd, backlog), 'listen')
      return { fd, address: getsockname(fd) }
    })
    this.fd = fd
    this.address = address
    t.cleanup(() => this.close())
  }

  /** A connection from the backlog. There must be one. */
  accept(t: Context): RawPeer {
    const fd = faults.suspended(() => rawAccept4(this.fd, null, null, SOCK_CLOEXEC))
    if (fd < 0) throw systemError(fd, 'accept')
    const peer = new RawPeer(fd)
    t.cleanup(() => peer.close())
    return peer
  }

  #closed = false
  close(): void {
    if (this.#closed) return
    this.#closed = true
    faults.suspended(() => rawClose(this.fd))
  }
}

function rawPlace(t: Context): Address {
  if (t.unix) return { family: 'Unix', path: freshPath(t.transport) }
  return t.transport.endsWith('6')
    ? { family: 'IPv6', address: '::1', port: 0 }
    : { family: 'IPv4', address: '127.0.0.1', port: 0 }
}
