/**
 * The driver that the synchronous models share: interest, wait, copy.
 *
 * A poller says which descriptors are ready (phase 1); this file makes the call that moves the data (phase 2),
 * and is the only place where it is made. What differs between select, poll, epoll, the signals and plain
 * asking lies in the poller.
 *
 * (a) A report is a hint. Every call may answer EAGAIN, and the operation simply goes on waiting.
 * (b) Calls that may well succeed at once (send, sendto, connect) are made at submit; only what does not fit
 *     costs an interest.
 * (c) Changes of interest are gathered and made before the next wait, so that what is set and taken back within
 *     a turn costs nothing. Leaving is immediate: after an operation's last completion its descriptor may
 *     be closed and the number used again.
 * (d) A descriptor that left and came back within a turn is not registered before the next one: the rest of
 *     this turn's reports, about the number's earlier owner, find no registration and are dropped.
 * (e) Work per descriptor and turn is bounded, so that a fast sender cannot starve the others.
 */
import { rawClose } from '../sys/descriptor.js'
import { EFD_CLOEXEC, EFD_NONBLOCK, eventfd, rawEventfdRead, rawEventfdWrite } from '../sys/eventfd.js'
import { MSG_DONTWAIT, rawAccept4, rawRecv, SOCK_CLOEXEC, SOCK_NONBLOCK } from '../sys/socket.js'
import { begun, finish, progress } from './answers.js'
import { Arena } from './arena.js'
import { connected, connectNow } from './connect-now.js'
import { DatagramReader, UNFINISHED } from './datagram-reader.js'
import { Entry } from './entry.js'
import { type Driver, type Interest, type Poller, READ, ReadyList, SEVERAL, WRITE } from './model.js'
import {
  advance,
  append,
  type DatagramOperation,
  Kind,
  type Operation,
  ownSmall,
  without,
} from './operation.js'
import { sendNow, sendtoNow } from './send-now.js'
import { now } from './stamps.js'

/** Accepts per descriptor and turn, and receives. */
const MOST_ACCEPTS = 64
const MOST_RECEIVES = 16
const MOST_RECEIVED_BYTES = 1024 * 1024
/** After a turn with so few reports the loop sleeps without another look: what is ready still will wake it. */
const FEW = 8

export interface ReadinessOptions {
  /** Accepted sockets are O_NONBLOCK. False for a driver that lends its poller to a blocking-socket model. */
  nonBlocking?: boolean
  /** Makes the call of `receive`, instead of recv(2): as `rawRecv`. */
  receive?: typeof rawRecv
}

export class ReadinessDriver implements Driver {
  onWork: (() => void) | null = null
  readonly #poller: Poller
  readonly #ready = new ReadyList(1024)
  readonly #entries: (Entry | undefined)[] = []
  #changed: Entry[] = []
  #changing: Entry[] = []
  readonly #arena = new Arena()
  readonly #datagrams = new DatagramReader(this.#arena)
  readonly #acceptFlags: number
  readonly #recv: typeof rawRecv
  /** `wakeFd` is readable for as long as anything wanted is ready. */
  readonly #sleepsOnTheSet: boolean
  #wakeEventfd = -1
  #closed = false

  constructor(poller: Poller, options: ReadinessOptions = {}) {
    this.#poller = poller
    this.#sleepsOnTheSet = poller.again === undefined && poller.wakeFd >= 0
    this.#recv = options.receive ?? rawRecv
    this.#acceptFlags = SOCK_CLOEXEC | (options.nonBlocking === false ? 0 : SOCK_NONBLOCK)
    if ('onWork' in poller) poller.onWork = () => this.onWork?.()
  }

  get wakeFd(): number {
    return this.#poller.wakeFd
  }

  submit(operation: Operation): void {
    begun(operation)
    switch (operation.kind) {
      case Kind.accept:
      case Kind.receive:
      case Kind.recvfrom:
        this.#queue(operation, READ)
        break
      case Kind.send:
      case Kind.sendto:
      case Kind.connect: {
        const entry = this.#entries[operation.fd]
        const free = entry === undefined || entry.writer === null
        if (!free || !this.#attempt(operation)) {
          if (operation.kind !== Kind.connect) ownSmall(operation)
          this.#queue(operation, WRITE)
        }
        break
      }
      default:
        // A regular file is always ready: there is no phase 1 to wait for (limits.files is false).
        finish(operation, -EOPNOTSUPP)
    }
  }

  cancel(operation: Operation): void {
    if (!operation.inFlight || operation.cancelled) return
    operation.cancelled = true
    if (this.#datagrams.tells(operation)) return
    this.#leave(operation)
    finish(operation, -ECANCELED)
  }

  turn(timeoutMs: number): number {
    this.#applyChanges()
    const ready = this.#ready
    const count = this.#poller.wait(timeoutMs, ready)
    const { fds, interests } = ready
    for (let index = 0; index < count; index++) {
      const entry = this.#entries[fds[index]!]
      if (entry === undefined || entry.registered === 0) continue
      const interest = interests[index]!
      if ((interest & READ) !== 0 && entry.reader !== null) this.#read(entry, entry.reader, interest)
      else if (entry.fd === this.#wakeEventfd) rawEventfdRead(entry.fd)
      if ((interest & WRITE) !== 0) this.#write(entry)
      if (this.#closed) break
    }
    return count <= FEW && this.#sleepsOnTheSet && this.#changed.length === 0 ? 0 : count
  }

  wake(): void {
    if (this.#poller.wake !== undefined) this.#poller.wake()
    else if (this.#wakeEventfd >= 0) rawEventfdWrite(this.#wakeEventfd, 1)
    else this.#makeWakeable()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#datagrams.close()
    for (const entry of this.#entries) {
      if (entry === undefined) continue
      while (entry.reader !== null) this.cancel(entry.reader)
      while (entry.writer !== null) this.cancel(entry.writer)
    }
    this.#poller.close()
    if (this.#wakeEventfd >= 0) rawClose(this.#wakeEventfd)
  }

  // ---- interest

  #queue(operation: Operation, direction: Interest): void {
    let entry = this.#entries[operation.fd]
    if (entry === undefined) entry = this.#entries[operation.fd] = new Entry(operation.fd)
    if (direction === READ) {
      if (entry.reader === null) entry.reader = operation
      else append(entry.reader, operation)
    } else if (entry.writer === null) entry.writer = operation
    else append(entry.writer, operation)
    this.#touch(entry)
  }

  #leave(operation: Operation): void {
    const entry = this.#entries[operation.fd]
    if (entry === undefined) return
    entry.reader = without(entry.reader, operation)
    entry.writer = without(entry.writer, operation)
    this.#touch(entry)
  }

  #wanted(entry: Entry): Interest {
    return (entry.reader !== null ? READ : 0) | (entry.writer !== null ? WRITE : 0)
  }

  #touch(entry: Entry): void {
    const wanted = this.#wanted(entry)
    if (wanted === entry.registered) return
    if (wanted === 0) {
      const { registered } = entry
      entry.registered = 0
      this.#poller.set(entry.fd, registered, 0)
    } else if (!entry.changed) {
      entry.changed = true
      this.#changed.push(entry)
    }
  }

  #applyChanges(): void {
    if (this.#changed.length === 0) return
    const changing = this.#changed
    this.#changed = this.#changing
    this.#changing = changing
    for (const entry of changing) {
      entry.changed = false
      const wanted = this.#wanted(entry)
      const { registered } = entry
      if (wanted === registered) continue
      try {
        entry.registered = wanted
        this.#poller.set(entry.fd, registered, wanted)
      } catch (error) {
        entry.registered = registered
        this.#fail(entry, (error as NodeJS.ErrnoException).errno ?? -EIO)
      }
    }
    changing.length = 0
  }

  // The poller refused the descriptor: everything that waits on it ends with the reason.
  #fail(entry: Entry, error: number): void {
    for (
      let operation = entry.reader ?? entry.writer;
      operation !== null;
      operation = entry.reader ?? entry.writer
    ) {
      this.#leave(operation)
      finish(operation, error)
    }
  }

  #makeWakeable(): void {
    this.#wakeEventfd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)
    const entry = (this.#entries[this.#wakeEventfd] = new Entry(this.#wakeEventfd))
    entry.registered = READ
    this.#poller.set(entry.fd, 0, READ)
  }

  // ---- the copy

  #read(entry: Entry, operation: Operation, report: Interest): void {
    if (operation.stamps !== null) operation.stamps.ready = now()
    if (operation.kind === Kind.receive) this.#receive(entry, operation, (report & SEVERAL) !== 0)
    else if (operation.kind === Kind.accept) this.#accept(entry, operation)
    else this.#recvfrom(entry, operation as DatagramOperation)
  }

  #receive(entry: Entry, operation: Operation, toTheEnd: boolean): void {
    const arena = this.#arena
    let bytes = 0
    for (let round = 0; round < MOST_RECEIVES && bytes < MOST_RECEIVED_BYTES; round++) {
      const { room } = arena
      const received = this.#recv(entry.fd, arena.address, room, MSG_DONTWAIT)
      if (received > 0) {
        if (operation.stamps !== null) operation.stamps.copied = now()
        operation.chunk = arena.take(received)
        bytes += received
        progress(operation, received)
        if (entry.reader !== operation) return
        // A short read emptied the socket, as far as data go.
        if (received < room && !toTheEnd) return
      } else if (received === -EAGAIN) return
      else if (received !== -EINTR) {
        this.#end(operation, received)
        return
      }
    }
    this.#poller.again?.(entry.fd, READ)
  }

  #accept(entry: Entry, operation: Operation): void {
    for (let round = 0; round < MOST_ACCEPTS; round++) {
      const fd = rawAccept4(entry.fd, null, null, this.#acceptFlags)
      if (fd >= 0) {
        progress(operation, fd)
        if (entry.reader !== operation) return
      } else if (fd === -EAGAIN) return
      else if (!passing.has(fd)) {
        this.#end(operation, fd)
        return
      }
    }
    this.#poller.again?.(entry.fd, READ)
  }

  #recvfrom(entry: Entry, operation: DatagramOperation): void {
    const outcome = this.#datagrams.read(operation, this.#poller.again !== undefined)
    // Cancelled while others of the same call were yet to be told.
    if (operation.cancelled && operation.inFlight) this.#end(operation, -ECANCELED)
    else if (entry.reader !== operation) return
    else if (outcome < 0) this.#end(operation, outcome)
    else if (outcome === UNFINISHED) this.#poller.again?.(entry.fd, READ)
  }

  #write(entry: Entry): void {
    while (entry.writer !== null) {
      const operation = entry.writer
      if (operation.stamps !== null) operation.stamps.ready = now()
      if (operation.kind === Kind.connect) {
        const result = connected(operation)
        if (result === -EINPROGRESS) return
        this.#end(operation, result)
      } else if (!this.#push(operation, entry)) return
    }
  }

  /** @returns whether the operation is over */
  #attempt(operation: Operation): boolean {
    if (operation.kind !== Kind.connect) return this.#push(operation, null)
    const result = connectNow(operation)
    if (result === -EINPROGRESS) return false
    finish(operation, result)
    return true
  }

  /** @returns whether the operation is over; false: there is no room now */
  #push(operation: Operation, entry: Entry | null): boolean {
    for (;;) {
      const sent = operation.kind === Kind.send ? sendNow(operation) : sendtoNow(operation)
      if (sent >= 0) {
        if (operation.kind === Kind.send && !advance(operation, sent)) continue
        if (operation.stamps !== null) operation.stamps.copied = now()
        const result = operation.kind === Kind.send ? operation.sent : sent
        if (entry === null) finish(operation, result)
        else this.#end(operation, result)
        return true
      }
      if (sent === -EAGAIN) return false
      // Out of kernel memory is no verdict on the bytes: they are kept, and tried again. No event tells when.
      if (sent === -ENOBUFS || sent === -ENOMEM) {
        this.#poller.again?.(operation.fd, WRITE)
        return false
      }
      if (sent === -EINTR) continue
      if (entry === null) finish(operation, sent)
      else this.#end(operation, sent)
      return true
    }
  }

  #end(operation: Operation, result: number): void {
    this.#leave(operation)
    finish(operation, result)
  }
}

const EINTR = 4
const EIO = 5
const EAGAIN = 11
const ENOMEM = 12
const EOPNOTSUPP = 95
const ENOBUFS = 105
const EINPROGRESS = 115
const ECANCELED = 125

/** Errors of accept(2) that concern one connection, already gone: the next may be fine. */
const passing = new Set([-EINTR, -103 /* ECONNABORTED */, -71 /* EPROTO */, -92 /* ENOPROTOOPT */])
