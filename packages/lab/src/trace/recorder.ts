/**
 * The recording seam: put before the library (`node --import`, in its threads as well), it notes every call with its
 * arguments, its result and the time, and every entry of io_uring's rings. What repeats is counted, not repeated.
 *
 * A thread that sleeps in a call can tell nobody, so threads write what they noted into shared memory.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { getEnvironmentData, isMainThread, setEnvironmentData, threadId } from 'node:worker_threads'
import { calledAs, describeArguments, describeOut, describeSubmission, type See } from './describe.js'
import type { CallEvent, Event, Mark } from './event.js'

const KEY = 'fivefold.lab.recorder'
const LOG_BYTES = 1024 * 1024
const LOG_AT = 1024

const memory = isMainThread
  ? new SharedArrayBuffer(LOG_AT + LOG_BYTES)
  : (getEnvironmentData(KEY) as unknown as SharedArrayBuffer)
/** [1 while recording, bytes in the log, the descriptor a thread last began to receive from, that thread, tids …] */
const shared = new Int32Array(memory, 0, LOG_AT / 4)
const log = new Uint8Array(memory, LOG_AT)
const RECORDING = 0
const TAIL = 1
const RECEIVING = 2
const RECEIVER = 3
const TIDS = 4

if (isMainThread) {
  setEnvironmentData(KEY, memory as never)
  setEnvironmentData('fivefold.seam', import.meta.url)
}

// Of two names for one number the first counts: EAGAIN, which is EWOULDBLOCK as well.
const errnoNames = new Map<number, string>()
for (const [name, value] of Object.entries(constants.errno)) {
  if (!errnoNames.has(value)) errnoNames.set(value, name)
}
const encoder = new TextEncoder()
const events: Event[] = []
let see: See = null

function now(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e9 + nanoseconds
}

/** Of a thread: what it noted is put where the application's thread finds it. */
function publish(event: Event): void {
  const bytes = encoder.encode(`${JSON.stringify(event)}\n`)
  const at = Atomics.add(shared, TAIL, bytes.length)
  if (at + bytes.length <= log.length) log.set(bytes, at)
}

export function note(mark: Mark, value: number | null = null, text: string | null = null): void {
  if (Atomics.load(shared, RECORDING) === 0) return
  const event: Event = { kind: 'mark', mark, at: now(), thread: threadId, value, text }
  if (isMainThread) events.push(event)
  else publish(event)
}

// ---- calls

type Call = (...parameters: unknown[]) => unknown

/** What was called last, as it was passed: when the next is the same, and answers the same, it is a repetition. */
let last: { event: CallEvent; parameters: readonly unknown[]; called: string } | null = null

/** Calls whose arguments say all: nothing in memory goes in with them. */
const byValue = /^(recv|recvfrom|accept4|read)$/

function same(called: string, parameters: readonly unknown[]): boolean {
  if (last === null || events.at(-1) !== last.event || last.called !== called) return false
  if (last.parameters.length !== parameters.length) return false
  for (let index = 0; index < parameters.length; index++) {
    if (parameters[index] !== last.parameters[index]) return false
  }
  return true
}

function recorded(called: string, call: Call, errno: { get(): number; set(value: number): void }): Call {
  return (...parameters) => {
    if (shared[RECORDING] === 0) return call(...parameters)
    const [name, own] = calledAs(called, parameters)
    if (!isMainThread && (name === 'recv' || name === 'recvfrom')) {
      Atomics.store(shared, RECEIVER, threadId)
      Atomics.store(shared, RECEIVING, own[0] as number)
    }
    // What goes in must be read before the call writes over it. Only where nothing does, repetitions are cheap.
    const plain = isMainThread && byValue.test(name)
    let described = plain && same(called, parameters) ? null : describeArguments(name, own, see)
    const began = now()
    const result = call(...parameters)
    const ended = now()
    if (Atomics.load(shared, RECORDING) === 0) return result
    const number = typeof result === 'number' ? result : 0
    const failed = number === -1 ? errno.get() : 0
    const error = failed === 0 ? null : (errnoNames.get(failed) ?? String(failed))
    const again = plain && same(called, parameters) ? last!.event : null
    if (again !== null && again.result === number && again.error === error) {
      again.count++
      again.ended = ended
    } else {
      described ??= describeArguments(name, own, see)
      const event: CallEvent = {
        kind: 'call',
        thread: threadId,
        name,
        arguments: described,
        began,
        ended,
        returned: ended,
        result: number,
        error,
        out: describeOut(name, own, number, see),
        count: 1,
      }
      if (isMainThread) {
        events.push(event)
        last = { event, parameters, called }
      } else publish(event)
    }
    if (failed !== 0) errno.set(failed)
    return result
  }
}

Object.assign(globalThis, { [Symbol.for('fivefold.seam')]: recorded })

// ---- rings

interface Ring {
  readonly words: Int32Array
  readonly sqes: Int32Array
}

Object.assign(globalThis, {
  [Symbol.for('fivefold.ringSeam')]: {
    submitting: (ring: Ring, at: number) => note('submission', null, describeSubmission(ring.sqes, at)),
    completing: (ring: Ring, at: number) => note('completion', ring.words[at + 2]!, null),
  },
})

// ---- signals

/** sigaction is Node's own call, so it is noted where Node is asked for it; and our listener runs first. */
const noted = new Set<string>()
if (isMainThread) {
  process.on('newListener', (name) => {
    if (typeof name !== 'string' || !/^SIG(IO|POLL)$/.test(name) || noted.has(name)) return
    noted.add(name)
    // Installed once, and perhaps before the recording begins.
    events.push({ kind: 'mark', mark: 'handler', at: now(), thread: 0, value: null, text: name })
    process.on(name as NodeJS.Signals, () => note('signal', null, name))
  })
} else {
  note('thread', threadId)
  // The kernel knows it by another number: `PID/task/TID`.
  const tid = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
  if (TIDS + threadId < shared.length) Atomics.store(shared, TIDS + threadId, tid)
}

// ---- of the application's thread

/** From here on everything is noted. */
export function record(viewOf: See): void {
  see = viewOf
  Atomics.store(shared, RECORDING, 1)
}

/** What was noted until now is left out; a handler stays installed. */
export function forget(): void {
  const handlers = events.filter((event) => event.kind === 'mark' && event.mark === 'handler')
  events.splice(0, events.length, ...handlers)
  last = null
  Atomics.store(shared, TAIL, 0)
}

/** The threads that the library started, by the kernel's numbers: [tid, number]. */
export function threads(): [number, number][] {
  const known: [number, number][] = []
  for (let number = 1; TIDS + number < shared.length; number++) {
    const tid = Atomics.load(shared, TIDS + number)
    if (tid !== 0) known.push([tid, number])
  }
  return known
}

/** Ends the recording. @returns what was noted, in the order of time */
export function recording(): Event[] {
  Atomics.store(shared, RECORDING, 0)
  const bytes = log.slice(0, Math.min(Atomics.load(shared, TAIL), log.length))
  const lines = Buffer.from(bytes).toString().split('\n').filter(Boolean)
  const ofThreads = lines.map((line) => JSON.parse(line) as Event)
  return [...events, ...ofThreads]
}

/** Whether a thread sleeps in its call to receive from this descriptor: begun it may have, and not yet be there. */
export function receives(fd: number): boolean {
  if (Atomics.load(shared, RECEIVING) !== fd) return false
  const tid = Atomics.load(shared, TIDS + Atomics.load(shared, RECEIVER))
  return / S /.test(readFileSync(`/proc/self/task/${tid}/stat`, 'utf8').replace(/^.*\)/s, ''))
}

/** How often this thread was told EAGAIN since `forget`. */
export function refused(): number {
  return events.reduce(
    (sum, event) => sum + (event.kind === 'call' && event.error === 'EAGAIN' ? event.count : 0),
    0,
  )
}
