/**
 * How many threads glibc may have: one pool for the process, see (a) in ../posix-aio.ts.
 */
import { readFileSync } from 'node:fs'
import { aio_init } from '../../../sys/aio.js'
import { getrlimit } from '../../../sys/process.js'

/** The most requests that wait, where the system allows so many threads. glibc makes a thread when it needs one. */
const MOST_WAITING = 4096
/** Threads kept for requests that do not wait for a peer: files. */
const FOR_FILES = 32
/** glibc's own number, where somebody has made requests before we could set ours. */
const GLIBC_THREADS = 20

let mostWaiting = -1
/** How many requests wait, of all drivers of this JavaScript thread: what the others do is not seen from here. */
let waiting = 0

/** Tells glibc how many threads it may have, once, before the first request. */
export function prepareThreads(): void {
  if (mostWaiting >= 0) return
  const threads = threadsFor()
  const effective = aio_init(threads, 64)
  mostWaiting = Math.max(1, effective ? threads - FOR_FILES : GLIBC_THREADS)
}

/** How many requests can wait at a time, or could, when glibc has not been told yet. */
export function maxWaiting(): number {
  return mostWaiting >= 0 ? mostWaiting : Math.max(1, threadsFor() - FOR_FILES)
}

/** How many threads it may have. Of one that cannot be made glibc says nothing: its request waits for another's end. */
function threadsFor(): number {
  let allowed = Number.POSITIVE_INFINITY
  if (process.getuid?.() !== 0) {
    const { soft } = getrlimit(RLIMIT_NPROC)
    allowed = soft
  }
  try {
    const path = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'latin1'))?.[1] ?? '/'
    const most = readFileSync(`/sys/fs/cgroup${path === '/' ? '' : path}/pids.max`, 'latin1').trim()
    if (most !== 'max') allowed = Math.min(allowed, Number(most))
  } catch {
    // No such group: nobody limits us there.
  }
  // Half, for the limit counts what else the user or the container runs.
  return Math.max(FOR_FILES + 1, Math.min(MOST_WAITING + FOR_FILES, Math.floor(allowed / 2)))
}

/** A driver's share of the threads. */
export class Threads {
  readonly #most: number
  #waiting = 0
  #warned = false

  /** @param most how many requests of this driver may wait */
  constructor(most: number) {
    prepareThreads()
    this.#most = most
  }

  /** One more would wait for another's end. */
  get exhausted(): boolean {
    return waiting >= mostWaiting || this.#waiting >= this.#most
  }

  /** A request that waits begins (1), or is over (-1). */
  count(more: 1 | -1): void {
    waiting += more
    this.#waiting += more
  }

  /** Says, once, that a request was refused. */
  warn(): void {
    if (this.#warned) return
    this.#warned = true
    process.emitWarning(
      `posix-aio: ${waiting} operations wait, each with a thread of glibc's, and that is the limit; ` +
        'one more was refused with EAGAIN, for it could wait for ever. Use fewer connections at a time, raise ' +
        'the limit on processes (ulimit -u, the pids cgroup), or choose epoll or io_uring',
      { code: 'EAGAIN' },
    )
  }
}

/** getrlimit(2): processes and threads of this user. */
const RLIMIT_NPROC = 6
