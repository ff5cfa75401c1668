/**
 * The threads of a blocking driver: how they are hired, given work, called out of a call and let go, and what becomes
 * of work for which there is none. What the work is and what an answer means, the driver knows.
 * The letters refer to ../blocking.ts.
 */
import { readdirSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { getrlimit, RLIMIT_NOFILE } from '../../sys/process.js'
import type { Host } from '../model.js'
import { Kind, type Operation } from '../operation.js'
import { MOST_FAILURES, pause, SHORTAGE_MS, shortOfDescriptors, startThread } from '../threads/thread.js'
import * as at from './layout.js'
import { Thread } from './thread.js'
import type { WakeUp } from './wake-up.js'

/** So many idle threads are kept; what is more ends. */
const MOST_IDLE = 64
/** What a thread takes while it starts, for a while and for good. */
const DESCRIPTORS_PER_START = 16
/** How long a signal has until it is repeated. */
export const REPEAT_MS = 1

const threadProgram = new URL('./blocking-program.js', import.meta.url)

/** No result yet. */
export const UNDER_WAY = Number.NEGATIVE_INFINITY

/** Why an operation found no thread, and what to do about it. */
export function atTheBound(maxThreads: number): string {
  return (
    `the blocking model has a thread for each operation that waits, and all ${maxThreads} are taken: ` +
    'raise maxThreads, or choose a model that waits for many in one thread'
  )
}

/** What the threads' side asks of the driver. */
export interface Work {
  /** No thread has the operation any more: it ends. */
  over(operation: Operation, result: number): void
  /** Takes what the threads have announced until now. @returns how many answers that were */
  drain(): number
}

export class Threads {
  /** The most threads at a time. */
  readonly max: number
  readonly #host: Host
  readonly #board: Int32Array
  readonly #ringMask: number
  readonly #wakeUp: WakeUp
  /** What interrupts them. */
  readonly #signal: number
  readonly #work: Work
  readonly #threads: (Thread | undefined)[] = []
  readonly #idle: Thread[] = []
  #living = 0
  /** Told to quit, and perhaps not out yet. */
  #leaving: Thread[] = []
  readonly #interrupting: Thread[] = []
  #timer: NodeJS.Timeout | null = null
  /** Operations that wait for the descriptors of a thread, in their order. */
  readonly #parked: Operation[] = []
  #parkTimer: NodeJS.Timeout | null = null
  #warned = false
  /** How many threads in a row failed before they had begun, for reasons other than the obvious. */
  #failures = 0
  #toldShort = false
  #closing = false
  #closed = false

  constructor(
    options: { host: Host; max: number; board: Int32Array; ringMask: number; wakeUp: WakeUp; signal: number },
    work: Work,
  ) {
    this.max = options.max
    this.#host = options.host
    this.#board = options.board
    this.#ringMask = options.ringMask
    this.#wakeUp = options.wakeUp
    this.#signal = options.signal
    this.#work = work
  }

  /** The thread of an index, unless it has gone. */
  at(index: number): Thread | undefined {
    return this.#threads[index]
  }

  // ---- giving them work

  /** Gives an operation to a thread. @returns UNDER_WAY, or EAGAIN (negative) where there is none to be had */
  request(operation: Operation): number {
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

  /** The thread has nothing to do any more. */
  free(thread: Thread): void {
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

  // ---- too few of them, see (b)

  /** There is no thread for an operation. @returns what it ends with, or UNDER_WAY: it waits for one */
  #refuse(operation: Operation): number {
    if (this.#closing) return -ECANCELED
    if (this.#living >= this.max) {
      if (!this.#warned) {
        this.#warned = true
        process.emitWarning(atTheBound(this.max), { code: 'FIVEFOLD_THREADS' })
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
      if (!thread.interrupting) this.halt(thread, -EMFILE)
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

  /** Takes an operation back that waits for a thread. @returns false: it does not */
  withdraw(operation: Operation): boolean {
    const parked = this.#parked.indexOf(operation)
    if (parked < 0) return false
    this.#parked.splice(parked, 1)
    return true
  }

  // ---- their life

  #start(): Thread | null {
    if (this.#living >= this.max || !this.#canStart()) return null
    let index = 0
    while (this.#threads[index] !== undefined) index++
    const desk = new SharedArrayBuffer(at.DESK_BYTES)
    const data: at.ThreadData = {
      board: this.#board.buffer as SharedArrayBuffer,
      desk,
      index,
      ringMask: this.#ringMask,
      ...this.#wakeUp.forThreads,
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
      if (this.#closing) this.#work.over(operation, -ECANCELED)
      else if (operation.kind === Kind.accept) this.#work.over(operation, -EMFILE)
      else this.#park(operation)
      return
    }
    if (error !== null) process.emitWarning(`a thread of the blocking model died: ${error.message}`)
    if (operation !== null) {
      this.#work.over(operation, error?.code === 'ERR_WORKER_OUT_OF_MEMORY' ? -ENOMEM : -EIO)
    }
  }

  // ---- interrupting, see (e)

  /** Has a thread end its operation, which ends with `result` if nothing else comes first. */
  halt(thread: Thread, result: number): void {
    if (thread.retract()) {
      const operation = thread.operation!
      this.free(thread)
      this.#work.over(operation, result)
      return
    }
    Atomics.store(thread.words, at.CANCEL, 1)
    thread.interrupt(this.#signal)
    thread.interrupting = true
    this.#interrupting.push(thread)
    if (this.#host === 'embedded') this.#timer ??= setTimeout(this.#repeat, REPEAT_MS).unref()
  }

  /** Some have been interrupted and have not answered yet. */
  get interrupting(): boolean {
    return this.#interrupting.length > 0
  }

  readonly #repeat = () => {
    this.#timer = null
    this.interruptAgain()
    if (this.interrupting && !this.#closed) this.#timer = setTimeout(this.#repeat, REPEAT_MS).unref()
  }

  interruptAgain(): void {
    let lost: Thread[] | null = null
    for (const thread of this.#interrupting) {
      if (!thread.interrupt(this.#signal)) (lost ??= []).push(thread)
    }
    // One that is gone with its answer published is none of them: that is found first.
    if (lost !== null && this.#work.drain() === 0) for (const thread of lost) this.#lost(thread, null)
  }

  #calm(thread: Thread): void {
    if (!thread.interrupting) return
    thread.interrupting = false
    this.#interrupting.splice(this.#interrupting.indexOf(thread), 1)
  }

  // ---- closing

  /** From here on no thread is hired, and what has none does not wait for one. */
  shut(): void {
    this.#closing = true
    if (this.#parkTimer !== null) clearTimeout(this.#parkTimer)
  }

  /** What waits for a thread, and what they are at. */
  *operations(): Generator<Operation> {
    yield* [...this.#parked]
    for (const thread of this.#threads) if (thread?.operation != null) yield thread.operation
  }

  get busy(): boolean {
    return this.#threads.some((thread) => thread?.operation != null)
  }

  /** None has anything to do: lets all go, and waits until they are out. */
  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    for (const thread of this.#threads) {
      if (thread === undefined) continue
      thread.quit()
      this.#leaving.push(thread)
    }
    for (const thread of this.#leaving) while (!thread.gone(this.#signal)) pause(REPEAT_MS / 4)
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

const EIO = 5
const EAGAIN = 11
const ENOMEM = 12
const EMFILE = 24
const ECANCELED = 125
