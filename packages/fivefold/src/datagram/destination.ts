/** Where a datagram goes, as a user says it. */
import { literalAddress } from '../stream/resolve.js'
import type { Address } from '../sys/address.js'

/** Where a datagram goes: an address as `data` tells it, or its parts. */
export type Destination = Address | { hostname?: string; address?: string; port: number } | { path: string }

/** @throws ERR_INVALID_ARG_VALUE for a host name */
export function destination(to: Destination): Address {
  if ('path' in to) return { family: 'Unix', path: to.path }
  if ('family' in to) return to
  const hostname = to.hostname ?? to.address ?? '127.0.0.1'
  const address = literalAddress(hostname, to.port)
  if (address !== null) return address
  throw Object.assign(new TypeError(`send takes an IP address, not '${hostname}': look it up first`), {
    code: 'ERR_INVALID_ARG_VALUE',
  })
}
