/** What the tests of the pollers share: socket pairs, waits as a host does them, helpers in other threads and processes. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { Worker } from 'node:worker_threads'
import { rawClose } from '../../sys/descriptor.js'
import { F_GETFL, fcntl, O_ASYNC } from '../../sys/fcntl.js'
import { POLLIN, rawPoll } from '../../sys/poll.js'
import { AF_UNIX, rawRecv, rawSend, SOCK_NONBLOCK, SOCK_STREAM, socketpair } from '../../sys/socket.js'
import { type Host, type Poller, ReadyList, SEVERAL } from '../model.js'
import { RtsigPoller } from './rtsig.js'
import { SigioPoller } from './sigio.js'

export const here = import.meta.url
export const EAGAIN = -11
export const byte = new Uint8Array(1)
export const room = new Uint8Array(65536)

export const pollers = [SigioPoller, RtsigPoller] as const
export const hosts: readonly Host[] = ['dedicated', 'embedded']
type AnyPoller = SigioPoller | RtsigPoller

/** A poller with some socket pairs: [ours, the peer's]. All is closed afterwards. */
export async function using(
  Phase1: (typeof pollers)[number],
  host: Host,
  count: number,
  work: (poller: AnyPoller, pairs: [number, number][]) => Promise<void> | void,
): Promise<void> {
  const poller = new Phase1(host)
  const pairs = Array.from({ length: count }, () => socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK))
  try {
    await work(poller, pairs)
  } finally {
    poller.close()
    for (const fd of pairs.flat()) rawClose(fd)
  }
}

/** Node's loop goes round, past its sleep: handlers of signals have run. */
export async function round(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1))
  await new Promise((resolve) => setImmediate(resolve))
}

/** One wait, and a round of Node's loop, in which a handler may run. @returns what was reported, sorted */
export async function once(poller: Poller, timeoutMs = 0, capacity = 64): Promise<[number, number][]> {
  const ready = new ReadyList(capacity)
  const begun = performance.now()
  const count = poller.wait(timeoutMs, ready)
  assert.equal(count, ready.count)
  assert.ok(performance.now() - begun < 5000, 'something, or nothing soon')
  await round()
  const found = Array.from({ length: count }, (_, at): [number, number] => [
    ready.fds[at]!,
    ready.interests[at]! & ~SEVERAL,
  ])
  return found.sort((a, b) => a[0] - b[0])
}

/** Waits, as a host would, until something is reported: the handler of a signal may have to run before. */
export async function next(poller: Poller, timeoutMs = 0): Promise<[number, number][]> {
  for (let tries = 0; tries < 20; tries++) {
    const found = await once(poller, tries === 0 ? timeoutMs : 0)
    if (found.length > 0) return found
  }
  return []
}

/** Reads off all reports that are there. */
export async function settle(poller: Poller): Promise<void> {
  for (let quiet = 0; quiet < 2; ) quiet = (await once(poller)).length === 0 ? quiet + 1 : 0
}

export const poke = (fd: number) => assert.equal(rawSend(fd, byte, 1, 0), 1)
export const drain = (fd: number) => {
  while (rawRecv(fd, room, room.length, 0) > 0);
}
export const fill = (fd: number) => {
  while (rawSend(fd, room, room.length, 0) > 0);
}
export const isArmed = (fd: number) => (fcntl(fd, F_GETFL) & O_ASYNC) !== 0
export const readable = (fd: number) => rawPoll(Int32Array.of(fd, POLLIN), 1, 0) === 1

// ---- helpers in other threads and processes

export function module(path: string): string {
  return JSON.stringify(new URL(path, here).href)
}

export function child(code: string): { out: string; err: string; status: number | null } {
  const prologue = `
    import { RtsigPoller } from ${module('./rtsig.js')}
    import { ReadyList } from ${module('../model.js')}
    import { rawPoll } from ${module('../../sys/poll.js')}
    import { rawRecv, rawSend, socketpair } from ${module('../../sys/socket.js')}\n`
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', prologue + code], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  return { out: run.stdout, err: run.stderr, status: run.status }
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the code posts
export async function runWorker(code: string): Promise<any> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads'); (async () => {${code}})()`,
    { eval: true },
  )
  return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
}

/** A thread that, a while after it has started, sends a byte or a signal. */
export function helper(what: { afterMs: number; fd?: number; tid?: number; signal?: number }): {
  started: Promise<void>
  ended: Promise<void>
} {
  const worker = new Worker(
    `const { parentPort, workerData: { afterMs, fd, tid, signal } } = require('node:worker_threads')
     Promise.all([import(${module('../../sys/signal.js')}), import(${module('../../sys/socket.js')})]).then(([s, net]) => {
       parentPort.postMessage('started')
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, afterMs)
       if (fd !== undefined) net.rawSend(fd, Uint8Array.of(1), 1, 0)
       else s.tgkill(process.pid, tid, signal)
     })`,
    { eval: true, workerData: what },
  )
  return {
    started: new Promise((resolve) => worker.once('message', () => resolve())),
    ended: new Promise((resolve, reject) => worker.once('exit', () => resolve()).once('error', reject)),
  }
}
