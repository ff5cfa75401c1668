/** All experiments, in the order in which they are run and shown. */
import { aioThreads } from './aio-threads.js'
import { asynchronousCost } from './asynchronous-cost.js'
import type { Experiment } from './claim.js'
import { closedDescriptor } from './closed-descriptor.js'
import { copiedPerWait } from './copied-per-wait.js'
import { degreeOfBlocking } from './degree-of-blocking.js'
import { edgeLevel } from './edge-level.js'
import { efficiency } from './efficiency.js'
import { layers } from './layers.js'
import { oneAtATime } from './one-at-a-time.js'
import { phases } from './phases.js'
import { pollArray } from './poll-array.js'
import { scaling } from './scaling.js'
import { selectLimit } from './select-limit.js'
import { sharedMemory } from './shared-memory.js'
import { shortLived } from './short-lived.js'
import { signalHandler } from './signal-handler.js'
import { signalQueue } from './signal-queue.js'
import { startOrDone } from './start-or-done.js'
import { threadPerConnection } from './thread-per-connection.js'
import { timeResolution } from './time-resolution.js'
import { uringWorkers } from './uring-workers.js'
import { waiting } from './waiting.js'
import { wakeUps } from './wake-ups.js'

export const experiments: readonly Experiment[] = [
  layers,
  phases,
  degreeOfBlocking,
  waiting,
  oneAtATime,
  selectLimit,
  timeResolution,
  pollArray,
  copiedPerWait,
  scaling,
  edgeLevel,
  closedDescriptor,
  wakeUps,
  signalQueue,
  signalHandler,
  startOrDone,
  aioThreads,
  uringWorkers,
  sharedMemory,
  asynchronousCost,
  shortLived,
  threadPerConnection,
  efficiency,
]

export function experimentNamed(name: string): Experiment | undefined {
  return experiments.find((experiment) => experiment.name === name)
}
