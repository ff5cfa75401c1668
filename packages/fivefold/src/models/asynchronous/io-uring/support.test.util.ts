/** What the tests of the driver share: a host of each kind, an owner that writes down what it hears, sockets. */
import assert from 'node:assert/strict'
import { type Address, AF_INET, encodeAddress } from '../../../sys/address.js'
import { rawClose } from '../../../sys/descriptor.js'
import { type LoopWatch, watchInLoop } from '../../../sys/ffi.js'
import {
  getsockname,
  MSG_DONTWAIT,
  MSG_WAITALL,
  rawAccept4,
  rawBind,
  rawConnect,
  rawListen,
  rawRecv,
  rawSend,
  rawSocket,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
} from '../../../sys/socket.js'
import type { Host } from '../../model.js'
import { type Completion, type Details, type Kind, type Operation, operationOf } from '../../operation.js'
import { IoUringDriver, type RingSizes } from './driver.js'
import { probeTier, SETUPS, type Tier } from './tiers.js'

export const deferred: Tier = probeTier().tier!
export const cooperative: Tier = { setup: 'cooperative', flags: SETUPS[1]!.flags }

/** What one completion said. */
export interface Heard {
  result: number
  more: boolean
  chunk: Buffer | null
  from: Address | null
  truncated: boolean
}

/** An operation and all that came of it. */
export class Asked implements Completion {
  readonly operation: Operation
  readonly heard: Heard[] = []
  /** Called with each completion. */
  whenHeard: ((operation: Operation) => void) | null = null

  constructor(kind: Kind, fd: number) {
    this.operation = operationOf(kind, fd, this)
  }

  completed(operation: Operation): void {
    assert.equal(operation, this.operation)
    assert.equal(operation.inFlight, operation.more)
    const { result, more, chunk } = operation
    const { from = null, truncated = false } = operation as Details
    this.heard.push({ result, more, chunk, from, truncated })
    this.whenHeard?.(operation)
  }

  get over(): boolean {
    return this.heard.length > 0 && !this.heard.at(-1)!.more
  }

  get last(): Heard {
    return this.heard.at(-1)!
  }

  /** All the bytes of all completions. */
  get bytes(): Buffer {
    return Buffer.concat(this.heard.flatMap(({ chunk }) => (chunk === null ? [] : [chunk])))
  }
}

/** A driver and somebody who turns it: the thread itself (dedicated), or Node's loop (embedded). */
export class Turner {
  readonly driver: IoUringDriver
  readonly host: Host
  readonly #watch: LoopWatch | null
  #scheduled = false
  #check: (() => void) | null = null
  turns = 0
  inTurn = false

  constructor(host: Host, sizes: RingSizes = {}, tier: Tier = deferred) {
    this.host = host
    this.driver = new IoUringDriver(host, tier, sizes)
    this.#watch = host === 'embedded' ? watchInLoop(this.driver.wakeFd, () => this.#schedule()) : null
  }

  ask(kind: Kind, fd: number, fields: Details = {}): Asked {
    const asked = new Asked(kind, fd)
    Object.assign(asked.operation, fields)
    this.submit(asked)
    return asked
  }

  submit(asked: Asked): void {
    this.driver.submit(asked.operation)
    this.#schedule()
  }

  cancel(asked: Asked): void {
    this.driver.cancel(asked.operation)
    this.#schedule()
  }

  /** Turns until `done`. Embedded, the only turns are those that a submit or the wakeFd asks for. */
  async until(done: () => boolean, what = 'the condition', ms = 10_000): Promise<void> {
    const deadline = performance.now() + ms
    if (this.host === 'dedicated') {
      while (!done()) {
        this.#turn(20)
        await new Promise(setImmediate)
        assert.ok(performance.now() < deadline, `${what} did not come true in ${ms} ms`)
      }
      return
    }
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#check = null
        reject(new Error(`${what} did not come true in ${ms} ms`))
      }, ms)
      this.#check = () => {
        if (!done()) return
        this.#check = null
        clearTimeout(timer)
        resolve()
      }
      this.#check()
    })
  }

  /** Embedded: one more turn, soon. */
  nudge(): void {
    setTimeout(() => this.#schedule(), 1)
  }

  /** Turns for a while, whatever happens. */
  async rest(ms: number): Promise<void> {
    const end = performance.now() + ms
    while (performance.now() < end) {
      if (this.host === 'dedicated') this.#turn(5)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }

  close(): void {
    this.#watch?.close()
    this.driver.close()
  }

  #schedule(): void {
    if (this.#scheduled || this.host === 'dedicated' || this.inTurn) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (this.#turn(0) > 0) this.#schedule()
      this.#check?.()
    })
  }

  #turn(timeoutMs: number): number {
    this.turns++
    this.inTurn = true
    try {
      return this.driver.turn(timeoutMs)
    } finally {
      this.inTurn = false
    }
  }
}

const scratch = new Uint8Array(128)

export function encoded(address: Address): Uint8Array {
  const length = encodeAddress(address, scratch)
  return scratch.slice(0, length)
}

export function localhost(port: number): Address {
  return { family: 'IPv4', address: '127.0.0.1', port }
}

/** A blocking TCP listener on a free port of 127.0.0.1. */
export function listener(backlog = 1024): { fd: number; port: number } {
  return bound(SOCK_STREAM, backlog)
}

export function datagramSocket(): { fd: number; port: number } {
  return bound(SOCK_DGRAM, 0)
}

function bound(type: number, backlog: number): { fd: number; port: number } {
  const fd = rawSocket(AF_INET, type | SOCK_CLOEXEC, 0)
  const address = encoded(localhost(0))
  assert.equal(rawBind(fd, address, address.length), 0)
  if (type === SOCK_STREAM) assert.equal(rawListen(fd, backlog), 0)
  const name = getsockname(fd)
  assert.ok(name.family !== 'Unix')
  return { fd, port: name.port }
}

/** A connected blocking TCP socket: the kernel completes the handshake without the listener's thread. */
export function connected(port: number): number {
  const fd = rawSocket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)
  const address = encoded(localhost(port))
  assert.equal(rawConnect(fd, address, address.length), 0)
  return fd
}

/** Both ends of a TCP connection. */
export function tcpPair(): [number, number] {
  const server = listener()
  const client = connected(server.port)
  const fd = acceptNow(server.fd)
  rawClose(server.fd)
  return [fd, client]
}

export function acceptNow(listening: number): number {
  const fd = rawAccept4(listening, null, null, SOCK_CLOEXEC)
  assert.ok(fd >= 0)
  return fd
}

/** Bytes that tell where they are. */
export function pattern(length: number, seed = 0): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let index = 0; index < length; index++) bytes[index] = (index * 31 + (index >> 8) * 7 + seed) & 0xff
  return bytes
}

/** send(2) of all of it, now. */
export function sendNow(fd: number, data: Uint8Array): void {
  assert.equal(rawSend(fd, data, data.length, 0x4000), data.length)
}

/** What lies in the socket now. */
export function receiveNow(fd: number, room = 1 << 20): Buffer | number {
  const buffer = Buffer.allocUnsafe(room)
  const length = rawRecv(fd, buffer, room, MSG_DONTWAIT)
  return length < 0 ? length : buffer.subarray(0, length)
}

/** Exactly so many bytes, which have been sent: waits until they are here. */
export function receiveAll(fd: number, length: number): Buffer {
  const buffer = Buffer.alloc(length)
  assert.equal(rawRecv(fd, buffer, length, MSG_WAITALL), length)
  return buffer
}

export const hosts: Host[] = ['dedicated', 'embedded']
