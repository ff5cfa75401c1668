/**
 * How a driver lives in a thread.
 *
 * embedded: Node's loop sleeps. When the driver's `wakeFd` is readable (or the driver calls `onWork`), turns run
 * from `setImmediate` until one finds nothing.
 *
 * dedicated: the thread is the driver's. Each turn sleeps in the model's own waiting call; between turns Node's
 * loop goes round once, without sleeping, so that promises, timers and messages run. What only Node's loop
 * can hear (a timer, a message) is heard when the wait ends: after an event, or after `MAX_WAIT_MS`.
 *
 * Either can poll busily (`tuning.busyPoll`): then nobody sleeps while a socket is open.
 *
 * Embedded, a flood of datagrams that nobody answers wakes Node's loop by the clock: see coalescing.ts.
 *
 * A thread has one engine per model, host and tuning, made at first use: sockets share its driver.
 */
import { type Choice, choose, modelNamed } from '../models/choose.js'
import type { Driver, Host, Model, ModelName, Tuning } from '../models/model.js'
import type { Operation } from '../models/operation.js'
import { type LoopWatch, watchInLoop } from '../sys/ffi.js'
import { Coalescing } from './coalescing.js'

/**
 * How long a dedicated thread sleeps before Node's loop gets its round: soon after something happened, since one
 * thing often leads to another (a promise, a timer); then less and less often.
 */
const MIN_WAIT_MS = 1
const MAX_WAIT_MS = 20

/** Polling busily, so many looks at the driver for one round of Node's loop, which costs as much as some dozens. */
const LOOKS = 256

/** Work put off to the end of the turn, or to a turn of its own: writes to send, closes to tell. */
export interface Deferred {
  /** In the engine's list. */
  deferred: boolean
  runDeferred(): void
}

export class Engine {
  readonly model: Model
  readonly host: Host
  readonly driver: Driver
  /** Why this model, when 'auto' chose it. */
  readonly reason: string
  #deferred: Deferred[] = []
  #running: Deferred[] = []
  #inTurn = false
  #scheduled = false
  #refs = 0
  #timer: NodeJS.Timeout | null = null
  #waitMs = MIN_WAIT_MS
  readonly #keepAlive: NodeJS.Timeout
  readonly #watch: LoopWatch | null
  #coalescing: Coalescing | null = null
  readonly #busy: boolean
  #closed = false
  readonly #run = () => this.#turn()

  constructor(model: Model, host: Host, reason: string, tuning: Tuning = {}) {
    this.model = model
    this.host = host
    this.reason = reason
    this.#busy = tuning.busyPoll === true
    this.driver = model.open({ host, ...tuning })
    this.driver.onWork = () => this.#work()
    // One handle that keeps the process alive, while any socket wants that.
    this.#keepAlive = setInterval(() => {}, 0x7fffffff)
    this.#keepAlive.unref()
    this.#watch =
      host === 'embedded' && this.driver.wakeFd >= 0
        ? watchInLoop(this.driver.wakeFd, () => this.schedule())
        : null
  }

  /** A turn is being made: what is deferred now runs at its end. */
  get inTurn(): boolean {
    return this.#inTurn
  }

  /** How many turns were begun: what carries the same number happened in the same one. */
  turns = 0

  #now = 0
  #nowTurn = -1

  /** The time by `performance.now()`, in milliseconds: within a turn that of the first who asked. */
  get nowMs(): number {
    if (!this.#inTurn) return performance.now()
    if (this.#nowTurn !== this.turns) {
      this.#nowTurn = this.turns
      this.#now = performance.now()
    }
    return this.#now
  }

  submit(operation: Operation): void {
    this.stir()
    this.driver.submit(operation)
    if (!this.#inTurn) this.schedule()
  }

  cancel(operation: Operation): void {
    this.stir()
    this.driver.cancel(operation)
    if (!this.#inTurn) this.schedule()
  }

  /** Runs `work` at the end of this turn, or in one that comes soon. */
  defer(work: Deferred): void {
    if (work.deferred) return
    work.deferred = true
    this.stir()
    this.#deferred.push(work)
    if (!this.#inTurn) this.schedule()
  }

  /**
   * A datagram came, and as far as its socket knows nobody waits for an answer to it.
   * @param share how much of its socket's receive buffer it took
   */
  arrived(share: number): void {
    if (this.#watch === null || this.#busy) return
    this.#coalescing ??= new Coalescing(this.#watch, () => this.schedule())
    this.#coalescing.arrived(share)
  }

  /** Something was asked, sent or put off: somebody may wait for what comes next, so it is told at once. */
  stir(): void {
    this.#coalescing?.stir()
  }

  /** Node's loop is woken by the clock, not by each datagram. */
  get coalescing(): boolean {
    return this.#coalescing?.holds === true
  }

  /** Makes a turn come soon. */
  schedule(): void {
    if (this.#scheduled || this.#closed) return
    this.#scheduled = true
    setImmediate(this.#run)
  }

  /** Keeps the process alive until as many `unref`s. */
  ref(): void {
    if (this.#refs++ > 0) return
    this.#keepAlive.ref()
    if (this.#turnsByItself) this.schedule()
  }

  unref(): void {
    if (--this.#refs === 0) this.#keepAlive.unref()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#coalescing?.close()
    this.#watch?.close()
    clearInterval(this.#keepAlive)
    this.driver.close()
  }

  /** Turns follow one another without anybody's call. */
  get #turnsByItself(): boolean {
    return this.#busy || this.host === 'dedicated'
  }

  #turn(): void {
    this.#scheduled = false
    if (this.#closed) return
    const sleeps = this.host === 'dedicated' && !this.#busy && this.#refs > 0 && this.#deferred.length === 0
    const did = this.#round(sleeps ? this.#waitMs : 0)
    this.#waitMs = did ? MIN_WAIT_MS : Math.min(this.#waitMs * 2, MAX_WAIT_MS)
    this.#next(did)
  }

  /** The driver, which cannot wake Node's loop by a descriptor, has work. */
  #work(): void {
    if (!this.#closed && !this.#inTurn) this.#next(this.#round(0))
  }

  /** Sees to the next turn: at once, later, or when the driver wakes Node's loop. */
  #next(mayHaveMore: boolean): void {
    if (this.#coalescing?.turned()) return
    if (this.#refs > 0) {
      if (mayHaveMore || this.#turnsByItself) this.schedule()
    } else if (mayHaveMore || this.#turnsByItself) {
      // Sockets that keep nobody alive are served for as long as something else lives.
      this.#timer ??= setTimeout(
        () => {
          this.#timer = null
          // Not beside one that is on its way: each would see to the next, and there would be two for good.
          if (!this.#scheduled) this.#turn()
        },
        mayHaveMore ? 1 : MAX_WAIT_MS,
      ).unref()
    }
  }

  /** @returns whether there may be more to do */
  #round(timeoutMs: number): boolean {
    this.#inTurn = true
    this.turns++
    try {
      // First what was put off, so that one turn hands it to the kernel; then what the handlers put off meanwhile.
      const before = this.#runDeferred()
      let did = this.driver.turn(timeoutMs)
      if (this.#busy && this.#refs > 0) {
        for (let looks = 1; did === 0 && looks < LOOKS && !this.#closed; looks++) did = this.driver.turn(0)
      }
      const after = this.#runDeferred()
      return before || did > 0 || after
    } finally {
      this.#inTurn = false
    }
  }

  #runDeferred(): boolean {
    const running = this.#deferred
    if (running.length === 0) return false
    this.#deferred = this.#running
    this.#running = running
    for (const work of running) {
      work.deferred = false
      work.runDeferred()
    }
    running.length = 0
    return true
  }
}

const engines = new Map<string, Engine>()
/** What is no number and no boolean (a list of buffers) is another one each time, and the same one again. */
const numbered = new WeakMap<object, number>()
let objects = 0

function spelled(value: Tuning[keyof Tuning]): string {
  if (typeof value !== 'object') return String(value)
  const number = numbered.get(value) ?? ++objects
  numbered.set(value, number)
  return `#${number}`
}

let chosen: Choice | null = null

/**
 * This thread's engine for a model, a host and a tuning.
 * @throws what the model's probe says, where it cannot work; ERR_INVALID_ARG_VALUE for what it does not know
 */
export function engineFor(
  name: ModelName | 'auto' = 'auto',
  host: Host = 'embedded',
  tuning: Tuning = {},
): Engine {
  if (host !== 'embedded' && host !== 'dedicated') {
    throw Object.assign(new TypeError(`host is 'embedded' or 'dedicated', not '${host as string}'`), {
      code: 'ERR_INVALID_ARG_VALUE',
    })
  }
  if (name === 'auto') chosen ??= choose()
  const { model, reason } = name === 'auto' ? chosen! : { model: modelNamed(name), reason: 'it was named' }
  const wanted = (Object.keys(tuning) as (keyof Tuning)[])
    .filter((key) => tuning[key] !== undefined && tuning[key] !== false)
    .sort()
  for (const key of wanted) {
    if (key === 'busyPoll' || model.limits.tunings?.includes(key)) continue
    throw Object.assign(new TypeError(`the model '${model.name}' has no ${key}`), {
      code: 'ERR_INVALID_ARG_VALUE',
    })
  }
  const key = [model.name, host, ...wanted.map((name) => `${name}=${spelled(tuning[name])}`)].join(' ')
  let engine = engines.get(key)
  if (engine === undefined) {
    engine = new Engine(model, host, reason, tuning)
    engines.set(key, engine)
  }
  return engine
}
