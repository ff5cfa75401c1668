/**
 * Socket options by the names that Node has for them. The numbers: ip(7), ipv6(7), socket(7); the layouts: ip_mreq and
 * ip_mreq_source of ip(7), ipv6_mreq of ipv6(7), group_source_req of RFC 3678.
 */
import { isIPv4, isIPv6 } from 'node:net'
import { ADDRESS_BYTES, type Address, encodeAddress } from '../sys/address.js'
import { errnos } from '../sys/errno.js'
import {
  IP_ADD_MEMBERSHIP,
  IP_ADD_SOURCE_MEMBERSHIP,
  IP_DROP_MEMBERSHIP,
  IP_DROP_SOURCE_MEMBERSHIP,
  IP_MULTICAST_IF,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_ADD_MEMBERSHIP,
  IPV6_DROP_MEMBERSHIP,
  IPV6_MULTICAST_HOPS,
  IPV6_MULTICAST_IF,
  IPV6_MULTICAST_LOOP,
  IPV6_UNICAST_HOPS,
  rawSetsockopt,
  rawSetsockoptInt,
} from '../sys/socket.js'

const MCAST_JOIN_SOURCE_GROUP = 46
const MCAST_LEAVE_SOURCE_GROUP = 47

/** An address's bytes without its socket: 4 or 16, and the interface that an IPv6 scope names; or null. */
function parsed(text: string): { bytes: Uint8Array; scope: number; whole: Uint8Array } | null {
  const version = isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0
  if (version === 0) return null
  const whole = new Uint8Array(ADDRESS_BYTES)
  try {
    encodeAddress({ family: version === 4 ? 'IPv4' : 'IPv6', address: text, port: 0 } as Address, whole)
  } catch {
    // A scope that names no interface: as good as none.
    return parsed(text.slice(0, text.indexOf('%')))
  }
  const bytes = version === 4 ? whole.slice(4, 8) : whole.slice(8, 24)
  return { bytes, scope: version === 4 ? 0 : new DataView(whole.buffer).getUint32(24, true), whole }
}

/** As the man pages' structures want an int that came from a program. @returns 0 or a negative errno */
export function setTtl(fd: number, v6: boolean, ttl: number): number {
  const value = ttl | 0
  if (value < 1 || value > 255) return -errnos.EINVAL
  return v6
    ? rawSetsockoptInt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, value)
    : rawSetsockoptInt(fd, IPPROTO_IP, IP_TTL, value)
}

/** @returns 0 or a negative errno */
export function setMulticastTtl(fd: number, v6: boolean, ttl: number): number {
  return v6
    ? rawSetsockoptInt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ttl | 0)
    : rawSetsockoptInt(fd, IPPROTO_IP, IP_MULTICAST_TTL, ttl | 0)
}

/** @returns 0 or a negative errno */
export function setMulticastLoopback(fd: number, v6: boolean, on: boolean): number {
  return v6
    ? rawSetsockoptInt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, on ? 1 : 0)
    : rawSetsockoptInt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, on ? 1 : 0)
}

/** @returns 0 or a negative errno */
export function setMulticastInterface(fd: number, name: string): number {
  const place = parsed(name)
  if (place === null) return -errnos.EINVAL
  if (place.bytes.length === 4) return rawSetsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, place.bytes, 4)
  return rawSetsockoptInt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, place.scope)
}

/** Whether a group is one of IPv6; -1: it is no address. */
export function versionOf(group: string): 4 | 6 | -1 {
  const place = parsed(String(group))
  return place === null ? -1 : place.bytes.length === 4 ? 4 : 6
}

/** @returns 0 or a negative errno */
export function setMembership(fd: number, group: string, onto: string | undefined, joins: boolean): number {
  const place = parsed(group)
  const through = onto === undefined ? null : parsed(onto)
  if (place === null || (onto !== undefined && through?.bytes.length !== place.bytes.length)) {
    return -errnos.EINVAL
  }
  if (place.bytes.length === 4) {
    const request = new Uint8Array(8)
    request.set(place.bytes, 0)
    if (through !== null) request.set(through.bytes, 4)
    return rawSetsockopt(fd, IPPROTO_IP, joins ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, request, 8)
  }
  const request = new Uint8Array(20)
  request.set(place.bytes, 0)
  new DataView(request.buffer).setUint32(16, through?.scope ?? 0, true)
  return rawSetsockopt(fd, IPPROTO_IPV6, joins ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP, request, 20)
}

/** @returns 0 or a negative errno */
export function setSourceMembership(
  fd: number,
  source: string,
  group: string,
  onto: string | undefined,
  joins: boolean,
): number {
  const from = parsed(source)
  const place = parsed(group)
  const through = onto === undefined ? null : parsed(onto)
  if (
    from === null ||
    place === null ||
    from.bytes.length !== place.bytes.length ||
    (onto !== undefined && through?.bytes.length !== place.bytes.length)
  ) {
    return -errnos.EINVAL
  }
  if (place.bytes.length === 4) {
    const request = new Uint8Array(12)
    request.set(place.bytes, 0)
    if (through !== null) request.set(through.bytes, 4)
    request.set(from.bytes, 8)
    const name = joins ? IP_ADD_SOURCE_MEMBERSHIP : IP_DROP_SOURCE_MEMBERSHIP
    return rawSetsockopt(fd, IPPROTO_IP, name, request, 12)
  }
  const request = new Uint8Array(8 + 2 * ADDRESS_BYTES)
  new DataView(request.buffer).setUint32(0, through?.scope ?? 0, true)
  request.set(place.whole, 8)
  request.set(from.whole, 8 + ADDRESS_BYTES)
  const name = joins ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP
  return rawSetsockopt(fd, IPPROTO_IPV6, name, request, request.length)
}
