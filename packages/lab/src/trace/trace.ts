/**
 * A trace as it is printed (`fivefold trace --json`), drawn and put into a report: one message, seen by two witnesses.
 * All times are microseconds since the application asked for data, on CLOCK_MONOTONIC.
 */
import type { Family, ModelName } from 'fivefold'
import type { Agreement } from './agreement.js'
import type { KernelEvent } from './kernel/event.js'
import type { StateSpan } from './states.js'
import type { Timeline } from './timeline.js'

export const protocols = ['udp', 'tcp', 'unix', 'file'] as const

export type TraceProtocol = (typeof protocols)[number]

/** Why the kernel's tracepoints could not be read. */
export type Unusable =
  /** tracefs is not mounted. */
  | 'not-mounted'
  /** Only the superuser may make an instance. */
  | 'no-right'
  /** The kernel was built without the events of system calls. */
  | 'no-events'
  /** The events name no process of ours: our numbers are those of a PID namespace. */
  | 'other-numbers'

/** The second witness: what the kernel's own tracepoints tell. */
export type KernelWitness =
  | {
      readonly usable: true
      readonly events: readonly KernelEvent[]
      /** Of the events that were wanted, those that this kernel does not have: `sock:sk_data_ready`. */
      readonly missing: readonly string[]
      /** Events that found no room: the earliest. */
      readonly lost: number
    }
  | { readonly usable: false; readonly reason: Unusable; readonly detail: string }

export interface Trace extends Timeline {
  readonly model: ModelName
  readonly family: Family
  readonly synchronous: boolean
  readonly protocol: TraceProtocol
  /** The mechanism has no call of its own for this protocol: another's is shown. */
  readonly borrowed: boolean
  /** Of the message. */
  readonly bytes: number
  /** How often it was done; what is told here is the one in the middle, by the time from sending to handler. */
  readonly repeats: number
  readonly kernel: KernelWitness
  /** What each thread was doing, by the kernel's scheduler where it could be asked, else by the calls. */
  readonly states: readonly StateSpan[]
  /** How far the two witnesses agree, over all repetitions; null: there is one witness alone. */
  readonly agreement: Agreement | null
}
