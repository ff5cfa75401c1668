/**
 * The driver of blocking I/O: what is asked of it, and what its threads answer. Sends are tried at once; everything
 * else is given to a thread (threads.ts). The notes on the mechanism are in ../blocking.ts; the letters refer to them.
 */
import { ADDRESS_BYTES, decodeShared } from '../../sys/address.js'
import { begun, finish, progress } from '../answers.js'
import { Copies } from '../copies.js'
import type { Driver, DriverOptions, Host } from '../model.js'
import {
  advance,
  append,
  type DatagramOperation,
  Kind,
  type Operation,
  ownSmall,
  without,
} from '../operation.js'
import { sendNow, sendtoNow } from '../send-now.js'
import { now } from '../stamps.js'
import { interruptSignal } from '../threads/signals.js'
import { pause } from '../threads/thread.js'
import * as at from './layout.js'
import type { Thread } from './thread.js'
import { atTheBound, REPEAT_MS, Threads, UNDER_WAY } from './threads.js'
import { WakeUp } from './wake-up.js'

/** The most threads, where `maxThreads` says nothing else. */
export const DEFAULT_MAX_THREADS = 256

export class BlockingDriver implements Driver {
  readonly wakeFd: number
  onWork: (() => void) | null = null
  readonly #host: Host
  readonly #wakeUp: WakeUp
  readonly #threads: Threads
  readonly #board: Int32Array
  readonly #ringMask: number
  #head = 0
  /** Descriptors with a send in a thread; the operation leads a queue of those that must come after it. */
  readonly #sending = new Map<number, Operation>()
  readonly #copies = new Copies()
  #closing = false
  #closed = false

  constructor(options: DriverOptions) {
    const { host, maxThreads = DEFAULT_MAX_THREADS } = options
    if (!Number.isInteger(maxThreads) || maxThreads < 1 || maxThreads > 16384) {
      throw Object.assign(new RangeError(`maxThreads is an integer from 1 to 16384, not ${maxThreads}`), {
        code: 'ERR_OUT_OF_RANGE',
      })
    }
    // First, for it may throw: there is nothing yet to give back.
    const signal = interruptSignal()
    this.#host = host
    const ring = 2 ** Math.ceil(Math.log2(maxThreads))
    this.#ringMask = ring - 1
    this.#board = new Int32Array(new SharedArrayBuffer((at.RING + 2 * ring) * 4))
    this.#board[at.ASLEEP] = 1
    this.#wakeUp = new WakeUp(host)
    this.wakeFd = this.#wakeUp.fd
    this.#threads = new Threads(
      { host, max: maxThreads, board: this.#board, ringMask: this.#ringMask, wakeUp: this.#wakeUp, signal },
      {
        over: (operation, result) => this.#over(operation, result),
        drain: () => this.#drain(),
      },
    )
  }

  submit(operation: Operation): void {
    begun(operation)
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
    } else result = this.#threads.request(operation)
    if (result !== UNDER_WAY) this.#over(operation, result)
  }

  cancel(operation: Operation): void {
    if (!operation.inFlight || operation.cancelled) return
    operation.cancelled = true
    if (operation.slot < 0) {
      if (this.#threads.withdraw(operation)) {
        this.#over(operation, -ECANCELED)
        return
      }
      // It waits behind another send of its descriptor, or has just come first and is about to be sent.
      const head = this.#sending.get(operation.fd)
      if (head === operation) this.#follow(operation)
      else if (head !== undefined) without(head, operation)
      this.#end(operation, -ECANCELED)
      return
    }
    this.#threads.halt(this.#threads.at(operation.slot)!, -ECANCELED)
  }

  turn(timeoutMs: number): number {
    if (this.#closed) return 0
    if (this.#threads.interrupting) this.#threads.interruptAgain()
    const board = this.#board
    // While it works nobody need wake it.
    if (board[at.ASLEEP] === 1) Atomics.store(board, at.ASLEEP, 0)
    let did = this.#drain()
    if (did > 0 || this.#closed) return did
    if (this.#host === 'embedded') {
      this.#wakeUp.clear()
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
      this.#wakeUp.sleep(this.#threads.interrupting ? REPEAT_MS : timeoutMs)
    }
    Atomics.store(board, at.ASLEEP, 0)
    return this.#drain()
  }

  wake(): void {
    if (!this.#closed) this.#wakeUp.raise()
  }

  /** What helps with an error of this driver's own making, beyond its name. */
  explain(operation: Operation): string | undefined {
    return operation.result === -EAGAIN ? atTheBound(this.#threads.max) : undefined
  }

  close(): void {
    if (this.#closing) return
    this.#closing = true
    const threads = this.#threads
    threads.shut()
    for (const head of this.#sending.values()) while (head.next !== null) this.cancel(head.next)
    for (const operation of threads.operations()) this.cancel(operation)
    while (threads.busy) {
      if (this.#drain() > 0) continue
      threads.interruptAgain()
      pause(REPEAT_MS / 4)
    }
    this.#closed = true
    // Not before the last of them is done with it may the wake descriptor close.
    threads.close()
    this.#wakeUp.close()
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
      const thread = this.#threads.at(index - 1)
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
        this.#threads.free(thread)
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
    if (operation.kind === Kind.receive) operation.chunk = thread.chunk(slot, result, this.#copies)
    else if (operation.kind === Kind.recvfrom && result >= 0) {
      const kept = Math.min(result, thread.words[at.ROOM]!)
      const from = at.FROM_AT + slot * ADDRESS_BYTES
      operation.chunk = thread.chunk(slot, kept, this.#copies)
      const datagram = operation as DatagramOperation
      datagram.truncated = result > kept
      datagram.from = decodeShared(
        thread.bytes.subarray(from, from + ADDRESS_BYTES),
        thread.words[at.SLOT_WORDS + slot * at.WORDS_PER_SLOT + at.FROM_LENGTH]!,
      )
      result = kept
    }
    this.#release(thread)
    progress(operation, result)
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
      const result = this.#threads.request(operation)
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
    operation.slot = -1
    finish(operation, result)
  }
}

const EINTR = 4
const EAGAIN = 11
const ENOMEM = 12
const EMFILE = 24
const ENOBUFS = 105
const ECANCELED = 125
