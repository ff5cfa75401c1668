/** What the kernel knows about a socket, in Node's words. */
import { ADDRESS_BYTES, decodeAddress } from '../sys/address.js'
import type { Pointer } from '../sys/ffi.js'
import {
  type Credentials,
  getsockopt,
  getsockoptInt,
  peerCredentials,
  rawGetpeername,
  rawGetsockname,
  setsockopt,
  setsockoptInt,
} from '../sys/socket.js'

export { type Credentials, peerCredentials }

/** As `socket.address()` gives it: empty where there is none. */
export interface Name {
  address?: string
  family?: string
  port?: number
}

const bytes = new Uint8Array(ADDRESS_BYTES)
const length = new Uint32Array(1)

function nameBy(ask: (fd: number, addr: Pointer, addrlen: Pointer) => number, fd: number): Name | null {
  length[0] = ADDRESS_BYTES
  if (ask(fd, bytes, length) < 0) return null
  const address = decodeAddress(bytes, length[0]!)
  // Node gives a Unix socket no address: its name is the server's.
  if (address.family === 'Unix') return {}
  return { address: address.address, family: address.family, port: address.port }
}

export function localOf(fd: number): Name | null {
  return nameBy(rawGetsockname, fd)
}

export function peerOf(fd: number): Name | null {
  return nameBy(rawGetpeername, fd)
}

export function setOption(
  fd: number,
  level: number,
  name: number,
  value: number | NodeJS.ArrayBufferView,
): void {
  if (typeof value === 'number') setsockoptInt(fd, level, name, value)
  else setsockopt(fd, level, name, value)
}

export function getOption(fd: number, level: number, name: number, into?: NodeJS.ArrayBufferView): number {
  return into === undefined ? getsockoptInt(fd, level, name) : getsockopt(fd, level, name, into)
}
