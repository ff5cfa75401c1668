/** The second witness: the kernel's tracepoints, for the threads of one process and for the sender. */
import { readdirSync } from 'node:fs'
import type { Unusable } from '../trace.js'
import { type Parsed, parse } from './parse.js'
import { Instance, TracefsUnusable, tracefs } from './tracefs.js'

/** The system calls that the nine mechanisms are made of, by the kernel's names. What a machine lacks it never calls. */
const calls = [
  ...['recvfrom', 'recvmsg', 'recvmmsg', 'read', 'readv', 'pread64', 'preadv', 'sendto', 'sendmsg', 'write'],
  ...['epoll_ctl', 'epoll_wait', 'epoll_pwait', 'epoll_pwait2', 'select', 'pselect6', 'poll', 'ppoll'],
  ...['rt_sigtimedwait', 'rt_sigprocmask', 'rt_sigaction', 'fcntl', 'futex', 'io_uring_enter'],
  ...['io_uring_setup', 'io_uring_register', 'socket', 'connect', 'accept4', 'setsockopt', 'getsockopt'],
]

/** Each is one event, under its present name or an earlier one. */
const others: readonly (readonly string[])[] = [
  ['sock:sk_data_ready'],
  ['sched:sched_switch'],
  ['sched:sched_waking'],
  ['signal:signal_generate'],
  ['signal:signal_deliver'],
  ['io_uring:io_uring_submit_req', 'io_uring:io_uring_submit_sqe'],
  ['io_uring:io_uring_poll_arm'],
  ['io_uring:io_uring_task_add'],
  ['io_uring:io_uring_queue_async_work'],
  ['io_uring:io_uring_complete'],
  ['block:block_bio_queue'],
]

/** Of each processor: enough for the polling of a whole wait, which makes a million calls a second. */
const BUFFER_KIB = 12 * 1024

/** The threads of a process; of one that is gone, none: who waits for it hears of its end. */
export function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number)
  } catch {
    return []
  }
}

export class Witness {
  readonly missing: readonly string[]
  readonly #instance: Instance

  /** @throws TracefsUnusable */
  constructor(root = tracefs()) {
    this.#instance = new Instance(root)
    try {
      const instance = this.#instance
      instance.set('trace_clock', 'mono')
      instance.set('buffer_size_kb', BUFFER_KIB)
      // Threads that are started by those that are followed are followed, too.
      instance.set('options/event-fork', 1)
      let seen = 0
      for (const call of calls)
        if (instance.enable(`syscalls:sys_enter_${call}`) && instance.enable(`syscalls:sys_exit_${call}`))
          seen++
      if (seen === 0) throw new TracefsUnusable('no-events', 'no syscalls:sys_enter_*')
      this.missing = others
        .filter((names) => !names.some((name) => instance.enable(name)))
        .map(([present]) => present!)
    } catch (error) {
      this.#instance.close()
      throw error
    }
  }

  /** From here on, of this process's threads and those that they start; and of the sender, which is this thread. */
  start(pid: number): void {
    this.#instance.set('set_event_pid', [...threadsOf(pid), process.pid].join(' '))
    this.#instance.start()
  }

  stop(): Parsed {
    this.#instance.stop()
    return parse(this.#instance.read())
  }

  close(): void {
    this.#instance.close()
  }
}

export type Called = { readonly witness: Witness } | { readonly reason: Unusable; readonly detail: string }

/** The witness, or why there is none. */
export function callWitness(): Called {
  try {
    return { witness: new Witness() }
  } catch (error) {
    if (!(error instanceof TracefsUnusable)) throw error
    return { reason: error.reason, detail: error.message }
  }
}
