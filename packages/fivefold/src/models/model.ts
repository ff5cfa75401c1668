/**
 * The contract. Nine mechanisms stand behind it, the five models of the textbook.
 *
 * An input operation has two phases: the wait for the data, and their copy from the kernel to the process.
 * The four synchronous models differ only in the first, so each of theirs is a small `Poller` (phase 1), and
 * one driver (readiness.ts) does phase 2 for them all. The asynchronous models are drivers of their own.
 */
import type { Operation } from './operation.js'

export type ModelName =
  | 'blocking'
  | 'non-blocking'
  | 'select'
  | 'poll'
  | 'epoll'
  | 'sigio'
  | 'rtsig'
  | 'posix-aio'
  | 'io_uring'

/** The five models of the textbook. */
export type Family = 'blocking' | 'non-blocking' | 'multiplexing' | 'signal-driven' | 'asynchronous'

/** Who sleeps: Node's loop (on `wakeFd`), or `turn` itself in the model's own waiting call. */
export type Host = 'embedded' | 'dedicated'

/** One mechanism. */
export interface Model {
  readonly name: ModelName
  readonly family: Family
  /** POSIX: is the process held while the data are copied? False for the asynchronous family alone. */
  readonly synchronous: boolean
  readonly limits: Limits
  /** Does the call and tells what came of it. Leaves nothing behind. */
  probe(): Verdict
  /** @throws what `probe()` says, where it is not ok; a bad option */
  open(options: DriverOptions): Driver
}

/** Facts that surfaces branch on: never on the model's name. */
export interface Limits {
  /** Sockets must be O_NONBLOCK; false: they must not be. */
  readonly nonBlocking: boolean
  /** One that another process has made O_NONBLOCK is served all the same. Default: false. */
  readonly eitherWay?: boolean
  /** read, write, fsync and fdatasync are served. */
  readonly files: boolean
  /** Of files, what else is served: several buffers in one read or write, open, and any other system call. */
  readonly beyond?: readonly ('vectors' | 'open' | 'call')[]
  /** Cancelling ends an operation that waits. False: only data, or shutdown(2) of the socket, ends it. */
  readonly cancels: boolean
  /** Operations that the mechanism has no call for: it borrows a poller's, and says so here. */
  readonly borrows: readonly ('accept' | 'connect' | 'recvfrom' | 'sendto')[]
  /** The most operations that can wait at once; Infinity: as many as there are descriptors. */
  readonly maxWaiting: number
  /** Works in a Worker, embedded in its loop. */
  readonly workers: boolean
  /** recvfrom brings control data where `Operation.controlBytes` asks for them. Default: false. */
  readonly control?: boolean
  /** Which of `Tuning` it knows, beside `busyPoll`, which is the host's. Default: none. */
  readonly tunings?: readonly (keyof Tuning)[]
}

/**
 * What a mechanism can do when it is asked by name. Each costs something, so none is on by default; one that the
 * mechanism or this kernel does not have is refused, never ignored.
 */
export interface Tuning {
  /**
   * blocking, posix-aio: the most threads, and so of operations that wait at a time. blocking: 256 unless told
   * otherwise; posix-aio: what the system allows.
   */
  maxThreads?: number
  /** Looks again and again instead of sleeping: the lowest latency, and a whole processor while sockets are open. */
  busyPoll?: boolean
  /**
   * io_uring: a thread of the kernel takes the requests (IORING_SETUP_SQPOLL), so that submitting needs no system
   * call. It burns a processor while there is work, and for 50 ms more. Needs a processor to spare.
   */
  sqPoll?: boolean
  /**
   * io_uring: sends of at least so many bytes are not copied into the kernel (IORING_OP_SEND_ZC, Linux 6.0). The
   * buffer is the kernel's until the peer has acknowledged it. On loopback the kernel copies all the same.
   */
  zeroCopyFrom?: number
  /**
   * io_uring: a socket is registered with the ring while it receives (Linux 5.19): the kernel looks its file up once
   * instead of with each request, for two system calls more per connection.
   */
  registeredFiles?: boolean
  /**
   * io_uring: memory whose pages the kernel looks up once (IORING_REGISTER_BUFFERS). Reads and writes of files that lie
   * in one of these buffers are cheaper, with O_DIRECT above all. The pages are pinned, and count against
   * RLIMIT_MEMLOCK of an ordinary user; they must not be transferred. At most 1 GiB each, 16,384 of them (Linux 5.13).
   */
  registeredBuffers?: readonly Uint8Array[]
}

export type Verdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: string; readonly cure: string }

export interface DriverOptions extends Tuning {
  readonly host: Host
}

/** A mechanism at work, in one thread. */
export interface Driver {
  /** Starts an operation. It completes through `operation.owner`, in this call or in a later turn. */
  submit(operation: Operation): void
  /**
   * Asks an operation to end. Its own last completion still comes, exactly once, in this call or in a later
   * turn: with -ECANCELED, or with what had already happened.
   */
  cancel(operation: Operation): void
  /**
   * Learns what is ready, moves the data, completes operations.
   * @param timeoutMs how long it may sleep for the first event: 0 not at all, -1 without end
   * @returns how much it did; after 0, `wakeFd` becomes readable when there is work again
   */
  turn(timeoutMs: number): number
  /** What lies behind an operation's error and would help, where its errno alone does not tell. */
  explain?(operation: Operation): string | undefined
  /** Ends a sleeping `turn` (dedicated host), from a signal handler or another thread's message. */
  wake(): void
  /** Readable when `turn(0)` has work (embedded host), or -1: the driver calls `onWork` instead. */
  readonly wakeFd: number
  /** Embedded without a `wakeFd`: called, outside any turn, when there is work. */
  onWork: (() => void) | null
  /** Cancels what is in flight, waits for it, and gives everything back. No completion comes after it. */
  close(): void
}

/** Phase 1 alone. Level-triggered in effect: what is ready and wanted is reported until it no longer is. */
export interface Poller {
  /** Changes what is wanted of a descriptor. From 0: a new registration. To 0: forgotten, before it closes. */
  set(fd: number, oldInterest: Interest, newInterest: Interest): void
  /**
   * Waits until something is ready, the time is up, or a signal came.
   * A report is a hint: the call that follows may find nothing (EAGAIN); but nothing ready is left out for good.
   * @returns how many `ready` now holds
   */
  wait(timeoutMs: number, ready: ReadyList): number
  /**
   * Of pollers that hear of each event once (signals): makes the next wait report the descriptor again. Called
   * when the driver stopped before it found nothing more.
   */
  again?(fd: number, interest: Interest): void
  /** Ends a sleeping `wait`, where an eventfd in the set cannot. */
  wake?(): void
  /** Of pollers without a `wakeFd`: what to call, outside any turn, when `wait(0)` would report. */
  onWork?: (() => void) | null
  /** Readable when `wait(0)` would report, or -1. */
  readonly wakeFd: number
  close(): void
}

export const READ = 1
export const WRITE = 2
/**
 * In a report of a poller that hears of each event once: it stands for several, or nobody knows how many. Then whoever
 * reads goes on until there is nothing more: the peer's end may lie behind the data.
 */
export const SEVERAL = 4
/** A set of READ and WRITE; in a report, SEVERAL may be with them. */
export type Interest = number

/** What a poller found: filled by `wait`, read by the driver; its arrays are used again. */
export class ReadyList {
  readonly fds: Int32Array
  readonly interests: Uint8Array
  readonly capacity: number
  count = 0

  constructor(capacity: number) {
    this.capacity = capacity
    this.fds = new Int32Array(capacity)
    this.interests = new Uint8Array(capacity)
  }

  /** @returns false when the list is full */
  add(fd: number, interest: Interest): boolean {
    this.fds[this.count] = fd
    this.interests[this.count] = interest
    return ++this.count < this.capacity
  }
}
