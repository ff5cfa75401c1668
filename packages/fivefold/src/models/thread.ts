/**
 * Threads that sleep in system calls: how they are started, and how they are got out when the process ends.
 *
 * Node joins its Workers at its end, and one that sleeps in a call would hold it up for ever. So whoever has such
 * threads says here how they are told to leave, and on 'exit' (the natural end, process.exit, an uncaught
 * exception) they are told until they have left. `terminate()` of a Worker that has such threads runs no
 * 'exit' handler: let it end by itself.
 */
import { getEnvironmentData, SHARE_ENV, Worker } from 'node:worker_threads'
import { seamed } from '../sys/ffi.js'

/** Starts a thread that does not keep the process alive. @throws where the system has no more threads to give */
export function startThread(
  program: URL,
  data: object,
  failed: (error: NodeJS.ErrnoException) => void,
): Worker {
  // A seam (see ffi.ts) is no part of a thread unless its module is imported there too.
  const seam = seamed ? getEnvironmentData('fivefold.seam') : undefined
  const worker = new Worker(program, {
    workerData: data,
    env: SHARE_ENV,
    trackUnmanagedFds: false,
    // Small, for there may be many; what they run allocates next to nothing.
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32, stackSizeMb: 1 },
    ...(typeof seam === 'string' ? { execArgv: ['--import', seam] } : {}),
  })
  worker.unref()
  worker.on('error', failed)
  return worker
}

/** Has threads that must leave before the process can end. */
export interface Sleepers {
  /** Tells them to. Called again and again. @returns whether they have */
  leave(): boolean
}

const sleepers = new Set<Sleepers>()
let told = false
/** What cannot be interrupted (a disk, a dead file server) does not hold the process up for longer. */
const LEAVE_MS = 2000

export function leaveOnExit(them: Sleepers): void {
  sleepers.add(them)
  if (told) return
  told = true
  process.on('exit', () => {
    const until = performance.now() + LEAVE_MS
    for (;;) {
      let out = true
      for (const each of sleepers) if (!each.leave()) out = false
      if (out || performance.now() > until) return
      pause(1)
    }
  })
}

export function stayOnExit(them: Sleepers): void {
  sleepers.delete(them)
}

const nothing = new Int32Array(new SharedArrayBuffer(4))

/** Sleeps. */
export function pause(ms: number): void {
  Atomics.wait(nothing, 0, 0, ms)
}
