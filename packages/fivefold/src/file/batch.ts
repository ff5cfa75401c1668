/** Many reads of a file that are handed over together, and one promise for all of them. */
import { type Completion, FileOperation, Kind } from '../models/operation.js'
import { requireStable } from '../sys/memory.js'
import type { Files } from './files.js'
import { AbortError, nodeError } from './node-error.js'
import type { OpenFile } from './open-file.js'

const none = new Uint8Array(0)
/** So many operations are kept for the next batch. */
const MOST_KEPT = 4096

/** A batch failed: what each of its reads came to. */
export interface BatchError extends NodeJS.ErrnoException {
  /** The bytes of each read, or its negative errno. */
  results: Int32Array
  /** The first that failed. */
  index: number
}

export class Batch implements Completion {
  readonly #files: Files
  readonly #operations: FileOperation[] = []
  #file: OpenFile | null = null
  #count = 0
  #left = 0
  #resolve: (results: Int32Array) => void = () => {}
  #reject: (error: Error) => void = () => {}
  #signal: AbortSignal | null = null
  readonly #onAbort = () => this.#cancel()

  constructor(files: Files) {
    this.#files = files
  }

  begin(
    file: OpenFile,
    buffers: readonly Uint8Array[],
    positions: ArrayLike<number>,
    signal: AbortSignal | null,
  ): Promise<Int32Array> {
    const operations = this.#operations
    const count = buffers.length
    while (operations.length < count) {
      const operation = new FileOperation(Kind.read, -1, this)
      operation.buffers = [none]
      operations.push(operation)
    }
    for (let index = 0; index < count; index++) {
      const operation = operations[index]!
      operation.fd = file.fd
      operation.position = positions[index]!
      ;(operation.buffers as Uint8Array[])[0] = buffers[index]!
    }
    this.#file = file
    this.#count = this.#left = count
    const promise = new Promise<Int32Array>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    if (signal !== null) {
      this.#signal = signal
      signal.addEventListener('abort', this.#onAbort, { once: true })
    }
    // The last of them may complete in here, and with it the batch.
    for (let index = 0; index < count; index++) this.#files.submit(operations[index]!)
    return promise
  }

  completed(): void {
    this.#files.over()
    if (--this.#left === 0) this.#settle()
  }

  #cancel(): void {
    // Those that are over are not in flight, and not waiting.
    for (let index = 0; index < this.#count; index++) this.#files.cancel(this.#operations[index]!)
  }

  #settle(): void {
    const operations = this.#operations
    const results = new Int32Array(this.#count)
    let failed = -1
    for (let index = 0; index < results.length; index++) {
      const operation = operations[index]!
      ;(operation.buffers as Uint8Array[])[0] = none
      results[index] = operation.result
      if (failed < 0 && operation.result < 0) failed = index
    }
    if (failed < 0) this.#resolve(results)
    else this.#reject(Object.assign(this.#error(results[failed]!), { results, index: failed }))
    const file = this.#file!
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#signal = null
    this.#file = null
    if (operations.length > MOST_KEPT) operations.length = MOST_KEPT
    this.#files.spareBatch(this)
    file.release()
  }

  #error(result: number): Error {
    if (result === -ECANCELED && this.#signal?.aborted) return new AbortError(this.#signal)
    return nodeError(result, 'read')
  }
}

/** @throws what `requireStable` refuses, and RangeError for offsets that are none, before anything is read */
export function requireBatch(buffers: readonly Uint8Array[], positions: ArrayLike<number>): void {
  if (positions.length !== buffers.length) {
    throw Object.assign(
      new RangeError(`${buffers.length} buffers want as many positions, not ${positions.length}`),
      { code: 'ERR_OUT_OF_RANGE' },
    )
  }
  for (let index = 0; index < buffers.length; index++) {
    requireStable(buffers[index]!)
    const position = positions[index]!
    if (!Number.isSafeInteger(position) || position < 0) {
      throw Object.assign(new RangeError(`positions[${index}] is an offset in a file, not ${position}`), {
        code: 'ERR_OUT_OF_RANGE',
      })
    }
  }
}

const ECANCELED = 125
