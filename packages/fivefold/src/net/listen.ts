/** Descriptors that listen, as Node's servers want them. */

import { isIPv6 } from 'node:net'
import type { Engine } from '../loop/engine.js'
import { encoded, familyOf } from '../stream/resolve.js'
import type { Address } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import { errnos } from '../sys/errno.js'
import { setNonBlocking } from '../sys/fcntl.js'
import {
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  rawBind,
  rawListen,
  rawSetsockoptInt,
  rawSocket,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../sys/socket.js'
import { streamFamily } from './adopt.js'

export interface ListenFlags {
  ipv6Only: boolean
  reusePort: boolean
}

/** A listening descriptor, or a negative errno. */
export interface Opened {
  fd: number
  errno: number
  /** It came from elsewhere: others may listen on the same socket. */
  shared?: boolean
}

export function listenPort(
  address: string,
  port: number,
  backlog: number,
  engine: Engine,
  flags: ListenFlags,
): Opened {
  const place: Address = { family: isIPv6(address) ? 'IPv6' : 'IPv4', address, port }
  return open(place, backlog, engine, (fd) => {
    rawSetsockoptInt(fd, SOL_SOCKET, SO_REUSEADDR, 1)
    if (flags.reusePort) rawSetsockoptInt(fd, SOL_SOCKET, SO_REUSEPORT, 1)
    if (place.family === 'IPv6') rawSetsockoptInt(fd, IPPROTO_IPV6, IPV6_V6ONLY, flags.ipv6Only ? 1 : 0)
  })
}

export function listenPath(path: string, backlog: number, engine: Engine): Opened {
  const opened = open({ family: 'Unix', path }, backlog, engine, () => {})
  // As in libuv: a folder that is not there is one where nothing may be made.
  return opened.errno === -errnos.ENOENT ? { fd: -1, errno: -errnos.EACCES } : opened
}

/** One that was passed in; it is the server's from now on. */
export function listenDescriptor(fd: number, backlog: number, engine: Engine): Opened {
  if (streamFamily(fd) < 0) return { fd: -1, errno: -errnos.EINVAL }
  setNonBlocking(fd, engine.model.limits.nonBlocking)
  const errno = rawListen(fd, backlog)
  return errno < 0 ? { fd: -1, errno } : { fd, errno: 0, shared: true }
}

function open(address: Address, backlog: number, engine: Engine, prepare: (fd: number) => void): Opened {
  let bytes: Uint8Array
  try {
    bytes = encoded(address)
  } catch {
    return { fd: -1, errno: -errnos.EINVAL }
  }
  const flags = SOCK_STREAM | SOCK_CLOEXEC | (engine.model.limits.nonBlocking ? SOCK_NONBLOCK : 0)
  const fd = rawSocket(familyOf(address), flags, 0)
  if (fd < 0) return { fd: -1, errno: fd }
  prepare(fd)
  let errno = rawBind(fd, bytes, bytes.length)
  if (errno === 0) errno = rawListen(fd, backlog)
  if (errno === 0) return { fd, errno }
  rawClose(fd)
  return { fd: -1, errno }
}
