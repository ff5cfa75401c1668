/** Sockets: socket(2) and its family. */
import { ADDRESS_BYTES, type Address, decodeAddress } from './address.js'
import { check } from './errno.js'
import { bind as bindC, errno, type Pointer } from './ffi.js'

export { AF_INET, AF_INET6, AF_UNIX } from './address.js'

export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_SEQPACKET = 5
export const SOCK_NONBLOCK = 0o4000
export const SOCK_CLOEXEC = 0o2000000
export const MSG_OOB = 0x1
export const MSG_PEEK = 0x2
export const MSG_TRUNC = 0x20
export const MSG_DONTWAIT = 0x40
export const MSG_WAITALL = 0x100
export const MSG_NOSIGNAL = 0x4000
export const SHUT_RD = 0
export const SHUT_WR = 1
export const SHUT_RDWR = 2
export const SOL_SOCKET = 1
export const IPPROTO_TCP = 6
export const IPPROTO_UDP = 17
export const IPPROTO_IPV6 = 41
export const IPV6_V6ONLY = 26
export const SO_REUSEADDR = 2
export const SO_TYPE = 3
export const SO_ERROR = 4
export const SO_SNDBUF = 7
export const SO_RCVBUF = 8
export const SO_KEEPALIVE = 9
export const SO_LINGER = 13
export const SO_REUSEPORT = 15
export const SO_PEERCRED = 17
export const SO_RCVTIMEO = 20
export const SO_SNDTIMEO = 21
export const SO_ACCEPTCONN = 30
export const SO_PROTOCOL = 38
export const SO_DOMAIN = 39
export const TCP_NODELAY = 1
export const TCP_KEEPIDLE = 4
export const TCP_KEEPINTVL = 5
export const TCP_KEEPCNT = 6

const socketC = bindC<(domain: number, type: number, protocol: number) => number>('socket', 'int', [
  'int',
  'int',
  'int',
])
const bindAddressC = bindC<(fd: number, address: Pointer, length: number) => number>('bind', 'int', [
  'int',
  'pointer',
  'unsigned',
])
const listenC = bindC<(fd: number, backlog: number) => number>('listen', 'int', ['int', 'int'])
const accept4C = bindC<(fd: number, address: Pointer, length: Pointer, flags: number) => number>(
  'accept4',
  'int',
  ['int', 'pointer', 'pointer', 'int'],
)
const connectC = bindC<(fd: number, address: Pointer, length: number) => number>('connect', 'int', [
  'int',
  'pointer',
  'unsigned',
])
const shutdownC = bindC<(fd: number, how: number) => number>('shutdown', 'int', ['int', 'int'])
const getsocknameC = bindC<(fd: number, address: Pointer, length: Pointer) => number>('getsockname', 'int', [
  'int',
  'pointer',
  'pointer',
])
const getpeernameC = bindC<(fd: number, address: Pointer, length: Pointer) => number>('getpeername', 'int', [
  'int',
  'pointer',
  'pointer',
])
const getsockoptC = bindC<
  (fd: number, level: number, name: number, value: Pointer, length: Pointer) => number
>('getsockopt', 'int', ['int', 'int', 'int', 'pointer', 'pointer'])
const setsockoptC = bindC<
  (fd: number, level: number, name: number, value: Pointer, length: number) => number
>('setsockopt', 'int', ['int', 'int', 'int', 'pointer', 'unsigned'])
const recvC = bindC<(fd: number, buffer: Pointer, length: number, flags: number) => number>('recv', 'long', [
  'int',
  'pointer',
  'size_t',
  'int',
])
const sendC = bindC<(fd: number, buffer: Pointer, length: number, flags: number) => number>('send', 'long', [
  'int',
  'pointer',
  'size_t',
  'int',
])
const recvfromC = bindC<
  (
    fd: number,
    buffer: Pointer,
    length: number,
    flags: number,
    address: Pointer,
    addressLength: Pointer,
  ) => number
>('recvfrom', 'long', ['int', 'pointer', 'size_t', 'int', 'pointer', 'pointer'])
const sendtoC = bindC<
  (
    fd: number,
    buffer: Pointer,
    length: number,
    flags: number,
    address: Pointer,
    addressLength: number,
  ) => number
>('sendto', 'long', ['int', 'pointer', 'size_t', 'int', 'pointer', 'unsigned'])
const recvmsgC = bindC<(fd: number, message: Pointer, flags: number) => number>('recvmsg', 'long', [
  'int',
  'pointer',
  'int',
])
const sendmsgC = bindC<(fd: number, message: Pointer, flags: number) => number>('sendmsg', 'long', [
  'int',
  'pointer',
  'int',
])
const socketpairC = bindC<(domain: number, type: number, protocol: number, pair: Pointer) => number>(
  'socketpair',
  'int',
  ['int', 'int', 'int', 'pointer'],
)

const negative = (result: number) => (result < 0 ? -errno() : result)

export const rawSocket = (domain: number, type: number, protocol: number): number =>
  negative(socketC(domain, type, protocol))
export const rawBind = (fd: number, address: Pointer, length: number): number =>
  negative(bindAddressC(fd, address, length))
export const rawListen = (fd: number, backlog: number): number => negative(listenC(fd, backlog))
export const rawAccept4 = (fd: number, address: Pointer, length: Pointer, flags: number): number =>
  negative(accept4C(fd, address, length, flags))
export const rawConnect = (fd: number, address: Pointer, length: number): number =>
  negative(connectC(fd, address, length))
export const rawShutdown = (fd: number, how: number): number => negative(shutdownC(fd, how))
export const rawRecv = (fd: number, buffer: Pointer, length: number, flags: number): number =>
  negative(recvC(fd, buffer, length, flags))
export const rawSend = (fd: number, buffer: Pointer, length: number, flags: number): number =>
  negative(sendC(fd, buffer, length, flags))
export const rawRecvfrom = (
  fd: number,
  buffer: Pointer,
  length: number,
  flags: number,
  address: Pointer,
  addressLength: Pointer,
): number => negative(recvfromC(fd, buffer, length, flags, address, addressLength))
export const rawSendto = (
  fd: number,
  buffer: Pointer,
  length: number,
  flags: number,
  address: Pointer,
  addressLength: number,
): number => negative(sendtoC(fd, buffer, length, flags, address, addressLength))
export const rawRecvmsg = (fd: number, message: Pointer, flags: number): number =>
  negative(recvmsgC(fd, message, flags))
export const rawSendmsg = (fd: number, message: Pointer, flags: number): number =>
  negative(sendmsgC(fd, message, flags))
export const rawGetsockopt = (
  fd: number,
  level: number,
  name: number,
  value: Pointer,
  length: Pointer,
): number => negative(getsockoptC(fd, level, name, value, length))
export const rawSetsockopt = (
  fd: number,
  level: number,
  name: number,
  value: Pointer,
  length: number,
): number => negative(setsockoptC(fd, level, name, value, length))

const addressBytes = new Uint8Array(ADDRESS_BYTES)
const word = new Int32Array(1)
const length = new Uint32Array(1)

export function getsockname(fd: number): Address {
  length[0] = ADDRESS_BYTES
  check(negative(getsocknameC(fd, addressBytes, length)), 'getsockname')
  return decodeAddress(addressBytes, length[0])
}

export function getpeername(fd: number): Address {
  length[0] = ADDRESS_BYTES
  check(negative(getpeernameC(fd, addressBytes, length)), 'getpeername')
  return decodeAddress(addressBytes, length[0])
}

export function setsockoptInt(fd: number, level: number, name: number, value: number): void {
  word[0] = value
  check(rawSetsockopt(fd, level, name, word, 4), 'setsockopt')
}

export function getsockoptInt(fd: number, level: number, name: number): number {
  length[0] = 4
  check(rawGetsockopt(fd, level, name, word, length), 'getsockopt')
  return word[0]!
}

/** SO_ERROR, which it clears: 0, or a negative errno. */
export function rawSocketError(fd: number): number {
  length[0] = 4
  const result = rawGetsockopt(fd, SOL_SOCKET, SO_ERROR, word, length)
  return result < 0 ? result : -word[0]!
}

export function socketpair(domain: number, type: number, protocol = 0): [number, number] {
  const pair = new Int32Array(2)
  check(negative(socketpairC(domain, type, protocol, pair)), 'socketpair')
  return [pair[0]!, pair[1]!]
}
