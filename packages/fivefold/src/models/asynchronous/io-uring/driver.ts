/**
 * The driver of io_uring: operations become submissions, completions become the operations' answers.
 * The notes on the mechanism are in ../io-uring.ts; the letters below refer to them.
 */
import { rawClose } from '../../../sys/descriptor.js'
import { check } from '../../../sys/errno.js'
import { EFD_CLOEXEC, EFD_NONBLOCK, eventfd, rawEventfdRead, rawEventfdWrite } from '../../../sys/eventfd.js'
import {
  CQE_WORDS,
  IORING_ASYNC_CANCEL_ANY,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUF_MORE,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IORING_CQE_F_NOTIF,
  IORING_OP_ASYNC_CANCEL,
  IORING_OP_POLL_ADD,
  IORING_POLL_ADD_MULTI,
  type Ring,
} from '../../../sys/uring.js'
import { begun, finish, progress } from '../../answers.js'
import type { Driver, Host, Tuning } from '../../model.js'
import { ofTheNetwork } from '../../of-the-network.js'
import {
  advance,
  type DatagramOperation,
  type FileOperation,
  Kind,
  type Operation,
  ownSmall,
} from '../../operation.js'
import { now } from '../../stamps.js'
import { DatagramSends } from './datagram-sends.js'
import { DatagramBuffers } from './datagrams.js'
import { mendPosition, notePosition } from './position.js'
import { OperationQueue } from './queue.js'
import { INCREMENTAL, ReceiveBuffers, type ReceiveSizes, WHOLE } from './receive.js'
import { RegisteredBuffers } from './registered-buffers.js'
import { RegisteredFiles } from './registered-files.js'
import { DATAGRAMS, Requests, STREAMS } from './requests.js'
import { NONE, Slots } from './slots.js'
import { openTier, POLLED, type Tier } from './tiers.js'

/** Sizes that a test makes small, to meet the edges; everybody else leaves them alone. */
export interface RingSizes {
  entries?: number
  completions?: number
  /** Buffers for streams; `incremental: false` does without Linux 6.12. */
  receive?: ReceiveSizes & { incremental: boolean }
  datagrams?: number
}

/** Completions per turn: the loop that hosts us has others to serve. */
const MOST_COMPLETIONS = 4096
/** While completions are handled, what the handlers ask for goes to the kernel in batches of so many. */
const SUBMIT_EVERY = 16
/**
 * How often a turn asks for what the kernel has put off, which it hands out twenty at a time (IO_LOCAL_TW_DEFAULT_MAX,
 * Linux 6.13). A turn of more costs less for each: HTTP at 64 connections a twentieth of its CPU time.
 */
const CALLS = 8
/** How often a turn goes to the kernel with what its handlers asked for. */
const PASSES = 2
/** After a turn with so few completions the loop sleeps without another look: what comes will wake it. */
const FEW = 8

/** `user_data` of our own requests: the low word negative. Of a cancel: CANCEL - slot, and the generation above. */
const WAKE = -1
const CANCEL_ALL = -2
const CANCEL = -3

const open = new Set<IoUringDriver>()
let closesOnExit = false

export class IoUringDriver implements Driver {
  readonly wakeFd: number
  onWork: (() => void) | null = null
  readonly tier: Tier
  readonly ring: Ring

  readonly #slots = new Slots()
  /** Requests of our own. */
  #ours = 0

  readonly #files: RegisteredFiles | null
  readonly #requests: Requests
  readonly #datagramSends: DatagramSends
  readonly #receive: ReceiveBuffers
  #datagrams: DatagramBuffers | null = null
  readonly #sizes: RingSizes

  /** Operations that wait for room in the submission ring, and receives that wait for a buffer. */
  readonly #waiting = new OperationQueue()
  readonly #dry = new OperationQueue()
  /** Descriptors with datagrams that wait for room. */
  readonly #stalled: number[] = []
  /** Cancelled while there was no room to say so, or while the kernel could not find them. */
  readonly #cancels: Operation[] = []

  readonly #eventfd: number
  readonly #embedded: boolean
  /** Polled busily, nobody sleeps, and nobody need be woken. */
  readonly #sleeps: boolean
  /** The eventfd is being told of completions; it may have been since it was last read. */
  #listening = false
  #signalled = false
  #closed = false
  /** The process ends: nobody hears of completions any more. */
  #silent = false

  constructor(host: Host, tier: Tier, sizes: RingSizes = {}, tuning: Tuning = {}) {
    this.tier = tier
    this.#sizes = sizes
    this.#embedded = host === 'embedded'
    this.#sleeps = !tuning.busyPoll
    const flags = tuning.sqPoll ? POLLED : tier.flags
    this.ring = openTier(flags, sizes.entries ?? 1024, sizes.completions ?? 16384)
    try {
      this.#files = tuning.registeredFiles ? new RegisteredFiles(this.ring) : null
      const memory = tuning.registeredBuffers
      this.#requests = new Requests(
        this.ring,
        this.#slots,
        this.#files,
        memory === undefined ? null : new RegisteredBuffers(this.ring, memory),
        tuning.zeroCopyFrom,
      )
      this.#datagramSends = new DatagramSends(this.ring)
      this.#receive = this.#openBuffers()
      this.#eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
      if (this.#embedded) {
        this.ring.notify(false)
        this.ring.registerEventfd(this.#eventfd)
      } else {
        this.#watchEventfd()
      }
    } catch (error) {
      this.ring.close()
      throw error
    }
    this.wakeFd = this.#embedded ? this.#eventfd : -1
    open.add(this)
    if (!closesOnExit) {
      closesOnExit = true
      process.on('exit', () => {
        for (const driver of open) driver.#abandon()
      })
    }
  }

  #openBuffers(): ReceiveBuffers {
    const { receive } = this.#sizes
    if (receive !== undefined) return new ReceiveBuffers(this.ring, STREAMS, receive.incremental, receive)
    try {
      return new ReceiveBuffers(this.ring, STREAMS, true, INCREMENTAL)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
      return new ReceiveBuffers(this.ring, STREAMS, false, WHOLE)
    }
  }

  // ---- questions

  submit(operation: Operation): void {
    begun(operation)
    if (this.#closed) {
      finish(operation, -ECANCELED)
      return
    }
    this.#slots.take(operation)
    this.#start(operation)
  }

  cancel(operation: Operation): void {
    if (!operation.inFlight || operation.cancelled) return
    operation.cancelled = true
    // What waits in a queue of ours is found there, cancelled, at the next turn.
    if (this.#slots.asked[operation.slot] === 1) {
      // Done but for the buffer: there is nothing left to cancel.
      if (this.#slots.held[operation.slot] === NONE) this.#cancel(operation)
    } else if (this.#datagramSends.remove(operation)) this.#waiting.push(operation)
  }

  wake(): void {
    this.#signalled = true
    rawEventfdWrite(this.#eventfd, 1)
  }

  // ---- the turn

  turn(timeoutMs: number): number {
    if (this.#closed) return 0
    const { ring } = this
    if (this.#listening) {
      ring.notify(false)
      this.#listening = false
      // Whatever told the eventfd has left a trace in the ring.
      if (ring.ready() || ring.wantsEnter()) this.#signalled = true
    }
    this.#resume()
    if (timeoutMs !== 0 && this.#quiet() && !ring.ready()) this.#enter(1, timeoutMs)
    else if (ring.pending > 0 || ring.wantsEnter()) this.#gather()
    let count = this.#drain(MOST_COMPLETIONS)
    // What the handlers asked for goes to the kernel at once, and what that brings is handled here too.
    for (let passes = 1; passes < PASSES && ring.pending > 0 && !this.#closed; passes++) {
      this.#enter(0, 0)
      count += this.#drain(MOST_COMPLETIONS)
    }
    if (this.#closed) return count
    if (count < MOST_COMPLETIONS) this.#quench()
    if (!this.#sleeps) return count
    if (this.#embedded && count <= FEW && ring.pending === 0 && this.#quiet() && this.#listen()) return 0
    return count > 0 ? count : this.#embedded ? 1 : 0
  }

  /** Nothing waits for room in the ring. */
  #quiet(): boolean {
    return this.#waiting.empty && this.#dry.empty && this.#stalled.length + this.#cancels.length === 0
  }

  /** Before Node's loop sleeps. @returns false when work came in the meantime */
  #listen(): boolean {
    const { ring } = this
    if (ring.ready() || ring.wantsEnter()) return false
    if (this.#signalled) {
      this.#signalled = false
      rawEventfdRead(this.#eventfd)
    }
    ring.notify(true)
    this.#listening = true
    // What came before the line above was not told to the eventfd.
    return !ring.ready() && !ring.wantsEnter()
  }

  /** Goes to the kernel until it has nothing more for now. */
  #gather(): void {
    for (let calls = 0; calls < CALLS; calls++) {
      this.#enter(0, 0)
      if (!this.ring.wantsEnter()) return
    }
  }

  #enter(minComplete: number, timeoutMs: number): void {
    const result = this.ring.enter(minComplete, timeoutMs)
    // The time is up, a signal came, or the completions must be emptied first (note e).
    if (result >= 0 || result === -ETIME || result === -EINTR || result === -EBUSY || result === -EAGAIN)
      return
    check(result, 'io_uring_enter')
  }

  /** Does what waited for room. */
  #resume(): void {
    while (this.#cancels.length > 0 && this.#hasRoom()) {
      const operation = this.#cancels.pop()!
      if (operation.inFlight && operation.cancelled && this.#slots.asked[operation.slot] === 1)
        this.#cancel(operation)
    }
    while (!this.#waiting.empty && this.#hasRoom()) {
      const operation = this.#waiting.shift()!
      if (operation.cancelled || this.#closed) this.#finish(operation, -ECANCELED)
      else this.#ask(operation, false)
    }
    while (this.#stalled.length > 0 && this.#hasRoom()) this.#sendNext(this.#stalled.pop()!)
  }

  /** A receive found no buffer. Who got some since it was armed is behind who got none: one that floods cannot starve others. */
  #ranDry(operation: Operation): void {
    const { fed } = this.#slots
    if (fed[operation.slot] === 1) this.#dry.push(operation)
    else this.#dry.unshift(operation)
    fed[operation.slot] = 0
  }

  /**
   * Receives that found no buffer are armed anew, now that buffers have been given back: only as many as there
   * are buffers, so that each has a chance.
   */
  #quench(): void {
    if (this.#dry.empty) return
    let most = this.#receive.count
    while (most-- > 0 && !this.#dry.empty) this.#again(this.#dry.shift()!)
  }

  /** Starts an operation once more, unless it was cancelled meanwhile. */
  #again(operation: Operation): void {
    if (operation.cancelled || this.#closed) this.#finish(operation, -ECANCELED)
    else this.#start(operation)
  }

  #hasRoom(): boolean {
    const { ring } = this
    if (ring.room > 0) return true
    ring.submit()
    return ring.room > 0
  }

  #drain(most: number): number {
    const { ring } = this
    const { words, cqes, cqMask } = ring
    let count = 0
    let tail = ring.completionTail()
    while (count < most) {
      if (ring.cqHead === tail) {
        tail = ring.completionTail()
        if (ring.cqHead === tail) break
      }
      const at = cqes + (ring.cqHead & cqMask) * CQE_WORDS
      if (ring.seam !== null) ring.seam.completing?.(ring, at)
      const slot = words[at]!
      const generation = words[at + 1]!
      const result = words[at + 2]!
      const flags = words[at + 3]!
      ring.cqHead = (ring.cqHead + 1) | 0
      count++
      if (slot < 0) {
        this.#ourOwn(slot, generation, result, flags)
        continue
      }
      const operation = this.#slots.named(slot, generation)
      if (operation === null) {
        if ((flags & IORING_CQE_F_BUFFER) !== 0) throw new Error('a completion of an operation that is over')
        continue
      }
      if (operation.stamps !== null) operation.stamps.ready = operation.stamps.copied = now()
      if ((flags & IORING_CQE_F_MORE) === 0) this.#slots.asked[slot] = 0
      switch (operation.kind) {
        case Kind.receive:
          this.#received(operation, result, flags)
          break
        case Kind.send:
          this.#sent(operation, result, flags)
          break
        case Kind.accept:
          this.#accepted(operation, result)
          break
        case Kind.recvfrom:
          this.#receivedFrom(operation as DatagramOperation, result, flags)
          break
        case Kind.sendto:
          this.#sentTo(operation, result)
          break
        case Kind.write:
          mendPosition(operation as FileOperation, result)
          this.#done(operation, result)
          break
        default:
          this.#done(operation, result)
      }
      if (ring.pending >= SUBMIT_EVERY) ring.submit()
    }
    return count
  }

  #ourOwn(what: number, generation: number, result: number, flags: number): void {
    if ((flags & IORING_CQE_F_MORE) === 0) this.#ours--
    if (what === WAKE) {
      rawEventfdRead(this.#eventfd)
      if ((flags & IORING_CQE_F_MORE) === 0 && !this.#closed) this.#watchEventfd()
    } else if (what <= CANCEL && result === -ENOENT) {
      // Over by now, or between two of its steps in the kernel, where it is not found: then once more.
      const slot = CANCEL - what
      const operation = this.#slots.named(slot, generation)
      if (operation?.cancelled && this.#slots.held[slot] === NONE) this.#cancels.push(operation)
    }
  }

  // ---- asking

  /** Gives the kernel the request for an operation, or what is left of it; when there is room. */
  #start(operation: Operation): void {
    if (this.#waiting.empty && (this.ring.room > 0 || this.#hasRoom())) this.#ask(operation, false)
    else {
      if (operation.kind === Kind.send && operation.sent === 0) ownSmall(operation)
      this.#waiting.push(operation)
    }
  }

  #ask(operation: Operation, first: boolean): void {
    const { slot, kind } = operation
    if (kind === Kind.sendto && !this.#datagramSends.begin(operation, first)) return
    if (kind === Kind.call) {
      this.#finish(operation, -EOPNOTSUPP)
      return
    }
    if (kind === Kind.recvfrom) {
      this.#datagrams ??= new DatagramBuffers(this.ring, DATAGRAMS, this.#sizes.datagrams ?? 128)
    }
    if (this.#files !== null && kind === Kind.receive) this.#files.add(operation.fd)
    if (kind === Kind.write) notePosition(operation as FileOperation)
    this.#slots.asked[slot] = 1
    this.#requests.start(operation, this.#slots.generations[slot]!)
  }

  #cancel(operation: Operation): void {
    if (!this.#hasRoom()) {
      this.#cancels.push(operation)
      return
    }
    const { slot } = operation
    const generation = this.#slots.generations[slot]!
    const at = this.ring.push(IORING_OP_ASYNC_CANCEL, -1, 0, 0, 0, CANCEL - slot, generation)
    this.ring.sqes[at + 4] = slot
    this.ring.sqes[at + 5] = generation
    this.#ours++
  }

  #watchEventfd(): void {
    // Linux 5.13; there is always room: this is a ring's first request, or follows a completion.
    this.ring.push(IORING_OP_POLL_ADD, this.#eventfd, 0, IORING_POLL_ADD_MULTI, POLLIN, WAKE, 0)
    this.#ours++
  }

  // ---- answers

  #received(operation: Operation, result: number, flags: number): void {
    if (result > 0) {
      const id = flags >>> IORING_CQE_BUFFER_SHIFT
      operation.chunk = this.#receive.take(id, result, (flags & IORING_CQE_F_BUF_MORE) !== 0)
      this.#slots.fed[operation.slot] = 1
      this.#progress(operation, result)
      if (this.#slots.asked[operation.slot] === 0 && operation.inFlight) this.#again(operation)
    } else if (result === 0) {
      this.#finish(operation, 0)
    } else if (result === -ENOBUFS && !operation.cancelled) {
      this.#receive.grow()
      this.#ranDry(operation)
    } else {
      this.#failed(operation, result)
    }
  }

  #sent(operation: Operation, answer: number, flags: number): void {
    const { slot } = operation
    let result = answer
    if ((flags & IORING_CQE_F_NOTIF) !== 0) {
      result = this.#slots.held[slot]!
      this.#slots.held[slot] = NONE
    } else if ((flags & IORING_CQE_F_MORE) !== 0) {
      this.#slots.held[slot] = result
      return
    }
    if (result === -EOPNOTSUPP && this.#requests.copyInstead(operation)) {
      this.#again(operation)
    } else if (result >= 0) {
      if (advance(operation, result)) this.#finish(operation, operation.sent)
      else this.#again(operation)
    } else {
      this.#failed(operation, result)
    }
  }

  #accepted(operation: Operation, result: number): void {
    if (result >= 0) {
      if (this.#silent) rawClose(result)
      this.#progress(operation, result)
      if (this.#slots.asked[operation.slot] === 0 && operation.inFlight) this.#again(operation)
    } else if (result === -ECONNABORTED || result === -EPROTO || result === -ENOPROTOOPT) {
      // One connection that was gone before it was taken; the next may be fine.
      if (this.#slots.asked[operation.slot] === 0) this.#again(operation)
    } else {
      this.#failed(operation, result)
    }
  }

  #receivedFrom(operation: DatagramOperation, result: number, flags: number): void {
    if (result >= 0 && (flags & IORING_CQE_F_BUFFER) !== 0) {
      const buffers = this.#datagrams!
      const id = flags >>> IORING_CQE_BUFFER_SHIFT
      const length = buffers.length(id, operation.room)
      operation.chunk = buffers.copy(id, length, operation.controlBytes)
      if (operation.controlBytes > 0) operation.control = buffers.control(id)
      operation.from = buffers.sender(id)
      operation.truncated = buffers.truncated(id, operation.room)
      buffers.recycle(id)
      this.#slots.fed[operation.slot] = 1
      this.#progress(operation, length)
      if (this.#slots.asked[operation.slot] === 0 && operation.inFlight) this.#again(operation)
    } else if (result === -ENOBUFS && !operation.cancelled) {
      this.#ranDry(operation)
    } else if (ofTheNetwork.has(result) && !operation.cancelled) {
      operation.chunk = null
      operation.from = null
      this.#progress(operation, result)
      if (operation.inFlight) this.#again(operation)
    } else {
      this.#failed(operation, result)
    }
  }

  #sentTo(operation: Operation, result: number): void {
    const { fd, slot } = operation
    const ends = operation.cancelled || this.#closed
    if (this.#slots.pausing[slot] === 1) {
      this.#slots.pausing[slot] = 0
      this.#datagramSends.end(operation, false)
      if (ends) this.#finish(operation, -ECANCELED)
      else this.#datagramSends.first(operation)
    } else if (!ends && passes(result) && result !== -EINTR && this.#hasRoom()) {
      this.#slots.pausing[slot] = this.#slots.asked[slot] = 1
      this.#requests.pause(operation, this.#slots.generations[slot]!, result !== -EAGAIN)
    } else {
      // Cancelled, but not by us: the one before it failed, and it was not even begun.
      const passing = passes(result) || result === -ECANCELED
      this.#datagramSends.end(operation, passing && !ends)
      if (!passing || ends) this.#finish(operation, passing ? -ECANCELED : result)
    }
    this.#sendNext(fd)
  }

  /** Asks for the datagrams of a descriptor that waited their turn, as far as there is room. */
  #sendNext(fd: number): void {
    while (!this.#closed) {
      if (!this.#hasRoom()) {
        this.#stalled.push(fd)
        return
      }
      const operation = this.#datagramSends.next(fd)
      if (operation === null) return
      this.#ask(operation, true)
    }
  }

  #done(operation: Operation, result: number): void {
    if (result >= 0) this.#finish(operation, result)
    else if (operation.kind === Kind.connect && result === -EISCONN) this.#finish(operation, 0)
    else this.#failed(operation, result)
  }

  #failed(operation: Operation, result: number): void {
    const file = operation.kind >= Kind.read
    if (file ? result === -EINTR || result === -ERESTARTSYS : passes(result)) this.#again(operation)
    else this.#finish(operation, result)
  }

  #progress(operation: Operation, result: number): void {
    if (this.#silent) operation.chunk = null
    else progress(operation, result)
  }

  #finish(operation: Operation, result: number): void {
    const { slot } = operation
    if (this.#files !== null && operation.kind === Kind.receive) this.#files.remove(operation.fd)
    this.#requests.release(slot)
    this.#slots.give(slot)
    if (this.#silent) operation.inFlight = false
    else finish(operation, result)
  }

  // ---- the end

  close(): void {
    if (this.#closed) return
    this.#closed = true
    open.delete(this)
    while (this.#settle(100)) {}
    this.#release()
  }

  /** The process (or Worker) ends. Memory must not be the kernel's any more, but nobody is told. */
  #abandon(): void {
    if (this.#closed) return
    this.#closed = this.#silent = true
    open.delete(this)
    for (let tries = 0; tries < 10; tries++) {
      if (this.#settle(100)) continue
      this.#release()
      return
    }
  }

  /** Cancels everything and waits a while. @returns whether something is still in flight */
  #settle(timeoutMs: number): boolean {
    const { ring } = this
    while (!this.#waiting.empty) this.#again(this.#waiting.shift()!)
    while (!this.#dry.empty) this.#again(this.#dry.shift()!)
    for (let next = this.#datagramSends.takeAny(); next !== null; next = this.#datagramSends.takeAny()) {
      this.#finish(next, -ECANCELED)
    }
    if (this.#slots.count === 0 && this.#ours === 0) return false
    if (this.#hasRoom()) {
      ring.push(IORING_OP_ASYNC_CANCEL, -1, 0, 0, IORING_ASYNC_CANCEL_ANY, CANCEL_ALL, 0)
      this.#ours++
    }
    do {
      this.#enter(1, timeoutMs)
    } while (this.#drain(MOST_COMPLETIONS) > 0 && this.#slots.count + this.#ours > 0)
    return this.#slots.count + this.#ours > 0
  }

  #release(): void {
    this.#receive.close()
    this.#datagrams?.close()
    this.ring.close()
    rawClose(this.#eventfd)
    this.#requests.close()
    this.#files?.close()
  }
}

/** An errno that says nothing about the operation: it begins again. */
function passes(result: number): boolean {
  return result === -EINTR || result === -EAGAIN || result === -ENOBUFS || result === -ENOMEM
}

const POLLIN = 1
const ENOENT = 2
const EINTR = 4
const EAGAIN = 11
const ENOMEM = 12
const EBUSY = 16
const ETIME = 62
const EPROTO = 71
const ENOPROTOOPT = 92
const EOPNOTSUPP = 95
const ECONNABORTED = 103
const ENOBUFS = 105
const EISCONN = 106
const ECANCELED = 125
/** What the kernel keeps to itself elsewhere: an open that waited was interrupted, as it is when cancelled. */
const ERESTARTSYS = 512
