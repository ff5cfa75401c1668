/**
 * The counting seam: put before the library (`node --import`), it counts every call the library makes into libc, in
 * all threads, and how many of them answered EAGAIN. It is used in a pass of its own, because it costs time.
 *
 * What it cannot see: calls that are not the library's. Those of Node's loop are told apart by its own count of
 * rounds, each of which polls once (see usage.ts); those that glibc's aio threads make inside the process stay
 * unseen, and the result says so.
 */
import { constants } from 'node:os'
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads'
import type { Usage } from './usage.js'

const KEY = 'fivefold.lab.counter'
const MOST_NAMES = 128
const NAME_BYTES = 32

interface Shared {
  readonly counts: SharedArrayBuffer
  readonly names: SharedArrayBuffer
}

const shared: Shared = isMainThread
  ? {
      counts: new SharedArrayBuffer((1 + MOST_NAMES * 2) * 4),
      names: new SharedArrayBuffer(MOST_NAMES * NAME_BYTES),
    }
  : (getEnvironmentData(KEY) as unknown as Shared)

if (isMainThread) {
  setEnvironmentData(KEY, shared as never)
  // The library imports this module in its own threads as well.
  setEnvironmentData('fivefold.seam', import.meta.url)
}

/** [how many names, a lock would be here if threads started at once: see `rowOf`; then calls and EAGAINs by row] */
const counts = new Int32Array(shared.counts)
const names = new Uint8Array(shared.names)

function nameAt(row: number): string {
  const bytes = names.slice(row * NAME_BYTES, (row + 1) * NAME_BYTES)
  return Buffer.from(bytes).toString('latin1').replace(/\0+$/, '')
}

/** The row of a name. Rows are claimed one after the other; two threads may claim one each for a name: they add up. */
function rowOf(name: string): number {
  const known = Math.min(Atomics.load(counts, 0), MOST_NAMES)
  for (let row = 0; row < known; row++) if (nameAt(row) === name) return row
  const row = Atomics.add(counts, 0, 1)
  if (row >= MOST_NAMES) throw new Error('the counting seam has no room for another name')
  names.set(Buffer.from(name.slice(0, NAME_BYTES - 1), 'latin1'), row * NAME_BYTES)
  return row
}

const { EAGAIN } = constants.errno
const systemCalls: Readonly<Record<number, string>> = {
  425: 'io_uring_setup',
  426: 'io_uring_enter',
  427: 'io_uring_register',
  441: 'epoll_pwait2',
}

type Call = (...parameters: unknown[]) => unknown

function counted(name: string, call: Call, errno: { get(): number }): Call {
  const rows = new Map<unknown, number>()
  const one = name === 'syscall' ? -1 : rowOf(name)
  return (...parameters) => {
    let row = one
    if (row < 0) {
      const number = parameters[0] as number
      let found = rows.get(number)
      if (found === undefined) {
        found = rowOf(systemCalls[number] ?? `syscall ${number}`)
        rows.set(number, found)
      }
      row = found
    }
    const result = call(...parameters)
    Atomics.add(counts, 1 + row * 2, 1)
    if (result === -1 && errno.get() === EAGAIN) Atomics.add(counts, 2 + row * 2, 1)
    return result
  }
}

Object.assign(globalThis, { [Symbol.for('fivefold.seam')]: counted })

export interface CallCount {
  readonly calls: number
  readonly again: number
}

/** What a process had used and called at one moment. */
export interface Counted {
  readonly usage: Usage
  readonly calls: Readonly<Record<string, CallCount>>
}

/** What was counted so far, by name. */
export function callCounts(): Record<string, CallCount> {
  const found: Record<string, CallCount> = {}
  const known = Math.min(Atomics.load(counts, 0), MOST_NAMES)
  for (let row = 0; row < known; row++) {
    const name = nameAt(row)
    const before = found[name] ?? { calls: 0, again: 0 }
    found[name] = {
      calls: before.calls + Atomics.load(counts, 1 + row * 2),
      again: before.again + Atomics.load(counts, 2 + row * 2),
    }
  }
  return found
}
