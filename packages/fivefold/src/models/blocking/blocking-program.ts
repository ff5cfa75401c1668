/**
 * The program of a blocking driver's thread: takes a request from its desk, makes the call, sleeps in it for as
 * long as it takes, publishes what came, and (accept, receive, recvfrom) calls again.
 *
 * It never returns to Node's loop while it lives: between requests it sleeps in Atomics.wait.
 */
import '../threads/begin.js'
import { workerData } from 'node:worker_threads'
import { rawRead, rawReadv, rawSyscall, rawWrite, rawWritev } from '../../sys/descriptor.js'
import { rawEventfdWrite } from '../../sys/eventfd.js'
import { O_CLOEXEC } from '../../sys/fcntl.js'
import { addressOf } from '../../sys/ffi.js'
import {
  AT_FDCWD,
  rawFdatasync,
  rawFsync,
  rawOpenBytes,
  rawPread,
  rawPreadv,
  rawPwrite,
  rawPwritev,
} from '../../sys/file.js'
import { POLLIN, POLLOUT, rawPoll } from '../../sys/poll.js'
import { gettid } from '../../sys/process.js'
import { SCHED_BATCH, schedSetscheduler } from '../../sys/scheduling.js'
import { rawTgkill } from '../../sys/signal.js'
import {
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
} from '../../sys/socket.js'
import { createThreadTimer, deleteThreadTimer } from '../../sys/thread-timer.js'
import { rawSendByte } from '../../sys/wake.js'
import { ofTheNetwork } from '../of-the-network.js'
import { Kind } from '../operation.js'
import { now } from '../stamps.js'
import { blockSignals } from '../threads/signals.js'
import { pause, TICK_MS } from '../threads/thread.js'
import {
  ADDRESS_AT,
  ANNOUNCED,
  ASLEEP,
  BYTES,
  CALL,
  CANCEL,
  COUNT,
  DOUBLES_PER_SLOT,
  FD,
  FLAGS,
  FROM_AT,
  FROM_LENGTH,
  FROM_LENGTH_AT,
  GONE,
  IDLE,
  IOV_AT,
  KIND,
  LANDING,
  LAST,
  LEAVING,
  LENGTH,
  MASK,
  MEMORY,
  MODE,
  MSGHDR_AT,
  MSGHDR_BYTES,
  POSITION,
  PUBLISHED,
  QUIT,
  QUITTING,
  REQUESTED,
  RESULT,
  RETURNED,
  RING,
  ROOM,
  RUNNING,
  SLOT_DOUBLES,
  SLOT_WORDS,
  STAMPED,
  STATE,
  TAIL,
  TAKEN,
  type ThreadData,
  TID,
  WAITING,
  WORDS_PER_SLOT,
} from './layout.js'

const data = workerData as ThreadData
const board = new Int32Array(data.board)
const words = new Int32Array(data.desk)
const doubles = new Float64Array(data.desk)
const desk = addressOf(new Uint8Array(data.desk))
const { add, exchange, store } = Atomics
const { index, ringMask, wakeFd, wakeBySend, nested } = data
/** Where on the board the threads' kernel ids are. */
const tids = RING + ringMask + 1
const interrupted = -4 /* EINTR */
const cancelled = -125 /* ECANCELED */
const wouldBlock = -11 /* EAGAIN */
const outOfMemory = -12 /* ENOMEM */
const outOfBuffers = -105 /* ENOBUFS */

/** The number of the next answer, and how many slots the request at hand uses, less 1. */
let published = 0
let mask = 0
let stamped = false

// ---- answers
//
// This runs in as many isolates as there are threads, each warming its own code and its own caches, so the path
// of a message is written out with few steps and few atomic ones. Plain loads and stores are enough where an
// atomic read-modify-write stands between them and the other side's.

/** Waits until the next answer has a slot. @returns false: the process ends */
function waitForSlot(): boolean {
  Atomics.store(words, WAITING, 1)
  for (;;) {
    const taken = Atomics.load(words, TAKEN)
    if (((published - taken) | 0) <= mask) break
    if (Atomics.load(words, QUIT) === 1) return false
    Atomics.wait(words, TAKEN, taken)
  }
  Atomics.store(words, WAITING, 0)
  return true
}

/** Lets the driver see the answer in the next slot, and wakes it where it sleeps. */
function publish(slot: number, result: number): void {
  words[SLOT_WORDS + slot * WORDS_PER_SLOT + RESULT] = result
  if (stamped) doubles[SLOT_DOUBLES + slot * DOUBLES_PER_SLOT + RETURNED] = now()
  published = (published + 1) | 0
  store(words, PUBLISHED, published)
  if (exchange(words, ANNOUNCED, 1) === 1) return
  exchange(board, RING + (add(board, TAIL, 1) & ringMask), index + 1)
  if (board[ASLEEP] === 1 && Atomics.compareExchange(board, ASLEEP, 1, 0) === 1) {
    if (wakeBySend) rawSendByte(wakeFd)
    else rawEventfdWrite(wakeFd, 1)
  }
}

/** The last answer of an operation. */
function finish(result: number): void {
  if (((published - words[TAKEN]!) | 0) > mask && !waitForSlot()) return
  const slot = published & mask
  words[SLOT_WORDS + slot * WORDS_PER_SLOT + LAST] = 1
  // Free before the driver can know of it: what it asks for next must not be overwritten.
  Atomics.compareExchange(words, STATE, RUNNING, IDLE)
  publish(slot, result)
}

// ---- interruptions

/** A call was interrupted. @returns whether it is to be made again (which cancelling does not concern) */
function goesOn(): boolean {
  if (nested && abandoned()) Atomics.store(words, QUIT, 1)
  return Atomics.load(words, QUIT) === 0
}

/**
 * A driver's Worker can be torn down without a word to its threads: `terminate()`, or the end of the main thread.
 * Node then ends and joins them one by one. A thread that is being ended sees that when it next comes back
 * from a call, which the timer sees to. The others see that it is gone, and leave by themselves, all at once.
 */
function abandoned(): boolean {
  if (Atomics.load(board, LEAVING) === 1) return true
  const count = ringMask + 1
  let gone = false
  for (let step = 1; step <= Math.min(ringMask, 16) && !gone; step++) {
    const tid = Atomics.load(board, tids + ((index + step) & ringMask))
    gone = tid !== 0 && rawTgkill(process.pid, tid, 0) === -3 /* ESRCH */
  }
  if (!gone) return false
  Atomics.store(board, LEAVING, 1)
  for (let other = 0; other < count; other++) {
    const tid = Atomics.load(board, tids + other)
    if (tid !== 0) rawTgkill(process.pid, tid, data.signal)
  }
  return true
}

/**
 * The call would not wait: the socket is O_NONBLOCK after all (another process that has it can make it so), or has
 * a time-out of its own. Then the wait is a call of its own too. @returns whether to go on
 */
function waitUntil(fd: number, events: number): boolean {
  pollEntry[0] = fd
  pollEntry[1] = events
  rawPoll(pollEntry, 1, -1)
  return goesOn()
}

const pollEntry = new Int32Array(2)

// ---- operations that repeat

function landing(slot: number): number {
  return doubles[SLOT_DOUBLES + slot * DOUBLES_PER_SLOT + LANDING]!
}

function receive(fd: number): void {
  const room = words[ROOM]!
  for (;;) {
    if (((published - words[TAKEN]!) | 0) > mask && !waitForSlot()) return
    const slot = published & mask
    const received = words[CANCEL] === 1 ? cancelled : rawRecv(fd, landing(slot), room, 0)
    if (received > 0) publish(slot, received)
    else if (received === wouldBlock) {
      if (!waitUntil(fd, POLLIN)) return
    } else if (received !== interrupted) {
      finish(received)
      return
    } else if (!goesOn()) return
  }
}

function recvfrom(fd: number): void {
  const room = words[ROOM]!
  for (;;) {
    if (((published - words[TAKEN]!) | 0) > mask && !waitForSlot()) return
    const slot = published & mask
    const from = desk + FROM_AT + slot * 128
    words[FROM_LENGTH_AT / 4] = 128
    const length =
      words[CANCEL] === 1
        ? cancelled
        : rawRecvfrom(fd, landing(slot), room, MSG_TRUNC, from, desk + FROM_LENGTH_AT)
    if (length >= 0 || ofTheNetwork.has(length)) {
      words[SLOT_WORDS + slot * WORDS_PER_SLOT + FROM_LENGTH] = words[FROM_LENGTH_AT / 4]!
      publish(slot, length)
    } else if (length === wouldBlock) {
      if (!waitUntil(fd, POLLIN)) return
    } else if (length !== interrupted) {
      finish(length)
      return
    } else if (!goesOn()) return
  }
}

function accept(fd: number): void {
  for (;;) {
    if (((published - words[TAKEN]!) | 0) > mask && !waitForSlot()) return
    const accepted = words[CANCEL] === 1 ? cancelled : rawAccept4(fd, null, null, SOCK_CLOEXEC)
    if (accepted >= 0) publish(published & mask, accepted)
    else if (accepted === wouldBlock) {
      if (!waitUntil(fd, POLLIN)) return
    } else if (!passing.has(accepted)) {
      finish(accepted)
      return
    } else if (!goesOn()) return
  }
}

// ---- operations that end with one answer

/**
 * Calls until the call has an end that is neither an interruption nor the kernel's want of memory, which passes;
 * or until it is to be called off.
 */
function untilDone(call: () => number): void {
  for (;;) {
    const result = words[CANCEL] === 1 ? cancelled : call()
    if (result === outOfMemory || result === outOfBuffers) pause(1)
    else if (result !== interrupted) {
      finish(result)
      return
    }
    if (!goesOn()) return
  }
}

function connect(fd: number): void {
  let again = false
  untilDone(() => {
    const result = rawConnect(fd, desk + ADDRESS_AT, words[COUNT]!)
    // Interrupted, a connect goes on by itself (connect(2)); asked again, Linux waits for its end.
    if (again && result === -106 /* EISCONN */) return 0
    again = true
    if (result === -115 /* EINPROGRESS */ || result === -114 /* EALREADY */) {
      waitUntil(fd, POLLOUT)
      return interrupted
    }
    // A Unix socket's backlog is full, and there is nothing to wait for it with.
    if (result === wouldBlock) {
      pause(1)
      return interrupted
    }
    return result
  })
}

/** All of the iovec, in order. How much of it went is told whatever ends it. */
function send(fd: number): void {
  let next = 0
  let bytes = 0
  const count = words[COUNT]!
  untilDone(() => {
    while (next < count) {
      const entry = (IOV_AT + next * 16) / 8
      // Through the driver's doubles an iovec would be read wrongly: it holds 64-bit integers.
      const base = integer(entry)
      const length = integer(entry + 1)
      const sent = next + 1 === count ? rawSend(fd, base, length, MSG_NOSIGNAL) : sendmsg(fd, next, count)
      if (sent < 0) return writable(fd, sent)
      bytes += sent
      doubles[SLOT_DOUBLES + (published & mask) * DOUBLES_PER_SLOT + BYTES] = bytes
      next = advance(next, count, sent)
      if (next < count && words[CANCEL] === 1) return cancelled
    }
    return 0
  })
}

/** What to make of a send that failed. */
function writable(fd: number, result: number): number {
  if (result !== wouldBlock) return result
  waitUntil(fd, POLLOUT)
  return interrupted
}

function sendmsg(fd: number, next: number, count: number): number {
  const header = MSGHDR_AT / 4
  words.fill(0, header, header + MSGHDR_BYTES / 4)
  setInteger(MSGHDR_AT / 8 + 2, desk + IOV_AT + next * 16)
  setInteger(MSGHDR_AT / 8 + 3, count - next)
  return rawSendmsg(fd, desk + MSGHDR_AT, MSG_NOSIGNAL)
}

/** Takes what was sent off the iovec. @returns the entry to go on with */
function advance(next: number, count: number, sent: number): number {
  while (next < count) {
    const entry = (IOV_AT + next * 16) / 8
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
  const length = words[COUNT]!
  const address = length === 0 ? null : desk + ADDRESS_AT
  untilDone(() =>
    writable(fd, rawSendto(fd, doubles[MEMORY]!, doubles[LENGTH]!, MSG_NOSIGNAL, address, length)),
  )
}

function transfer(
  fd: number,
  atOffset: (fd: number, memory: number, length: number, offset: number) => number,
  atPosition: (fd: number, memory: number, length: number) => number,
): void {
  const several = words[COUNT]! > 0
  const memory = several ? desk + IOV_AT : doubles[MEMORY]!
  const length = several ? words[COUNT]! : doubles[LENGTH]!
  const position = doubles[POSITION]!
  untilDone(() => (position < 0 ? atPosition(fd, memory, length) : atOffset(fd, memory, length, position)))
}

/** With several buffers: memory is an iovec, and its length a count of entries. */
function read(fd: number): void {
  if (words[COUNT]! > 0) transfer(fd, rawPreadv, rawReadv)
  else transfer(fd, rawPread, rawRead)
}

function write(fd: number): void {
  if (words[COUNT]! > 0) transfer(fd, rawPwritev, rawWritev)
  else transfer(fd, rawPwrite, rawWrite)
}

function open(): void {
  const flags = words[FLAGS]! | O_CLOEXEC
  const mode = words[MODE]!
  untilDone(() => rawOpenBytes(AT_FDCWD, desk + IOV_AT, flags, mode))
}

/** What it returns may not fit the answer's word; Linux moves at most 2 GiB less a page, which does. */
function call(): void {
  const number = doubles.slice(CALL, CALL + 7)
  untilDone(() => rawSyscall(number))
}

// ---- the thread

const programs: Record<Kind, (fd: number) => void> = {
  [Kind.accept]: accept,
  [Kind.connect]: connect,
  [Kind.receive]: receive,
  [Kind.send]: send,
  [Kind.recvfrom]: recvfrom,
  [Kind.sendto]: sendto,
  [Kind.read]: read,
  [Kind.write]: write,
  [Kind.fsync]: (fd) => untilDone(() => rawFsync(fd)),
  [Kind.fdatasync]: (fd) => untilDone(() => rawFdatasync(fd)),
  [Kind.open]: open,
  [Kind.call]: call,
}

/** Errors of accept(2) that concern one connection, already gone: the next may be fine. */
const passing = new Set([interrupted, -103 /* ECONNABORTED */, -71 /* EPROTO */, -92 /* ENOPROTOOPT */])

blockSignals(data.signal)
try {
  // Many threads wake for one that works. Let each wait for its turn, and what came meanwhile is taken in one:
  // at 64 connections on one processor 10.4 us a message instead of 16.1, and 95 k/s instead of 61 k/s.
  schedSetscheduler(0, SCHED_BATCH)
} catch {
  // It works without.
}
const tid = gettid()
Atomics.store(words, TID, tid)
Atomics.store(board, tids + index, tid)
let ticks = -1
if (nested) {
  try {
    ticks = createThreadTimer(tid, data.signal, TICK_MS)
  } catch {
    // Then a torn-down Worker waits for what its threads wait for.
  }
}
while (Atomics.load(words, QUIT) === 0) {
  const state = Atomics.compareExchange(words, STATE, REQUESTED, RUNNING)
  if (state === IDLE) Atomics.wait(words, STATE, IDLE)
  else if (state === QUITTING) break
  else {
    mask = words[MASK]!
    stamped = words[STAMPED] === 1
    programs[words[KIND] as Kind](words[FD]!)
  }
}
if (ticks >= 0) deleteThreadTimer(ticks)
Atomics.store(board, tids + index, 0)
Atomics.store(words, STATE, GONE)
Atomics.notify(words, STATE)
