/**
 * Messages: several buffers in one call, control data beside them (descriptors, credentials, timestamps), and
 * several messages in one call: sendmsg, recvmsg, sendmmsg, recvmmsg.
 *
 * Everything here has the kernel's own layout. glibc's `struct msghdr` is that one; musl's declares two narrower
 * lengths with padding after them, which on little-endian machines is the same bytes while the padding is zero,
 * as it is here.
 *
 * Source: sendmsg(2), recvmsg(2), sendmmsg(2), recvmmsg(2), cmsg(3), unix(7) of man-pages 6.03; Linux 6.18
 * include/linux/socket.h.
 */
import { ADDRESS_BYTES, type Address, decodeAddress, encodeAddress, type SocketAddress } from './address.js'
import { check, errnos, systemError } from './errno.js'
import { addressOf, bind, errno, type Pointer } from './ffi.js'
import { requireStable } from './memory.js'
import {
  type Credentials,
  IPPROTO_UDP,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_NOSIGNAL,
  MSG_TRUNC,
  placeOf,
  rawRecvmsg,
  rawSendmsg,
  SO_TIMESTAMP,
  SO_TIMESTAMPNS,
  SOL_SOCKET,
  UCRED_BYTES,
  UDP_GRO,
  UDP_SEGMENT,
} from './socket.js'

type Mmsg = (fd: number, mmsghdrs: Pointer, count: number, flags: number, timespec: Pointer) => number
const recvmmsgC = bind<Mmsg>('recvmmsg', 'int', ['int', 'pointer', 'unsigned', 'int', 'pointer'])
const sendmmsgC = bind<(fd: number, mmsghdrs: Pointer, count: number, flags: number) => number>(
  'sendmmsg',
  'int',
  ['int', 'pointer', 'unsigned', 'int'],
)

/** `struct iovec`: where and how long. */
export const IOVEC = { size: 16, base: 0, length: 8 } as const
/** `struct msghdr`. */
export const MSGHDR = {
  size: 56,
  name: 0,
  namelen: 8,
  iov: 16,
  iovlen: 24,
  control: 32,
  controllen: 40,
  flags: 48,
} as const
/** `struct mmsghdr`: a msghdr, and the bytes it carried. */
export const MMSGHDR = { size: 64, length: 56 } as const
/** `struct cmsghdr`: its length counts the header, its data follow. */
export const CMSGHDR = { size: 16, length: 0, level: 8, type: 12 } as const

/** Open descriptors, as `int[]`. */
export const SCM_RIGHTS = 1
/** `struct ucred`. */
export const SCM_CREDENTIALS = 2
/** When the kernel received the message, as `struct timeval`: SO_TIMESTAMP. */
export const SCM_TIMESTAMP: number = SO_TIMESTAMP
/** The same as `struct timespec`: SO_TIMESTAMPNS. */
export const SCM_TIMESTAMPNS: number = SO_TIMESTAMPNS
/** The most descriptors one message can carry (include/net/scm.h). */
export const SCM_MAX_FD = 253

const EINTR = -errnos.EINTR

/**
 * recvmmsg(2).
 * @param mmsghdrs `struct mmsghdr[count]`; lengths and flags are overwritten
 * @param timespec how long it may go on, or null. Looked at after each message only: it does not end a wait for
 * one that never comes (BUGS in the man page)
 * @returns how many messages came, or a negative errno
 */
export function rawRecvmmsg(
  fd: number,
  mmsghdrs: Pointer,
  count: number,
  flags: number,
  timespec: Pointer,
): number {
  const n = recvmmsgC(fd, mmsghdrs, count, flags, timespec)
  return n < 0 ? -errno() : n
}

/** sendmmsg(2). @returns how many messages were taken, or (when it is the first that fails) a negative errno */
export function rawSendmmsg(fd: number, mmsghdrs: Pointer, count: number, flags: number): number {
  const n = sendmmsgC(fd, mmsghdrs, count, flags)
  return n < 0 ? -errno() : n
}

// ---------------------------------------------------------------- control data

/** One piece of control data. */
export interface ControlMessage {
  /** SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP… */
  level: number
  /** SCM_*, or what the level defines. */
  type: number
  data: Uint8Array
}

/** CMSG_SPACE(3): the room a piece of control data with `bytes` of data takes. */
export function controlSpace(bytes: number): number {
  return CMSGHDR.size + align(bytes)
}

function align(bytes: number): number {
  return Math.ceil(bytes / 8) * 8
}

/**
 * Writes control data as sendmsg takes it.
 * @param into zeroed; at least the sum of the pieces' `controlSpace`
 * @returns how many bytes were written
 * @throws ERR_OUT_OF_RANGE when they do not fit
 */
export function encodeControl(messages: readonly ControlMessage[], into: Uint8Array): number {
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength)
  let at = 0
  for (const { level, type, data } of messages) {
    const space = controlSpace(data.length)
    if (at + space > into.length) {
      throw Object.assign(
        new RangeError(`${at + space} bytes of control data, and room for ${into.length}`),
        {
          code: 'ERR_OUT_OF_RANGE',
        },
      )
    }
    into.fill(0, at, at + space)
    view.setUint32(at + CMSGHDR.length, CMSGHDR.size + data.length, true)
    view.setInt32(at + CMSGHDR.level, level, true)
    view.setInt32(at + CMSGHDR.type, type, true)
    into.set(data, at + CMSGHDR.size)
    at += space
  }
  return at
}

/** Reads the control data recvmsg wrote: copies, so they outlive the buffer. */
export function decodeControl(from: Uint8Array, length: number): ControlMessage[] {
  const view = new DataView(from.buffer, from.byteOffset, from.byteLength)
  const messages: ControlMessage[] = []
  let at = 0
  while (at + CMSGHDR.size <= length) {
    const bytes = view.getUint32(at + CMSGHDR.length, true)
    // Cut off (MSG_CTRUNC), a piece can claim more than there is.
    const end = Math.min(at + bytes, length)
    if (bytes < CMSGHDR.size) break
    messages.push({
      level: view.getInt32(at + CMSGHDR.level, true),
      type: view.getInt32(at + CMSGHDR.type, true),
      data: from.slice(at + CMSGHDR.size, end),
    })
    at += align(bytes)
  }
  return messages
}

/** Descriptors to send: the receiver gets its own of the same open files. At most SCM_MAX_FD. */
export function rights(fds: readonly number[]): ControlMessage {
  return { level: SOL_SOCKET, type: SCM_RIGHTS, data: new Uint8Array(Int32Array.from(fds).buffer) }
}

/** Credentials to send: one's own, or with CAP_SYS_ADMIN, CAP_SETUID and CAP_SETGID anybody's. */
export function credentials({ pid, uid, gid }: Credentials): ControlMessage {
  const data = new Uint8Array(Int32Array.of(pid, uid | 0, gid | 0).buffer)
  return { level: SOL_SOCKET, type: SCM_CREDENTIALS, data }
}

/** Cuts the message into datagrams of `bytes` each: UDP_SEGMENT, Linux 4.18. */
export function segments(bytes: number): ControlMessage {
  return { level: IPPROTO_UDP, type: UDP_SEGMENT, data: new Uint8Array(Uint16Array.of(bytes).buffer) }
}

function dataOf(control: readonly ControlMessage[], level: number, type: number): DataView | null {
  const found = control.find((message) => message.level === level && message.type === type)
  return found === undefined
    ? null
    : new DataView(found.data.buffer, found.data.byteOffset, found.data.length)
}

/** The descriptors a message brought. They are the receiver's to close, every one. */
export function fdsIn(control: readonly ControlMessage[]): number[] {
  const fds: number[] = []
  for (const { level, type, data } of control) {
    if (level !== SOL_SOCKET || type !== SCM_RIGHTS) continue
    const view = new DataView(data.buffer, data.byteOffset, data.length)
    for (let at = 0; at + 4 <= data.length; at += 4) fds.push(view.getInt32(at, true))
  }
  return fds
}

/** The sender's credentials (SO_PASSCRED was on), or null. */
export function credentialsIn(control: readonly ControlMessage[]): Credentials | null {
  const data = dataOf(control, SOL_SOCKET, SCM_CREDENTIALS)
  if (data === null || data.byteLength < UCRED_BYTES) return null
  return { pid: data.getInt32(0, true), uid: data.getUint32(4, true), gid: data.getUint32(8, true) }
}

/** When the kernel received the message (SO_TIMESTAMPNS or SO_TIMESTAMP was on), by CLOCK_REALTIME, or null. */
export function timestampIn(
  control: readonly ControlMessage[],
): { seconds: number; nanoseconds: number } | null {
  const fine = dataOf(control, SOL_SOCKET, SCM_TIMESTAMPNS)
  const data = fine ?? dataOf(control, SOL_SOCKET, SCM_TIMESTAMP)
  if (data === null || data.byteLength < 16) return null
  const rest = Number(data.getBigInt64(8, true))
  return {
    seconds: Number(data.getBigInt64(0, true)),
    nanoseconds: fine === null ? rest * 1000 : rest,
  }
}

/** The size of the datagrams that came as one (UDP_GRO was on), or null: it is one. */
export function segmentSizeIn(control: readonly ControlMessage[]): number | null {
  const data = dataOf(control, IPPROTO_UDP, UDP_GRO)
  return data === null ? null : data.getInt32(0, true)
}

// ---------------------------------------------------------------- one message

// A header holds addresses, and an address keeps nothing alive: what it points at is kept here for the length
// of the call.
const held: { memory: unknown } = { memory: null }

export function setPointer(words: Uint32Array, byte: number, address: number): void {
  words[byte >>> 2] = address >>> 0
  words[(byte >>> 2) + 1] = (address / 0x1_0000_0000) >>> 0
}

/**
 * Writes a `struct iovec`.
 * @param words where, a multiple of 8 bytes from `byte`
 * @param address of memory that the caller keeps reachable for as long as the kernel may use it
 */
export function setIovec(words: Uint32Array, byte: number, address: number, length: number): void {
  setPointer(words, byte + IOVEC.base, address)
  words[(byte + IOVEC.length) >>> 2] = length
  words[((byte + IOVEC.length) >>> 2) + 1] = 0
}

type Buffers = NodeJS.ArrayBufferView | readonly NodeJS.ArrayBufferView[]

function listOf(buffers: Buffers): readonly NodeJS.ArrayBufferView[] {
  return ArrayBuffer.isView(buffers) ? [buffers] : buffers
}

/** One `struct msghdr` with its iovecs, name and control data, in one piece of memory. */
interface Header {
  words: Uint32Array
  name: Uint8Array
  control: Uint8Array
}

function headerFor(buffers: readonly NodeJS.ArrayBufferView[], controlBytes: number): Header {
  const iovAt = MSGHDR.size
  const nameAt = iovAt + buffers.length * IOVEC.size
  const controlAt = nameAt + ADDRESS_BYTES
  const memory = new ArrayBuffer(controlAt + align(controlBytes))
  const words = new Uint32Array(memory)
  const base = addressOf(memory)
  setPointer(words, MSGHDR.name, base + nameAt)
  setPointer(words, MSGHDR.iov, base + iovAt)
  words[MSGHDR.iovlen >>> 2] = buffers.length
  if (controlBytes > 0) setPointer(words, MSGHDR.control, base + controlAt)
  words[MSGHDR.controllen >>> 2] = controlBytes
  buffers.forEach((buffer, index) => {
    requireStable(buffer)
    // The address of an empty view means nothing, and none is needed.
    const address = buffer.byteLength === 0 ? 0 : addressOf(buffer as NodeJS.TypedArray)
    setIovec(words, iovAt + index * IOVEC.size, address, buffer.byteLength)
  })
  return {
    words,
    name: new Uint8Array(memory, nameAt, ADDRESS_BYTES),
    control: new Uint8Array(memory, controlAt, controlBytes),
  }
}

/** What sendmsg sends. */
export interface OutgoingMessage {
  /** One buffer, or several that are sent as one. */
  data: Buffers
  /** The receiver; without one, the peer the socket is connected to. */
  to?: SocketAddress
  /** `rights`, `credentials`, `segments`, and others. Of a stream, they need at least one byte of data. */
  control?: readonly ControlMessage[]
}

/**
 * sendmsg(2), again after EINTR.
 * @param flags MSG_*
 * @returns the bytes taken, perhaps fewer than there are
 * @throws SystemError as `send` and `sendto`; EBADF (a descriptor to be sent), EINVAL (too many), EPERM (not one's
 * own credentials), ETOOMANYREFS, with the address; what `requireStable` refuses
 */
export function sendmsg(fd: number, message: OutgoingMessage, flags: number = MSG_NOSIGNAL): number {
  const buffers = listOf(message.data)
  const control = message.control ?? []
  const header = headerFor(
    buffers,
    control.reduce((sum, { data }) => sum + controlSpace(data.length), 0),
  )
  encodeControl(control, header.control)
  if (message.to !== undefined) header.words[MSGHDR.namelen >>> 2] = encodeAddress(message.to, header.name)
  held.memory = buffers
  let n: number
  do n = rawSendmsg(fd, header.words, flags)
  while (n === EINTR)
  held.memory = null
  if (n < 0) throw systemError(n, 'sendmsg', message.to === undefined ? undefined : placeOf(message.to))
  return n
}

/** A message as it came. */
export interface IncomingMessage {
  /** How many bytes the buffers hold. */
  bytes: number
  /** Who sent it; null where nobody can be answered: a connected stream, a Unix socket without a name. */
  from: Address | null
  /** MSG_TRUNC, MSG_CTRUNC, MSG_EOR, MSG_OOB, MSG_ERRQUEUE. */
  flags: number
  /** It was longer than the buffers; the rest is gone. */
  truncated: boolean
  /** Its control data did not fit; the descriptors among what is missing are closed already. */
  controlTruncated: boolean
  control: ControlMessage[]
}

/**
 * recvmsg(2), again after EINTR. Descriptors that arrive are closed on exec, and the caller's to close.
 * @param into one buffer, or several that are filled in turn
 * @param controlBytes room for control data: the sum of `controlSpace`. 0: none is taken, and descriptors that
 * come are dropped by the kernel, so none can leak
 * @param flags MSG_*
 * @throws SystemError as `recv`; what `requireStable` refuses
 */
export function recvmsg(fd: number, into: Buffers, controlBytes = 0, flags = 0): IncomingMessage {
  const buffers = listOf(into)
  const { words, name, control } = headerFor(buffers, controlBytes)
  held.memory = buffers
  let n: number
  do {
    words[MSGHDR.namelen >>> 2] = ADDRESS_BYTES
    words[MSGHDR.controllen >>> 2] = controlBytes
    n = rawRecvmsg(fd, words, flags | MSG_CMSG_CLOEXEC)
  } while (n === EINTR)
  held.memory = null
  check(n, 'recvmsg')
  const room = buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0)
  const namelen = words[MSGHDR.namelen >>> 2]!
  const came = words[MSGHDR.flags >>> 2]!
  return {
    // With MSG_TRUNC among `flags` the kernel answers how long the message was.
    bytes: Math.min(n, room),
    from: namelen === 0 ? null : decodeAddress(name, namelen),
    flags: came & ~MSG_CMSG_CLOEXEC,
    truncated: (came & MSG_TRUNC) !== 0,
    controlTruncated: (came & MSG_CTRUNC) !== 0,
    control: decodeControl(control, words[MSGHDR.controllen >>> 2]!),
  }
}

// ---------------------------------------------------------------- many messages

/**
 * Many messages in one call, in memory of their own that is used again: sendmmsg(2), recvmmsg(2).
 *
 * To receive: `receive`, then `data(i)`, `from(i)`, `control(i)` of the messages it counted. To send: `set(i, …)`,
 * then `send`.
 */
export class MessageBatch {
  /** The most messages in one call. */
  readonly count: number
  /** The most bytes in one message. */
  readonly bytes: number
  /** The most bytes of control data in one message. */
  readonly controlBytes: number
  readonly #memory: ArrayBuffer
  readonly #address: number
  readonly #words: Uint32Array
  readonly #iovAt: number
  readonly #names: readonly Uint8Array[]
  readonly #controls: readonly Uint8Array[]
  readonly #data: readonly Uint8Array[]

  /**
   * @param count the most messages in one call; the kernel's limit is 1024 (UIO_MAXIOV)
   * @param bytes the most bytes in one message
   * @param controlBytes the most bytes of control data in one message
   */
  constructor(count: number, bytes: number, controlBytes = 0) {
    if (!(Number.isInteger(count) && count >= 1 && count <= 1024 && bytes >= 0 && controlBytes >= 0)) {
      throw Object.assign(new RangeError(`a batch has 1 to 1024 messages, not ${count} of ${bytes} bytes`), {
        code: 'ERR_OUT_OF_RANGE',
      })
    }
    this.count = count
    this.bytes = bytes
    this.controlBytes = controlBytes
    const iovAt = (this.#iovAt = count * MMSGHDR.size)
    const nameAt = iovAt + count * IOVEC.size
    const controlAt = nameAt + count * ADDRESS_BYTES
    const dataAt = controlAt + count * align(controlBytes)
    const memory = (this.#memory = new ArrayBuffer(dataAt + count * align(bytes)))
    const address = (this.#address = addressOf(memory))
    const words = (this.#words = new Uint32Array(memory, 0, nameAt >>> 2))
    const pieces = (at: number, stride: number, length: number) =>
      Array.from({ length: count }, (_, index) => new Uint8Array(memory, at + index * stride, length))
    this.#names = pieces(nameAt, ADDRESS_BYTES, ADDRESS_BYTES)
    this.#controls = pieces(controlAt, align(controlBytes), controlBytes)
    this.#data = pieces(dataAt, align(bytes), bytes)
    for (let index = 0; index < count; index++) {
      const header = index * MMSGHDR.size
      const iov = iovAt + index * IOVEC.size
      setPointer(words, header + MSGHDR.name, address + nameAt + index * ADDRESS_BYTES)
      setPointer(words, header + MSGHDR.iov, address + iov)
      words[(header + MSGHDR.iovlen) >>> 2] = 1
      if (controlBytes > 0) {
        setPointer(words, header + MSGHDR.control, address + controlAt + index * align(controlBytes))
      }
      setIovec(words, iov, address + dataAt + index * align(bytes), 0)
    }
  }

  /**
   * recvmmsg(2), without a timeout (see `rawRecvmmsg` for why). Descriptors that arrive are closed on exec.
   * @param flags MSG_*: MSG_WAITFORONE waits for the first message only
   * @returns how many messages came, or a negative errno
   */
  rawReceive(fd: number, flags: number): number {
    this.#requireMemory()
    const words = this.#words
    for (let index = 0; index < this.count; index++) {
      const header = (index * MMSGHDR.size) >>> 2
      words[header + (MSGHDR.namelen >>> 2)] = ADDRESS_BYTES
      words[header + (MSGHDR.controllen >>> 2)] = this.controlBytes
      words[(this.#iovAt + index * IOVEC.size + IOVEC.length) >>> 2] = this.bytes
    }
    return rawRecvmmsg(fd, words, this.count, flags | MSG_CMSG_CLOEXEC, null)
  }

  /**
   * recvmmsg(2), again after EINTR.
   * @returns how many messages came
   * @throws SystemError EAGAIN, EBADF, ECONNREFUSED, ENOTCONN, ENOTSOCK
   */
  receive(fd: number, flags = 0): number {
    let n: number
    do n = this.rawReceive(fd, flags)
    while (n === EINTR)
    return check(n, 'recvmmsg')
  }

  /**
   * Copies a message in, to be sent.
   * @param to the receiver; without one, the peer the socket is connected to
   * @throws ERR_OUT_OF_RANGE when data or control data do not fit
   */
  set(
    index: number,
    data: Uint8Array,
    to?: SocketAddress | null,
    control: readonly ControlMessage[] = [],
  ): void {
    this.#requireMemory()
    if (!(index >= 0 && index < this.count) || data.length > this.bytes) {
      throw Object.assign(
        new RangeError(
          `${data.length} bytes as message ${index}: the batch has ${this.count} of ${this.bytes} bytes`,
        ),
        { code: 'ERR_OUT_OF_RANGE' },
      )
    }
    const header = (index * MMSGHDR.size) >>> 2
    this.#data[index]!.set(data)
    this.#words[(this.#iovAt + index * IOVEC.size + IOVEC.length) >>> 2] = data.length
    this.#words[header + (MSGHDR.namelen >>> 2)] =
      to === undefined || to === null ? 0 : encodeAddress(to, this.#names[index]!)
    this.#words[header + (MSGHDR.controllen >>> 2)] = encodeControl(control, this.#controls[index]!)
  }

  /**
   * sendmmsg(2) of the messages from `first` on.
   * @param count how many were set
   * @param first where to go on after fewer were taken
   * @returns how many were taken, or (when it is the first that fails) a negative errno
   */
  rawSend(fd: number, count: number, flags: number, first = 0): number {
    this.#requireMemory()
    if (first < 0 || first + count > this.count) return -errnos.EINVAL
    held.memory = this.#memory
    const n = rawSendmmsg(fd, this.#address + first * MMSGHDR.size, count, flags)
    held.memory = null
    return n
  }

  /**
   * sendmmsg(2), again after EINTR.
   * @returns how many messages were taken; after fewer than `count`, the next call tells why
   * @throws SystemError as `sendto`
   */
  send(fd: number, count: number, flags: number = MSG_NOSIGNAL, first = 0): number {
    let n: number
    do n = this.rawSend(fd, count, flags, first)
    while (n === EINTR)
    return check(n, 'sendmmsg')
  }

  /** The bytes message `index` carried: received or sent. */
  length(index: number): number {
    return this.#words[(index * MMSGHDR.size + MMSGHDR.length) >>> 2]!
  }

  /** MSG_TRUNC, MSG_CTRUNC, MSG_EOR of a received message. */
  flags(index: number): number {
    return this.#words[(index * MMSGHDR.size + MSGHDR.flags) >>> 2]! & ~MSG_CMSG_CLOEXEC
  }

  /** A received message's bytes: a view, good until the next call. */
  data(index: number): Uint8Array {
    return this.#data[index]!.subarray(0, Math.min(this.length(index), this.bytes))
  }

  /** Who sent a received message; null where nobody can be answered. */
  from(index: number): Address | null {
    const length = this.#words[(index * MMSGHDR.size + MSGHDR.namelen) >>> 2]!
    return length === 0 ? null : decodeAddress(this.#names[index]!, length)
  }

  /** A received message's control data. */
  control(index: number): ControlMessage[] {
    return decodeControl(
      this.#controls[index]!,
      this.#words[(index * MMSGHDR.size + MSGHDR.controllen) >>> 2]!,
    )
  }

  // The headers hold addresses of this memory: transferred away, they would lead into somebody else's.
  #requireMemory(): void {
    if (this.#memory.byteLength === 0) {
      throw Object.assign(new TypeError("the batch's memory was transferred elsewhere; make a new one"), {
        code: 'ERR_INVALID_STATE',
      })
    }
  }
}
