/**
 * POSIX asynchronous I/O: aio_read and aio_write are told what to do, and one hears when it has been done.
 *
 * (a) On Linux it is not the kernel that does it but glibc, with a thread for each request that waits: the thread
 *     sleeps in pread(2), or read(2) for a socket. So sockets must *not* be O_NONBLOCK. The threads belong to
 *     the process, and there is a limit to them: a request beyond it would wait for another's end, which may
 *     never come, without a word. Such a request is refused here, with EAGAIN.
 * (b) glibc has one queue per descriptor *number*, worked off one at a time. An aio_read that waits for the peer
 *     would hold up every aio_write of that number: what is sent goes through a duplicate (dup(2)), so that a
 *     connection costs two descriptors. Reads and writes of one file stand in one queue too; whoever wants
 *     them in parallel opens the file twice.
 * (c) There is no aio_accept, no aio_connect, and no address goes in or out. For accept, connect, recvfrom and
 *     sendto a poller is borrowed: epoll, and the calls of the readiness driver.
 * (d) A read that a thread has begun cannot be called back: aio_cancel says AIO_NOTCANCELED. Cancelled, it is
 *     marked, and ends with what comes next: data, the end, or an error. shutdown(2) of the socket brings that.
 * (e) The control block and the buffer must stay in place until the request is over. Both are in mapped memory that
 *     is never freed under a request; when a driver closes and a thread still sleeps, that memory is abandoned
 *     rather than used again, for the thread will write there whenever its read returns. Memory of the user's
 *     (sends, files) is held by the request. A duplicate that a thread sleeps on stays open, because of (b).
 * (f) Embedded, each end raises SIGIO. Signals merge, and do not say which request: one means "look at all". One
 *     that comes without a listener ends the process. So the listener stays for good; and because Node takes it
 *     away when the process ends by itself, requests under way are told before to raise nothing.
 * (g) Dedicated, the thread sleeps in aio_suspend over all requests. For each of them glibc searches a linked list
 *     of all: the square of their number. To end that sleep from outside, a request to read an eventfd is one
 *     of them; another thread of ours turns "the borrowed poller has something" into such an event.
 * (h) Another thread writes the outcome into the control block. Looking there costs no call; that it is really
 *     over, with its data in sight, only aio_error can say, which takes glibc's lock.
 * (i) pread refuses an offset of -1: for "the file's own position" it is asked and set with lseek(2), one such
 *     request of a file after the other.
 */
import { readFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import {
  aio_init,
  ControlBlocks,
  fillTimespec,
  IN_PROGRESS,
  LIO_NOWAIT,
  LIO_READ,
  rawAioCancel,
  rawAioError,
  rawAioFsync,
  rawAioRead,
  rawAioReturn,
  rawAioSuspend,
  rawAioWrite,
  rawLioListio,
  SIGEV_NONE,
  SIGEV_SIGNAL,
} from '../../sys/aio.js'
import { rawClose } from '../../sys/descriptor.js'
import { check, errnoName } from '../../sys/errno.js'
import { EFD_CLOEXEC, eventfd, rawEventfdWrite } from '../../sys/eventfd.js'
import { F_DUPFD_CLOEXEC, F_GETFL, F_SETFL, O_APPEND, O_NONBLOCK, rawFcntl } from '../../sys/fcntl.js'
import { addressOf, type LoopWatch, watchInLoop } from '../../sys/ffi.js'
import { rawLseek, SEEK_CUR, SEEK_END, SEEK_SET } from '../../sys/file.js'
import { allocateSlab, releaseSlab, type Slab } from '../../sys/memory.js'
import { getrlimit } from '../../sys/process.js'
import { SIGIO } from '../../sys/signal.js'
import { rawGetsockopt, SO_TYPE, SOCK_DGRAM, SOCK_RAW, SOL_SOCKET } from '../../sys/socket.js'
import { type Driver, type DriverOptions, type Host, type Model, READ, type Verdict } from '../model.js'
import { EpollPoller } from '../multiplexing/epoll.js'
import { advance, append, Kind, Operation, ownSmall, without } from '../operation.js'
import { ReadinessDriver } from '../readiness.js'
import { now } from '../stamps.js'
import { refusal, unavailable } from '../verdict.js'
import { Waiter } from '../waiter.js'

// ---- threads: one pool for the process

/** The most requests that wait, where the system allows so many threads. glibc makes a thread when it needs one. */
const MOST_WAITING = 4096
/** Threads kept for requests that do not wait for a peer: files. */
const FOR_FILES = 32
/** glibc's own number, where somebody has made requests before we could set ours. */
const GLIBC_THREADS = 20

let mostWaiting = -1
/** How many requests wait, of all drivers of this JavaScript thread: what the others do is not seen from here. */
let waiting = 0

/** Tells glibc how many threads it may have, once, before the first request. */
function prepareThreads(): number {
  if (mostWaiting >= 0) return mostWaiting
  const threads = threadsFor()
  const effective = aio_init(threads, 64)
  mostWaiting = Math.max(1, effective ? threads - FOR_FILES : GLIBC_THREADS)
  return mostWaiting
}

/** How many threads it may have. Of one that cannot be made glibc says nothing: its request waits for another's end. */
function threadsFor(): number {
  let allowed = Number.POSITIVE_INFINITY
  if (process.getuid?.() !== 0) {
    const { soft } = getrlimit(RLIMIT_NPROC)
    allowed = soft
  }
  try {
    const path = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'latin1'))?.[1] ?? '/'
    const most = readFileSync(`/sys/fs/cgroup${path === '/' ? '' : path}/pids.max`, 'latin1').trim()
    if (most !== 'max') allowed = Math.min(allowed, Number(most))
  } catch {
    // No such group: nobody limits us there.
  }
  // Half, for the limit counts what else the user or the container runs.
  return Math.max(FOR_FILES + 1, Math.min(MOST_WAITING + FOR_FILES, Math.floor(allowed / 2)))
}

// ---- the signal: one listener for all embedded drivers

interface Signalled {
  signalled(): void
  silence(): void
}

const listening = new Set<Signalled>()
let installed = false

function listen(driver: Signalled): void {
  listening.add(driver)
  if (installed) return
  installed = true
  process.on('SIGIO', () => {
    for (const each of listening) each.signalled()
  })
  process.on('exit', () => {
    for (const each of listening) each.silence()
  })
}

// ---- memory

/** The room of a receive, at first and for one that fills it; the second holds any UDP datagram. */
const SMALL = 8 * 1024
const LARGE = 64 * 1024
const LANDING_SLAB = 512 * 1024

/** Where received bytes land, and small ones are gathered to be sent. */
interface Landing {
  readonly address: number
  readonly bytes: Uint8Array
}

class Landings {
  readonly size: number
  readonly #slabs: Slab[] = []
  readonly #free: Landing[] = []
  #inUse = 0

  constructor(size: number) {
    this.size = size
  }

  take(): Landing {
    if (this.#free.length === 0) {
      const slab = allocateSlab(LANDING_SLAB)
      this.#slabs.push(slab)
      for (let at = 0; at < LANDING_SLAB; at += this.size) {
        this.#free.push({ address: slab.address + at, bytes: slab.u8.subarray(at, at + this.size) })
      }
    }
    this.#inUse++
    return this.#free.pop()!
  }

  give(landing: Landing): void {
    this.#inUse--
    this.#free.push(landing)
  }

  /** See (e): what is still in use is abandoned. */
  close(): void {
    if (this.#inUse === 0) for (const slab of this.#slabs) releaseSlab(slab)
    this.#slabs.length = 0
    this.#free.length = 0
  }
}

/** Users' memory that a thread may still read or write although its driver is closed. */
const abandoned: unknown[] = []

// ---- the driver

/** What a request is for. The last two wake the dedicated host: see (g). */
const Duty = { receive: 0, send: 1, read: 2, write: 3, fsync: 4, wake: 5, borrowed: 6 } as const
type Duty = (typeof Duty)[keyof typeof Duty]

/** Not with glibc: it is being prepared, or its completion is being delivered. */
const GROUNDED = 0
/** With glibc. */
const FLYING = 1
/** glibc had no memory or no thread for it: it is offered again. */
const PUT_OFF = 2

/** One request: a control block, and whose it is. */
class Flight {
  readonly index: number
  readonly block: number
  duty: Duty = Duty.receive
  fd = -1
  state: number = GROUNDED
  operation: Operation | null = null
  /** Counted among those that wait. */
  waits = false
  /** Where it is in the list of those with glibc. */
  place = -1
  landing: Landing | null = null
  /** The user's memory, held. */
  memory: Uint8Array | null = null
  /** A stream ends with an empty read; a datagram may be empty. */
  stream = true
  /** read, write at the file's own position: where that was; -1: it has none. */
  position = -1
  own = false

  constructor(index: number, block: number) {
    this.index = index
    this.block = block
  }
}

/** What a descriptor has at work, besides requests that need nothing of it. */
class End {
  readonly fd: number
  /** Operations in flight. With the last, this is forgotten: the number may become somebody else's. */
  users = 0
  /** The duplicate that is written to. */
  duplicate = -1
  socket = false
  stream = true
  /** Sends, in order: the first is at work. */
  sending: Operation | null = null
  /** Reads and writes at the file's own position, in order: the first is at work. */
  positioned: Operation | null = null

  constructor(fd: number) {
    this.fd = fd
  }
}

/** Small buffers are gathered into one write of up to so many bytes. */
const GATHER = LARGE
/** How long close() waits for threads that sleep in reads. */
const CLOSE_MS = 250
/** After how long a request that was put off is offered again. */
const PUT_OFF_MS = 1

export class PosixAioDriver implements Driver {
  readonly wakeFd = -1
  onWork: (() => void) | null = null
  readonly #host: Host
  readonly #mostWaiting: number
  readonly #blocks: ControlBlocks
  readonly #small = new Landings(SMALL)
  readonly #large = new Landings(LARGE)
  readonly #all: Flight[] = []
  readonly #spare: Flight[] = []
  /** Those with glibc, without gaps; and their control blocks' addresses in the same order, for aio_suspend. */
  readonly #flying: Flight[] = []
  #list = new Uint32Array(2 * 64)
  #putOff: Flight[] = []
  /** Those whose completion is being delivered. */
  readonly #delivering: Flight[] = []
  readonly #ends = new Map<number, End>()
  readonly #single = new Uint32Array(2)
  readonly #timespec = new Uint32Array(4)
  readonly #type = new Int32Array(1)
  readonly #typeLength = new Int32Array(1)
  #waiting = 0
  #wakeEventfd = -1
  #scheduled = false
  #timer: NodeJS.Timeout | null = null
  #warned = false
  #closed = false
  readonly #closeOnExit = () => this.close()

  // What is borrowed.
  #poller: EpollPoller | null = null
  #readiness: ReadinessDriver | null = null
  #watch: LoopWatch | null = null
  #waiter: Waiter | null = null
  readonly #connecting = new Map<Operation, Operation>()
  /** The borrowed driver has to be given a turn. */
  #due = false
  /** The waiter has reported, and is not read again before that is settled. */
  #report: Flight | null = null

  constructor(options: DriverOptions) {
    this.#host = options.host
    prepareThreads()
    this.#mostWaiting = options.maxThreads ?? Number.POSITIVE_INFINITY
    if (options.host === 'embedded') {
      this.#blocks = new ControlBlocks(SIGEV_SIGNAL, SIGIO)
      listen(this)
    } else {
      this.#blocks = new ControlBlocks(SIGEV_NONE)
      // Not O_NONBLOCK: a thread of glibc's is to sleep in reading it.
      this.#wakeEventfd = eventfd(0, EFD_CLOEXEC)
      this.#listenTo(this.#wakeEventfd, Duty.wake)
      // The process goes on when a Worker ends, and so would glibc's thread.
      if (!isMainThread) process.once('exit', this.#closeOnExit)
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
    if (this.#closed) {
      this.#finish(operation, -ECANCELED)
      return
    }
    switch (operation.kind) {
      case Kind.receive:
        this.#receive(operation)
        break
      case Kind.send: {
        ownSmall(operation)
        const end = this.#enter(operation.fd)
        if (end.sending !== null) append(end.sending, operation)
        else {
          end.sending = operation
          this.#send(end, operation)
        }
        break
      }
      case Kind.read:
      case Kind.write:
        if (operation.position >= 0) this.#file(operation, operation.position)
        else {
          const end = this.#enter(operation.fd)
          if (end.positioned !== null) append(end.positioned, operation)
          else {
            end.positioned = operation
            this.#positioned(operation)
          }
        }
        break
      case Kind.fsync: {
        const flight = this.#take(Duty.fsync, operation, false)!
        this.#blocks.prepare(flight.block, operation.fd, 0, 0)
        this.#launch(flight)
        break
      }
      default:
        this.#borrow(operation)
    }
  }

  cancel(operation: Operation): void {
    if (!operation.inFlight || operation.cancelled) return
    switch (operation.kind) {
      case Kind.accept:
      case Kind.recvfrom:
      case Kind.sendto:
        this.#readiness?.cancel(operation)
        this.#due = true
        return
      case Kind.connect: {
        const asked = this.#connecting.get(operation)
        if (asked !== undefined) this.#readiness?.cancel(asked)
        this.#due = true
        return
      }
    }
    operation.cancelled = true
    const flight = operation.slot < 0 ? undefined : this.#all[operation.slot]
    if (flight === undefined || flight.operation !== operation) this.#withdraw(operation)
    else if (flight.state === FLYING) rawAioCancel(flight.fd, this.#blocks.address(flight.block))
    else if (flight.state === PUT_OFF) {
      this.#putOff.splice(this.#putOff.indexOf(flight), 1)
      flight.state = GROUNDED
      this.#settle(flight, -ECANCELED)
    }
  }

  turn(timeoutMs: number): number {
    if (this.#closed) return 0
    if (this.#putOff.length > 0) this.#offerAgain()
    let did = this.#sweep() + this.#turnBorrowed()
    if (did === 0 && timeoutMs !== 0 && !this.#closed) {
      this.#sleep(this.#putOff.length > 0 ? PUT_OFF_MS : timeoutMs)
      did = this.#sweep() + this.#turnBorrowed()
    }
    return did
  }

  wake(): void {
    if (this.#wakeEventfd >= 0) raise(this.#wakeEventfd)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    listening.delete(this)
    this.silence()
    process.removeListener('exit', this.#closeOnExit)
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#closeBorrowed()
    this.wake()
    const putOff = this.#putOff
    this.#putOff = []
    for (const flight of putOff) {
      flight.state = GROUNDED
      this.#settle(flight, -ECANCELED)
    }
    // What is called from a handler ends the operation that is being told of, too.
    for (const flight of [...this.#delivering]) this.#settle(flight, -ECANCELED)
    for (const flight of [...this.#flying]) {
      if (flight.operation === null) continue
      flight.operation.cancelled = true
      rawAioCancel(flight.fd, this.#blocks.address(flight.block))
    }
    const until = performance.now() + CLOSE_MS
    while (this.#flying.length > 0) {
      this.#sweep()
      const left = until - performance.now()
      if (this.#flying.length === 0 || left <= 0) break
      this.#sleep(left)
    }
    this.#abandon()
    this.#small.close()
    this.#large.close()
    for (const { block } of this.#spare) this.#blocks.release(block)
    this.#blocks.close()
    if (this.#wakeEventfd >= 0) rawClose(this.#wakeEventfd)
  }

  /** @internal SIGIO, or the borrowed poller has something: a turn comes soon. */
  signalled(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (!this.#closed) this.onWork?.()
    })
  }

  /** @internal See (f). */
  silence(): void {
    this.#blocks.silence()
  }

  // ---- flights

  /** @returns a flight for an operation, or null: too many wait */
  #take(duty: Duty, operation: Operation | null, waits: boolean): Flight | null {
    if (waits && operation !== null) {
      if (waiting >= mostWaiting || this.#waiting >= this.#mostWaiting) return null
    }
    let flight = this.#spare.pop()
    if (flight === undefined) {
      flight = new Flight(this.#all.length, this.#blocks.acquire())
      this.#all.push(flight)
    }
    flight.duty = duty
    flight.operation = operation
    flight.own = false
    flight.waits = waits
    if (waits) this.#waits(1)
    if (operation !== null) {
      flight.fd = operation.fd
      operation.slot = flight.index
    }
    return flight
  }

  #release(flight: Flight): void {
    if (flight.landing !== null) this.#giveLanding(flight)
    if (flight.waits) this.#waits(-1)
    if (flight.operation !== null) flight.operation.slot = -1
    flight.operation = null
    flight.memory = null
    this.#spare.push(flight)
  }

  #waits(more: number): void {
    waiting += more
    this.#waiting += more
  }

  #giveLanding(flight: Flight): void {
    const landing = flight.landing!
    flight.landing = null
    if (landing.bytes.length === SMALL) this.#small.give(landing)
    else this.#large.give(landing)
  }

  /** Hands the prepared block to glibc. */
  #launch(flight: Flight): void {
    const result = this.#call(flight)
    if (result === 0) {
      const place = this.#flying.length
      if (place * 2 === this.#list.length) {
        const grown = new Uint32Array(this.#list.length * 2)
        grown.set(this.#list)
        this.#list = grown
      }
      flight.state = FLYING
      flight.place = place
      this.#flying.push(flight)
      this.#blocks.list(flight.block, this.#list, place)
    } else if (result === -EAGAIN || flight.operation === null) this.#defer(flight)
    else this.#settle(flight, result)
  }

  #call(flight: Flight): number {
    const address = this.#blocks.address(flight.block)
    switch (flight.duty) {
      case Duty.send:
      case Duty.write:
        return rawAioWrite(address)
      case Duty.fsync:
        return rawAioFsync(address)
      case Duty.wake:
      case Duty.borrowed:
        // By another call, so that who counts or traces aio_read sees what was asked for.
        this.#blocks.list(flight.block, this.#single, 0)
        return rawLioListio(LIO_NOWAIT, this.#single, 1, null)
      default:
        return rawAioRead(address)
    }
  }

  #defer(flight: Flight): void {
    flight.state = PUT_OFF
    this.#putOff.push(flight)
    if (this.#host === 'dedicated' || this.#timer !== null) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      if (!this.#closed) this.onWork?.()
    }, PUT_OFF_MS)
  }

  #offerAgain(): void {
    const putOff = this.#putOff
    this.#putOff = []
    for (const flight of putOff) {
      flight.state = GROUNDED
      this.#launch(flight)
    }
  }

  #sleep(timeoutMs: number): void {
    const timeout = timeoutMs < 0 ? null : fillTimespec(timeoutMs, this.#timespec)
    rawAioSuspend(this.#list, this.#flying.length, timeout)
  }

  /** Looks at every request once: see (f). @returns how many were over */
  #sweep(): number {
    const blocks = this.#blocks
    const flying = this.#flying
    let did = 0
    // From the end: what takes the place of one that is over has been looked at, or is new.
    for (let place = flying.length - 1; place >= 0; place--) {
      const flight = flying[place]
      if (flight === undefined || blocks.errorOf(flight.block) === IN_PROGRESS) continue
      did++
      const address = blocks.address(flight.block)
      const error = rawAioError(address)
      // Another look will come, for this turn did something.
      if (error === IN_PROGRESS) continue
      const result = error === 0 ? rawAioReturn(address) : -error
      this.#land(flight)
      this.#settle(flight, result)
    }
    return did
  }

  #land(flight: Flight): void {
    const last = this.#flying.pop()!
    if (last !== flight) {
      last.place = flight.place
      this.#flying[flight.place] = last
      this.#blocks.list(last.block, this.#list, flight.place)
    }
    flight.place = -1
    flight.state = GROUNDED
  }

  /** glibc is done with it. */
  #settle(flight: Flight, result: number): void {
    const { operation } = flight
    if (operation === null) {
      this.#heard(flight, result)
      return
    }
    if (operation.stamps !== null) operation.stamps.ready = operation.stamps.copied = now()
    switch (flight.duty) {
      case Duty.receive:
        this.#received(flight, operation, result)
        break
      case Duty.send:
        this.#sent(flight, operation, result)
        break
      default:
        if (flight.own) this.#movedOn(flight, operation, result)
        else {
          this.#release(flight)
          this.#finish(operation, result)
        }
    }
  }

  // ---- receiving

  #receive(operation: Operation): void {
    const flight = this.#take(Duty.receive, operation, true)
    if (flight === null) {
      this.#refuse(operation)
      return
    }
    const end = this.#enter(operation.fd)
    // Now, so that who could begin to receive can send, too. Where it fails, the send tries again, and tells.
    if (end.socket) this.#duplicate(end)
    flight.stream = end.stream
    flight.landing = flight.stream ? this.#small.take() : this.#large.take()
    this.#read(flight)
  }

  #read(flight: Flight): void {
    const { address, bytes } = flight.landing!
    this.#blocks.prepare(flight.block, flight.fd, address, bytes.length)
    this.#launch(flight)
  }

  #received(flight: Flight, operation: Operation, result: number): void {
    if ((result === -EAGAIN || result === -EINTR) && !operation.cancelled && !this.#closed) {
      // Somebody made it O_NONBLOCK, or gave it a time-out.
      if (result === -EAGAIN) makeBlocking(flight.fd)
      this.#read(flight)
      return
    }
    const last = result < 0 || operation.cancelled || this.#closed || (result === 0 && flight.stream)
    if (result > 0 || (result === 0 && !flight.stream)) operation.chunk = copyOf(flight.landing!, result)
    if (last) {
      this.#release(flight)
      this.#leave(operation.fd)
      this.#finish(operation, result === -EAGAIN || result === -EINTR ? -ECANCELED : result)
      return
    }
    this.#delivering.push(flight)
    this.#progress(operation, result)
    this.#delivering.pop()
    // close() has ended it.
    if (flight.operation !== operation) return
    if (operation.cancelled) {
      this.#release(flight)
      this.#leave(operation.fd)
      this.#finish(operation, -ECANCELED)
      return
    }
    if (flight.stream) this.#suit(flight, result)
    this.#read(flight)
  }

  /** Much room for those who fill it alone: many connections have little to say. */
  #suit(flight: Flight, received: number): void {
    const room = flight.landing!.bytes.length
    if (room === SMALL && received === SMALL) {
      this.#giveLanding(flight)
      flight.landing = this.#large.take()
    } else if (room === LARGE && received < SMALL) {
      this.#giveLanding(flight)
      flight.landing = this.#small.take()
    }
  }

  // ---- sending

  /** Begins or goes on with the first of a descriptor's sends. */
  #send(end: End, operation: Operation): void {
    const duplicate = this.#duplicate(end)
    if (duplicate < 0) {
      this.#sendOver(end, operation, duplicate)
      return
    }
    let flight: Flight | null | undefined = this.#all[operation.slot]
    if (flight === undefined) {
      flight = this.#take(Duty.send, operation, true)
      if (flight === null) {
        this.#warn()
        this.#sendOver(end, operation, -EAGAIN)
        return
      }
    }
    const { buffers } = operation
    while (operation.index < buffers.length - 1 && operation.offset >= buffers[operation.index]!.length) {
      operation.index++
      operation.offset = 0
    }
    flight.fd = end.duplicate
    const first = buffers[operation.index] ?? empty
    const only = operation.index >= buffers.length - 1
    if (only || (end.stream && first.length - operation.offset >= GATHER / 4)) {
      const bytes = first.length - operation.offset
      if (bytes === 0 && end.stream) {
        this.#release(flight)
        this.#sendOver(end, operation, operation.sent)
        return
      }
      flight.memory = first
      const address = bytes === 0 ? 0 : addressOf(first) + operation.offset
      this.#blocks.prepare(flight.block, end.duplicate, address, bytes)
    } else if (end.stream) {
      const landing = (flight.landing ??= this.#large.take())
      const bytes = gather(operation, landing.bytes)
      this.#blocks.prepare(flight.block, end.duplicate, landing.address, bytes)
    } else {
      // A datagram is one write.
      flight.memory = Buffer.concat(buffers)
      this.#blocks.prepare(flight.block, end.duplicate, addressOf(flight.memory), flight.memory.length)
    }
    this.#launch(flight)
  }

  #sent(flight: Flight, operation: Operation, result: number): void {
    const end = this.#ends.get(operation.fd)!
    let over = result
    if (result >= 0) {
      const whole = advance(operation, result) || !end.stream
      if (whole) over = operation.sent
      else if (operation.cancelled || this.#closed) over = -ECANCELED
      else {
        this.#send(end, operation)
        return
      }
    } else if (passing.has(result)) {
      if (!operation.cancelled && !this.#closed) {
        if (result === -EAGAIN) makeBlocking(end.duplicate)
        // Out of kernel memory is no verdict on the bytes: they are kept, and offered again a little later.
        if (result === -ENOBUFS || result === -ENOMEM) this.#defer(flight)
        else this.#send(end, operation)
        return
      }
      over = -ECANCELED
    }
    this.#release(flight)
    this.#sendOver(end, operation, over)
  }

  #sendOver(end: End, operation: Operation, result: number): void {
    end.sending = operation.next
    operation.next = null
    this.#leave(end.fd)
    // What the handler sends is queued behind those that wait already.
    this.#finish(operation, result)
    const following = end.sending
    if (following !== null && following.slot < 0 && !this.#closed) this.#send(end, following)
  }

  // ---- files

  #file(operation: Operation, position: number): void {
    const memory = operation.buffers[0] ?? empty
    const duty = operation.kind === Kind.read ? Duty.read : Duty.write
    const flight = this.#take(duty, operation, false)!
    flight.memory = memory
    const address = memory.length === 0 ? 0 : addressOf(memory)
    this.#blocks.prepare(flight.block, operation.fd, address, memory.length, position)
    this.#launch(flight)
  }

  /** See (i). What has no position (a pipe, a terminal) may have to wait for somebody. */
  #positioned(operation: Operation): void {
    const position = rawLseek(operation.fd, 0, SEEK_CUR)
    const memory = operation.buffers[0] ?? empty
    const duty = operation.kind === Kind.read ? Duty.read : Duty.write
    const flight = this.#take(duty, operation, position < 0)
    if (flight === null) {
      this.#warn()
      this.#positionedOver(operation, -EAGAIN)
      return
    }
    flight.own = true
    flight.position = position
    flight.memory = memory
    const address = memory.length === 0 ? 0 : addressOf(memory)
    this.#blocks.prepare(flight.block, operation.fd, address, memory.length, Math.max(0, position))
    this.#launch(flight)
  }

  #movedOn(flight: Flight, operation: Operation, result: number): void {
    const { fd, position } = flight
    if (result > 0 && position >= 0) {
      const appends = operation.kind === Kind.write && (rawFcntl(fd, F_GETFL, 0) & O_APPEND) !== 0
      if (appends) rawLseek(fd, 0, SEEK_END)
      else rawLseek(fd, position + result, SEEK_SET)
    }
    this.#release(flight)
    this.#positionedOver(operation, result)
  }

  #positionedOver(operation: Operation, result: number): void {
    const end = this.#ends.get(operation.fd)!
    end.positioned = operation.next
    operation.next = null
    this.#leave(end.fd)
    this.#finish(operation, result)
    const following = end.positioned
    if (following !== null && following.slot < 0 && !this.#closed) this.#positioned(following)
  }

  // ---- descriptors

  #enter(fd: number): End {
    let end = this.#ends.get(fd)
    if (end === undefined) {
      end = new End(fd)
      this.#typeLength[0] = 4
      const known = rawGetsockopt(fd, SOL_SOCKET, SO_TYPE, this.#type, this.#typeLength) === 0
      end.socket = known
      end.stream = !known || (this.#type[0] !== SOCK_DGRAM && this.#type[0] !== SOCK_RAW)
      this.#ends.set(fd, end)
    }
    end.users++
    return end
  }

  /** See (b). @returns the duplicate, or a negative errno */
  #duplicate(end: End): number {
    if (end.duplicate < 0) end.duplicate = rawFcntl(end.fd, F_DUPFD_CLOEXEC, 0)
    return end.duplicate
  }

  /** Called before an operation's last completion, for its owner may close the descriptor in it. */
  #leave(fd: number): void {
    const end = this.#ends.get(fd)!
    if (--end.users > 0) return
    this.#ends.delete(fd)
    if (end.duplicate >= 0) rawClose(end.duplicate)
  }

  /** Takes an operation back that stands in a queue. */
  #withdraw(operation: Operation): void {
    const end = this.#ends.get(operation.fd)
    if (end === undefined) return
    end.sending = without(end.sending, operation)
    end.positioned = without(end.positioned, operation)
    this.#leave(operation.fd)
    this.#finish(operation, -ECANCELED)
  }

  // ---- what is borrowed

  #borrow(operation: Operation): void {
    const readiness = (this.#readiness ??= this.#makeReadiness())
    const { kind, fd } = operation
    this.#due = true
    if (kind === Kind.connect) {
      this.#connect(operation, readiness)
      return
    }
    if (kind === Kind.accept) {
      // A peer that has gone by the time of the call must not make it wait for the next.
      const flags = rawFcntl(fd, F_GETFL, 0)
      const result = (flags & O_NONBLOCK) === 0 ? rawFcntl(fd, F_SETFL, flags | O_NONBLOCK) : 0
      if (flags < 0 || result < 0) {
        this.#finish(operation, flags < 0 ? flags : result)
        return
      }
    }
    readiness.submit(operation)
  }

  /** connect(2) waits unless the socket is O_NONBLOCK: it is so for as long as that lasts. */
  #connect(operation: Operation, readiness: ReadinessDriver): void {
    const { fd } = operation
    const flags = rawFcntl(fd, F_GETFL, 0)
    if (flags < 0) {
      this.#finish(operation, flags)
      return
    }
    const waits = (flags & O_NONBLOCK) === 0
    if (waits) rawFcntl(fd, F_SETFL, flags | O_NONBLOCK)
    const asked = new Operation(Kind.connect, fd, {
      completed: ({ result }) => {
        this.#connecting.delete(operation)
        if (waits) rawFcntl(fd, F_SETFL, flags)
        this.#finish(operation, result)
      },
    })
    asked.address = operation.address
    asked.stamps = operation.stamps
    this.#connecting.set(operation, asked)
    readiness.submit(asked)
  }

  #makeReadiness(): ReadinessDriver {
    const poller = new EpollPoller(this.#host)
    const readiness = new ReadinessDriver(poller, { nonBlocking: false })
    const heard = () => {
      this.#due = true
      this.signalled()
    }
    try {
      if (this.#host === 'embedded') this.#watch = watchInLoop(poller.wakeFd, heard)
      else {
        const waiter = (this.#waiter = new Waiter('poll'))
        waiter.set(poller.wakeFd, READ)
        // See (g): what the waiter writes is to be read by a thread of glibc's.
        makeBlocking(waiter.wakeFd)
        this.#listenTo(waiter.wakeFd, Duty.borrowed)
      }
    } catch (error) {
      readiness.close()
      throw error
    }
    this.#poller = poller
    return readiness
  }

  #turnBorrowed(): number {
    const readiness = this.#readiness
    if (!this.#due || readiness === null || this.#closed) return 0
    this.#due = false
    const did = readiness.turn(0)
    if (did > 0) this.#due = true
    else if (this.#report !== null) {
      const report = this.#report
      this.#report = null
      // It is unarmed, and then its event is there to be read; or it will be in a moment, and we hear it again.
      this.#waiter!.settle(false)
      this.#count(report)
    }
    return did
  }

  #closeBorrowed(): void {
    const waiter = this.#waiter
    this.#watch?.close()
    if (waiter !== null) {
      waiter.set(this.#poller!.wakeFd, 0)
      // Its reader must be out before the number is closed.
      raise(waiter.wakeFd)
      const until = performance.now() + CLOSE_MS
      while (this.#flying.some((flight) => flight.duty === Duty.borrowed) && performance.now() < until) {
        this.#sleep(1)
        this.#sweep()
      }
      waiter.close()
    }
    this.#readiness?.close()
  }

  // ---- eventfds in the list

  #listenTo(fd: number, duty: Duty): void {
    const flight = this.#take(duty, null, true)!
    flight.fd = fd
    flight.landing = this.#small.take()
    this.#count(flight)
  }

  #count(flight: Flight): void {
    this.#blocks.prepare(flight.block, flight.fd, flight.landing!.address, 8, 0, LIO_READ)
    this.#launch(flight)
  }

  #heard(flight: Flight, result: number): void {
    if (this.#closed) this.#release(flight)
    else if (result < 0) this.#defer(flight)
    else if (flight.duty === Duty.wake) this.#count(flight)
    else {
      // The waiter's event stays until the borrowed poller has nothing more: that is how the waiter works.
      raise(flight.fd)
      this.#report = flight
      this.#due = true
    }
  }

  // ---- completions

  #refuse(operation: Operation): void {
    this.#warn()
    this.#finish(operation, -EAGAIN)
  }

  #warn(): void {
    if (this.#warned) return
    this.#warned = true
    process.emitWarning(
      `posix-aio: ${waiting} operations wait, each with a thread of glibc's, and that is the limit; ` +
        'one more was refused with EAGAIN, for it could wait for ever. Use fewer connections at a time, raise ' +
        'the limit on processes (ulimit -u, the pids cgroup), or choose epoll or io_uring',
      { code: 'EAGAIN' },
    )
  }

  #progress(operation: Operation, result: number): void {
    operation.result = result
    operation.more = true
    if (operation.stamps !== null) operation.stamps.delivered = now()
    operation.owner.completed(operation)
    operation.chunk = null
  }

  #finish(operation: Operation, result: number): void {
    operation.result = result
    operation.more = false
    operation.inFlight = false
    if (operation.stamps !== null) operation.stamps.delivered = now()
    operation.owner.completed(operation)
    operation.chunk = null
  }

  /** See (e): whoever still sleeps keeps his memory; his operation ends here. */
  #abandon(): void {
    const left: Operation[] = []
    const stuck = new Set(this.#flying.map(({ fd }) => fd))
    for (const flight of this.#flying.splice(0)) {
      const { operation } = flight
      abandoned.push(flight.memory)
      if (operation === null) continue
      flight.operation = null
      left.push(operation)
    }
    for (const end of this.#ends.values()) {
      for (const first of [end.sending, end.positioned]) {
        for (let operation = first; operation !== null; operation = operation.next) {
          if (!left.includes(operation)) left.push(operation)
        }
      }
      // Not under a thread: whoever got the number next would stand behind its request in glibc's queue.
      if (end.duplicate >= 0 && !stuck.has(end.duplicate)) rawClose(end.duplicate)
    }
    this.#ends.clear()
    for (const operation of left) this.#finish(operation, -ECANCELED)
  }
}

// ---- helpers

/** What landed, as memory that is the user's from now on. */
function copyOf({ bytes }: Landing, length: number): Buffer {
  const chunk = length < SMALL / 2 ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length)
  chunk.set(length === bytes.length ? bytes : bytes.subarray(0, length))
  return chunk
}

/** Copies what is left to send, as far as there is room. @returns how much that is */
function gather({ buffers, index, offset }: Operation, into: Uint8Array): number {
  let length = 0
  for (; index < buffers.length && length < into.length; index++) {
    const part = buffers[index]!.subarray(offset, offset + into.length - length)
    into.set(part, length)
    length += part.length
    offset = 0
  }
  return length
}

function raise(eventfd: number): void {
  while (rawEventfdWrite(eventfd, 1) === -EINTR);
}

function makeBlocking(fd: number): void {
  const flags = rawFcntl(fd, F_GETFL, 0)
  if (flags >= 0 && (flags & O_NONBLOCK) !== 0) rawFcntl(fd, F_SETFL, flags & ~O_NONBLOCK)
}

// ---- the model

export const posixAio: Model = {
  name: 'posix-aio',
  family: 'asynchronous',
  synchronous: false,
  limits: {
    nonBlocking: false,
    files: true,
    cancels: false,
    borrows: ['accept', 'connect', 'recvfrom', 'sendto'],
    get maxWaiting() {
      return mostWaiting >= 0 ? mostWaiting : Math.max(1, threadsFor() - FOR_FILES)
    },
    workers: false,
  },
  probe,
  open(options: DriverOptions): Driver {
    const verdict = probe()
    if (!verdict.ok) throw unavailable('posix-aio', verdict)
    if (options.host === 'embedded' && !isMainThread) {
      throw unavailable('posix-aio', {
        ok: false,
        reason: "Node gives a Worker no signals, and aio's completions come as signals",
        cure: "Use it in the main thread, or with host: 'dedicated'.",
      })
    }
    return new PosixAioDriver(options)
  },
}

/** Has a thread of glibc's read an eventfd. */
function probe(): Verdict {
  let fd = -1
  try {
    prepareThreads()
    const blocks = new ControlBlocks()
    const slab = allocateSlab(8)
    fd = eventfd(1, EFD_CLOEXEC)
    const block = blocks.acquire()
    const address = blocks.address(block)
    blocks.prepare(block, fd, slab.address, 8)
    check(rawAioRead(address), 'aio_read')
    const list = new Uint32Array(2)
    blocks.list(block, list, 0)
    const until = performance.now() + PROBE_MS
    while (rawAioError(address) === IN_PROGRESS) {
      const left = until - performance.now()
      if (left <= 0) {
        // Its memory is left to the thread, should it ever come.
        return {
          ok: false,
          reason: `no thread of glibc's has served a request within ${PROBE_MS / 1000} s`,
          cure: 'Raise the limit on processes (ulimit -u, the pids cgroup), or choose another model.',
        }
      }
      rawAioSuspend(list, 1, fillTimespec(left, new Uint32Array(4)))
    }
    const error = rawAioError(address)
    blocks.release(block)
    blocks.close()
    releaseSlab(slab)
    if (error === 0) return { ok: true }
    return { ok: false, reason: `a request ended with ${errnoName(-error)}`, cure: 'Choose another model.' }
  } catch (error) {
    const refused = refusal(error)
    // glibc 2.34 moved them from librt into libc.
    return (error as NodeJS.ErrnoException).code === 'ENOSYS'
      ? { ...refused, cure: 'Use glibc 2.34 or newer, or choose another model.' }
      : refused
  } finally {
    if (fd >= 0) rawClose(fd)
  }
}

const PROBE_MS = 2000

const empty = new Uint8Array(0)

/** getrlimit(2): processes and threads of this user. */
const RLIMIT_NPROC = 6

const EINTR = 4
const EAGAIN = 11
const ENOMEM = 12
const ENOBUFS = 105
const ECANCELED = 125

/** Ends of a write after which it is made again. */
const passing = new Set([-EINTR, -EAGAIN, -ENOMEM, -ENOBUFS])
