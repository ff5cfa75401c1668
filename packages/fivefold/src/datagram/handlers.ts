/** The datagram API's shapes. */
import type { EngineOptions } from '../stream/handlers.js'
import type { Address } from '../sys/address.js'
import type { DatagramSocket } from './socket.js'

export interface DatagramHandlers {
  /**
   * A datagram came, perhaps of 0 bytes. `from` is its sender; `timestampNs`, with `timestamps`, when the kernel received
   * it: nanoseconds of CLOCK_REALTIME.
   */
  data?(
    socket: DatagramSocket,
    datagram: Buffer,
    from: Address,
    truncated: boolean,
    timestampNs?: bigint,
  ): void
  /** After a `send` that was not taken: there is room again. */
  drain?(socket: DatagramSocket): void
  /** An error of the socket, such as an ICMP refusal of an earlier datagram; the socket goes on. */
  error?(socket: DatagramSocket, error: Error): void
  close?(socket: DatagramSocket): void
}

export interface BindOptions extends EngineOptions {
  /** Default '127.0.0.1'. */
  hostname?: string
  /** Default 0: the kernel picks one. */
  port?: number
  /** A Unix datagram socket instead: a path or an abstract name. */
  path?: string
  /** Only exchange datagrams with this peer: connect(2). */
  connect?: { hostname?: string; port?: number; path?: string }
  socket: DatagramHandlers
  /** The most bytes of a datagram; what is longer arrives cut, and says so. Default 65,535. */
  maxDatagram?: number
  /** The kernel tells when it received each datagram (SO_TIMESTAMPNS). Not with every model. Default false. */
  timestamps?: boolean
  /**
   * The kernel hands over datagrams of one sender and size that follow one another together (UDP_GRO, Linux 5.0): they
   * cost one passage, and are told one by one as ever. UDP alone, and not with every model. Default false.
   */
  gro?: boolean
  /**
   * While more than some 10,000 turns a second bring datagrams, and nothing is sent or asked of the same model meanwhile,
   * Node's loop is woken by a clock, and they come together: each up to 0.4 ms late, for less than half the
   * processor's time. False: whoever waits for these datagrams is never kept waiting. Default true; embedded alone.
   */
  coalesce?: boolean
  /**
   * SO_REUSEPORT, socket(7): several sockets on one port, each of which set it; the kernel shares the datagrams out by
   * their sender. Not for Unix sockets. Default false.
   */
  reusePort?: boolean
}
