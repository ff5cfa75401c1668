/**
 * The program of a blocking driver's thread: takes a request from its desk, makes the call, sleeps in it for as
 * long as it takes, publishes what came, and (accept, receive, recvfrom) calls again.
 *
 * It never returns to Node's loop while it lives: between requests it sleeps in Atomics.wait.
 */
import { workerData } from 'node:worker_threads'
import { rawRead, rawWrite } from '../sys/descriptor.js'
import { rawEventfdWrite } from '../sys/eventfd.js'
import { addressOf } from '../sys/ffi.js'
import { rawFsync, rawPread, rawPwrite } from '../sys/file.js'
import { gettid } from '../sys/process.js'
import {
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_TRUNC,
  rawAccept4,
  rawConnect,
  rawRecv,
  rawRecvfrom,
  rawSend,
  rawSendmsg,
  rawSendto,
  SOCK_CLOEXEC,
} from '../sys/socket.js'
import * as at from './blocking-layout.js'
import { Kind } from './operation.js'
import { now } from './stamps.js'
import { blockSignals } from './thread-signals.js'

const data = workerData as at.ThreadData
const board = new Int32Array(data.board)
const words = new Int32Array(data.desk)
const doubles = new Float64Array(data.desk)
const desk = addressOf(new Uint8Array(data.desk))
const { index, ringMask, wakeFd, wakeBySend } = data
const oneByte = Buffer.allocUnsafeSlow(1)
const interrupted = -4 /* EINTR */
const cancelled = -125 /* ECANCELED */
const outOfMemory = -12 /* ENOMEM */
const outOfBuffers = -105 /* ENOBUFS */
/** Nobody writes here: to wait for it is to sleep. */
const nothing = new Int32Array(new SharedArrayBuffer(4))

/** The number of the next answer, and how many slots the request at hand uses, less 1. */
let published = 0
let mask = 0
let stamped = false

// ---- answers

/** Waits until the next answer has a slot. @returns the slot; -1: the process ends */
function freeSlot(): number {
  let taken = Atomics.load(words, at.TAKEN)
  if (((published - taken) | 0) > mask) {
    Atomics.store(words, at.WAITING, 1)
    for (;;) {
      taken = Atomics.load(words, at.TAKEN)
      if (((published - taken) | 0) <= mask) break
      if (Atomics.load(words, at.QUIT) === 1) return -1
      Atomics.wait(words, at.TAKEN, taken)
    }
    Atomics.store(words, at.WAITING, 0)
  }
  return Atomics.load(words, at.QUIT) === 1 ? -1 : published & mask
}

/** Lets the driver see the answer in the next slot, and wakes it where it sleeps. */
function publish(slot: number, result: number, last: 0 | 1): void {
  const word = at.SLOT_WORDS + slot * at.WORDS_PER_SLOT
  words[word + at.RESULT] = result
  words[word + at.LAST] = last
  if (stamped) doubles[at.SLOT_DOUBLES + slot * at.DOUBLES_PER_SLOT + at.RETURNED] = now()
  // Free before the driver can know of it: what it asks for next must not be overwritten.
  if (last === 1) Atomics.compareExchange(words, at.STATE, at.RUNNING, at.IDLE)
  published = (published + 1) | 0
  Atomics.store(words, at.PUBLISHED, published)
  if (Atomics.exchange(words, at.ANNOUNCED, 1) === 1) return
  const place = Atomics.add(board, at.TAIL, 1)
  Atomics.store(board, at.RING + (place & ringMask), index + 1)
  if (Atomics.load(board, at.ASLEEP) === 1 && Atomics.compareExchange(board, at.ASLEEP, 1, 0) === 1) {
    if (wakeBySend) rawSend(wakeFd, oneByte, 1, MSG_DONTWAIT | MSG_NOSIGNAL)
    else rawEventfdWrite(wakeFd, 1)
  }
}

/** The last answer of an operation that has made none, or one that the driver still has to take. */
function finish(result: number): void {
  const slot = freeSlot()
  if (slot >= 0) publish(slot, result, 1)
}

function isCancelled(): boolean {
  return Atomics.load(words, at.CANCEL) === 1
}

// ---- operations that repeat

function landing(slot: number): number {
  return doubles[at.SLOT_DOUBLES + slot * at.DOUBLES_PER_SLOT + at.LANDING]!
}

function receive(fd: number): void {
  const room = words[at.ROOM]!
  for (;;) {
    const slot = freeSlot()
    if (slot < 0) return
    const received = isCancelled() ? cancelled : rawRecv(fd, landing(slot), room, 0)
    if (received > 0) publish(slot, received, 0)
    else if (received !== interrupted) {
      publish(slot, received, 1)
      return
    }
  }
}

function recvfrom(fd: number): void {
  const room = words[at.ROOM]!
  for (;;) {
    const slot = freeSlot()
    if (slot < 0) return
    words[at.FROM_LENGTH_AT / 4] = 128
    const length = isCancelled()
      ? cancelled
      : rawRecvfrom(
          fd,
          landing(slot),
          room,
          MSG_TRUNC,
          desk + at.FROM_AT + slot * 128,
          desk + at.FROM_LENGTH_AT,
        )
    if (length >= 0 || ofTheNetwork.has(length)) {
      words[at.SLOT_WORDS + slot * at.WORDS_PER_SLOT + at.FROM_LENGTH] = words[at.FROM_LENGTH_AT / 4]!
      publish(slot, length, 0)
    } else if (length !== interrupted) {
      publish(slot, length, 1)
      return
    }
  }
}

function accept(fd: number): void {
  for (;;) {
    const slot = freeSlot()
    if (slot < 0) return
    const accepted = isCancelled() ? cancelled : rawAccept4(fd, null, null, SOCK_CLOEXEC)
    if (accepted >= 0) publish(slot, accepted, 0)
    else if (!passing.has(accepted)) {
      publish(slot, accepted, 1)
      return
    }
  }
}

// ---- operations that end with one answer

/**
 * Calls until the call has an end that is neither an interruption nor the kernel's want of memory, which passes;
 * or until it is to be called off.
 */
function untilDone(call: () => number): void {
  for (;;) {
    const result = isCancelled() ? cancelled : call()
    if (result === outOfMemory || result === outOfBuffers) Atomics.wait(nothing, 0, 0, 1)
    else if (result !== interrupted) {
      finish(result)
      return
    }
    if (Atomics.load(words, at.QUIT) === 1) return
  }
}

function connect(fd: number): void {
  let again = false
  untilDone(() => {
    const result = rawConnect(fd, desk + at.ADDRESS_AT, words[at.COUNT]!)
    // Interrupted, a connect goes on by itself (connect(2)); asked again, Linux waits for its end.
    if (again && result === -106 /* EISCONN */) return 0
    again = true
    return result
  })
}

/** All of the iovec, in order. How much of it went is told whatever ends it. */
function send(fd: number): void {
  let next = 0
  let bytes = 0
  const count = words[at.COUNT]!
  untilDone(() => {
    while (next < count) {
      const entry = (at.IOV_AT + next * 16) / 8
      // Through the driver's doubles an iovec would be read wrongly: it holds 64-bit integers.
      const base = integer(entry)
      const length = integer(entry + 1)
      const sent = next + 1 === count ? rawSend(fd, base, length, MSG_NOSIGNAL) : sendmsg(fd, next, count)
      if (sent < 0) return sent
      bytes += sent
      doubles[at.SLOT_DOUBLES + (published & mask) * at.DOUBLES_PER_SLOT + at.BYTES] = bytes
      next = advance(next, count, sent)
      if (next < count && isCancelled()) return cancelled
    }
    return 0
  })
}

function sendmsg(fd: number, next: number, count: number): number {
  const header = at.MSGHDR_AT / 4
  words.fill(0, header, header + at.MSGHDR_BYTES / 4)
  setInteger(at.MSGHDR_AT / 8 + 2, desk + at.IOV_AT + next * 16)
  setInteger(at.MSGHDR_AT / 8 + 3, count - next)
  return rawSendmsg(fd, desk + at.MSGHDR_AT, MSG_NOSIGNAL)
}

/** Takes what was sent off the iovec. @returns the entry to go on with */
function advance(next: number, count: number, sent: number): number {
  while (next < count) {
    const entry = (at.IOV_AT + next * 16) / 8
    const length = integer(entry + 1)
    if (sent < length) {
      setInteger(entry, integer(entry) + sent)
      setInteger(entry + 1, length - sent)
      break
    }
    sent -= length
    next++
  }
  return next
}

/** The 64-bit integer at a multiple of 8 bytes; it fits a double. */
function integer(at8: number): number {
  return (words[at8 * 2]! >>> 0) + words[at8 * 2 + 1]! * 0x1_0000_0000
}

function setInteger(at8: number, value: number): void {
  words[at8 * 2] = value | 0
  words[at8 * 2 + 1] = value / 0x1_0000_0000
}

function sendto(fd: number): void {
  const addressLength = words[at.COUNT]!
  untilDone(() =>
    rawSendto(
      fd,
      doubles[at.MEMORY]!,
      doubles[at.LENGTH]!,
      MSG_NOSIGNAL,
      addressLength === 0 ? null : desk + at.ADDRESS_AT,
      addressLength,
    ),
  )
}

function transfer(
  fd: number,
  atOffset: (fd: number, memory: number, length: number, offset: number) => number,
  atPosition: (fd: number, memory: number, length: number) => number,
): void {
  const memory = doubles[at.MEMORY]!
  const length = doubles[at.LENGTH]!
  const position = doubles[at.POSITION]!
  untilDone(() => (position < 0 ? atPosition(fd, memory, length) : atOffset(fd, memory, length, position)))
}

// ---- the thread

const programs: Record<Kind, (fd: number) => void> = {
  [Kind.accept]: accept,
  [Kind.connect]: connect,
  [Kind.receive]: receive,
  [Kind.send]: send,
  [Kind.recvfrom]: recvfrom,
  [Kind.sendto]: sendto,
  [Kind.read]: (fd) => transfer(fd, rawPread, rawRead),
  [Kind.write]: (fd) => transfer(fd, rawPwrite, rawWrite),
  [Kind.fsync]: (fd) => untilDone(() => rawFsync(fd)),
}

/** Errors of accept(2) that concern one connection, already gone: the next may be fine. */
const passing = new Set([interrupted, -103 /* ECONNABORTED */, -71 /* EPROTO */, -92 /* ENOPROTOOPT */])

/** What recvfrom(2) reports of datagrams sent earlier (RFC 1122 4.1.3.3); the socket goes on. */
const ofTheNetwork = new Set([
  -111 /* ECONNREFUSED */, -113 /* EHOSTUNREACH */, -101 /* ENETUNREACH */, -100 /* ENETDOWN */,
  -112 /* EHOSTDOWN */, -64 /* ENONET */, -92 /* ENOPROTOOPT */, -71 /* EPROTO */, -90 /* EMSGSIZE */,
])

blockSignals(data.signal)
Atomics.store(words, at.TID, gettid())
while (Atomics.load(words, at.QUIT) === 0) {
  const state = Atomics.compareExchange(words, at.STATE, at.REQUESTED, at.RUNNING)
  if (state === at.IDLE) Atomics.wait(words, at.STATE, at.IDLE)
  else if (state === at.QUITTING) break
  else {
    mask = words[at.MASK]!
    stamped = words[at.STAMPED] === 1
    programs[words[at.KIND] as Kind](words[at.FD]!)
  }
}
Atomics.store(words, at.STATE, at.GONE)
Atomics.notify(words, at.STATE)
