/**
 * Threads that sleep in system calls: how they are started, and how they are got out when the process ends.
 *
 * Node joins its Workers at its end, and one that sleeps in a call would hold it up for ever. So on 'exit' (the
 * natural end, process.exit, an uncaught exception) each is told to leave until it has left.
 *
 * A Worker that has such threads may also be torn down without an 'exit': by `terminate()`, or when the main thread
 * ends. Nothing runs in it then, so in a Worker the threads come back from their calls every `TICK_MS`.
 */
import { getEnvironmentData, isMainThread, SHARE_ENV, Worker } from 'node:worker_threads'
import { seamed } from '../../sys/ffi.js'
import { BEGUN, type Begin, CALLED_OFF } from './layout.js'

/** See above. */
export const TICK_MS = 250

/** How long a thread of this one may sleep at a time: -1 for as long as it likes. */
export const longestSleep = isMainThread ? -1 : TICK_MS

/** What whoever starts a thread has to say about it. */
export interface Sleeper {
  /** Tells the thread that the process ends. Called again and again. @returns whether it has left its last call */
  leave(): boolean
  /** It has ended, by itself (null) or by what went wrong. Perhaps called twice. */
  ended(error: NodeJS.ErrnoException | null): void
}

const alive = new Map<Sleeper, Int32Array>()
let told = false
/** What cannot be interrupted (a disk, a dead file server) does not hold the process up for longer. */
const LEAVE_MS = 2000

/**
 * Starts a thread, which does not keep the process alive.
 * @throws where the system has no more threads to give
 */
export function startThread(program: URL, data: object, sleeper: Sleeper): void {
  const begin = new SharedArrayBuffer(4)
  // A seam (see ffi.ts) is no part of a thread unless its module is imported there too.
  const seam = seamed ? getEnvironmentData('fivefold.seam') : undefined
  const worker = new Worker(program, {
    workerData: { ...data, begin } satisfies Begin,
    env: SHARE_ENV,
    trackUnmanagedFds: false,
    // Small, for there may be many; what they run allocates next to nothing.
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32, stackSizeMb: 1 },
    // Not the program's own options: its loaders are none of a thread's, and --input-type would end it.
    execArgv: typeof seam === 'string' ? ['--import', seam] : [],
  })
  worker.unref()
  alive.set(sleeper, new Int32Array(begin))
  worker.on('error', (error) => sleeper.ended(error))
  worker.on('exit', () => {
    alive.delete(sleeper)
    sleeper.ended(null)
  })
  if (told) return
  told = true
  process.on('exit', endAll)
}

/** A thread could not be started because the process, or the system, has no descriptors for it. */
export function shortOfDescriptors(error: NodeJS.ErrnoException | null): boolean {
  return error !== null && /EMFILE|ENFILE|too many open files/i.test(`${error.code} ${error.message}`)
}

/**
 * How often a thread may fail before it has begun until that is believed. While it loads its program a shortage of
 * descriptors can look like anything: a package.json that cannot be read is one that is not there.
 */
export const MOST_FAILURES = 5

/** How soon descriptors are looked for again. */
export const SHORTAGE_MS = 50

function endAll(): void {
  const until = performance.now() + LEAVE_MS
  for (;;) {
    let out = true
    for (const [sleeper, begin] of alive) {
      const begun = Atomics.compareExchange(begin, 0, 0, CALLED_OFF) === BEGUN
      if (begun && !sleeper.leave()) out = false
    }
    if (out || performance.now() > until) return
    pause(1)
  }
}

const nothing = new Int32Array(new SharedArrayBuffer(4))

/** Sleeps. */
export function pause(ms: number): void {
  Atomics.wait(nothing, 0, 0, ms)
}
