/**
 * Small writes of one turn, kept until its end and then sent one after the other.
 *
 * Sent at once, each would wake its receiver and let it fall asleep again before the next comes: on one machine that
 * costs more than the sending. What several writes put together for one socket also goes out in one call.
 *
 * (a) The bytes lie in one slab, every link's own in one piece. A link that writes once more, when another has written
 *     in between, first sends what it has.
 * (b) A write that is kept has been answered already. So nothing may be lost: a link sends what it has before its end
 *     or its close, and what a process has when it exits is sent by a handler of `exit`.
 * (c) Outside a turn nothing is kept: there is nobody to wait for.
 */
import type { Deferred, Engine } from '../loop/engine.js'
import { addressOf } from '../sys/ffi.js'

const SLAB = 256 * 1024

/** Who has bytes in the outbox. */
export interface Sender {
  /** Where its bytes begin and end in the slab; `from === to`: it has none. */
  from: number
  to: number
  /** Sends them: from this address. */
  send(address: number, slab: Buffer, from: number, to: number): void
}

export class Outbox implements Deferred {
  deferred = false
  readonly #engine: Engine
  readonly slab = Buffer.allocUnsafeSlow(SLAB)
  readonly #address = addressOf(this.slab)
  #senders: Sender[] = []
  #at = 0

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Whether writes are kept now. */
  get open(): boolean {
    return this.#engine.inTurn
  }

  /**
   * Finds room for up to `most` bytes of this sender, behind those it has.
   * @returns where to put them in the slab, to be confirmed with `put`
   */
  room(sender: Sender, most: number): number {
    if (this.#at + most > SLAB) this.runDeferred()
    // Somebody else has written behind its bytes.
    if (sender.from !== sender.to && sender.to !== this.#at) this.flush(sender)
    return this.#at
  }

  /** The bytes are in the slab: they are sent with the others, or at once. */
  put(sender: Sender, bytes: number): void {
    if (sender.from === sender.to) {
      sender.from = this.#at
      this.#senders.push(sender)
    }
    this.#at += bytes
    sender.to = this.#at
    if (this.open) this.#engine.defer(this)
    else this.runDeferred()
  }

  /** Sends what this one has. */
  flush(sender: Sender): void {
    const { from, to } = sender
    if (from === to) return
    sender.from = sender.to = 0
    sender.send(this.#address + from, this.slab, from, to)
  }

  /** Sends everything. */
  runDeferred(): void {
    const senders = this.#senders
    this.#senders = []
    for (const sender of senders) this.flush(sender)
    if (this.#senders.length === 0) this.#at = 0
  }
}

const outboxes = new Map<Engine, Outbox>()

export function outboxOf(engine: Engine): Outbox {
  let outbox = outboxes.get(engine)
  if (outbox === undefined) {
    if (outboxes.size === 0) process.on('exit', sendAll)
    outbox = new Outbox(engine)
    outboxes.set(engine, outbox)
  }
  return outbox
}

function sendAll(): void {
  for (const outbox of outboxes.values()) outbox.runDeferred()
}

/** What `write` of a buffer comes to, without its look at the encoding: a response's head and body are one such string. */
interface Writes {
  latin1Write(text: string, at: number): number
  utf8Write(text: string, at: number): number
}

/** Puts a chunk where the outbox has room for it. @returns how many bytes it has */
export function put(slab: Buffer, at: number, chunk: Uint8Array | string, encoding: BufferEncoding): number {
  if (typeof chunk !== 'string') {
    slab.set(chunk, at)
    return chunk.length
  }
  // HTTP ends a response with an empty string.
  if (chunk.length === 0) return 0
  const writes = slab as unknown as Writes
  if (encoding === 'utf8') return writes.utf8Write(chunk, at)
  if (encoding === 'latin1') return writes.latin1Write(chunk, at)
  return slab.write(chunk, at, slab.length - at, encoding)
}
