/**
 * Socket addresses: `struct sockaddr_in`, `sockaddr_in6`, `sockaddr_un`, `sockaddr_vm` and `sockaddr_nl`, to and from
 * JavaScript. Layouts: ip(7), ipv6(7), unix(7), vsock(7), netlink(7); identical on x86-64 and arm64.
 */
import { isIPv4, isIPv6 } from 'node:net'
import { bind } from './ffi.js'

const ifNametoindexC = bind<(name: string) => number>('if_nametoindex', 'unsigned', ['string'])

export const AF_UNSPEC = 0
export const AF_UNIX = 1
export const AF_INET = 2
export const AF_INET6 = 10
export const AF_NETLINK = 16
export const AF_VSOCK = 40

/** Room for any address: `sizeof(struct sockaddr_storage)`. */
export const ADDRESS_BYTES = 128

export interface InternetAddress {
  family: 'IPv4' | 'IPv6'
  address: string
  port: number
  /** IPv6: the interface's index, where the address has a `%scope`. */
  scopeId?: number
}

export interface UnixAddress {
  family: 'Unix'
  /** A path, or an abstract name when it begins with a NUL. Empty: the socket has no name. */
  path: string
}

/** Of a virtual machine or its host: vsock(7). */
export interface VsockAddress {
  family: 'vsock'
  /** VMADDR_CID_*, or a guest's number. */
  cid: number
  /** 32 bits; VMADDR_PORT_ANY: the kernel picks one. */
  port: number
}

/** Of a socket that talks with the kernel: netlink(7). */
export interface NetlinkAddress {
  family: 'netlink'
  /** The socket's number, often its process's; 0: the kernel, or in bind: the kernel picks one. */
  portId: number
  /** A bit for each multicast group. */
  groups: number
}

/** What streams and datagrams of this library have for addresses. */
export type Address = InternetAddress | UnixAddress

/** What the calls of this room take and give besides. */
export type SocketAddress = Address | VsockAddress | NetlinkAddress

/** In bind: every address of this machine; the hypervisor; this machine itself; the host of a guest. */
export const VMADDR_CID_ANY = 0xffffffff
export const VMADDR_CID_HYPERVISOR = 0
export const VMADDR_CID_LOCAL = 1
export const VMADDR_CID_HOST = 2
export const VMADDR_PORT_ANY = 0xffffffff

/** Where the path starts in a sockaddr_un, and how long it may be: unix(7). */
const UNIX_PATH = 2
const UNIX_PATH_BYTES = 108

/**
 * Writes an address as the kernel reads it.
 * @returns how many bytes it takes
 * @throws ERR_INVALID_ARG_VALUE for an address that is none, a port out of range, a scope that names no interface, or
 * a path that is too long
 */
export function encodeAddress(address: SocketAddress, into: Uint8Array): number {
  if (address.family === 'Unix') return encodeUnix(address.path, into)
  if (address.family === 'vsock') return encodeVsock(address, into)
  if (address.family === 'netlink') return encodeNetlink(address, into)
  const { port } = address
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw invalid(`port ${port} is not in 0-65535`)
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength)
  if (address.family === 'IPv4') {
    if (!isIPv4(address.address)) throw invalid(`${address.address} is not an IPv4 address`)
    into.fill(0, 0, 16)
    view.setUint16(0, AF_INET, true)
    view.setUint16(2, port, false)
    let at = 4
    for (const part of address.address.split('.')) into[at++] = Number(part)
    return 16
  }
  if (!isIPv6(address.address)) throw invalid(`${address.address} is not an IPv6 address`)
  into.fill(0, 0, 28)
  view.setUint16(0, AF_INET6, true)
  view.setUint16(2, port, false)
  const scope = parseIPv6(address.address, view, 8)
  view.setUint32(24, address.scopeId ?? scope, true)
  return 28
}

function encodeUnix(path: string, into: Uint8Array): number {
  const bytes = Buffer.from(path)
  const abstract = bytes[0] === 0
  // A path is written with its NUL; an abstract name is every byte of the length given.
  if (bytes.length + (abstract ? 0 : 1) > UNIX_PATH_BYTES) {
    throw invalid(
      `the Unix socket name has ${bytes.length} bytes; the most is ${UNIX_PATH_BYTES - (abstract ? 0 : 1)}`,
    )
  }
  if (!abstract && bytes.includes(0))
    throw invalid('a Unix socket path cannot contain a NUL after its first byte')
  into.fill(0, 0, UNIX_PATH + UNIX_PATH_BYTES)
  into[0] = AF_UNIX
  into.set(bytes, UNIX_PATH)
  if (bytes.length === 0) return UNIX_PATH // autobind
  return UNIX_PATH + bytes.length + (abstract ? 0 : 1)
}

/** u16 family, u16 reserved, u32 port, u32 cid, and four bytes of zero. */
function encodeVsock({ cid, port }: VsockAddress, into: Uint8Array): number {
  requireWords({ cid, port })
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength)
  into.fill(0, 0, 16)
  view.setUint16(0, AF_VSOCK, true)
  view.setUint32(4, port, true)
  view.setUint32(8, cid, true)
  return 16
}

/** u16 family, u16 padding, u32 port id, u32 groups. */
function encodeNetlink({ portId, groups }: NetlinkAddress, into: Uint8Array): number {
  requireWords({ portId, groups })
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength)
  into.fill(0, 0, 12)
  view.setUint16(0, AF_NETLINK, true)
  view.setUint32(4, portId, true)
  view.setUint32(8, groups, true)
  return 12
}

function requireWords(fields: Record<string, number>): void {
  for (const [name, value] of Object.entries(fields)) {
    if (value >>> 0 !== value) throw invalid(`${name} ${value} is not in 0-4294967295`)
  }
}

function parseIPv6(text: string, view: DataView, at: number): number {
  const [host, scope] = text.split('%') as [string, string | undefined]
  const v4 = host.lastIndexOf('.') > 0 ? host.slice(host.lastIndexOf(':') + 1) : undefined
  let plain = host
  if (v4 !== undefined) {
    const [a, b, c, d] = v4.split('.').map(Number) as [number, number, number, number]
    plain = `${host.slice(0, host.length - v4.length)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  }
  const [left, right] = plain.split('::') as [string, string | undefined]
  const head = left === '' ? [] : left.split(':')
  const tail = right === undefined || right === '' ? [] : right.split(':')
  const groups =
    right === undefined ? head : [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail]
  groups.forEach((group, index) => {
    view.setUint16(at + index * 2, Number.parseInt(group, 16), false)
  })
  return scope === undefined ? 0 : scopeOf(scope)
}

/** The index of the interface that a `%scope` names, by number or (`%eth0`) by name. */
function scopeOf(scope: string): number {
  if (/^\d+$/.test(scope)) return Number(scope)
  const index = ifNametoindexC(scope)
  if (index === 0) throw invalid(`there is no network interface ${scope}`)
  return index
}

/**
 * Reads an address the kernel wrote. A length of 0, or of a bare family, is a Unix socket without a name.
 * Whoever has made a vsock or netlink socket names its kind of address.
 */
export function decodeAddress<A extends SocketAddress = Address>(from: Uint8Array, length: number): A {
  return decode(from, length) as A
}

function decode(from: Uint8Array, length: number): SocketAddress {
  const family = length < 2 ? AF_UNIX : from[0]! | (from[1]! << 8)
  if (family === AF_INET) {
    return {
      family: 'IPv4',
      address: `${from[4]}.${from[5]}.${from[6]}.${from[7]}`,
      port: (from[2]! << 8) | from[3]!,
    }
  }
  if (family === AF_INET6) {
    const view = new DataView(from.buffer, from.byteOffset, from.byteLength)
    const scopeId = view.getUint32(24, true)
    const address: InternetAddress = {
      family: 'IPv6',
      address: formatIPv6(view, 8),
      port: view.getUint16(2, false),
    }
    if (scopeId !== 0) address.scopeId = scopeId
    return address
  }
  if (family === AF_VSOCK || family === AF_NETLINK) {
    const view = new DataView(from.buffer, from.byteOffset, from.byteLength)
    const [first, second] = [view.getUint32(4, true), view.getUint32(8, true)]
    return family === AF_VSOCK
      ? { family: 'vsock', cid: second, port: first }
      : { family: 'netlink', portId: first, groups: second }
  }
  if (length <= UNIX_PATH) return { family: 'Unix', path: '' }
  let end = length
  if (from[UNIX_PATH] !== 0) {
    const nul = from.indexOf(0, UNIX_PATH)
    if (nul >= 0 && nul < length) end = nul
  }
  return { family: 'Unix', path: Buffer.from(from.subarray(UNIX_PATH, end)).toString() }
}

/** RFC 5952: the longest run of zeros (two or more, the first of equals) becomes `::`; mapped IPv4 keeps dots. */
function formatIPv6(view: DataView, at: number): string {
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(at + index * 2, false))
  const mapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)
  if (mapped) {
    const byte = (index: number) => view.getUint8(at + 12 + index)
    return `::ffff:${byte(0)}.${byte(1)}.${byte(2)}.${byte(3)}`
  }
  let best = { start: -1, length: 1 }
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (start + length < 8 && groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  const hex = groups.map((group) => group.toString(16))
  if (best.start < 0) return hex.join(':')
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`
}

/** The address in one word, for messages: `127.0.0.1:80`, `[::1]:80`, `/run/x`, `@abstract`, `vsock:2:80`, `netlink:0`. */
export function formatAddress(address: SocketAddress): string {
  if (address.family === 'vsock') return `vsock:${address.cid}:${address.port}`
  if (address.family === 'netlink') return `netlink:${address.portId}`
  if (address.family === 'Unix')
    return address.path.startsWith('\0') ? `@${address.path.slice(1)}` : address.path
  return address.family === 'IPv6'
    ? `[${address.address}]:${address.port}`
    : `${address.address}:${address.port}`
}

function invalid(message: string): TypeError {
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_VALUE' })
}

const shared = new Map<number, Address>()
let lastKey = -1
let last: Address | undefined

/**
 * As `decodeAddress`, but senders seen before are the same frozen object again, so a known peer costs no
 * string. Internet addresses of version 4 alone; what it keeps is bounded.
 */
export function decodeShared(from: Uint8Array, length: number): Address {
  if (length < 16 || from[0] !== AF_INET || from[1] !== 0)
    return Object.freeze(decodeAddress<Address>(from, length))
  // 48 bits: exact in a double.
  const key =
    (from[4]! * 0x1000000 + ((from[5]! << 16) | (from[6]! << 8) | from[7]!)) * 65536 +
    ((from[2]! << 8) | from[3]!)
  // One sender after itself, as in a flood, needs no looking up.
  if (key === lastKey) return last!
  const known = shared.get(key)
  if (known !== undefined) {
    lastKey = key
    last = known
    return known
  }
  if (shared.size >= 4096) shared.clear()
  const address = Object.freeze(decodeAddress<Address>(from, length))
  shared.set(key, address)
  return address
}
