/** What a trace consists of. Times are CLOCK_MONOTONIC nanoseconds while recorded, microseconds once shown. */

/** A call through libc, as the application made it. */
export interface CallEvent {
  readonly kind: 'call'
  /** 0: the application's own thread; else the number of a thread the library started. */
  readonly thread: number
  readonly name: string
  /** In words: descriptors, lengths, flags by their names. */
  readonly arguments: readonly string[]
  readonly began: number
  /** When the last of the repetitions returned. */
  ended: number
  /** When the first returned. */
  readonly returned: number
  readonly result: number
  /** The errno's name, where it failed. */
  readonly error: string | null
  /** What the call wrote into the application's memory, in words. */
  readonly out: string | null
  /** How often it was made in a row, the same each time. */
  count: number
  /** When the kernel saw it: entered, and left for the first time (null: not seen). Only where it could be asked. */
  kernel?: { readonly entered: number; readonly left: number | null }
}

/** Something that is no call. */
export interface MarkEvent {
  readonly kind: 'mark'
  readonly mark: Mark
  readonly at: number
  readonly thread: number
  /** Bytes, or a result; null: it has none. */
  readonly value: number | null
  readonly text: string | null
}

export type Mark =
  /** The application asked the model for data. */
  | 'asked'
  /** A thread of the library's began. */
  | 'thread'
  /** A handler was installed for a signal; and it runs. */
  | 'handler'
  | 'signal'
  /** The other process sent the message. */
  | 'sent'
  /** A request in the submission ring; an answer in the completion ring. */
  | 'submission'
  | 'completion'
  /** The application has the bytes. */
  | 'data'

export type Event = CallEvent | MarkEvent

export const startOf = (event: Event): number => (event.kind === 'call' ? event.began : event.at)
