/**
 * Operations on files, over the driver of one engine: how many may be under way, and the objects that carry them,
 * used again.
 */
import { type Engine, engineFor } from '../loop/engine.js'
import { OperationQueue } from '../models/asynchronous/io-uring/queue.js'
import { type Choice, chooseForFiles, modelNamed } from '../models/choose.js'
import type { Host, ModelName } from '../models/model.js'
import { Kind, type Operation } from '../models/operation.js'
import type { EngineOptions } from '../stream/handlers.js'
import { AT_FDCWD } from '../sys/file.js'
import { Batch } from './batch.js'
import { Transfer } from './transfer.js'

/** Of a model with a thread for each operation: so many at once; what is more waits its turn. */
const MOST_THREADS = 64
/** So many carriers are kept. */
const MOST_SPARE = 1024

export class Files {
  readonly engine: Engine
  /** Several buffers in one operation. */
  readonly vectors: boolean
  /** Opening is an operation. */
  readonly opens: boolean
  /** Any system call is an operation. */
  readonly #calls: boolean
  readonly #most: number
  #underWay = 0
  readonly #waiting = new OperationQueue()
  readonly #transfers: Transfer[] = []
  readonly #batches: Batch[] = []

  constructor(engine: Engine) {
    this.engine = engine
    const { beyond = [], maxWaiting } = engine.model.limits
    this.vectors = beyond.includes('vectors')
    this.opens = beyond.includes('open')
    this.#calls = beyond.includes('call')
    this.#most = Math.min(maxWaiting, Number.isFinite(maxWaiting) ? MOST_THREADS : maxWaiting)
  }

  /** Hands an operation to the driver, now or when one of those under way is over. Then: `over`. */
  submit(operation: Operation): void {
    this.engine.ref()
    if (this.#underWay >= this.#most) {
      this.#waiting.push(operation)
      return
    }
    this.#underWay++
    this.engine.submit(operation)
  }

  /** Its owner has heard the last of an operation. */
  over(): void {
    this.engine.unref()
    if (this.#underWay > this.#most) {
      this.#underWay--
      return
    }
    const next = this.#waiting.empty ? null : this.#waiting.shift()
    if (next === null) this.#underWay--
    else this.engine.submit(next)
  }

  /** Ends an operation, as far as the model can. Its completion comes, now or later. */
  cancel(operation: Operation): void {
    if (operation.inFlight) {
      this.engine.cancel(operation)
      return
    }
    if (!this.#waiting.remove(operation)) return
    // It counts as one that was under way for the length of its end.
    this.#underWay++
    operation.result = -ECANCELED
    operation.owner.completed(operation)
  }

  /**
   * open(2), in the driver. Only where `opens`.
   * @param bytes the path, with the NUL that ends it
   * @param path the same for an error
   * @returns the descriptor
   */
  open(
    bytes: Uint8Array,
    path: string,
    flags: number,
    mode: number,
    signal: AbortSignal | null = null,
  ): Promise<number> {
    const transfer = this.transfer()
    const { operation } = transfer
    operation.kind = Kind.open
    operation.fd = AT_FDCWD
    operation.address = bytes
    operation.flags = flags
    operation.mode = mode
    return this.#send(transfer, path, 'open', signal)
  }

  /**
   * Any system call, in a thread of the blocking model, whatever the model: what sleeps and has no better place.
   * @param number SYS
   * @param syscall its name
   * @param values its arguments
   * @param memory what the arguments point into: held until the call is over
   * @returns what it returns
   */
  call(
    number: number,
    syscall: string,
    values: readonly number[],
    signal: AbortSignal | null = null,
    memory: readonly Uint8Array[] = [],
  ): Promise<number> {
    const files = this.#calls ? this : filesFor({ model: 'blocking', host: this.engine.host })
    const transfer = files.transfer()
    const { operation } = transfer
    operation.kind = Kind.call
    operation.call = Float64Array.of(number, 0, 0, 0, 0, 0, 0)
    operation.call.set(values, 1)
    operation.buffers = memory
    return files.#send(transfer, undefined, syscall, signal)
  }

  #send(
    transfer: Transfer,
    path: string | undefined,
    syscall: string,
    signal: AbortSignal | null,
  ): Promise<number> {
    const promise = transfer.beginWithout(path, syscall)
    if (signal !== null) transfer.listenTo(signal)
    this.submit(transfer.operation)
    return promise as Promise<number>
  }

  transfer(): Transfer {
    return this.#transfers.pop() ?? new Transfer(this)
  }

  batch(): Batch {
    return this.#batches.pop() ?? new Batch(this)
  }

  /** Nobody uses it any more. */
  spareTransfer(transfer: Transfer): void {
    if (this.#transfers.length < MOST_SPARE) this.#transfers.push(transfer)
  }

  spareBatch(batch: Batch): void {
    if (this.#batches.length < 4) this.#batches.push(batch)
  }
}

const all = new Map<Engine, Files>()
let chosen: Choice | null = null

/**
 * This thread's files over a model.
 * @throws what the model's probe says, where it cannot work; ENOTSUP for a model that has nothing to do with files
 */
export function filesFor({ model = 'auto', host = 'embedded', tuning = {} }: EngineOptions = {}): Files {
  const engine = engineFor(fileModel(model).name, host as Host, tuning)
  let files = all.get(engine)
  if (files === undefined) {
    files = new Files(engine)
    all.set(engine, files)
  }
  return files
}

/**
 * Which model serves files, and why.
 * @throws ENOTSUP for a model that has nothing to do with files
 */
export function fileModel(named: ModelName | 'auto'): { name: ModelName; reason: string } {
  if (named === 'auto') {
    chosen ??= chooseForFiles()
    return { name: chosen.model.name, reason: chosen.reason }
  }
  const model = modelNamed(named)
  if (model.limits.files) return { name: named, reason: 'it was named' }
  throw Object.assign(
    new Error(
      `${named} waits until something is ready, and a file always is: it has nothing to do for files; ` +
        "choose 'io_uring', 'posix-aio' or 'blocking', or leave it to 'auto'",
    ),
    { code: 'ENOTSUP' },
  )
}

const ECANCELED = 125
