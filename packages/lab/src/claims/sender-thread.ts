/** The thread of a Sender: sleeps until it is told, then writes to a descriptor, or closes it, when the time has come. */
import { closeSync, writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { CLOSE, END, FILL, type Orders, ordersIn, WRITE } from './sender-orders.js'

const { words, sentAt }: Orders = ordersIn(workerData as SharedArrayBuffer)

function now(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e9 + nanoseconds
}

for (let done = 0; ; done++) {
  Atomics.wait(words, 0, done)
  const [, what = END, fd = -1, bytes = 0, milliseconds = 0] = words
  if (what === END) break
  // Nobody wakes this word: it is the time-out that ends the wait.
  Atomics.wait(words, 5, 0, milliseconds)
  sentAt[0] = now()
  try {
    if (what === WRITE) writeSync(fd, Buffer.alloc(bytes, FILL))
    else if (what === CLOSE) closeSync(fd)
  } catch {
    // Whoever waits for it sees that it did not come.
  }
  Atomics.add(words, 6, 1)
  Atomics.notify(words, 6)
}
