/**
 * What can be asked of a model: twelve operations, and the one object that carries each from the question to the
 * answer. It is io_uring's submission entry and completion entry in one, because every model can fill that form.
 */
import { Buffer } from 'node:buffer'
import type { Address } from '../sys/address.js'

/** The operations. `accept`, `receive`, `recvfrom` and `poll` repeat: one submission, many completions. */
export const Kind = {
  /** accept4(2), repeating. `result`: the new descriptor. */
  accept: 0,
  /** connect(2) to `address`. `result`: 0. */
  connect: 1,
  /** recv(2), repeating. `chunk`: the bytes, yours for good. `result`: how many; 0 is the end, and the last. */
  receive: 2,
  /**
   * send(2) or sendmsg(2) of all of `buffers`, in order. `result`: the bytes sent; short only with an error. Up to
   * `COPIED` bytes in all are the caller's again when submit returns; more stay the model's until it is over.
   */
  send: 3,
  /** recvfrom(2), repeating. `chunk`: the datagram; `from`; `truncated`. `result`: its length as received. */
  recvfrom: 4,
  /** sendto(2) of `buffers[0]` to `address` (none: the connected peer). `result`: the bytes sent. As for `send`. */
  sendto: 5,
  /** pread(2) into `buffers` at `position`. `result`: the bytes read; 0 at the end of the file. */
  read: 6,
  /** pwrite(2) of `buffers` at `position`. `result`: the bytes written, which may be fewer. */
  write: 7,
  /** fsync(2). `result`: 0. */
  fsync: 8,
  /** fdatasync(2). `result`: 0. */
  fdatasync: 9,
  /** open(2) of the path in `address`, with `flags` and `mode`, closed on exec. `result`: the descriptor. */
  open: 10,
  /** Any system call: `call` is its number and its arguments. `result`: what it returns. */
  call: 11,
} as const

export type Kind = (typeof Kind)[keyof typeof Kind]

/** The man page's name of each kind, for errors and traces. */
export const syscallOf: readonly string[] = [
  'accept',
  'connect',
  'recv',
  'send',
  'recvfrom',
  'sendto',
  'read',
  'write',
  'fsync',
  'fdatasync',
  'open',
  'syscall',
]

/** Hears of completions. It must not throw: what a user's handler throws is dealt with before it gets here. */
export interface Completion {
  completed(operation: Operation): void
}

/** When each step of an operation happened: `process.hrtime()` as nanoseconds in a double; 0 is "not seen". */
export interface PhaseStamps {
  /** The operation was handed to the model. */
  called: number
  /** Phase 1 ended: the model learned that there is something (a completion model: together with `copied`). */
  ready: number
  /** Phase 2 ended: the bytes are in this process's memory. */
  copied: number
  /** `completed` was called. */
  delivered: number
}

export class Operation {
  // The question. Nothing of it may change while the operation is in flight.
  kind: Kind
  fd: number
  /** Who hears of it. */
  readonly owner: Completion
  /**
   * send, sendto, read, write: the memory. Whole views; a driver keeps its own place in them. read and write take
   * one, or up to 1024 where `limits.beyond` has 'vectors'.
   */
  buffers: readonly Uint8Array[] = none
  /** connect, sendto: the encoded socket address. open: the path, with the NUL that ends it; at most 4096 bytes. */
  address: Uint8Array | null = null

  // The answer.
  /** 0 or more, or a negative errno. */
  result = 0
  /** False with the last completion: the operation is over, its memory free, and it may be submitted again. */
  more = false
  /** receive, recvfrom: what came. */
  chunk: Buffer | null = null

  // The driver's bookkeeping.
  /** True from submit to the last completion. */
  inFlight = false
  /** cancel() was called on it since it was submitted. */
  cancelled = false
  /** Where a driver keeps it. */
  slot = -1
  /** send: which buffer is next, the bytes of it already gone, and the bytes gone in all. */
  index = 0
  offset = 0
  sent = 0
  /** The next of a driver's queue. */
  next: Operation | null = null
  /** Phase stamps, when somebody listens (see stamps.ts). */
  stamps: PhaseStamps | null = null

  constructor(kind: Kind, fd: number, owner: Completion) {
    this.kind = kind
    this.fd = fd
    this.owner = owner
  }
}

const none: readonly Uint8Array[] = []

/** What only recvfrom asks and answers: a field that ten thousand idle streams do not carry is a megabyte. */
export class DatagramOperation extends Operation {
  /** recvfrom: the most bytes of a datagram; what is longer arrives cut. */
  room = 65536
  /** recvfrom: room for control data with each datagram, a multiple of 8, at most 128; where `limits.control`. */
  controlBytes = 0
  /** recvfrom: who sent it. */
  from: Address | null = null
  /** recvfrom: the datagram was longer than the room for it. */
  truncated = false
  /** recvfrom: the control data that came with it, as recvmsg(2) writes them; null where none were asked for. */
  control: Uint8Array | null = null
  /** The driver's: the last one that came was large; several came with the last call that could bring them. */
  large = false
  several = false
}

/** What only read, write, open and call ask. */
export class FileOperation extends Operation {
  /** read, write: the offset in the file, a safe integer; -1: the file's own position. */
  position = -1
  /** open: O_* of open(2). */
  flags = 0
  /** open: of a file that is created. */
  mode = 0
  /** call: the number and six arguments: integers, and addresses of memory in `buffers`, which are held. */
  call: Float64Array | null = null
}

/** What one may say of an operation whose kind is not known. */
export type Details = Partial<DatagramOperation & FileOperation>

/** An operation of any kind, of its class. */
export function operationOf(kind: Kind, fd: number, owner: Completion): Operation {
  if (kind === Kind.recvfrom) return new DatagramOperation(kind, fd, owner)
  return kind >= Kind.read ? new FileOperation(kind, fd, owner) : new Operation(kind, fd, owner)
}

/** So much in all is copied rather than kept hold of. */
export const COPIED = 4096

/** Makes what is left of a small send a copy of its own, before a driver puts it off. */
export function ownSmall(operation: Operation): void {
  const { buffers, index, offset } = operation
  let left = -offset
  for (let at = index; at < buffers.length; at++) left += buffers[at]!.length
  if (left > COPIED) return
  const copy = Buffer.allocUnsafe(left)
  let to = 0
  for (let at = index; at < buffers.length; at++) {
    const part = at === index ? buffers[at]!.subarray(offset) : buffers[at]!
    copy.set(part, to)
    to += part.length
  }
  operation.buffers = [copy]
  operation.index = operation.offset = 0
}

/** Counts what a send has sent. @returns whether that was the last of it */
export function advance(operation: Operation, sent: number): boolean {
  operation.sent += sent
  const { buffers } = operation
  let offset = operation.offset + sent
  let { index } = operation
  while (index < buffers.length && offset >= buffers[index]!.length) offset -= buffers[index++]!.length
  operation.index = index
  operation.offset = offset
  return index >= buffers.length
}

/** Operations that wait for one another hang together by `next`. */
export function append(head: Operation, operation: Operation): void {
  let last = head
  while (last.next !== null) last = last.next
  last.next = operation
}

/** Takes an operation out of a queue. @returns the queue's head */
export function without(head: Operation | null, operation: Operation): Operation | null {
  if (head === null) return null
  if (head === operation) {
    const { next } = operation
    operation.next = null
    return next
  }
  for (let before = head; before.next !== null; before = before.next) {
    if (before.next !== operation) continue
    before.next = operation.next
    operation.next = null
    break
  }
  return head
}
