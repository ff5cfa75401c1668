/**
 * Sockets: the calls. Messages with several buffers or control data are put together in message.ts.
 *
 * Source: man-pages 6.03 section 2, socket(7), ip(7), ipv6(7), tcp(7), udp(7), unix(7); Linux 6.18
 * uapi/asm-generic/socket.h and uapi/linux/{in,in6,tcp,udp}.h (x86-64 and arm64 share them).
 */
import {
  ADDRESS_BYTES,
  type Address,
  AF_UNIX,
  decodeAddress,
  encodeAddress,
  formatAddress,
  type SocketAddress,
} from './address.js'
import { check, type ErrorPlace, errnos, type SystemError, systemError } from './errno.js'
import { bind as bindC, errno, type Pointer } from './ffi.js'
import { requireStable } from './memory.js'

export { AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, AF_UNSPEC, AF_VSOCK } from './address.js'

export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_RAW = 3
export const SOCK_SEQPACKET = 5
/** With the type, and for accept4. */
export const SOCK_NONBLOCK = 0o4000
/** With the type, and for accept4. */
export const SOCK_CLOEXEC = 0o2000000

export const SOMAXCONN = 4096

export const SHUT_RD = 0
export const SHUT_WR = 1
export const SHUT_RDWR = 2

export const IPPROTO_IP = 0
export const IPPROTO_ICMP = 1
export const IPPROTO_TCP = 6
export const IPPROTO_UDP = 17
export const IPPROTO_IPV6 = 41
export const IPPROTO_ICMPV6 = 58

export const MSG_OOB = 0x1
export const MSG_PEEK = 0x2
/** Of a message as it came: its control data did not fit. */
export const MSG_CTRUNC = 0x8
/** Of a message as it came: its end was cut off. As a flag of recv on datagrams: return the real length. */
export const MSG_TRUNC = 0x20
/** This one call does not block. */
export const MSG_DONTWAIT = 0x40
export const MSG_EOR = 0x80
export const MSG_WAITALL = 0x100
export const MSG_CONFIRM = 0x800
export const MSG_ERRQUEUE = 0x2000
/** EPIPE without SIGPIPE. (Node ignores SIGPIPE, other hosts may not.) */
export const MSG_NOSIGNAL = 0x4000
export const MSG_MORE = 0x8000
/** recvmmsg: block for the first message only. */
export const MSG_WAITFORONE = 0x10000
export const MSG_ZEROCOPY = 0x4000000
export const MSG_FASTOPEN = 0x20000000
/** Descriptors that arrive (SCM_RIGHTS) are closed on exec. */
export const MSG_CMSG_CLOEXEC = 0x40000000

export const SOL_SOCKET = 1
export const SO_DEBUG = 1
export const SO_REUSEADDR = 2
export const SO_TYPE = 3
export const SO_ERROR = 4
export const SO_DONTROUTE = 5
export const SO_BROADCAST = 6
export const SO_SNDBUF = 7
export const SO_RCVBUF = 8
export const SO_KEEPALIVE = 9
export const SO_OOBINLINE = 10
export const SO_PRIORITY = 12
export const SO_LINGER = 13
export const SO_REUSEPORT = 15
/** unix(7): every message brings its sender's credentials. */
export const SO_PASSCRED = 16
export const SO_PEERCRED = 17
export const SO_RCVLOWAT = 18
export const SO_SNDLOWAT = 19
export const SO_RCVTIMEO = 20
export const SO_SNDTIMEO = 21
export const SO_BINDTODEVICE = 25
export const SO_ATTACH_FILTER = 26
export const SO_TIMESTAMP = 29
export const SO_ACCEPTCONN = 30
export const SO_SNDBUFFORCE = 32
export const SO_RCVBUFFORCE = 33
export const SO_TIMESTAMPNS = 35
export const SO_MARK = 36
export const SO_TIMESTAMPING = 37
export const SO_PROTOCOL = 38
export const SO_DOMAIN = 39
export const SO_RXQ_OVFL = 40
export const SO_PEEK_OFF = 42
export const SO_BUSY_POLL = 46
export const SO_INCOMING_CPU = 49
export const SO_ATTACH_REUSEPORT_CBPF = 51
export const SO_INCOMING_NAPI_ID = 56
export const SO_COOKIE = 57
export const SO_ZEROCOPY = 60

export const SOL_TCP = 6
export const TCP_NODELAY = 1
export const TCP_MAXSEG = 2
export const TCP_CORK = 3
/** Seconds of silence before the first keep-alive probe. */
export const TCP_KEEPIDLE = 4
/** Seconds between probes. */
export const TCP_KEEPINTVL = 5
/** Probes without an answer before the connection is given up. */
export const TCP_KEEPCNT = 6
export const TCP_SYNCNT = 7
export const TCP_LINGER2 = 8
export const TCP_DEFER_ACCEPT = 9
export const TCP_WINDOW_CLAMP = 10
export const TCP_INFO = 11
export const TCP_QUICKACK = 12
export const TCP_CONGESTION = 13
/** Milliseconds that sent data may stay unacknowledged. */
export const TCP_USER_TIMEOUT = 18
export const TCP_FASTOPEN = 23
export const TCP_NOTSENT_LOWAT = 25
export const TCP_FASTOPEN_CONNECT = 30

export const SOL_UDP = 17
/** One send is cut into datagrams of this size (Linux 4.18). */
export const UDP_SEGMENT = 103
/** One receive can bring several datagrams of one size, told in a control message (Linux 5.0). */
export const UDP_GRO = 104

export const IP_TOS = 1
export const IP_TTL = 2
export const IP_PKTINFO = 8
export const IP_MTU_DISCOVER = 10
export const IP_RECVERR = 11
export const IP_RECVTTL = 12
export const IP_RECVTOS = 13
export const IP_MTU = 14
export const IP_FREEBIND = 15
export const IP_TRANSPARENT = 19
export const IP_BIND_ADDRESS_NO_PORT = 24
export const IP_MULTICAST_IF = 32
export const IP_MULTICAST_TTL = 33
export const IP_MULTICAST_LOOP = 34
export const IP_ADD_MEMBERSHIP = 35
export const IP_DROP_MEMBERSHIP = 36
export const IP_ADD_SOURCE_MEMBERSHIP = 39
export const IP_DROP_SOURCE_MEMBERSHIP = 40

export const IPV6_UNICAST_HOPS = 16
export const IPV6_MULTICAST_IF = 17
export const IPV6_MULTICAST_HOPS = 18
export const IPV6_MULTICAST_LOOP = 19
export const IPV6_ADD_MEMBERSHIP = 20
export const IPV6_DROP_MEMBERSHIP = 21
export const IPV6_MTU = 24
export const IPV6_RECVERR = 25
/** Off: the socket serves IPv4 too, as mapped addresses. */
export const IPV6_V6ONLY = 26
export const IPV6_RECVPKTINFO = 49
export const IPV6_PKTINFO = 50
export const IPV6_TCLASS = 67

/** `struct ucred`: pid_t at 0, uid_t at 4, gid_t at 8. */
export const UCRED_BYTES = 12
/** `struct linger`: int l_onoff, int l_linger. */
export const LINGER_BYTES = 8

const socketC = bindC<(domain: number, type: number, protocol: number) => number>('socket', 'int', [
  'int',
  'int',
  'int',
])
const socketpairC = bindC<(domain: number, type: number, protocol: number, fds: Pointer) => number>(
  'socketpair',
  'int',
  ['int', 'int', 'int', 'pointer'],
)
const bindSocketC = bindC<(fd: number, addr: Pointer, length: number) => number>('bind', 'int', [
  'int',
  'pointer',
  'unsigned',
])
const listenC = bindC<(fd: number, backlog: number) => number>('listen', 'int', ['int', 'int'])
const accept4C = bindC<(fd: number, addr: Pointer, addrlen: Pointer, flags: number) => number>(
  'accept4',
  'int',
  ['int', 'pointer', 'pointer', 'int'],
)
const connectC = bindC<(fd: number, addr: Pointer, length: number) => number>('connect', 'int', [
  'int',
  'pointer',
  'unsigned',
])
const shutdownC = bindC<(fd: number, how: number) => number>('shutdown', 'int', ['int', 'int'])

type Name = (fd: number, addr: Pointer, addrlen: Pointer) => number
const getsocknameC = bindC<Name>('getsockname', 'int', ['int', 'pointer', 'pointer'])
const getpeernameC = bindC<Name>('getpeername', 'int', ['int', 'pointer', 'pointer'])

const getsockoptC = bindC<
  (fd: number, level: number, name: number, value: Pointer, length: Pointer) => number
>('getsockopt', 'int', ['int', 'int', 'int', 'pointer', 'pointer'])
const setsockoptC = bindC<
  (fd: number, level: number, name: number, value: Pointer, length: number) => number
>('setsockopt', 'int', ['int', 'int', 'int', 'pointer', 'unsigned'])

type Transfer = (fd: number, buf: Pointer, length: number, flags: number) => number
const recvC = bindC<Transfer>('recv', 'long', ['int', 'pointer', 'size_t', 'int'])
const sendC = bindC<Transfer>('send', 'long', ['int', 'pointer', 'size_t', 'int'])
const recvfromC = bindC<
  (fd: number, buf: Pointer, length: number, flags: number, addr: Pointer, addrlen: Pointer) => number
>('recvfrom', 'long', ['int', 'pointer', 'size_t', 'int', 'pointer', 'pointer'])
const sendtoC = bindC<
  (fd: number, buf: Pointer, length: number, flags: number, addr: Pointer, addrlen: number) => number
>('sendto', 'long', ['int', 'pointer', 'size_t', 'int', 'pointer', 'unsigned'])
type Message = (fd: number, msghdr: Pointer, flags: number) => number
const recvmsgC = bindC<Message>('recvmsg', 'long', ['int', 'pointer', 'int'])
const sendmsgC = bindC<Message>('sendmsg', 'long', ['int', 'pointer', 'int'])

const EINTR = -errnos.EINTR

// Used by one call at a time, and read before the next: this room is synchronous.
const address = new Uint8Array(ADDRESS_BYTES)
const cell = new Int32Array(1)
const cellLength = new Uint32Array(1)

// ---------------------------------------------------------------- raw: a negative errno, nothing allocated

/** socket(2). @returns the descriptor, or a negative errno */
export function rawSocket(domain: number, type: number, protocol: number): number {
  const fd = socketC(domain, type, protocol)
  return fd < 0 ? -errno() : fd
}

/** socketpair(2). @param fds `int[2]`, filled @returns 0 or a negative errno */
export function rawSocketpair(domain: number, type: number, protocol: number, fds: Pointer): number {
  return socketpairC(domain, type, protocol, fds) < 0 ? -errno() : 0
}

/** bind(2). @param addr a socket address of `length` bytes @returns 0 or a negative errno */
export function rawBind(fd: number, addr: Pointer, length: number): number {
  return bindSocketC(fd, addr, length) < 0 ? -errno() : 0
}

/** listen(2). @returns 0 or a negative errno */
export function rawListen(fd: number, backlog: number): number {
  return listenC(fd, backlog) < 0 ? -errno() : 0
}

/**
 * accept4(2).
 * @param addr where the peer's address goes, or null
 * @param addrlen `socklen_t`: the room in, the length out; null with a null `addr`
 * @param flags SOCK_NONBLOCK, SOCK_CLOEXEC
 * @returns the connection's descriptor, or a negative errno
 */
export function rawAccept4(fd: number, addr: Pointer, addrlen: Pointer, flags: number): number {
  const accepted = accept4C(fd, addr, addrlen, flags)
  return accepted < 0 ? -errno() : accepted
}

/** connect(2). @returns 0, or a negative errno: EINPROGRESS of a non-blocking socket */
export function rawConnect(fd: number, addr: Pointer, length: number): number {
  return connectC(fd, addr, length) < 0 ? -errno() : 0
}

/** shutdown(2). @param how SHUT_* @returns 0 or a negative errno */
export function rawShutdown(fd: number, how: number): number {
  return shutdownC(fd, how) < 0 ? -errno() : 0
}

/** getsockname(2). @param addrlen `socklen_t`: the room in, the length out @returns 0 or a negative errno */
export function rawGetsockname(fd: number, addr: Pointer, addrlen: Pointer): number {
  return getsocknameC(fd, addr, addrlen) < 0 ? -errno() : 0
}

/** getpeername(2). @param addrlen `socklen_t`: the room in, the length out @returns 0 or a negative errno */
export function rawGetpeername(fd: number, addr: Pointer, addrlen: Pointer): number {
  return getpeernameC(fd, addr, addrlen) < 0 ? -errno() : 0
}

/** getsockopt(2). @param length `socklen_t`: the room in, the length out @returns 0 or a negative errno */
export function rawGetsockopt(
  fd: number,
  level: number,
  name: number,
  value: Pointer,
  length: Pointer,
): number {
  return getsockoptC(fd, level, name, value, length) < 0 ? -errno() : 0
}

/** setsockopt(2). @returns 0 or a negative errno */
export function rawSetsockopt(
  fd: number,
  level: number,
  name: number,
  value: Pointer,
  length: number,
): number {
  return setsockoptC(fd, level, name, value, length) < 0 ? -errno() : 0
}

/** setsockopt(2) of an int. @returns 0 or a negative errno */
export function rawSetsockoptInt(fd: number, level: number, name: number, value: number): number {
  cell[0] = value
  return rawSetsockopt(fd, level, name, cell, 4)
}

/**
 * Takes what went wrong with the socket since it was last asked (SO_ERROR): how a connect ended.
 * @returns 0, or that error (or getsockopt's own) as a negative errno
 */
export function rawSocketError(fd: number): number {
  cellLength[0] = 4
  const result = rawGetsockopt(fd, SOL_SOCKET, SO_ERROR, cell, cellLength)
  // Not -0, which would be no small integer.
  return result < 0 ? result : 0 - cell[0]!
}

/** recv(2). @param flags MSG_* @returns the bytes received, 0 at the end, or a negative errno */
export function rawRecv(fd: number, buf: Pointer, length: number, flags: number): number {
  const n = recvC(fd, buf, length, flags)
  return n < 0 ? -errno() : n
}

/** send(2). @param flags MSG_* @returns the bytes taken, or a negative errno */
export function rawSend(fd: number, buf: Pointer, length: number, flags: number): number {
  const n = sendC(fd, buf, length, flags)
  return n < 0 ? -errno() : n
}

/**
 * recvfrom(2).
 * @param flags MSG_*; with MSG_TRUNC a datagram's real length is returned (of TCP, it throws the data away)
 * @param addr where the sender's address goes, or null
 * @param addrlen `socklen_t`: the room in, the length out; null with a null `addr`
 * @returns the bytes received, or a negative errno
 */
export function rawRecvfrom(
  fd: number,
  buf: Pointer,
  length: number,
  flags: number,
  addr: Pointer,
  addrlen: Pointer,
): number {
  const n = recvfromC(fd, buf, length, flags, addr, addrlen)
  return n < 0 ? -errno() : n
}

/** sendto(2). @param addr the receiver, or null with an `addrlen` of 0 @returns the bytes taken, or a negative errno */
export function rawSendto(
  fd: number,
  buf: Pointer,
  length: number,
  flags: number,
  addr: Pointer,
  addrlen: number,
): number {
  const n = sendtoC(fd, buf, length, flags, addr, addrlen)
  return n < 0 ? -errno() : n
}

/**
 * recvmsg(2).
 * @param msghdr `struct msghdr` (see message.ts); its lengths and flags are overwritten
 * @returns the bytes received, 0 at the end, or a negative errno
 */
export function rawRecvmsg(fd: number, msghdr: Pointer, flags: number): number {
  const n = recvmsgC(fd, msghdr, flags)
  return n < 0 ? -errno() : n
}

/** sendmsg(2). @param msghdr `struct msghdr` (see message.ts) @returns the bytes taken, or a negative errno */
export function rawSendmsg(fd: number, msghdr: Pointer, flags: number): number {
  const n = sendmsgC(fd, msghdr, flags)
  return n < 0 ? -errno() : n
}

// ---------------------------------------------------------------- throwing, with the man pages' names

/** The fields an error gets from an address. */
export function placeOf(of: SocketAddress): ErrorPlace {
  if (of.family === 'vsock') return { address: `vsock:${of.cid}`, port: of.port }
  if (of.family === 'netlink') return { address: formatAddress(of) }
  return of.family === 'Unix' ? { address: of.path } : { address: of.address, port: of.port }
}

// An address that cannot be turned into an error's place must not hide the error: it is only made then.
function checkAt(result: number, syscall: string, at: SocketAddress): number {
  if (result < 0) throw systemError(result, syscall, placeOf(at))
  return result
}

/**
 * socket(2). Closed on exec, unless `type` says otherwise by being given to `rawSocket`.
 * @param domain AF_*
 * @param type SOCK_*, with SOCK_NONBLOCK
 * @param protocol 0: the type's own
 * @throws SystemError EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, EPROTONOSUPPORT
 */
export function socket(domain: number, type: number, protocol = 0): number {
  return check(rawSocket(domain, type | SOCK_CLOEXEC, protocol), 'socket')
}

/**
 * socketpair(2): two connected sockets, closed on exec.
 * @throws SystemError EAFNOSUPPORT, EMFILE, ENFILE, ENOTSUP (all but AF_UNIX), EPROTONOSUPPORT
 */
export function socketpair(
  domain: number = AF_UNIX,
  type: number = SOCK_STREAM,
  protocol = 0,
): [number, number] {
  const fds = new Int32Array(2)
  check(rawSocketpair(domain, type | SOCK_CLOEXEC, protocol, fds), 'socketpair')
  return [fds[0]!, fds[1]!]
}

/**
 * bind(2).
 * @throws SystemError EACCES, EADDRINUSE, EADDRNOTAVAIL, EBADF, EINVAL, ENOENT, with the address;
 * ERR_INVALID_ARG_VALUE for an address that is none
 */
export function bind(fd: number, to: SocketAddress): void {
  checkAt(rawBind(fd, address, encodeAddress(to, address)), 'bind', to)
}

/**
 * listen(2).
 * @param backlog connections that may wait to be accepted; the kernel's own limit is net.core.somaxconn
 * @throws SystemError EADDRINUSE, EBADF, ENOTSUP
 */
export function listen(fd: number, backlog: number = SOMAXCONN): void {
  check(rawListen(fd, backlog), 'listen')
}

/**
 * accept4(2), again after EINTR.
 * @param flags SOCK_NONBLOCK, SOCK_CLOEXEC
 * @throws SystemError EAGAIN, EBADF, ECONNABORTED, EINVAL, EMFILE, ENFILE, ENOBUFS, EPERM, and the pending
 * network errors that accept(2) lists
 */
export function accept4<A extends SocketAddress = Address>(
  fd: number,
  flags: number = SOCK_CLOEXEC,
): { fd: number; from: A } {
  let accepted: number
  do {
    cellLength[0] = ADDRESS_BYTES
    accepted = rawAccept4(fd, address, cellLength, flags)
  } while (accepted === EINTR)
  check(accepted, 'accept4')
  return { fd: accepted, from: decodeAddress(address, cellLength[0]!) }
}

/**
 * connect(2), once: after EINTR the connection is made in the background, and a second call would say EALREADY.
 * Wait for POLLOUT, then ask `rawSocketError`; the same after EINPROGRESS.
 * @throws SystemError ECONNREFUSED, EINPROGRESS, EINTR, ETIMEDOUT, ENETUNREACH, EISCONN, ENOENT…, with the address
 */
export function connect(fd: number, to: SocketAddress): void {
  checkAt(rawConnect(fd, address, encodeAddress(to, address)), 'connect', to)
}

/**
 * Undoes the connect of a datagram socket: connect(2) with AF_UNSPEC.
 * @throws SystemError EBADF
 */
export function disconnect(fd: number): void {
  address.fill(0, 0, 16)
  check(rawConnect(fd, address, 16), 'connect')
}

/** shutdown(2). @param how SHUT_* @throws SystemError EBADF, EINVAL, ENOTCONN, ENOTSOCK */
export function shutdown(fd: number, how: number): void {
  check(rawShutdown(fd, how), 'shutdown')
}

/** getsockname(2). @throws SystemError EBADF, ENOBUFS, ENOTSOCK */
export function getsockname<A extends SocketAddress = Address>(fd: number): A {
  cellLength[0] = ADDRESS_BYTES
  check(rawGetsockname(fd, address, cellLength), 'getsockname')
  return decodeAddress(address, cellLength[0]!)
}

/** getpeername(2). @throws SystemError EBADF, ENOBUFS, ENOTCONN, ENOTSOCK */
export function getpeername<A extends SocketAddress = Address>(fd: number): A {
  cellLength[0] = ADDRESS_BYTES
  check(rawGetpeername(fd, address, cellLength), 'getpeername')
  return decodeAddress(address, cellLength[0]!)
}

/**
 * getsockopt(2).
 * @param into where the value goes
 * @returns how many bytes it has
 * @throws SystemError EBADF, EINVAL, ENOPROTOOPT, ENOTSOCK
 */
export function getsockopt(fd: number, level: number, name: number, into: NodeJS.ArrayBufferView): number {
  requireStable(into)
  cellLength[0] = into.byteLength
  check(rawGetsockopt(fd, level, name, into as Pointer, cellLength), 'getsockopt')
  return cellLength[0]!
}

/**
 * setsockopt(2).
 * @throws SystemError EACCES, EBADF, EDOM, EINVAL, ENODEV, ENOPROTOOPT, ENOTSOCK, EPERM
 */
export function setsockopt(fd: number, level: number, name: number, value: NodeJS.ArrayBufferView): void {
  requireStable(value)
  check(rawSetsockopt(fd, level, name, value as Pointer, value.byteLength), 'setsockopt')
}

/** getsockopt(2) of an int. @throws SystemError EBADF, EINVAL, ENOPROTOOPT, ENOTSOCK */
export function getsockoptInt(fd: number, level: number, name: number): number {
  // An option of one byte, as some protocol families have, leaves the rest of the cell as it is.
  cell[0] = 0
  cellLength[0] = 4
  check(rawGetsockopt(fd, level, name, cell, cellLength), 'getsockopt')
  return cell[0]!
}

/** setsockopt(2) of an int. @throws SystemError EBADF, EINVAL, ENOPROTOOPT, ENOTSOCK, EPERM */
export function setsockoptInt(fd: number, level: number, name: number, value: number): void {
  check(rawSetsockoptInt(fd, level, name, value), 'setsockopt')
}

/**
 * What close(2) does with data not yet sent: SO_LINGER.
 * @param seconds how long close may block for them; 0: throw them away and reset the connection; null: as usual,
 * close returns and the kernel goes on sending
 * @throws SystemError EBADF, ENOTSOCK
 */
export function setLinger(fd: number, seconds: number | null): void {
  setsockopt(fd, SOL_SOCKET, SO_LINGER, new Int32Array([seconds === null ? 0 : 1, seconds ?? 0]))
}

/** Who is at the other end of a Unix stream socket. */
export interface Credentials {
  pid: number
  uid: number
  gid: number
}

/**
 * The credentials the peer had when it called connect, listen or socketpair: SO_PEERCRED, unix(7).
 * A pid of 0 and ids of -1 (4294967295): not connected.
 * @throws SystemError EBADF, ENOTSOCK
 */
export function peerCredentials(fd: number): Credentials {
  const ucred = new Int32Array(3)
  getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ucred)
  return { pid: ucred[0]!, uid: ucred[1]! >>> 0, gid: ucred[2]! >>> 0 }
}

/**
 * recv(2), again after EINTR.
 * @param flags MSG_*
 * @returns the bytes received; 0: the peer has ended (or an empty datagram came)
 * @throws SystemError EAGAIN, EBADF, ECONNREFUSED, ECONNRESET, ENOTCONN, ENOTSOCK; what `requireStable` refuses
 */
export function recv(fd: number, buf: NodeJS.ArrayBufferView, flags = 0): number {
  requireStable(buf)
  let n: number
  do n = rawRecv(fd, buf as Pointer, buf.byteLength, flags)
  while (n === EINTR)
  return check(n, 'recv')
}

/**
 * send(2), again after EINTR.
 * @param flags MSG_*
 * @returns the bytes taken, perhaps fewer than there are
 * @throws SystemError EAGAIN, EBADF, ECONNRESET, EMSGSIZE, ENOBUFS, ENOTCONN, EPIPE; what `requireStable` refuses
 */
export function send(fd: number, data: NodeJS.ArrayBufferView, flags: number = MSG_NOSIGNAL): number {
  requireStable(data)
  let n: number
  do n = rawSend(fd, data as Pointer, data.byteLength, flags)
  while (n === EINTR)
  return check(n, 'send')
}

/** A datagram, or a piece of a stream, that has arrived. */
export interface Received<A extends SocketAddress = Address> {
  /** How many bytes the buffer holds. */
  bytes: number
  /** Who sent them; null where nobody can be answered: a connected stream, a Unix socket without a name. */
  from: A | null
  /** The datagram was longer than the buffer; the rest is gone. */
  truncated: boolean
  /** How long the datagram was; of a stream, `bytes`. */
  length: number
}

/**
 * recvfrom(2), again after EINTR.
 * @param flags MSG_*
 * @throws SystemError EAGAIN, EBADF, ECONNREFUSED, ENOTCONN, ENOTSOCK; what `requireStable` refuses
 */
export function recvfrom<A extends SocketAddress = Address>(
  fd: number,
  buf: NodeJS.ArrayBufferView,
  flags = 0,
): Received<A> {
  requireStable(buf)
  // Only the kernel knows that a datagram was cut, and tells through MSG_TRUNC; on a TCP socket the same flag
  // would throw the data away, so the type is asked for first.
  const type = getsockoptInt(fd, SOL_SOCKET, SO_TYPE)
  const how = type === SOCK_STREAM ? flags : flags | MSG_TRUNC
  let n: number
  do {
    cellLength[0] = ADDRESS_BYTES
    n = rawRecvfrom(fd, buf as Pointer, buf.byteLength, how, address, cellLength)
  } while (n === EINTR)
  check(n, 'recvfrom')
  const addressLength = cellLength[0]!
  return {
    bytes: Math.min(n, buf.byteLength),
    from: addressLength === 0 ? null : decodeAddress(address, addressLength),
    truncated: n > buf.byteLength,
    length: n,
  }
}

/**
 * sendto(2), again after EINTR.
 * @param to the receiver; null: the one the socket is connected to
 * @param flags MSG_*
 * @returns the bytes taken: of a datagram, all
 * @throws SystemError EACCES (broadcast without SO_BROADCAST), EAGAIN, ECONNREFUSED, EDESTADDRREQ, EMSGSIZE,
 * ENETUNREACH, ENOBUFS, ENOENT, EPIPE, with the address; what `requireStable` refuses
 */
export function sendto(
  fd: number,
  data: NodeJS.ArrayBufferView,
  to: SocketAddress | null,
  flags: number = MSG_NOSIGNAL,
): number {
  requireStable(data)
  const length = to === null ? 0 : encodeAddress(to, address)
  let n: number
  do n = rawSendto(fd, data as Pointer, data.byteLength, flags, to === null ? null : address, length)
  while (n === EINTR)
  return to === null ? check(n, 'sendto') : checkAt(n, 'sendto', to)
}

/** Whether an error is that of a call which would have had to wait. */
export function wouldBlock(error: unknown): boolean {
  const { errno: number } = error as SystemError
  return number === -errnos.EAGAIN || number === -errnos.EWOULDBLOCK
}
