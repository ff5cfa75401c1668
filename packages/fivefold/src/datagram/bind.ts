/** bind(): how a datagram socket is made. */
import { engineFor } from '../loop/engine.js'
import { openSocket } from '../stream/open.js'
import { encoded, placeOf, requirePorts, resolve } from '../stream/resolve.js'
import { rawClose } from '../sys/descriptor.js'
import { check } from '../sys/errno.js'
import { rawBind, rawConnect, SO_REUSEPORT, SOCK_DGRAM, SOL_SOCKET, setsockoptInt } from '../sys/socket.js'
import type { BindOptions } from './handlers.js'
import { DatagramSocket } from './socket.js'

/**
 * Makes a datagram socket: UDP (`hostname`, `port`) or Unix (`path`).
 * @throws (rejects with) EADDRINUSE, EACCES, … with `syscall`, `address`, `port` or `path`; what a named model's
 *   probe says where it cannot work
 */
export async function bind(options: BindOptions): Promise<DatagramSocket> {
  const engine = engineFor(options.model, options.host, options.tuning)
  const [address] = await resolve(options)
  if (options.reusePort) requirePorts(address!)
  const peer = options.connect === undefined ? undefined : (await resolve(options.connect))[0]
  const fd = openSocket(address!, SOCK_DGRAM, engine.model.limits)
  try {
    if (options.reusePort) setsockoptInt(fd, SOL_SOCKET, SO_REUSEPORT, 1)
    const bytes = encoded(address!)
    check(rawBind(fd, bytes, bytes.length), 'bind', placeOf(address!))
    if (peer !== undefined) {
      const to = encoded(peer)
      check(rawConnect(fd, to, to.length), 'connect', placeOf(peer))
    }
    return new DatagramSocket(engine, fd, options, peer)
  } catch (error) {
    rawClose(fd)
    throw error
  }
}
