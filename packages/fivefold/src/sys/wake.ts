/**
 * One thread sleeps until another sends it a byte: recvfrom(2) on a socket with SO_RCVTIMEO, and sendto(2) on the
 * other end. Called by their numbers, because they carry nobody's data: what a seam does to recv and send is
 * meant for calls that do.
 */
import { bind, errno, type Pointer } from './ffi.js'
import { SYS } from './platform.js'
import { MSG_DONTWAIT, MSG_NOSIGNAL } from './socket.js'

type Transfer = (
  number: number,
  fd: number,
  memory: Pointer,
  length: number,
  flags: number,
  address: null,
  addressLength: null,
) => number

const transferC = bind<Transfer>('syscall', 'long', [
  'long',
  'long',
  'pointer',
  'size_t',
  'long',
  'pointer',
  'pointer',
])

const byte = Buffer.allocUnsafeSlow(1)

/** @returns 1, or a negative errno: EAGAIN when the time is up, EINTR after a signal */
export function rawSleepUntilByte(fd: number): number {
  const received = transferC(SYS.recvfrom, fd, byte, 1, 0, null, null)
  return received === -1 ? -errno() : received
}

/** Does not wait. @returns 1, or a negative errno: EAGAIN when there are bytes enough to wake the sleeper */
export function rawSendByte(fd: number): number {
  const sent = transferC(SYS.sendto, fd, byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL, null, null)
  return sent === -1 ? -errno() : sent
}
