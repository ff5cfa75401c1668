/** What the kernel tells beside a datagram: when it came, and how many it is. */
import type { Limits } from '../models/model.js'
import { controlSpace, decodeControl, segmentSizeIn, timestampIn } from '../sys/message.js'
import { SO_TIMESTAMPNS, SOL_SOCKET, SOL_UDP, setsockoptInt, UDP_GRO } from '../sys/socket.js'

export interface ControlOptions {
  timestamps?: boolean | undefined
  gro?: boolean | undefined
}

/** Room for a timestamp (`struct timespec`) and a segment size (int). */
const ROOM = controlSpace(16) + controlSpace(4)

/**
 * Asks the kernel for what is wanted.
 * @returns the room that it takes, 0 for none
 * @throws ENOTSUP for a model that cannot bring it; ENOPROTOOPT, EOPNOTSUPP where the kernel or the socket has no GRO
 */
export function askForControl(fd: number, { timestamps, gro }: ControlOptions, limits: Limits): number {
  if (!timestamps && !gro) return 0
  if (!limits.control) {
    const message = 'this model brings no control data with datagrams: timestamps and gro take another one'
    throw Object.assign(new Error(message), { code: 'ENOTSUP' })
  }
  if (timestamps) setsockoptInt(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1)
  if (gro) setsockoptInt(fd, SOL_UDP, UDP_GRO, 1)
  return ROOM
}

/** @returns when the datagram came, and the size of each of those that came as one, or 0 */
export function readControl(control: Uint8Array): { timestampNs: bigint | undefined; segmentBytes: number } {
  const messages = decodeControl(control, control.length)
  const stamp = timestampIn(messages)
  return {
    timestampNs:
      stamp === null ? undefined : BigInt(stamp.seconds) * 1_000_000_000n + BigInt(stamp.nanoseconds),
    segmentBytes: segmentSizeIn(messages) ?? 0,
  }
}
