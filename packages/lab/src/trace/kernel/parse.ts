/** The text of tracefs' `trace` file, as the kernel prints it: one event a line. */

/** An event as it stands there. */
export type RawEvent = {
  /** The thread in whose context it happened, and its name. */
  readonly tid: number
  readonly task: string
  /** CLOCK_MONOTONIC, nanoseconds; the kernel prints whole microseconds. */
  readonly at: number
} & RawWhat

export type RawWhat =
  | { readonly what: 'enter'; readonly call: string; readonly first: number }
  | { readonly what: 'exit'; readonly call: string; readonly result: number }
  | { readonly what: 'switch'; readonly from: number; readonly state: string; readonly to: number }
  | { readonly what: 'waking'; readonly woken: number }
  | { readonly what: 'generate'; readonly signal: number; readonly to: number }
  | { readonly what: 'deliver'; readonly signal: number }
  | { readonly what: 'data-ready'; readonly family: number; readonly protocol: number }
  | {
      readonly what: 'ring-submit' | 'ring-armed' | 'ring-task' | 'ring-worker'
      readonly operation: string
    }
  | { readonly what: 'ring-complete'; readonly result: number }
  | { readonly what: 'disk-asked' }

export interface Parsed {
  readonly events: readonly RawEvent[]
  /** Written, and no longer there: the buffer was full, and the earliest went. */
  readonly lost: number
  /** Lines that were not understood. */
  readonly unknown: number
}

// `node-5793    [000] .N... 27315.064063: what`; a task's name may hold anything, also ' ' and '-'.
const shape = /^\s*(.+)-(\d+)\s+(?:\([\s\d-]+\)\s+)?\[\d+\]\s+(?:\S+\s+)?(\d+)\.(\d{6}): (.*)$/
const counts = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)/

export function parse(text: string): Parsed {
  const events: RawEvent[] = []
  let lost = 0
  let unknown = 0
  for (const line of text.split('\n')) {
    if (line === '') continue
    if (line.startsWith('#')) {
      const [, kept, written] = counts.exec(line) ?? []
      if (kept !== undefined) lost = Number(written) - Number(kept)
      continue
    }
    // `CPU:1 [LOST 17 EVENTS]`
    if (line.startsWith('CPU:')) continue
    const [, task, tid, seconds, microseconds, said] = shape.exec(line) ?? []
    const what = said === undefined ? null : whatOf(said)
    if (what === null) unknown++
    else
      events.push({
        tid: Number(tid),
        task: task!,
        at: Number(seconds) * 1e9 + Number(microseconds) * 1e3,
        ...what,
      })
  }
  return { events, lost, unknown }
}

/** Results are printed as the 64 bits of the register. */
function signed(hexadecimal: string): number {
  return Number(BigInt.asIntN(64, BigInt(`0x${hexadecimal}`)))
}

function whatOf(said: string): RawWhat | null {
  if (said.startsWith('sys_')) return callOf(said)
  const colon = said.indexOf(': ')
  if (colon < 0) return null
  return readers[said.slice(0, colon)]?.(said.slice(colon + 2)) ?? null
}

/** `sys_recvfrom(fd: 0x13, ubuf: …)`, `sys_recvfrom -> 0x40` */
function callOf(said: string): RawWhat | null {
  const left = /^sys_(\w+) -> (?:0x)?([0-9a-f]+)$/.exec(said)
  if (left !== null) return { what: 'exit', call: left[1]!, result: signed(left[2]!) }
  const made = /^sys_(\w+)\((?:\w+: (?:0x)?([0-9a-f]+))?/.exec(said)
  if (made === null) return null
  return { what: 'enter', call: made[1]!, first: made[2] === undefined ? 0 : signed(made[2]) }
}

function number(said: string, pattern: RegExp): number | null {
  const found = pattern.exec(said)?.[1]
  return found === undefined ? null : Number(found)
}

/** `opcode RECVMSG`; before Linux 6.x a number: `op 10`. */
const operation = (what: 'ring-submit' | 'ring-armed' | 'ring-task' | 'ring-worker') => (said: string) => ({
  what,
  operation: /\bop(?:code)? (\w+)/.exec(said)?.[1] ?? '',
})

function woken(said: string): RawWhat | null {
  const pid = number(said, / pid=(\d+) prio=/)
  return pid === null ? null : { what: 'waking', woken: pid }
}

const readers: Readonly<Record<string, (said: string) => RawWhat | null>> = {
  sched_switch: (said) => {
    const found = / prev_pid=(\d+) .*?prev_state=(\S+) ==> .* next_pid=(\d+) /.exec(` ${said}`)
    if (found === null) return null
    return { what: 'switch', from: Number(found[1]), state: found[2]!, to: Number(found[3]) }
  },
  sched_waking: (said) => woken(` ${said}`),
  signal_generate: (said) => {
    const [signal, to] = [number(said, /^sig=(\d+)/), number(said, / pid=(\d+) grp=/)]
    return signal === null || to === null ? null : { what: 'generate', signal, to }
  },
  signal_deliver: (said) => {
    const signal = number(said, /^sig=(\d+)/)
    return signal === null ? null : { what: 'deliver', signal }
  },
  sk_data_ready: (said) => {
    const [family, protocol] = [number(said, /family=(\d+)/), number(said, /protocol=(\d+)/)]
    return family === null || protocol === null ? null : { what: 'data-ready', family, protocol }
  },
  io_uring_submit_req: operation('ring-submit'),
  io_uring_submit_sqe: operation('ring-submit'),
  io_uring_poll_arm: operation('ring-armed'),
  io_uring_task_add: operation('ring-task'),
  io_uring_queue_async_work: operation('ring-worker'),
  io_uring_complete: (said) => {
    const result = number(said, /\bresult (-?\d+)/)
    return result === null ? null : { what: 'ring-complete', result }
  },
  block_bio_queue: () => ({ what: 'disk-asked' }),
}
