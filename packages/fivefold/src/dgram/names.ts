/** Addresses in Node's words. */
import { networkInterfaces } from 'node:os'
import { ADDRESS_BYTES, type Address, decodeAddress } from '../sys/address.js'
import { rawGetpeername, rawGetsockname } from '../sys/socket.js'
import { callError } from './errors.js'

/** As `socket.address()` gives it. */
export interface Name {
  address: string
  family: string
  /** 0 for a Unix socket. */
  port: number
}

/** A link-local address needs its interface to be answered: Node adds it, by name. */
export function textOf(address: Address): string {
  if (address.family === 'Unix') return address.path
  const { scopeId } = address
  if (scopeId === undefined || !/^fe[89ab]/i.test(address.address)) return address.address
  return `${address.address}%${interfaceName(scopeId)}`
}

const known = new Map<number, string>()

function interfaceName(index: number): string {
  let name = known.get(index)
  if (name === undefined) {
    name = Object.entries(networkInterfaces()).find(([, places]) =>
      places?.some((place) => place.family === 'IPv6' && place.scopeid === index),
    )?.[0]
    if (name === undefined) return String(index)
    known.set(index, name)
  }
  return name
}

export function nameOf(address: Address): Name {
  return {
    address: textOf(address),
    family: address.family,
    port: address.family === 'Unix' ? 0 : address.port,
  }
}

const bytes = new Uint8Array(ADDRESS_BYTES)
const length = new Uint32Array(1)

/** @throws as Node does: EBADF, ENOTCONN */
export function localName(fd: number): Name {
  length[0] = ADDRESS_BYTES
  const result = rawGetsockname(fd, bytes, length)
  if (result < 0) throw callError(result, 'getsockname')
  return nameOf(decodeAddress(bytes, length[0]!))
}

/** @throws as Node does: EBADF, ENOTCONN */
export function peerName(fd: number): Name {
  length[0] = ADDRESS_BYTES
  const result = rawGetpeername(fd, bytes, length)
  if (result < 0) throw callError(result, 'getpeername')
  return nameOf(decodeAddress(bytes, length[0]!))
}
