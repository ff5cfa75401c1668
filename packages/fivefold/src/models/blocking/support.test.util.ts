/** What the tests of the driver share: a host of each kind, an owner that writes down what it hears, sockets. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { AF_INET, AF_UNIX, encodeAddress, type InternetAddress } from '../../sys/address.js'
import { watchInLoop } from '../../sys/ffi.js'
import {
  getsockname,
  MSG_DONTWAIT,
  rawBind,
  rawListen,
  rawRecv,
  rawSocket,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  socketpair,
} from '../../sys/socket.js'
import type { Host } from '../model.js'
import { type Completion, type Details, type Kind, type Operation, operationOf } from '../operation.js'
import { BlockingDriver } from './driver.js'

export const ECANCELED = -125
export const hosts: Host[] = ['embedded', 'dedicated']

/** What an operation was told. */
export class Log implements Completion {
  readonly results: number[] = []
  readonly chunks: Buffer[] = []
  readonly from: (InternetAddress | null)[] = []
  readonly truncated: boolean[] = []
  ends = 0
  heard: ((operation: Operation) => void) | null = null

  completed(operation: Operation): void {
    assert.equal(this.ends, 0, 'a completion after the last one')
    this.results.push(operation.result)
    if (operation.chunk !== null) {
      this.chunks.push(operation.chunk)
      const { from = null, truncated = false } = operation as Details
      this.from.push(from as InternetAddress | null)
      this.truncated.push(truncated)
    }
    assert.equal(operation.inFlight, operation.more)
    if (!operation.more) this.ends++
    this.heard?.(operation)
  }

  get last(): number | undefined {
    return this.ends === 0 ? undefined : this.results.at(-1)
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }
}

/** A driver and the thread that hosts it. */
export class Bench {
  readonly driver: BlockingDriver
  readonly host: Host
  #watch: { close(): void } | null = null
  #scheduled = false
  #closed = false

  constructor(host: Host, maxThreads?: number) {
    this.host = host
    this.driver = new BlockingDriver(maxThreads === undefined ? { host } : { host, maxThreads })
    if (host === 'embedded') this.#watch = watchInLoop(this.driver.wakeFd, () => this.#schedule())
  }

  // Only a readable wakeFd, or a turn that did something, makes another turn: as the contract promises.
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (!this.#closed && this.driver.turn(0) > 0) this.#schedule()
    })
  }

  start(kind: Kind, fd: number, more: Details = {}): [Operation, Log] {
    const log = new Log()
    const operation = Object.assign(operationOf(kind, fd, log), more)
    this.driver.submit(operation)
    if (this.host === 'embedded') this.#schedule()
    return [operation, log]
  }

  async until(what: () => boolean, timeoutMs = 10_000): Promise<void> {
    const end = performance.now() + timeoutMs
    while (!what()) {
      assert.ok(performance.now() < end, `not within ${timeoutMs} ms: ${what}`)
      if (this.host === 'dedicated') this.driver.turn(20)
      await new Promise((resolve) =>
        this.host === 'dedicated' ? setImmediate(resolve) : setTimeout(resolve, 1),
      )
    }
  }

  close(): void {
    this.#closed = true
    this.#watch?.close()
    this.driver.close()
  }
}

export function threads(): number {
  return readdirSync('/proc/self/task').length
}

/** Sleeping in this system call, by the kernel's word? */
export function sleepers(call: RegExp): number {
  let count = 0
  for (const tid of readdirSync('/proc/self/task')) {
    try {
      if (call.test(readFileSync(`/proc/self/task/${tid}/wchan`, 'utf8'))) count++
    } catch {
      // It has ended.
    }
  }
  return count
}

export function loopback(port = 0): Uint8Array {
  const address = new Uint8Array(128)
  return address.subarray(0, encodeAddress({ family: 'IPv4', address: '127.0.0.1', port }, address))
}

export function socketOf(type: number, listenBacklog?: number): [number, number] {
  const fd = rawSocket(AF_INET, type | SOCK_CLOEXEC, 0)
  const address = loopback()
  assert.equal(rawBind(fd, address, address.length), 0)
  if (listenBacklog !== undefined) assert.equal(rawListen(fd, listenBacklog), 0)
  return [fd, (getsockname(fd) as InternetAddress).port]
}

export function pair(type = SOCK_STREAM): [number, number] {
  return socketpair(AF_UNIX, type | SOCK_CLOEXEC)
}

export function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length)
  for (let index = 0; index < length; index++) bytes[index] = (index * 31 + (index >>> 8) * 7 + seed) & 0xff
  return bytes
}

/** Reads what is there now, without waiting. */
export function readNow(fd: number, most = 1 << 20): Buffer {
  const bytes = Buffer.allocUnsafeSlow(most)
  const length = rawRecv(fd, bytes, most, MSG_DONTWAIT)
  return bytes.subarray(0, Math.max(0, length))
}
