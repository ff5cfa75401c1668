/** connect(2) of an operation, as far as it goes without waiting. */
import { rawConnect, rawSocketError } from '../sys/socket.js'
import type { Operation } from './operation.js'

/** Begins it. @returns 0 or a negative errno; -EINPROGRESS: it goes on by itself, and the socket is writable when it is over */
export function connectNow(operation: Operation): number {
  const { address } = operation
  const result = rawConnect(operation.fd, address, address!.length)
  // Interrupted, a connect goes on by itself: connect(2).
  return result === -EINTR ? -EINPROGRESS : result
}

/** The socket is writable, they say. @returns what came of it: 0 or a negative errno; -EINPROGRESS: nothing yet */
export function connected(operation: Operation): number {
  const error = rawSocketError(operation.fd)
  if (error !== 0) return error < 0 ? error : -error
  // The report may have been a mere hint: connect once more tells for sure. Whoever hears of each event once
  // has had it, so an interruption is no answer.
  let result: number
  do result = rawConnect(operation.fd, operation.address, operation.address!.length)
  while (result === -EINTR)
  if (result === -EISCONN) return 0
  return result === -EALREADY ? -EINPROGRESS : result
}

const EINTR = 4
const EISCONN = 106
const EALREADY = 114
const EINPROGRESS = 115
