/** The driver of blocking I/O. The notes on the mechanism are in ../blocking.ts; the letters below refer to them. */
import { Buffer } from 'node:buffer'
import { readdirSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { ADDRESS_BYTES, AF_UNIX, decodeShared } from '../../sys/address.js'
import { rawClose } from '../../sys/descriptor.js'
import { EFD_CLOEXEC, EFD_NONBLOCK, eventfd, rawEventfdRead, rawEventfdWrite } from '../../sys/eventfd.js'
import { getrlimit, RLIMIT_NOFILE } from '../../sys/process.js'
import {
  rawSetsockopt,
  SO_RCVTIMEO,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
  socketpair,
} from '../../sys/socket.js'
import { rawSendByte, rawSleepUntilByte } from '../../sys/wake.js'
import { Copies } from '../copies.js'
import type { Driver, DriverOptions, Host } from '../model.js'
import { advance, append, type DatagramOperation, Kind, type Operation, ownSmall } from '../operation.js'
import { sendNow, sendtoNow } from '../send-now.js'
import { now } from '../stamps.js'
import { interruptSignal } from '../threads/signals.js'
import {
  longestSleep,
  MOST_FAILURES,
  pause,
  SHORTAGE_MS,
  shortOfDescriptors,
  startThread,
} from '../threads/thread.js'
import * as at from './layout.js'
import { Thread } from './thread.js'

/** The most threads, where `maxThreads` says nothing else. */
export const DEFAULT_MAX_THREADS = 256
/** So many idle threads are kept; what is more ends. */
const MOST_IDLE = 64
/** A received chunk of so much is given away together with its memory; a smaller one is copied. */
const GIVE_AWAY = 32 * 1024
/** Up to so much shares a block with others. */
const MOST_SHARED = 8 * 1024
/** What a thread takes while it starts, for a while and for good. */
const DESCRIPTORS_PER_START = 16
/** How long a signal has until it is repeated. */
const REPEAT_MS = 1
/** A time-out that stands for none: see (g). */
const LONG_MS = longestSleep < 0 ? 1e9 : longestSleep

const threadProgram = new URL('./blocking-program.js', import.meta.url)

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
  /** Operations that wait for the descriptors of a thread, in their order. */
  #parked: Operation[] = []
  #parkTimer: NodeJS.Timeout | null = null
  #warned = false
  /** How many threads in a row failed before they had begun, for reasons other than the obvious. */
  #failures = 0
  #toldShort = false
  /** Descriptors with a send in a thread; the operation leads a queue of those that must come after it. */
  readonly #sending = new Map<number, Operation>()
  readonly #copies = new Copies()
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
      const parked = this.#parked.indexOf(operation)
      if (parked >= 0) {
        this.#parked.splice(parked, 1)
        this.#over(operation, -ECANCELED)
        return
      }
      // It waits behind another send of its descriptor, or has just come first and is about to be sent.
      const head = this.#sending.get(operation.fd)
      if (head === operation) this.#follow(operation)
      else if (head !== undefined) remove(head, operation)
      this.#end(operation, -ECANCELED)
      return
    }
    this.#halt(this.#threads[operation.slot]!, -ECANCELED)
  }

  /** Has a thread end its operation, which ends with `result` if nothing else comes first. */
  #halt(thread: Thread, result: number): void {
    if (thread.retract()) {
      const operation = thread.operation!
      this.#free(thread)
      this.#over(operation, result)
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
    if (this.#parkTimer !== null) clearTimeout(this.#parkTimer)
    for (const head of this.#sending.values()) while (head.next !== null) this.cancel(head.next)
    for (const operation of [...this.#parked]) this.cancel(operation)
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
    if (thread === null) return this.#refuse(operation)
    this.#give(thread, operation)
    return UNDER_WAY
  }

  #give(thread: Thread, operation: Operation): void {
    const { words } = thread
    operation.slot = thread.index
    thread.operation = operation
    thread.mask = 0
    words[at.KIND] = operation.kind
    words[at.FD] = operation.fd
    words[at.STAMPED] = operation.stamps === null ? 0 : 1
    words[at.CANCEL] = 0
    words[at.COUNT] = 0
    thread.describe(operation)
    words[at.MASK] = thread.mask
    Atomics.store(words, at.STATE, at.REQUESTED)
    Atomics.notify(words, at.STATE)
  }

  // ---- too few threads, see (b)

  /** There is no thread for an operation. @returns what it ends with, or UNDER_WAY: it waits for one */
  #refuse(operation: Operation): number {
    if (this.#closing) return -ECANCELED
    if (this.#living >= this.maxThreads) {
      if (!this.#warned) {
        this.#warned = true
        process.emitWarning(atTheBound(this.maxThreads), { code: 'FIVEFOLD_THREADS' })
      }
      return -EAGAIN
    }
    if (operation.kind === Kind.accept) return -EMFILE
    this.#park(operation)
    return UNDER_WAY
  }

  #park(operation: Operation): void {
    operation.slot = -1
    this.#parked.push(operation)
    this.#parkTimer ??= setTimeout(this.#unpark, SHORTAGE_MS).unref()
    // Accepting would only take more of what is short. Whoever accepts tells of the shortage.
    for (const thread of this.#threads) {
      if (thread?.operation?.kind !== Kind.accept || thread.operation.cancelled) continue
      if (!thread.interrupting) this.#halt(thread, -EMFILE)
      this.#toldShort = true
    }
    if (this.#toldShort) return
    this.#toldShort = true
    process.emitWarning(
      'too few descriptors for one more thread of the blocking model: what it is for waits until some are free. ' +
        'Close some, or raise the limit: ulimit -n',
      { code: 'FIVEFOLD_THREADS' },
    )
  }

  /** Looks whether there are descriptors for those that wait for a thread. */
  readonly #unpark = () => {
    this.#parkTimer = null
    while (this.#parked.length > 0) {
      const thread = this.#idle.pop() ?? this.#start()
      if (thread === null) break
      this.#give(thread, this.#parked.shift()!)
    }
    if (this.#parked.length > 0) this.#parkTimer = setTimeout(this.#unpark, SHORTAGE_MS).unref()
  }

  // ---- their life

  #start(): Thread | null {
    if (this.#living >= this.maxThreads || !this.#canStart()) return null
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

  /** Whether there are descriptors for one more thread, beside those that are about to take theirs. */
  #canStart(): boolean {
    let starting = 1
    for (const thread of this.#threads) {
      if (thread?.starting !== true) continue
      if (Atomics.load(thread.words, at.TID) === 0) starting++
      else {
        thread.starting = false
        this.#failures = 0
      }
    }
    return freeDescriptors() >= starting * DESCRIPTORS_PER_START
  }

  /** A thread died of something that is no answer to its operation. */
  #lost(thread: Thread, error: NodeJS.ErrnoException | null): void {
    if (this.#threads[thread.index] !== thread) return
    this.#threads[thread.index] = undefined
    this.#living--
    const place = this.#idle.indexOf(thread)
    if (place >= 0) this.#idle.splice(place, 1)
    const { operation } = thread
    thread.operation = null
    this.#calm(thread)
    // The descriptors went to somebody else while it started.
    const unborn = error !== null && Atomics.load(thread.words, at.TID) === 0
    const short = shortOfDescriptors(error) || (unborn && this.#failures++ < MOST_FAILURES)
    if (operation !== null && short && thread.retract()) {
      if (this.#closing) this.#over(operation, -ECANCELED)
      else if (operation.kind === Kind.accept) this.#over(operation, -EMFILE)
      else this.#park(operation)
      return
    }
    if (error !== null) process.emitWarning(`a thread of the blocking model died: ${error.message}`)
    if (operation !== null) this.#over(operation, error?.code === 'ERR_WORKER_OUT_OF_MEMORY' ? -ENOMEM : -EIO)
  }

  /** The thread has nothing to do any more. */
  #free(thread: Thread): void {
    thread.operation = null
    this.#calm(thread)
    const parked = this.#parked.shift()
    if (parked !== undefined) {
      this.#give(thread, parked)
      return
    }
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
      const datagram = operation as DatagramOperation
      datagram.truncated = result > kept
      datagram.from = decodeShared(
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
    const { bytes } = landing
    if (length >= GIVE_AWAY && length * 2 >= bytes.length) {
      thread.land(slot, bytes.length)
      return Buffer.from(bytes.buffer, 0, length)
    }
    if (length > MOST_SHARED) {
      const chunk = Buffer.allocUnsafeSlow(length)
      chunk.set(bytes.subarray(0, length))
      return chunk
    }
    return this.#copies.copy(landing, 0, length)
  }

  // ---- sending

  /** Sends what fits at once, and leaves the rest to a thread. @returns the result, or UNDER_WAY */
  #send(operation: Operation): number {
    for (;;) {
      const sent = operation.kind === Kind.send ? sendNow(operation) : sendtoNow(operation)
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

  // ---- ends

  /** A thread has given its last answer. */
  #ended(operation: Operation, result: number): void {
    // Halted for want of descriptors, not by its owner.
    if (operation.kind === Kind.accept && result === -ECANCELED && !operation.cancelled) result = -EMFILE
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

/** How many more descriptors the process may open. */
function freeDescriptors(): number {
  try {
    return getrlimit(RLIMIT_NOFILE).soft - readdirSync('/proc/self/fd').length
  } catch (error) {
    return shortOfDescriptors(error as NodeJS.ErrnoException) ? 0 : Number.POSITIVE_INFINITY
  }
}

function remove(head: Operation, operation: Operation): void {
  for (let before = head; before.next !== null; before = before.next) {
    if (before.next !== operation) continue
    before.next = operation.next
    operation.next = null
    return
  }
}

/** No result yet. */
const UNDER_WAY = Number.NEGATIVE_INFINITY

const EINTR = 4
const EIO = 5
const EAGAIN = 11
const ENOMEM = 12
const EMFILE = 24
const ENOBUFS = 105
const ECANCELED = 125
