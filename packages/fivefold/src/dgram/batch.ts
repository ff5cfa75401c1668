/** Many datagrams in one system call: sendmmsg(2), and large sends that the kernel cuts (UDP_SEGMENT). */
import { isIP } from 'node:net'
import type { DatagramSocket } from '../datagram/socket.js'
import { uncaught } from '../stream/socket.js'
import { type Address, decodeAddress } from '../sys/address.js'
import { errnos } from '../sys/errno.js'
import { MessageBatch, segments, sendmsg } from '../sys/message.js'
import { MSG_DONTWAIT, MSG_NOSIGNAL } from '../sys/socket.js'
import { bytesOf, isPort } from './arguments.js'
import { invalid, isConnected, outOfRange, placeError } from './errors.js'
import { addressBytes } from './open.js'
import { CONNECTED, type State } from './state.js'

/** One message of a batch. */
export interface BatchMessage {
  data: string | NodeJS.ArrayBufferView
  /** Of UDP; not for a connected socket. */
  port?: number
  /** An IP address, which is not looked up (this machine unless told otherwise); of a Unix socket, the name. */
  address?: string
  /**
   * The message is several: datagrams of so many bytes, the last one perhaps shorter. The kernel cuts it, in one passage
   * through its stack (UDP_SEGMENT, Linux 4.18); where it cannot, they are sent one by one.
   */
  segmentBytes?: number
}

/** `error`: the first that happened; `sent`: how many datagrams went. */
export type BatchCallback = (error: Error | null, sent: number) => void

interface Item {
  bytes: Uint8Array
  /** Null: the connected peer. */
  to: Uint8Array | null
  place: BatchMessage
  segmentBytes: number
}

const FLAGS = MSG_NOSIGNAL | MSG_DONTWAIT
const AT_ONCE = 64
/** What is longer goes by itself: the copy would cost more than the call. */
const SMALL = 2048
/** What the kernel cuts at most: segments (UDP_MAX_SEGMENTS of older kernels), and bytes of them all. */
const MOST_SEGMENTS = 64
const MOST_SEGMENTED = 65_000

// One for the thread: it is filled and sent in one breath.
let shared: MessageBatch | null = null

/** @throws ERR_INVALID_ARG_VALUE, ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE, ERR_SOCKET_DGRAM_IS_CONNECTED, before anything is sent */
export function batchItems(state: State, messages: readonly BatchMessage[]): Item[] {
  const connected = state.connectState === CONNECTED
  return messages.map((message) => {
    const { port, address, segmentBytes = 0 } = message
    if (!Number.isInteger(segmentBytes) || segmentBytes < 0 || segmentBytes > 65_507) {
      throw outOfRange(`segmentBytes is 1 to 65507, not ${segmentBytes}`)
    }
    const bytes = bytesOf(state.type, message.data)
    return { bytes, to: destination(state, connected, port, address), place: message, segmentBytes }
  })
}

function destination(
  state: State,
  connected: boolean,
  port: number | undefined,
  address: string | undefined,
): Uint8Array | null {
  if (connected) {
    if (port !== undefined || address !== undefined) throw isConnected()
    return null
  }
  const host = address || (state.type === 'udp6' ? '::1' : '127.0.0.1')
  if (state.unix ? !address : !isPort(port) || isIP(host) === 0) {
    throw invalid(
      state.unix ? 'a message needs a name to go to' : 'a message needs a port, and an IP address',
    )
  }
  const number = state.unix ? 0 : Number(port)
  const known = state.known.get(host, number)
  if (known !== undefined) return known
  const bytes = addressBytes(state.type, host, number)
  if (bytes === null) throw invalid(`${host} is no address of a ${state.type} socket`)
  state.known.set(host, number, bytes)
  return bytes
}

/** Sends what `batchItems` made, now that the socket is bound. */
export function sendItems(state: State, items: readonly Item[], callback: BatchCallback | undefined): void {
  const { socket } = state
  if (socket === null) return
  const outcome = new Outcome(callback)
  socket.stir()
  let at = 0
  while (at < items.length) {
    // Behind what waits everything waits, in its order.
    const taken = socket.sending.count > 0 ? 0 : together(socket, items, at, outcome)
    at += taken
    // What is next was refused, or is not for a batch: by itself it waits, or is told why.
    if (taken === 0) alone(socket, items[at++]!, outcome, state)
  }
  outcome.begun()
}

/** @returns how many of the items, from `first` on, were sent in one call */
function together(socket: DatagramSocket, items: readonly Item[], first: number, outcome: Outcome): number {
  const batch = (shared ??= new MessageBatch(AT_ONCE, SMALL))
  let count = 0
  while (count < AT_ONCE && first + count < items.length) {
    const { bytes, to, segmentBytes } = items[first + count]!
    if (segmentBytes > 0 || bytes.length > SMALL) break
    batch.set(count++, bytes, addressOf(to))
  }
  if (count === 0) return 0
  let sent: number
  do sent = batch.rawSend(socket.fd, count, FLAGS)
  while (sent === -errnos.EINTR)
  if (sent <= 0) return 0
  outcome.sent += sent
  return sent
}

function alone(socket: DatagramSocket, item: Item, outcome: Outcome, state: State): void {
  const { bytes, segmentBytes, place } = item
  const to = item.to ?? (socket.inTurn ? state.peer : null)
  if (segmentBytes === 0) {
    outcome.expect(place, (told) => socket.sendNow(bytes, to, told))
    return
  }
  // A Unix socket would take no notice of the control message, and send it all as one: unix(7).
  const once = Math.min(segmentBytes * MOST_SEGMENTS, MOST_SEGMENTED - (MOST_SEGMENTED % segmentBytes))
  for (let at = 0; at < bytes.length || at === 0; at += Math.max(once, segmentBytes)) {
    const part = bytes.subarray(at, at + Math.max(once, segmentBytes))
    if (
      !state.unix &&
      socket.sending.count === 0 &&
      part.length > segmentBytes &&
      cutByKernel(socket, part, to, segmentBytes)
    ) {
      outcome.sent += Math.ceil(part.length / segmentBytes)
      continue
    }
    for (let from = 0; from < part.length || from === 0; from += segmentBytes) {
      outcome.expect(place, (told) => socket.sendNow(part.subarray(from, from + segmentBytes), to, told))
    }
  }
}

function cutByKernel(
  socket: DatagramSocket,
  data: Uint8Array,
  to: Uint8Array | null,
  segmentBytes: number,
): boolean {
  const address = addressOf(to)
  try {
    const message = { data, control: [segments(segmentBytes)] }
    sendmsg(socket.fd, address === null ? message : { ...message, to: address }, FLAGS)
    return true
  } catch {
    // No such thing here (an old kernel), or no room now: one by one it works, or tells why not.
    return false
  }
}

const addressOf = (bytes: Uint8Array | null): Address | null =>
  bytes === null ? null : decodeAddress(bytes, bytes.length)

/** Counts what becomes of a batch, and tells it once. */
class Outcome {
  sent = 0
  #waiting = 0
  #error: Error | null = null
  #callback: BatchCallback | undefined
  #begun = false

  constructor(callback: BatchCallback | undefined) {
    this.#callback = callback
  }

  expect({ address, port }: BatchMessage, send: (told: (result: number) => void) => void): void {
    this.#waiting++
    send((result) => {
      this.#waiting--
      if (result >= 0) this.sent++
      else this.#error ??= placeError(result, 'send', address, port)
      if (this.#begun) this.#tellAtEnd()
    })
  }

  begun(): void {
    this.#begun = true
    this.#tellAtEnd()
  }

  #tellAtEnd(): void {
    const callback = this.#callback
    if (this.#waiting > 0 || callback === undefined) return
    this.#callback = undefined
    process.nextTick(() => {
      try {
        callback(this.#error, this.sent)
      } catch (error) {
        uncaught(error)
      }
    })
  }
}
