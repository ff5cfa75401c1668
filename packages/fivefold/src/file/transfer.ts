/**
 * One operation of a file and the promise of its outcome. Used again, and made of nothing else: an operation costs
 * its promise, and what the promise resolves to.
 */
import { type Completion, FileOperation, Kind } from '../models/operation.js'
import type { Files } from './files.js'
import { AbortError, nodeError } from './node-error.js'
import type { OpenFile } from './open-file.js'

/** What a promise resolves to. */
export const Answer = {
  /** What the call returned. */
  number: 0,
  /** Nothing. */
  nothing: 1,
  /** `{ bytesRead, buffer }` */
  read: 2,
  /** `{ bytesWritten, buffer }` */
  written: 3,
  /** `{ bytesRead, buffers }` */
  readv: 4,
  /** `{ bytesWritten, buffers }` */
  writtenv: 5,
} as const
export type Answer = (typeof Answer)[keyof typeof Answer]

const none = new Uint8Array(0)

// One executor for all promises: it leaves the two functions where the caller finds them.
let resolveLast: (value: unknown) => void
let rejectLast: (reason: unknown) => void
const executor = (resolve: (value: unknown) => void, reject: (reason: unknown) => void) => {
  resolveLast = resolve
  rejectLast = reject
}

/** As libuv names the calls, by kind. */
const syscalls: Partial<Record<Kind, string>> = {
  [Kind.read]: 'read',
  [Kind.write]: 'write',
  [Kind.fsync]: 'fsync',
  [Kind.fdatasync]: 'fdatasync',
  [Kind.open]: 'open',
}

export class Transfer implements Completion {
  readonly operation: FileOperation
  /** The array of one that an operation's `buffers` is. */
  readonly #one: Uint8Array[] = [none]
  readonly #files: Files
  #file: OpenFile | null = null
  #answer: Answer = Answer.number
  /** What the user gave, for the answer. */
  #given: unknown = null
  /** For an error. */
  #path: string | undefined = undefined
  #syscall = ''
  #resolve: (value: unknown) => void = nobody
  #reject: (reason: unknown) => void = nobody
  #signal: AbortSignal | null = null
  #onAbort: (() => void) | null = null
  /** Waits for those that use the file's own position before it. */
  queued = false

  constructor(files: Files) {
    this.#files = files
    this.operation = new FileOperation(Kind.read, -1, this)
  }

  /** A transfer between memory and a file, or an order that has no memory. */
  begin(
    file: OpenFile,
    kind: Kind,
    memory: Uint8Array | readonly Uint8Array[] | null,
    position: number,
    answer: Answer,
    given: unknown,
  ): Promise<unknown> {
    const { operation } = this
    operation.kind = kind
    operation.fd = file.fd
    operation.position = position
    if (memory === null || ArrayBuffer.isView(memory)) {
      this.#one[0] = memory === null ? none : (memory as Uint8Array)
      operation.buffers = this.#one
    } else operation.buffers = memory as readonly Uint8Array[]
    this.#file = file
    this.#answer = answer
    this.#given = given
    const promise = new Promise(executor)
    this.#resolve = resolveLast
    this.#reject = rejectLast
    return promise
  }

  /** An order that concerns no open file. */
  beginWithout(path: string | undefined, syscall: string): Promise<unknown> {
    this.#path = path
    this.#syscall = syscall
    this.#answer = Answer.number
    const promise = new Promise(executor)
    this.#resolve = resolveLast
    this.#reject = rejectLast
    return promise
  }

  /** Before it is submitted. */
  listenTo(signal: AbortSignal): void {
    this.#signal = signal
    this.#onAbort ??= () => this.cancel()
    signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  cancel(): void {
    const file = this.#file
    if (this.queued && file !== null) file.withdraw(this)
    else this.#files.cancel(this.operation)
  }

  completed(operation: FileOperation): void {
    this.#files.over()
    this.settle(operation.result)
  }

  /** Tells the outcome, and makes this one ready to be used again. */
  settle(result: number): void {
    const { operation } = this
    const file = this.#file
    const resolve = this.#resolve
    const given = this.#given
    const answer = this.#answer
    if (result >= 0) {
      switch (answer) {
        case Answer.read:
          resolve({ bytesRead: result, buffer: given })
          break
        case Answer.written:
          resolve({ bytesWritten: result, buffer: given })
          break
        case Answer.number:
          resolve(result)
          break
        case Answer.nothing:
          resolve(undefined)
          break
        case Answer.readv:
          resolve({ bytesRead: result, buffers: given })
          break
        case Answer.writtenv:
          resolve({ bytesWritten: result, buffers: given })
          break
      }
    } else this.#reject(this.#error(result))
    const ofPosition = operation.position < 0 && operation.kind <= Kind.write
    const wasQueued = this.queued
    this.#clear()
    this.#files.spareTransfer(this)
    if (file !== null) file.settled(ofPosition && !wasQueued)
  }

  #error(result: number): Error {
    if (result === -ECANCELED && this.#signal?.aborted) return new AbortError(this.#signal)
    const { operation } = this
    const syscall = this.#syscall === '' ? syscalls[operation.kind]! : this.#syscall
    return nodeError(result, syscall, this.#path, this.#files.engine.driver.explain?.(operation))
  }

  #clear(): void {
    const { operation } = this
    if (this.#signal !== null) {
      this.#signal.removeEventListener('abort', this.#onAbort!)
      this.#signal = null
    }
    this.#one[0] = none
    operation.buffers = this.#one
    operation.address = null
    operation.call = null
    this.#given = null
    this.#file = null
    this.#resolve = this.#reject = nobody
    this.#path = undefined
    this.#syscall = ''
    this.queued = false
  }
}

function nobody(): void {}

const ECANCELED = 125
