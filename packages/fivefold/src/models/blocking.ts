/**
 * Blocking I/O: the call sleeps until there is something, and a sleeping thread can do nothing else.
 *
 * (a) Both phases are one call. Nothing is registered and nothing is asked for: recvfrom waits for the data and
 *     copies it.
 * (b) Hence one thread per operation that waits. Here a thread is a Worker (tens of milliseconds, some megabytes
 *     and some descriptors each), so they are used again, and there is a bound, `maxThreads`: at the bound an
 *     operation fails with EAGAIN instead of waiting for another's end, which might never come.
 * (c) accept, receive and recvfrom keep their thread, which calls again by itself. It may be as many answers ahead
 *     of the driver as it has slots; then it waits, and the socket's own buffer fills: that is the backpressure.
 * (d) What does not block needs no thread: send and sendto are tried at once with MSG_DONTWAIT, and only what
 *     does not fit is left to a thread, which sleeps in send until all of it has gone. Sends of one descriptor
 *     keep their order.
 * (e) A thread sleeping in a call hears nothing but signals. Cancelling sets a flag and interrupts the call with a
 *     signal whose handler does nothing. The signal may land just before the call is entered, in vain, so it
 *     is repeated until the thread has answered. What had been received by then is delivered, not dropped.
 *     One thing cannot be called off: a sleeping accept has its descriptor's number already, so the first
 *     connection gets one however many are taken meanwhile.
 * (f) Requests and answers travel in shared memory. The driver is woken by a descriptor, and only while it sleeps:
 *     announcements made while it works are found without a system call.
 * (g) Dedicated, the driver sleeps in a blocking call like its threads: recv on one end of a socketpair with
 *     SO_RCVTIMEO. The time-out is never "none", because then libuv's handlers (SA_RESTART) could not end it.
 * (h) Node joins its Workers when the process ends, and one in a blocking call would hold it up for ever: on
 *     'exit' every thread is interrupted until it is out. A Worker that has a driver can be torn down without
 *     any 'exit'; there a timer interrupts the threads four times a second (see blocking-thread.ts).
 */
import { isMainThread } from 'node:worker_threads'
import { ADDRESS_BYTES, AF_UNIX, decodeShared } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import { errnoName } from '../sys/errno.js'
import { EFD_CLOEXEC, EFD_NONBLOCK, eventfd, rawEventfdRead, rawEventfdWrite } from '../sys/eventfd.js'
import { addressOf } from '../sys/ffi.js'
import { rawTgkill } from '../sys/signal.js'
import {
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  rawSend,
  rawSendto,
  rawSetsockopt,
  SO_RCVTIMEO,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
  socketpair,
} from '../sys/socket.js'
import { rawSendByte, rawSleepUntilByte } from '../sys/wake.js'
import * as at from './blocking-layout.js'
import type { Driver, DriverOptions, Host, Model, Verdict } from './model.js'
import { advance, append, Kind, Operation, ownSmall } from './operation.js'
import { now } from './stamps.js'
import { longestSleep, pause, startThread } from './thread.js'
import { interruptSignal } from './thread-signals.js'
import { refusal } from './verdict.js'

/** The most threads, where `maxThreads` says nothing else. */
export const DEFAULT_MAX_THREADS = 256
/** So many idle threads are kept; what is more ends. */
const MOST_IDLE = 64
/** The room of a receive. */
const ROOM = 64 * 1024
/** A received chunk of so much is given away together with its memory; a smaller one is copied. */
const GIVE_AWAY = 32 * 1024
const SMALL_BLOCK = 32 * 1024
/** Small buffers are gathered into one send of up to so many bytes. */
const GATHER = 64 * 1024
/** How long a signal has until it is repeated. */
const REPEAT_MS = 1
/** A time-out that stands for none: see (g). */
const LONG_MS = longestSleep < 0 ? 1e9 : longestSleep

const threadProgram = new URL('./blocking-thread.js', import.meta.url)

/** A thread as the driver sees it. */
class Thread {
  readonly index: number
  readonly words: Int32Array
  readonly doubles: Float64Array
  readonly bytes: Uint8Array
  operation: Operation | null = null
  taken = 0
  mask = 0
  interrupting = false
  /** Where each slot's bytes land. Held here for as long as the thread may be told to write there. */
  readonly landings: Uint8Array<ArrayBuffer>[] = []

  constructor(index: number, desk: SharedArrayBuffer) {
    this.index = index
    this.words = new Int32Array(desk)
    this.doubles = new Float64Array(desk)
    this.bytes = new Uint8Array(desk)
  }

  land(slot: number, room: number): void {
    const memory = new Uint8Array(Buffer.allocUnsafeSlow(room).buffer as ArrayBuffer)
    this.landings[slot] = memory
    this.doubles[at.SLOT_DOUBLES + slot * at.DOUBLES_PER_SLOT + at.LANDING] = addressOf(memory)
  }

  /** Interrupts the call the thread sleeps in. @returns false when there is no such thread any more */
  interrupt(signal: number): boolean {
    const tid = Atomics.load(this.words, at.TID)
    return tid === 0 || rawTgkill(process.pid, tid, signal) !== -ESRCH
  }

  /** Takes a request back that the thread has not taken. @returns whether that was in time */
  retract(): boolean {
    return Atomics.compareExchange(this.words, at.STATE, at.REQUESTED, at.IDLE) === at.REQUESTED
  }

  /** Ends an idle thread. */
  quit(): void {
    Atomics.compareExchange(this.words, at.STATE, at.IDLE, at.QUITTING)
    Atomics.notify(this.words, at.STATE)
  }

  /** A thread that was told to quit does nothing any more, or has never begun. */
  gone(signal: number): boolean {
    const { words } = this
    if (Atomics.load(words, at.STATE) === at.GONE || Atomics.load(words, at.TID) === 0) return true
    return !this.interrupt(signal)
  }

  /** Tells the thread that the process ends. @returns whether it is out of everything */
  leave(signal: number): boolean {
    const { words } = this
    Atomics.store(words, at.QUIT, 1)
    Atomics.store(words, at.CANCEL, 1)
    if (Atomics.load(words, at.STATE) === at.GONE) return true
    Atomics.notify(words, at.STATE)
    Atomics.notify(words, at.TAKEN)
    return !this.interrupt(signal)
  }
}

/** Why an operation found no thread, and what to do about it. */
export function atTheBound(maxThreads: number): string {
  return (
    `the blocking model has a thread for each operation that waits, and all ${maxThreads} are taken: ` +
    'raise maxThreads, or choose a model that waits for many in one thread'
  )
}

export class BlockingDriver implements Driver {
  readonly wakeFd: number
  readonly maxThreads: number
  onWork: (() => void) | null = null
  readonly #host: Host
  readonly #signal = interruptSignal()
  readonly #board: Int32Array
  readonly #ringMask: number
  #head = 0
  readonly #threads: (Thread | undefined)[] = []
  readonly #idle: Thread[] = []
  #living = 0
  /** Told to quit, and perhaps not out yet. */
  #leaving: Thread[] = []
  #interrupting: Thread[] = []
  #timer: NodeJS.Timeout | null = null
  /** Descriptors with a send in a thread; the operation leads a queue of those that must come after it. */
  readonly #sending = new Map<number, Operation>()
  readonly #gather = Buffer.allocUnsafeSlow(GATHER)
  #small = new ArrayBuffer(0)
  #smallBytes = new Uint8Array(0)
  #smallAt = 0
  /** The end of the socketpair that the threads send to; -1: they write to the eventfd. */
  readonly #wakeSender: number
  readonly #timeval = new BigInt64Array(2)
  #timeoutMs = -1
  #closing = false
  #closed = false

  constructor(options: DriverOptions) {
    const { host, maxThreads = DEFAULT_MAX_THREADS } = options
    if (!Number.isInteger(maxThreads) || maxThreads < 1 || maxThreads > 16384) {
      throw Object.assign(new RangeError(`maxThreads is an integer from 1 to 16384, not ${maxThreads}`), {
        code: 'ERR_OUT_OF_RANGE',
      })
    }
    this.#host = host
    this.maxThreads = maxThreads
    const ring = 2 ** Math.ceil(Math.log2(maxThreads))
    this.#ringMask = ring - 1
    this.#board = new Int32Array(new SharedArrayBuffer((at.RING + 2 * ring) * 4))
    this.#board[at.ASLEEP] = 1
    if (host === 'embedded') {
      this.wakeFd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
      this.#wakeSender = -1
    } else {
      const [receiver, sender] = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
      this.wakeFd = receiver
      this.#wakeSender = sender
    }
  }

  submit(operation: Operation): void {
    operation.inFlight = true
    operation.cancelled = false
    operation.more = false
    operation.next = null
    operation.slot = -1
    operation.index = operation.offset = operation.sent = 0
    if (operation.stamps !== null) operation.stamps.called = now()
    if (this.#closing) {
      this.#end(operation, -ECANCELED)
      return
    }
    let result: number
    if (operation.kind === Kind.send || operation.kind === Kind.sendto) {
      const head = this.#sending.size > 0 ? this.#sending.get(operation.fd) : undefined
      if (head !== undefined) {
        ownSmall(operation)
        append(head, operation)
        return
      }
      result = this.#send(operation)
    } else result = this.#request(operation)
    if (result !== UNDER_WAY) this.#over(operation, result)
  }

  cancel(operation: Operation): void {
    if (!operation.inFlight || operation.cancelled) return
    operation.cancelled = true
    if (operation.slot < 0) {
      // It waits behind another send of its descriptor, or has just come first and is about to be sent.
      const head = this.#sending.get(operation.fd)
      if (head === operation) this.#follow(operation)
      else if (head !== undefined) remove(head, operation)
      this.#end(operation, -ECANCELED)
      return
    }
    const thread = this.#threads[operation.slot]!
    if (thread.retract()) {
      this.#free(thread)
      this.#over(operation, -ECANCELED)
      return
    }
    Atomics.store(thread.words, at.CANCEL, 1)
    thread.interrupt(this.#signal)
    thread.interrupting = true
    this.#interrupting.push(thread)
    if (this.#host === 'embedded') this.#timer ??= setTimeout(this.#repeat, REPEAT_MS).unref()
  }

  turn(timeoutMs: number): number {
    if (this.#closed) return 0
    if (this.#interrupting.length > 0) this.#interruptAgain()
    const board = this.#board
    // While it works nobody need wake it.
    if (board[at.ASLEEP] === 1) Atomics.store(board, at.ASLEEP, 0)
    let did = this.#drain()
    if (did > 0 || this.#closed) return did
    if (this.#host === 'embedded') {
      rawEventfdRead(this.wakeFd)
      Atomics.store(board, at.ASLEEP, 1)
      did = this.#drain()
      // The host comes again after a turn that did something: until then nobody need wake it.
      if (did > 0) Atomics.store(board, at.ASLEEP, 0)
      return did
    }
    if (timeoutMs === 0) return 0
    Atomics.store(board, at.ASLEEP, 1)
    // What was announced before that, nobody woke us for.
    if (Atomics.load(board, at.RING + (this.#head & this.#ringMask)) === 0) {
      this.#sleep(this.#interrupting.length > 0 ? REPEAT_MS : timeoutMs < 0 ? LONG_MS : timeoutMs)
    }
    Atomics.store(board, at.ASLEEP, 0)
    return this.#drain()
  }

  wake(): void {
    if (this.#closed) return
    if (this.#wakeSender < 0) rawEventfdWrite(this.wakeFd, 1)
    else rawSendByte(this.#wakeSender)
  }

  /** What helps with an error of this driver's own making, beyond its name. */
  explain(operation: Operation): string | undefined {
    return operation.result === -EAGAIN ? atTheBound(this.maxThreads) : undefined
  }

  close(): void {
    if (this.#closing) return
    this.#closing = true
    for (const head of this.#sending.values()) while (head.next !== null) this.cancel(head.next)
    for (const thread of this.#threads) {
      if (thread?.operation != null) this.cancel(thread.operation)
    }
    while (this.#busy()) {
      if (this.#drain() > 0) continue
      this.#interruptAgain()
      pause(REPEAT_MS / 4)
    }
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    for (const thread of this.#threads) {
      if (thread === undefined) continue
      thread.quit()
      this.#leaving.push(thread)
    }
    // Not before the last of them is done with it may the wake descriptor close.
    for (const thread of this.#leaving) while (!thread.gone(this.#signal)) pause(REPEAT_MS / 4)
    rawClose(this.wakeFd)
    if (this.#wakeSender >= 0) rawClose(this.#wakeSender)
  }

  // ---- threads

  #busy(): boolean {
    for (const thread of this.#threads) if (thread?.operation != null) return true
    return false
  }

  /** Gives an operation to a thread. @returns UNDER_WAY, or EAGAIN (negative) where there is none to be had */
  #request(operation: Operation): number {
    const thread = this.#idle.pop() ?? this.#start()
    if (thread === null) return -EAGAIN
    const { words } = thread
    operation.slot = thread.index
    thread.operation = operation
    thread.mask = 0
    words[at.KIND] = operation.kind
    words[at.FD] = operation.fd
    words[at.STAMPED] = operation.stamps === null ? 0 : 1
    words[at.CANCEL] = 0
    words[at.COUNT] = 0
    this.#describe(thread, operation)
    words[at.MASK] = thread.mask
    Atomics.store(words, at.STATE, at.REQUESTED)
    Atomics.notify(words, at.STATE)
    return UNDER_WAY
  }

  /** Writes what differs from kind to kind. */
  #describe(thread: Thread, operation: Operation): void {
    const { words, doubles } = thread
    switch (operation.kind) {
      case Kind.accept:
        thread.mask = at.SLOTS - 1
        break
      case Kind.receive:
        thread.mask = 1
        this.#makeRoom(thread, ROOM)
        break
      case Kind.recvfrom:
        thread.mask = operation.room > 2 * ROOM ? 1 : at.SLOTS - 1
        this.#makeRoom(thread, operation.room)
        break
      case Kind.send:
        doubles[at.SLOT_DOUBLES + at.BYTES] = 0
        words[at.COUNT] = writeIovec(thread, operation)
        break
      case Kind.connect:
        this.#writeAddress(thread, operation)
        break
      case Kind.sendto:
        this.#writeAddress(thread, operation)
        this.#writeMemory(thread, operation)
        break
      case Kind.read:
      case Kind.write:
        if (operation.buffers.length > 1) words[at.COUNT] = writeIovec(thread, operation)
        else this.#writeMemory(thread, operation)
        doubles[at.POSITION] = operation.position
        break
      case Kind.fsync:
      case Kind.fdatasync:
        break
      case Kind.open:
        thread.bytes.set(operation.address!, at.IOV_AT)
        words[at.FLAGS] = operation.flags
        words[at.MODE] = operation.mode
        break
      case Kind.call:
        doubles.set(operation.call!, at.CALL)
        break
    }
  }

  #makeRoom(thread: Thread, room: number): void {
    thread.words[at.ROOM] = room
    for (let slot = 0; slot <= thread.mask; slot++) {
      const landing = thread.landings[slot]
      if (landing === undefined || landing.byteLength < room) thread.land(slot, Math.max(room, 1))
    }
  }

  #writeAddress(thread: Thread, operation: Operation): void {
    const { address } = operation
    if (address === null) return
    thread.bytes.set(address.subarray(0, ADDRESS_BYTES), at.ADDRESS_AT)
    thread.words[at.COUNT] = Math.min(address.length, ADDRESS_BYTES)
  }

  #writeMemory(thread: Thread, operation: Operation): void {
    const memory = operation.buffers[0]!
    thread.doubles[at.MEMORY] = memory.length === 0 ? 0 : addressOf(memory)
    thread.doubles[at.LENGTH] = memory.length
  }

  #start(): Thread | null {
    if (this.#living >= this.maxThreads) return null
    let index = 0
    while (this.#threads[index] !== undefined) index++
    const desk = new SharedArrayBuffer(at.DESK_BYTES)
    const data: at.ThreadData = {
      board: this.#board.buffer as SharedArrayBuffer,
      desk,
      index,
      ringMask: this.#ringMask,
      wakeFd: this.#wakeSender < 0 ? this.wakeFd : this.#wakeSender,
      wakeBySend: this.#wakeSender >= 0,
      signal: this.#signal,
      nested: !isMainThread,
    }
    const thread = new Thread(index, desk)
    try {
      startThread(threadProgram, data, {
        leave: () => thread.leave(this.#signal),
        ended: (error) => this.#lost(thread, error),
      })
    } catch (error) {
      process.emitWarning(`a thread for a blocking call could not be started: ${(error as Error).message}`)
      return null
    }
    this.#threads[index] = thread
    this.#living++
    return thread
  }

  /** A thread died of something that is no answer to its operation. */
  #lost(thread: Thread, error: NodeJS.ErrnoException | null): void {
    if (this.#threads[thread.index] !== thread) return
    this.#threads[thread.index] = undefined
    this.#living--
    const place = this.#idle.indexOf(thread)
    if (place >= 0) this.#idle.splice(place, 1)
    if (error !== null) process.emitWarning(`a thread of the blocking model died: ${error.message}`)
    const { operation } = thread
    thread.operation = null
    this.#calm(thread)
    if (operation !== null) this.#over(operation, error?.code === 'ERR_WORKER_OUT_OF_MEMORY' ? -ENOMEM : -EIO)
  }

  /** The thread has nothing to do any more. */
  #free(thread: Thread): void {
    thread.operation = null
    this.#calm(thread)
    if (this.#idle.length < MOST_IDLE) {
      this.#idle.push(thread)
      return
    }
    this.#threads[thread.index] = undefined
    this.#living--
    thread.quit()
    this.#leaving = this.#leaving.filter((other) => !other.gone(0))
    this.#leaving.push(thread)
  }

  // ---- interrupting

  readonly #repeat = () => {
    this.#timer = null
    this.#interruptAgain()
    if (this.#interrupting.length > 0 && !this.#closed) {
      this.#timer = setTimeout(this.#repeat, REPEAT_MS).unref()
    }
  }

  #interruptAgain(): void {
    let lost: Thread[] | null = null
    for (const thread of this.#interrupting) {
      if (!thread.interrupt(this.#signal)) (lost ??= []).push(thread)
    }
    // One that is gone with its answer published is none of them: that is found first.
    if (lost !== null && this.#drain() === 0) for (const thread of lost) this.#lost(thread, null)
  }

  #calm(thread: Thread): void {
    if (!thread.interrupting) return
    thread.interrupting = false
    this.#interrupting.splice(this.#interrupting.indexOf(thread), 1)
  }

  // ---- sleeping

  #sleep(timeoutMs: number): void {
    if (timeoutMs !== this.#timeoutMs) {
      this.#timeoutMs = timeoutMs
      this.#timeval[0] = BigInt(Math.floor(timeoutMs / 1000))
      this.#timeval[1] = BigInt(Math.max(1, Math.floor((timeoutMs % 1000) * 1000)))
      rawSetsockopt(this.wakeFd, SOL_SOCKET, SO_RCVTIMEO, this.#timeval, 16)
    }
    // A byte came, the time is up, or a signal was handled: all the same.
    rawSleepUntilByte(this.wakeFd)
  }

  // ---- answers

  /** Takes what the threads have announced until now. @returns how many answers that were */
  #drain(): number {
    const board = this.#board
    const mask = this.#ringMask
    let did = 0
    // Not those announced meanwhile: a turn must end.
    let left = (Atomics.load(board, at.TAIL) - this.#head) | 0
    while (left-- > 0) {
      const place = at.RING + (this.#head & mask)
      const index = Atomics.load(board, place)
      // Its thread has taken the place and not yet written to it: it will wake us.
      if (index === 0) break
      Atomics.store(board, place, 0)
      this.#head = (this.#head + 1) | 0
      const thread = this.#threads[index - 1]
      if (thread !== undefined) did += this.#take(thread)
      // A handler has closed the driver, and with it all there was.
      if (this.#closed) break
    }
    return did
  }

  #take(thread: Thread): number {
    const { words } = thread
    // First: what is published from here on is announced anew.
    Atomics.store(words, at.ANNOUNCED, 0)
    const published = Atomics.load(words, at.PUBLISHED)
    let did = 0
    while (((published - thread.taken) | 0) > 0) {
      did++
      const operation = thread.operation
      const slot = thread.taken & thread.mask
      const word = at.SLOT_WORDS + slot * at.WORDS_PER_SLOT
      const result = words[word + at.RESULT]!
      if (operation === null) break
      if (operation.stamps !== null) {
        const returned = thread.doubles[at.SLOT_DOUBLES + slot * at.DOUBLES_PER_SLOT + at.RETURNED]!
        operation.stamps.ready = operation.stamps.copied = returned
      }
      if (words[word + at.LAST] === 1) {
        if (operation.kind === Kind.send) {
          advance(operation, thread.doubles[at.SLOT_DOUBLES + slot * at.DOUBLES_PER_SLOT + at.BYTES]!)
        }
        words[word + at.LAST] = 0
        this.#release(thread)
        this.#free(thread)
        this.#ended(operation, result)
        break
      }
      this.#progress(thread, operation, slot, result)
    }
    return did
  }

  /** The answer has been read: the thread may use its slot again. */
  #release(thread: Thread): void {
    thread.taken = (thread.taken + 1) | 0
    Atomics.store(thread.words, at.TAKEN, thread.taken)
    if (Atomics.load(thread.words, at.WAITING) === 1) Atomics.notify(thread.words, at.TAKEN)
  }

  #progress(thread: Thread, operation: Operation, slot: number, result: number): void {
    operation.result = result
    operation.more = true
    operation.chunk = null
    if (operation.kind === Kind.receive) operation.chunk = this.#chunk(thread, slot, result)
    else if (operation.kind === Kind.recvfrom && result >= 0) {
      const kept = Math.min(result, thread.words[at.ROOM]!)
      const from = at.FROM_AT + slot * ADDRESS_BYTES
      operation.chunk = this.#chunk(thread, slot, kept)
      operation.truncated = result > kept
      operation.from = decodeShared(
        thread.bytes.subarray(from, from + ADDRESS_BYTES),
        thread.words[at.SLOT_WORDS + slot * at.WORDS_PER_SLOT + at.FROM_LENGTH]!,
      )
      operation.result = kept
    }
    this.#release(thread)
    if (operation.stamps !== null) operation.stamps.delivered = now()
    operation.owner.completed(operation)
    operation.chunk = null
  }

  /** What landed, as memory that is the user's from now on. */
  #chunk(thread: Thread, slot: number, length: number): Buffer {
    const landing = thread.landings[slot]!
    if (length >= GIVE_AWAY && length * 2 >= landing.byteLength) {
      thread.land(slot, landing.byteLength)
      return Buffer.from(landing.buffer, 0, length)
    }
    if (length > SMALL_BLOCK / 4) {
      const chunk = Buffer.allocUnsafeSlow(length)
      chunk.set(landing.subarray(0, length))
      return chunk
    }
    if (this.#smallAt + length > this.#small.byteLength) {
      this.#small = Buffer.allocUnsafeSlow(SMALL_BLOCK).buffer as ArrayBuffer
      this.#smallBytes = new Uint8Array(this.#small)
      this.#smallAt = 0
    }
    const start = this.#smallAt
    this.#smallAt = (start + length + 7) & ~7
    if (length <= 64) {
      const target = this.#smallBytes
      for (let index = 0; index < length; index++) target[start + index] = landing[index]!
    } else this.#smallBytes.set(landing.subarray(0, length), start)
    return Buffer.from(this.#small, start, length)
  }

  // ---- sending

  /** Sends what fits at once, and leaves the rest to a thread. @returns the result, or UNDER_WAY */
  #send(operation: Operation): number {
    for (;;) {
      const sent = operation.kind === Kind.send ? this.#sendNow(operation) : this.#sendtoNow(operation)
      if (sent >= 0) {
        if (operation.kind === Kind.send && !advance(operation, sent)) continue
        if (operation.stamps !== null) operation.stamps.copied = now()
        return operation.kind === Kind.send ? operation.sent : sent
      }
      if (sent === -EINTR) continue
      // Out of kernel memory is no verdict on the bytes: the thread waits for some.
      if (sent !== -EAGAIN && sent !== -ENOBUFS && sent !== -ENOMEM) return sent
      ownSmall(operation)
      const result = this.#request(operation)
      if (result === UNDER_WAY) this.#sending.set(operation.fd, operation)
      return result
    }
  }

  #sendNow(operation: Operation): number {
    const { buffers, index, offset } = operation
    const flags = MSG_NOSIGNAL | MSG_DONTWAIT
    const first = buffers[index]
    if (first === undefined) return 0
    if (index + 1 === buffers.length || first.length - offset >= GATHER / 4) {
      const rest = offset === 0 ? first : first.subarray(offset)
      return rest.length === 0 ? 0 : rawSend(operation.fd, rest, rest.length, flags)
    }
    let length = 0
    let skip = offset
    for (let next = index; next < buffers.length && length < GATHER; next++) {
      const part = buffers[next]!.subarray(skip, skip + GATHER - length)
      this.#gather.set(part, length)
      length += part.length
      skip = 0
    }
    return length === 0 ? 0 : rawSend(operation.fd, this.#gather, length, flags)
  }

  #sendtoNow(operation: Operation): number {
    const { fd, address } = operation
    const data = operation.buffers[0]!
    const flags = MSG_NOSIGNAL | MSG_DONTWAIT
    return rawSendto(fd, data, data.length, flags, address, address === null ? 0 : address.length)
  }

  // ---- ends

  /** A thread has given its last answer. */
  #ended(operation: Operation, result: number): void {
    if (operation.kind === Kind.send && result === 0) {
      if (operation.index < operation.buffers.length) {
        // More buffers than one request takes.
        operation.slot = -1
        result = operation.cancelled ? -ECANCELED : this.#send(operation)
        if (result === UNDER_WAY) return
      } else result = operation.sent
    }
    this.#over(operation, result)
  }

  /** Ends an operation. Where it led its descriptor's queue of sends, the next are sent. */
  #over(operation: Operation, result: number): void {
    while (this.#sending.size > 0 && this.#sending.get(operation.fd) === operation) {
      this.#follow(operation)
      this.#end(operation, result)
      // What the handlers did to the queue has been done.
      const next = this.#sending.get(operation.fd)
      if (next === undefined || next.slot >= 0) return
      result = this.#send(next)
      if (result === UNDER_WAY) return
      operation = next
    }
    if (operation.inFlight) this.#end(operation, result)
  }

  /** Lets the next in the queue lead it. */
  #follow(operation: Operation): void {
    const { fd, next } = operation
    operation.next = null
    if (next === null) this.#sending.delete(fd)
    else this.#sending.set(fd, next)
  }

  #end(operation: Operation, result: number): void {
    operation.result = result
    operation.more = false
    operation.inFlight = false
    operation.slot = -1
    operation.chunk = null
    if (operation.stamps !== null) operation.stamps.delivered = now()
    operation.owner.completed(operation)
  }
}

/** Writes where what is left to send lies, as an iovec. @returns its entries */
function writeIovec(thread: Thread, operation: Operation): number {
  const { buffers } = operation
  const { words } = thread
  let { offset } = operation
  let count = 0
  for (let index = operation.index; index < buffers.length && count < at.MOST_IOV; index++) {
    const buffer = buffers[index]!
    const length = buffer.length - offset
    const address = length === 0 ? 0 : addressOf(buffer) + offset
    const word = (at.IOV_AT + count * 16) / 4
    words[word] = address | 0
    words[word + 1] = address / 0x1_0000_0000
    words[word + 2] = length | 0
    words[word + 3] = length / 0x1_0000_0000
    offset = 0
    count++
  }
  return count
}

function remove(head: Operation, operation: Operation): void {
  for (let before = head; before.next !== null; before = before.next) {
    if (before.next !== operation) continue
    before.next = operation.next
    operation.next = null
    return
  }
}

// ---- the model

export const blocking: Model = {
  name: 'blocking',
  family: 'blocking',
  synchronous: true,
  limits: {
    nonBlocking: false,
    files: true,
    beyond: ['vectors', 'open', 'call'],
    cancels: true,
    borrows: [],
    maxWaiting: DEFAULT_MAX_THREADS,
    workers: true,
  },
  probe,
  open: (options) => new BlockingDriver(options),
}

/** Has a thread sleep in recv, and interrupts it. */
function probe(): Verdict {
  let driver: BlockingDriver | null = null
  let pair: readonly number[] = []
  try {
    driver = new BlockingDriver({ host: 'dedicated', maxThreads: 1 })
    pair = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
    const answers: number[] = []
    const receive = new Operation(Kind.receive, pair[0]!, {
      completed: ({ result }) => void answers.push(result),
    })
    driver.submit(receive)
    rawSend(pair[1]!, Buffer.from('!'), 1, MSG_NOSIGNAL)
    const until = performance.now() + PROBE_MS
    while (answers.length === 0 && performance.now() < until) driver.turn(100)
    if (receive.inFlight) driver.close()
    const [first] = answers
    if (first === 1 && answers[1] === -ECANCELED) return { ok: true }
    return {
      ok: false,
      reason:
        first === undefined || first === -ECANCELED
          ? `a thread did not answer within ${PROBE_MS / 1000} s`
          : `a thread's call ended with ${errnoName(first)}`,
      cure: 'Choose another model.',
    }
  } catch (error) {
    return refusal(error)
  } finally {
    driver?.close()
    for (const fd of pair) rawClose(fd)
  }
}

const PROBE_MS = 5000

/** No result yet. */
const UNDER_WAY = Number.NEGATIVE_INFINITY

const ESRCH = 3
const EINTR = 4
const EIO = 5
const EAGAIN = 11
const ENOMEM = 12
const ENOBUFS = 105
const ECANCELED = 125
