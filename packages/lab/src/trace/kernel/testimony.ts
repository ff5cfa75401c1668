/** From the raw events of the kernel to those of one trace: whose they are, in microseconds since it began. */
import { GRAIN_MICROS } from '../agreement.js'
import type { CallEvent } from '../event.js'
import type { Actor, KernelCall, KernelEvent, KernelMark } from './event.js'
import type { RawEvent } from './parse.js'

export interface Cast {
  /** Nanoseconds: when the application asked. */
  readonly zero: number
  /** The application's own thread, which is the process's number too. */
  readonly main: number
  /** Threads that the library started: their numbers by the kernel, and ours. */
  readonly threads: ReadonlyMap<number, number>
  readonly sender: number
  /** What the message comes over: AF_INET with UDP or TCP, AF_UNIX. */
  readonly socket: { readonly family: number; readonly protocol: number } | null
  /** Threads of the process that were there before anything: Node's own. What they do is another story. */
  readonly strangers: ReadonlySet<number>
  /** All threads of the process. */
  readonly process: ReadonlySet<number>
}

/** @returns in the order of time; calls that were entered before the beginning are left out */
export function testimonyOf(raw: readonly RawEvent[], cast: Cast): KernelEvent[] {
  const { zero, main, threads, sender, socket, strangers, process } = cast
  const events: KernelEvent[] = []
  const open = new Map<number, KernelCall>()
  const actorOf = (tid: number): Actor | null => {
    if (tid === main) return 0
    if (tid === sender) return 'sender'
    const own = threads.get(tid)
    if (own !== undefined) return own
    return strangers.has(tid) ? null : 'helper'
  }
  /** A thread of the application's: the kernel tells of all that those who are followed wake or make way for. */
  const ownOf = (tid: number): Actor | null =>
    tid === main || process.has(tid) || threads.has(tid) ? actorOf(tid) : null
  for (const event of raw) {
    const at = (event.at - zero) / 1000
    const mark = (
      kind: KernelMark['kind'],
      actor: Actor | null,
      value: number | null = null,
      text: string | null = null,
    ) => {
      if (actor !== null) events.push({ kind, at, actor, value, text })
    }
    const here = actorOf(event.tid)
    switch (event.what) {
      case 'enter': {
        if (here === null || (here === 'helper' && event.call === 'futex')) break
        const call: KernelCall = {
          kind: 'call',
          actor: here,
          name: event.call,
          first: event.first,
          entered: at,
          left: null,
          result: null,
          count: 1,
        }
        open.set(event.tid, call)
        events.push(call)
        break
      }
      case 'exit': {
        const call = open.get(event.tid)
        open.delete(event.tid)
        if (call === undefined || call.name !== event.call) break
        call.left = at
        call.result = event.result
        break
      }
      case 'switch':
        mark(/^R/.test(event.state) ? 'preempted' : 'sleeps', ownOf(event.from))
        mark('runs', ownOf(event.to))
        break
      case 'waking':
        mark('woken', ownOf(event.woken))
        break
      case 'generate':
        mark('signal-generated', ownOf(event.to), event.signal)
        break
      case 'deliver':
        mark('signal-delivered', ownOf(event.tid), event.signal)
        break
      case 'data-ready':
        if (socket?.family === event.family && socket.protocol === event.protocol) mark('data-ready', here)
        break
      case 'ring-complete':
        mark('ring-complete', here, event.result)
        break
      case 'disk-asked':
        mark('disk-asked', here)
        break
      default:
        mark(event.what, here, null, event.operation)
    }
  }
  return events
}

/** What the scheduler tells of a thread is in its states already. */
const ofScheduler = /^(sleeps|preempted|runs)$/

/** What Node's loop does in between. */
const ofNode = /^(epoll_wait|epoll_pwait|read|write|futex)$/

/**
 * As it is told: without what the states tell already, or the calls, beside which the kernel's times stand; and
 * without Node's own loop. What is left and comes again and again is told once, with its count.
 */
export function foldedKernel(events: readonly KernelEvent[], calls: readonly CallEvent[]): KernelEvent[] {
  const known = ({ actor, entered, name }: KernelCall) =>
    typeof actor === 'number' &&
    (ofNode.test(name) ||
      calls.some(
        (call) =>
          call.thread === actor &&
          entered >= call.began - GRAIN_MICROS &&
          entered <= call.ended + GRAIN_MICROS,
      ))
  const kept: KernelEvent[] = []
  const last = new Map<Actor, KernelCall>()
  for (const event of events) {
    if (event.kind !== 'call') {
      if (!ofScheduler.test(event.kind)) kept.push(event)
      continue
    }
    if (known(event)) continue
    const before = last.get(event.actor)
    if (before?.name === event.name && before.first === event.first && before.result === event.result) {
      before.count++
      before.left = event.left
      continue
    }
    const copy = { ...event }
    last.set(event.actor, copy)
    kept.push(copy)
  }
  return kept
}
