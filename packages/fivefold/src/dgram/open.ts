/** Descriptors for sockets of this face: opened, bound, or passed in. */
import type { Limits } from '../models/model.js'
import { cureOf } from '../stream/open.js'
import { ADDRESS_BYTES, type Address, encodeAddress } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import { errnos, systemError } from '../sys/errno.js'
import { setNonBlocking } from '../sys/fcntl.js'
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  getsockoptInt,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  rawBind,
  rawSetsockoptInt,
  rawSocket,
  SO_DOMAIN,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_TYPE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from '../sys/socket.js'
import type { SocketType, State } from './state.js'

export const familyOf = (type: SocketType) =>
  type === 'udp4' ? AF_INET : type === 'udp6' ? AF_INET6 : AF_UNIX

/** @throws EMFILE, ENFILE, ENOBUFS with the cure; EAFNOSUPPORT */
export function openDescriptor(type: SocketType, { nonBlocking }: Limits): number {
  const fd = rawSocket(familyOf(type), SOCK_DGRAM | SOCK_CLOEXEC | (nonBlocking ? SOCK_NONBLOCK : 0), 0)
  if (fd < 0) throw systemError(fd, 'socket', cureOf(fd))
  return fd
}

/** The address as the kernel reads it, or null: it is none of this type's. */
export function addressBytes(type: SocketType, name: string, port: number): Uint8Array | null {
  const bytes = new Uint8Array(ADDRESS_BYTES)
  const address: Address =
    type === 'unix_dgram'
      ? { family: 'Unix', path: name }
      : { family: type === 'udp4' ? 'IPv4' : 'IPv6', address: name, port }
  try {
    return bytes.slice(0, encodeAddress(address, bytes))
  } catch {
    return null
  }
}

/** bind(2) with the options that come before it. @returns 0 or a negative errno */
export function bindDescriptor(state: State, fd: number, name: string, port: number): number {
  const address = addressBytes(state.type, name, port)
  if (address === null) return -errnos.EINVAL
  const options: [boolean, number, number][] = [
    [state.reuseAddr, SOL_SOCKET, SO_REUSEADDR],
    [state.reusePort, SOL_SOCKET, SO_REUSEPORT],
    [state.ipv6Only, IPPROTO_IPV6, IPV6_V6ONLY],
  ]
  if (!state.unix) {
    for (const [wanted, level, option] of options) {
      const result = wanted ? rawSetsockoptInt(fd, level, option, 1) : 0
      if (result < 0) return result
    }
  }
  return rawBind(fd, address, address.length)
}

/** A descriptor for what libuv gives one before bind: it is bound then, to any port, so that others may share it. */
export function openEarly(state: State, type: SocketType): number {
  if (state.fd >= 0) return 0
  const fd = openDescriptor(type, state.engine().model.limits)
  rawSetsockoptInt(fd, SOL_SOCKET, SO_REUSEADDR, 1)
  const address = addressBytes(type, type === 'udp4' ? '0.0.0.0' : '::', 0)!
  const result = rawBind(fd, address, address.length)
  if (result < 0) rawClose(fd)
  else state.fd = fd
  return result
}

/** Whether a descriptor is a datagram socket that this type of socket can be. */
export function adoptable(type: SocketType, fd: number): boolean {
  try {
    if (getsockoptInt(fd, SOL_SOCKET, SO_TYPE) !== SOCK_DGRAM) return false
    const family = getsockoptInt(fd, SOL_SOCKET, SO_DOMAIN)
    return type === 'unix_dgram' ? family === AF_UNIX : family === AF_INET || family === AF_INET6
  } catch {
    return false
  }
}

export function adopt(fd: number, { nonBlocking }: Limits): void {
  setNonBlocking(fd, nonBlocking)
}
