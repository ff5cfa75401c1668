/** What the kernel's tracepoints tell, in the trace's terms. Times are microseconds since the application asked. */

/**
 * 0: the application's own thread, a number: one that the library started (as in the calls), `helper`: one that the
 * library does not know (glibc's for aio, the kernel's for io_uring), `sender`: the other process.
 */
export type Actor = number | 'helper' | 'sender'

/** A system call, entered and left. */
export interface KernelCall {
  readonly kind: 'call'
  readonly actor: Actor
  /** Of the system call: `recvfrom`, `pselect6`. */
  readonly name: string
  /** Its first argument, mostly a descriptor. */
  readonly first: number
  readonly entered: number
  /** null: it had not been left when the recording ended. */
  left: number | null
  /** As the kernel returns it: negative, it is an errno. */
  result: number | null
  /** How often it was made in a row with the same result. */
  count: number
}

export type KernelMarkKind =
  /** Data came into a socket's queue. */
  | 'data-ready'
  /** Somebody is woken; it runs only when a processor is free. */
  | 'woken'
  /** A thread leaves its processor, asleep or pushed aside; and gets one again. */
  | 'sleeps'
  | 'preempted'
  | 'runs'
  | 'signal-generated'
  | 'signal-delivered'
  /** io_uring: a request taken from the ring, armed to wait, queued for its thread, an answer put into the ring. */
  | 'ring-submit'
  | 'ring-armed'
  | 'ring-task'
  | 'ring-worker'
  | 'ring-complete'
  /** The device was asked for blocks of a file, and has delivered them. */
  | 'disk-asked'
  | 'disk-done'

export interface KernelMark {
  readonly kind: KernelMarkKind
  readonly at: number
  /** Whose it is: who is woken, sleeps, gets the signal; else in whose context it happened. */
  readonly actor: Actor
  /** A signal's number, a result. */
  readonly value: number | null
  /** An operation's name. */
  readonly text: string | null
}

export type KernelEvent = KernelCall | KernelMark
