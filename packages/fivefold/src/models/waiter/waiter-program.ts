/** The program of a waiter's thread: sleeps in select or poll, and says when that had something to report. */
import '../threads/begin.js'
import { workerData } from 'node:worker_threads'
import { rawEventfdRead, rawEventfdWrite } from '../../sys/eventfd.js'
import { type Poller, READ, ReadyList } from '../model.js'
import { PollPoller } from '../multiplexing/poll.js'
import { SelectPoller } from '../multiplexing/select.js'
import { blockSignals } from '../threads/signals.js'
import {
  ARMED,
  BORN,
  CALLS,
  CHANGES,
  GONE,
  HIGHEST,
  LIVE,
  PAUSED,
  QUIT,
  STATE,
  type WaiterData,
} from './layout.js'

/** How long it holds back for more changes when nobody says that there are none. */
const PAUSE_MS = 1

const data = workerData as WaiterData
const words = new Int32Array(data.words)
const wanted = new Uint8Array(data.table)
const { wakeFd, controlFd, longestSleep } = data
const poller: Poller = data.mechanism === 'select' ? new SelectPoller() : new PollPoller()
const known = new Uint8Array(wanted.length)
const ready = new ReadyList(64)
let seen = -1

/** Takes over what has changed. */
function rebuild(): void {
  seen = Atomics.load(words, CHANGES)
  const highest = Atomics.load(words, HIGHEST)
  for (let fd = 0; fd <= highest; fd++) {
    const interest = wanted[fd]!
    if (interest === known[fd]) continue
    poller.set(fd, known[fd]!, interest)
    known[fd] = interest
  }
}

/** @returns whether there is something to report */
function wait(): boolean {
  try {
    poller.wait(longestSleep, ready)
  } catch {
    // A descriptor that is none, taken out meanwhile or not: the poller in the loop's thread meets it too,
    // unless the change is already there to be taken over.
    return Atomics.load(words, CHANGES) === seen
  }
  let found = false
  for (let index = 0; index < ready.count; index++) {
    if (ready.fds[index] === controlFd) rawEventfdRead(controlFd)
    // Neither is what is no longer wanted.
    else if (wanted[ready.fds[index]!] !== 0) found = true
  }
  return found
}

function run(): void {
  poller.set(controlFd, 0, READ)
  while (Atomics.load(words, QUIT) === 0) {
    if (Atomics.load(words, ARMED) === 0) {
      Atomics.wait(words, ARMED, 0)
      continue
    }
    if (Atomics.load(words, PAUSED) === 1) {
      Atomics.wait(words, PAUSED, 1, PAUSE_MS)
      Atomics.store(words, PAUSED, 0)
    }
    if (Atomics.load(words, CHANGES) !== seen) rebuild()
    // In this order: whoever changes something looks at CALLS after it, and we at CHANGES after that.
    Atomics.add(words, CALLS, 1)
    const found = Atomics.load(words, CHANGES) === seen && Atomics.load(words, QUIT) === 0 && wait()
    Atomics.add(words, CALLS, 1)
    Atomics.notify(words, CALLS)
    if (found) {
      // In this order: what is unarmed has been written.
      rawEventfdWrite(wakeFd, 1)
      Atomics.compareExchange(words, ARMED, 1, 0)
    }
  }
}

blockSignals()
try {
  if (Atomics.compareExchange(words, STATE, BORN, LIVE) === BORN) run()
} finally {
  Atomics.store(words, STATE, GONE)
}
