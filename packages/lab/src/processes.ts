/**
 * Child processes that cannot outlive the command: questions and answers over Node's channel, and three ways to
 * end. The command kills them when it is done or interrupted; and when the channel closes, because
 * the command is gone without a word (SIGKILL), each ends itself.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Failure } from './failure.js'
import { Patience } from './patience.js'
import type { Text } from './text/language.js'

/** What travels: structured clones, so typed arrays as well. */
interface Question {
  readonly id: number
  readonly ask: string
  readonly with: unknown
}
interface Answer {
  readonly id: number
  readonly answer?: unknown
  readonly error?: { readonly message: string; readonly code?: string | undefined }
}

/** An error that a child answered with. */
export class ChildError extends Error {
  readonly code: string | undefined

  constructor(message: string, code: string | undefined) {
    super(message)
    this.code = code
  }
}

/** A child that is alive and says nothing. */
export class Unanswered extends Failure {}

export interface StartOptions {
  readonly config: unknown
  readonly execArgv?: readonly string[]
  readonly signal: AbortSignal
  readonly text: Text
  /** A descriptor that the child gets, as INHERITED. */
  readonly inherit?: number
}

/** The child's number for what it inherits: after its streams and its channel. */
export const INHERITED = 4

const living = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

/** How long a child may take to answer before it counts as stuck: while this process runs as well. */
const PATIENCE_MS = 60_000

export class Child {
  readonly pid: number
  readonly name: string
  readonly #process: ChildProcess
  readonly #signal: AbortSignal
  readonly #text: Text
  readonly #open = new Map<number, { resolve(value: never): void; reject(error: Error): void }>()
  readonly #gone: Promise<void>
  #next = 0
  #complaints = ''
  #over: Error | null = null
  readonly #abort = () => this.kill()

  /** @param program the child's program, next to the caller: `new URL('./server.js', import.meta.url)` */
  constructor(name: string, program: URL, { config, execArgv = [], signal, text, inherit }: StartOptions) {
    signal.throwIfAborted()
    this.name = name
    this.#signal = signal
    this.#text = text
    const child = spawn(process.execPath, [...execArgv, fileURLToPath(program), JSON.stringify(config)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc', ...(inherit === undefined ? [] : [inherit])],
      serialization: 'advanced',
    })
    this.#process = child
    this.pid = child.pid ?? -1
    living.add(child)
    signal.addEventListener('abort', this.#abort, { once: true })
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-4000)
    })
    child.on('message', (message) => this.#answered(message as Answer))
    this.#gone = new Promise((resolve) => {
      child.on('error', (error) => {
        this.#ended(error)
        if (child.pid === undefined) resolve()
      })
      child.on('close', (code, by) => {
        this.#ended(this.#obituary(code, by))
        resolve()
      })
    })
  }

  /** Asks the child; what it throws, or its death, rejects. */
  ask<T>(question: string, parameters: unknown = null, patienceMs = PATIENCE_MS): Promise<T> {
    if (this.#over !== null) return Promise.reject(this.#over)
    const id = this.#next++
    return new Promise<T>((resolve, reject) => {
      const waited = Patience.after(patienceMs, () => {
        this.#open.delete(id)
        reject(new Unanswered(this.#text.errors.unanswered(this.name, question, patienceMs / 1000)))
      })
      this.#open.set(id, {
        resolve: (value: never) => {
          waited()
          resolve(value)
        },
        reject: (error) => {
          waited()
          reject(error)
        },
      })
      this.#process.send({ id, ask: question, with: parameters } satisfies Question, (error) => {
        // The channel of a child that is gone closes before its end is known: that says how, and EPIPE does not.
        if (error !== null) void this.#gone.then(() => this.#ended(error))
      })
    })
  }

  kill(): void {
    if (!this.#process.killed) this.#process.kill('SIGKILL')
  }

  /** Ends it, and waits until it is gone. */
  async end(): Promise<void> {
    this.kill()
    await this.#gone
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end()
  }

  #answered({ id, answer, error }: Answer): void {
    const open = this.#open.get(id)
    if (open === undefined) return
    this.#open.delete(id)
    if (error === undefined) open.resolve(answer as never)
    else open.reject(new ChildError(error.message, error.code))
  }

  #ended(error: Error): void {
    living.delete(this.#process)
    this.#signal.removeEventListener('abort', this.#abort)
    this.#over ??= error
    for (const open of this.#open.values()) open.reject(this.#over)
    this.#open.clear()
  }

  #obituary(code: number | null, by: NodeJS.Signals | null): Error {
    if (this.#signal.aborted) return this.#signal.reason as Error
    const how = by === null ? `status ${code}` : by
    const why =
      this.#complaints.split('\n').find((line) => /error|fatal/i.test(line)) ??
      this.#complaints.split('\n')[0]
    return new Failure(this.#text.errors.endedEarly(this.name, how, why?.trim() ?? ''))
  }
}

/** Of a child: the command's configuration. */
export function configuration<T>(): T {
  return JSON.parse(process.argv[2] ?? 'null') as T
}

/** Of a child: answers questions until the command closes the channel or is gone. */
export function answer(answers: Readonly<Record<string, (parameters: never) => unknown>>): void {
  // The terminal's Ctrl-C reaches the whole group; the command decides what becomes of its children.
  process.on('SIGINT', () => {})
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  process.on('message', async ({ id, ask, with: parameters }: Question) => {
    let reply: Answer
    try {
      const found = answers[ask]
      if (found === undefined) throw new Error(`there is no answer to '${ask}'`)
      reply = { id, answer: await found(parameters as never) }
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException
      reply = { id, error: { message: message ?? String(error), code } }
    }
    process.send?.(reply)
  })
}
