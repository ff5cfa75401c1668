/**
 * One end of a connection, as a test sees it. It checks, on its own, what must hold of every socket: each byte, and each
 * rule of the handlers' order.
 */
import type { Socket } from '../stream/socket.js'
import type { Pattern } from './pattern.js'

/** Hears of what must not be. */
interface Witness {
  violation(message: string): void
}

export class Endpoint {
  readonly t: Witness
  readonly name: string
  hooks: Hooks
  socket!: Socket<Endpoint>
  /** What this end sends, and what it must receive. */
  sends: Pattern
  expects: Pattern | null
  opened = 0
  ended = 0
  closed = 0
  received = 0
  refusals = 0
  drains = 0
  errors: Error[] = []
  closeError: Error | undefined
  /** The test called pause(): nothing may come. */
  paused = false
  #left = 0
  #sizes: () => number = () => 65536
  #endAfter = false
  #owedDrain = false

  constructor(t: Witness, name: string, sends: Pattern, expects: Pattern | null, hooks: Hooks) {
    this.t = t
    this.name = name
    this.sends = sends
    this.expects = expects
    this.hooks = hooks
  }

  /** Sends `bytes` of the pattern, in pieces as `sizes` says, waiting for `drain` whenever it is refused. */
  pump(bytes: number, sizes: (() => number) | number = 65536, end = false): void {
    this.#left += bytes
    this.#sizes = typeof sizes === 'number' ? () => sizes : sizes
    this.#endAfter = end
    this.fill()
  }

  /** All of what `pump` was given is taken. */
  get pumped(): boolean {
    return this.#left === 0
  }

  fill(): void {
    if (this.closed > 0 || this.#owedDrain) return
    while (this.#left > 0) {
      const size = Math.min(this.#left, this.#sizes())
      const taken = this.write(size)
      this.#left -= taken
      if (taken < size || this.closed > 0) return
    }
    if (this.#endAfter) {
      this.#endAfter = false
      this.socket.end()
    }
  }

  /** Writes the next `size` bytes of the pattern once. @returns how many were taken */
  write(size: number): number {
    const taken = this.socket.write(this.sends.peek(size))
    if (!Number.isInteger(taken) || taken < 0 || taken > size) {
      this.violation(`write(${size}) returned ${taken}`)
      return 0
    }
    this.sends.position += taken
    if (taken < size) {
      this.refusals++
      this.#owedDrain = true
    }
    return taken
  }

  pause(): void {
    this.paused = true
    this.socket.pause()
  }

  resume(): void {
    this.paused = false
    this.socket.resume()
  }

  violation(message: string): void {
    this.t.violation(`${this.name}: ${message}`)
  }

  // ---- called by the handlers

  onOpen(): void {
    if (this.opened++ > 0) this.violation('open came twice')
    if (this.closed > 0) this.violation('open came after close')
    this.hooks.open?.(this)
  }

  onData(chunk: Buffer): void {
    if (this.opened === 0) this.violation('data came before open')
    if (this.ended > 0) this.violation('data came after end')
    if (this.closed > 0) this.violation('data came after close')
    if (this.paused) this.violation('data came while paused')
    if (!Buffer.isBuffer(chunk) || chunk.length === 0) this.violation('a chunk was empty, or no Buffer')
    this.received += chunk.length
    if (this.expects !== null) {
      try {
        this.expects.check(chunk)
      } catch (error) {
        this.violation((error as Error).message)
        // One report is enough: what follows a hole is wrong as well.
        this.expects = null
      }
    }
    this.hooks.data?.(this, chunk)
  }

  onDrain(): void {
    this.drains++
    if (!this.#owedDrain) this.violation('drain came without a refused write')
    if (this.closed > 0) this.violation('drain came after close')
    this.#owedDrain = false
    this.hooks.drain?.(this)
    this.fill()
  }

  onEnd(): void {
    if (this.ended++ > 0) this.violation('end came twice')
    if (this.opened === 0) this.violation('end came before open')
    if (this.closed > 0) this.violation('end came after close')
    if (this.paused) this.violation('end came while paused')
    this.hooks.end?.(this)
  }

  onError(error: Error): void {
    this.errors.push(error)
    if (this.closed > 0) this.violation(`an error came after close: ${error.message}`)
    if (this.errors.length > 1) this.violation(`a second error: ${error.message}`)
    if (!(error instanceof Error)) this.violation('an error that is none')
    this.hooks.error?.(this, error)
  }

  onClose(error: Error | undefined): void {
    if (this.closed++ > 0) this.violation('close came twice')
    this.closeError = error
    this.hooks.close?.(this, error)
  }
}

/** What a case does itself when something happens. */
export interface Hooks {
  open?(end: Endpoint): void
  data?(end: Endpoint, chunk: Buffer): void
  drain?(end: Endpoint): void
  end?(end: Endpoint): void
  error?(end: Endpoint, error: Error): void
  close?(end: Endpoint, error: Error | undefined): void
}
