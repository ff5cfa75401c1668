/** From what a user names (a host and a port, or a path) to socket addresses. */
import { lookup } from 'node:dns/promises'
import { unlinkSync } from 'node:fs'
import { isIP } from 'node:net'
import { ADDRESS_BYTES, type Address, AF_INET, AF_INET6, AF_UNIX, encodeAddress } from '../sys/address.js'

export interface Named {
  hostname?: string | undefined
  port?: number | undefined
  path?: string | undefined
}

/** Every address a name stands for, in the resolver's order. A path and an IP need no resolver. */
export async function resolve({ hostname = '127.0.0.1', port = 0, path }: Named): Promise<Address[]> {
  if (path !== undefined) return [{ family: 'Unix', path }]
  const literal = literalAddress(hostname, port)
  if (literal !== null) return [literal]
  const found = await lookup(hostname, { all: true, verbatim: true })
  return found.map(({ address, family }) => ({ family: family === 6 ? 'IPv6' : 'IPv4', address, port }))
}

/** An address given as a literal, or null where it takes a resolver. */
export function literalAddress(hostname: string, port: number): Address | null {
  const version = isIP(hostname)
  if (version === 0) return null
  return { family: version === 6 ? 'IPv6' : 'IPv4', address: hostname, port }
}

export function familyOf(address: Address): number {
  return address.family === 'Unix' ? AF_UNIX : address.family === 'IPv6' ? AF_INET6 : AF_INET
}

/** The address as the kernel reads it, in memory of its own. */
export function encoded(address: Address): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_BYTES)
  return bytes.slice(0, encodeAddress(address, bytes))
}

/** For `reusePort`. @throws ERR_INVALID_ARG_VALUE for a Unix socket */
export function requirePorts(address: Address): void {
  if (address.family !== 'Unix') return
  throw Object.assign(new TypeError('reusePort is for TCP and UDP: a Unix socket has no port to share'), {
    code: 'ERR_INVALID_ARG_VALUE',
  })
}

/** The fields an error about this address carries. */
export function placeOf(address: Address): { path?: string; address?: string; port?: number } {
  return address.family === 'Unix' ? { path: address.path } : { address: address.address, port: address.port }
}

/**
 * Unlinks the name of a Unix socket that is about to be closed. Not later: by then the name could be another's.
 */
export function removeName(address: Address): void {
  if (address.family !== 'Unix' || address.path === '' || address.path.startsWith('\0')) return
  try {
    unlinkSync(address.path)
  } catch {
    // Somebody was faster, or it is not ours to remove.
  }
}
