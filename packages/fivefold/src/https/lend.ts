/**
 * A TLSSocket that works on one of our sockets has no handle of Node's to ask who the peer is: it gets the answers,
 * and the settings, of the socket below.
 */
import type { TLSSocket } from 'node:tls'
import { isOurs, type SocketBody } from '../net/socket.js'

const answers = [
  'remoteAddress',
  'remoteFamily',
  'remotePort',
  'localAddress',
  'localFamily',
  'localPort',
] as const
const settings = ['address', 'setNoDelay', 'setKeepAlive', 'ref', 'unref'] as const

export function lend(secure: TLSSocket): void {
  const below = (secure as unknown as { _parent: unknown })._parent
  if (!isOurs(below)) return
  const lent: PropertyDescriptorMap = {}
  for (const name of answers) lent[name] = { configurable: true, enumerable: true, get: () => below[name] }
  for (const name of settings) {
    const setting = below[name] as (...args: unknown[]) => unknown
    lent[name] = {
      configurable: true,
      writable: true,
      value(...args: unknown[]) {
        const result = setting.apply(below, args)
        return result === (below as SocketBody) ? secure : result
      },
    }
  }
  Object.defineProperties(secure, lent)
}
