/** send(2) and sendto(2) of an operation, as far as they go without waiting. */
import { Buffer } from 'node:buffer'
import { MSG_DONTWAIT, MSG_NOSIGNAL, rawSend, rawSendto } from '../sys/socket.js'
import type { Operation } from './operation.js'

const FLAGS = MSG_NOSIGNAL | MSG_DONTWAIT
const EFAULT = 14

/** Small buffers are gathered into one send of up to so many bytes: cheaper than a list of their addresses. */
const GATHER = 64 * 1024
const gathered = Buffer.allocUnsafeSlow(GATHER)

/** Offers what is left of a send to the kernel, once. @returns the bytes it took, or a negative errno */
export function sendNow(operation: Operation): number {
  const { buffers, index, offset } = operation
  const first = buffers[index]
  if (first === undefined) return 0
  // Its owner has transferred it, and what is left of it is not there any more.
  if (first.length < offset) return -EFAULT
  if (index + 1 === buffers.length || first.length - offset >= GATHER / 4) {
    if (first.length === 0) return 0
    const rest = offset === 0 ? first : first.subarray(offset)
    return rawSend(operation.fd, rest, rest.length, FLAGS)
  }
  let length = 0
  let skip = offset
  for (let next = index; next < buffers.length && length < GATHER; next++) {
    const buffer = buffers[next]!
    if (buffer.length === 0) continue
    const part = buffer.subarray(skip, skip + GATHER - length)
    gathered.set(part, length)
    length += part.length
    skip = 0
  }
  return length === 0 ? 0 : rawSend(operation.fd, gathered, length, FLAGS)
}

/** Offers a datagram to the kernel, once. @returns its bytes, or a negative errno */
export function sendtoNow(operation: Operation): number {
  const data = operation.buffers[0]!
  const { fd, address } = operation
  return rawSendto(fd, data, data.length, FLAGS, address, address === null ? 0 : address.length)
}
