/** Descriptors that are passed in: which of them are sockets for us. */
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  getsockoptInt,
  SO_DOMAIN,
  SO_TYPE,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../sys/socket.js'

/** The family of a stream socket, or -1: anything else is Node's to serve. */
export function streamFamily(fd: unknown): number {
  if (typeof fd !== 'number' || !Number.isInteger(fd) || fd < 0) return -1
  try {
    if (getsockoptInt(fd, SOL_SOCKET, SO_TYPE) !== SOCK_STREAM) return -1
    const family = getsockoptInt(fd, SOL_SOCKET, SO_DOMAIN)
    return family === AF_INET || family === AF_INET6 || family === AF_UNIX ? family : -1
  } catch {
    return -1
  }
}

/** Whether we serve it. The standard streams stay Node's: their modes are shared with other processes. */
export function adoptable(fd: number): boolean {
  return fd > 2 && streamFamily(fd) >= 0
}
