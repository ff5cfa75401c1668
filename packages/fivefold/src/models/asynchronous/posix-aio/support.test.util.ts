/** What the tests of the driver share: a host of each kind, operations that remember what they were told. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { ADDRESS_BYTES, type Address, encodeAddress } from '../../../sys/address.js'
import { rawClose } from '../../../sys/descriptor.js'
import {
  AF_UNIX,
  rawShutdown,
  SHUT_RDWR,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  socketpair,
} from '../../../sys/socket.js'
import type { Driver, Host } from '../../model.js'
import { type Details, FileOperation, Kind } from '../../operation.js'
import { posixAio } from '../posix-aio.js'

export const folder = fs.mkdtempSync(join(tmpdir(), 'fivefold-posix-aio-'))
after(() => fs.rmSync(folder, { recursive: true }))

/** What an operation was told. */
interface Told {
  result: number
  more: boolean
  chunk: Buffer | null
}

/** An operation that remembers what it was told. */
export class Recorded extends FileOperation {
  readonly told: Told[]
  heard: ((told: Told) => void) | null = null

  constructor(kind: Kind, fd: number) {
    const told: Told[] = []
    super(kind, fd, {
      completed: (operation) => {
        assert.ok(told.length === 0 || told.at(-1)!.more, 'nothing comes after the last completion')
        const { result, more, chunk } = operation
        told.push({ result, more, chunk })
        this.heard?.(told.at(-1)!)
      },
    })
    this.told = told
  }

  get over(): boolean {
    return this.told.length > 0 && !this.told.at(-1)!.more
  }

  get bytes(): Buffer {
    return Buffer.concat(this.told.map(({ chunk }) => chunk ?? Buffer.alloc(0)))
  }

  get last(): number {
    return this.told.at(-1)!.result
  }

  get text(): string {
    return this.bytes.toString()
  }
}

const TIME = 10_000

export class Bench {
  readonly driver: Driver
  readonly host: Host
  readonly #fds: number[] = []

  constructor(host: Host, maxThreads?: number) {
    this.host = host
    this.driver = posixAio.open(maxThreads === undefined ? { host } : { host, maxThreads })
    // As the engine does it: turns until one finds nothing.
    this.driver.onWork = () => {
      while (this.driver.turn(0) > 0);
    }
  }

  pair(type: number = SOCK_STREAM): readonly [number, number] {
    const [a, b] = socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0)
    this.#fds.push(a, b)
    return [a, b]
  }

  own(fd: number): number {
    this.#fds.push(fd)
    return fd
  }

  submit(kind: Kind, fd: number, change: Details = {}): Recorded {
    const operation = new Recorded(kind, fd)
    Object.assign(operation, change)
    this.driver.submit(operation)
    return operation
  }

  send(fd: number, ...data: (string | Uint8Array)[]): Recorded {
    return this.submit(Kind.send, fd, { buffers: data.map((each) => Buffer.from(each as Uint8Array)) })
  }

  async until(what: () => boolean, why = 'it did not happen in time'): Promise<void> {
    const until = performance.now() + TIME
    // What was submitted outside a turn is followed by one: so does the engine.
    this.driver.onWork!()
    while (!what()) {
      assert.ok(performance.now() < until, why)
      if (this.host === 'dedicated') this.driver.turn(20)
      await new Promise(setImmediate)
    }
  }

  async idle(ms: number): Promise<void> {
    const until = performance.now() + ms
    await this.until(() => performance.now() >= until)
  }

  /** @returns how long the closing took */
  end(): number {
    for (const fd of this.#fds) rawShutdown(fd, SHUT_RDWR)
    const before = performance.now()
    this.driver.close()
    const took = performance.now() - before
    for (const fd of this.#fds) rawClose(fd)
    return took
  }
}

export async function on(
  host: Host,
  use: (bench: Bench) => Promise<void>,
  maxThreads?: number,
): Promise<void> {
  const before = openDescriptors()
  const bench = new Bench(host, maxThreads)
  let failure: unknown = null
  await use(bench).catch((error) => {
    failure = error
  })
  const took = bench.end()
  if (failure !== null) throw failure
  assert.ok(took < 200, `with its sockets shut down, closing does not wait (${took} ms)`)
  // A Worker's own go a moment later.
  const until = performance.now() + TIME
  while (openDescriptors() > before && performance.now() < until) await new Promise(setImmediate)
  assert.ok(openDescriptors() <= before, 'no descriptor is left open')
}

const openDescriptors = () => fs.readdirSync('/proc/self/fd').length

export function encoded(address: Address): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_BYTES)
  return bytes.subarray(0, encodeAddress(address, bytes))
}

export function pattern(bytes: number): Buffer {
  const data = Buffer.allocUnsafe(bytes)
  for (let at = 0; at + 4 <= bytes; at += 4) data.writeUInt32LE(Math.imul(at, 0x9e3779b1) >>> 0, at)
  return data
}

// Node's pipe for signals is opened by the first listener, and stays: not in the midst of a count of descriptors.
posixAio.open({ host: 'embedded' }).close()

/** Whether threads of this process sleep in reading or writing each of these descriptors. */
export function threadsSleepIn(...fds: number[]): boolean {
  const calls = process.arch === 'x64' ? ['0', '1'] : ['63', '64']
  const slept = new Set<number>()
  for (const task of fs.readdirSync('/proc/self/task')) {
    try {
      const [call, fd] = fs.readFileSync(`/proc/self/task/${task}/syscall`, 'latin1').split(' ')
      if (calls.includes(call!)) slept.add(Number(fd))
    } catch {
      // It has ended meanwhile.
    }
  }
  return fds.every((fd) => slept.has(fd))
}
