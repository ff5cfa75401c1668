/**
 * Blocking I/O: the call sleeps until there is something, and a sleeping thread can do nothing else.
 *
 * (a) Both phases are one call. Nothing is registered and nothing is asked for: recvfrom waits for the data and
 *     copies it.
 * (b) Hence one thread per operation that waits. Here a thread is a Worker (tens of milliseconds, some megabytes
 *     and some descriptors each), so they are used again, and there is a bound, `maxThreads`: at the bound an
 *     operation fails with EAGAIN instead of waiting for another's end, which might never come. Where it is the
 *     descriptors that do not suffice for one more thread, nothing fails: what has been accepted waits for a
 *     thread, and accepting ends with EMFILE, so that the rest waits in the backlog.
 * (c) accept, receive and recvfrom keep their thread, which calls again by itself. It may be as many answers ahead
 *     of the driver as it has slots; then it waits, and the socket's own buffer fills: that is the backpressure.
 * (d) What does not block needs no thread: send and sendto are tried at once with MSG_DONTWAIT, and only what
 *     does not fit is left to a thread, which sleeps in send until all of it has gone. Sends of one descriptor
 *     keep their order.
 * (e) A thread sleeping in a call hears nothing but signals. Cancelling sets a flag and interrupts the call with a
 *     signal whose handler does nothing. The signal may land just before the call is entered, in vain, so it
 *     is repeated until the thread has answered. What had been received by then is delivered, not dropped.
 *     One thing cannot be called off: a sleeping accept has its descriptor's number already, so the first
 *     connection gets one however many are taken meanwhile.
 * (f) Requests and answers travel in shared memory. The driver is woken by a descriptor, and only while it sleeps:
 *     announcements made while it works are found without a system call.
 * (g) Dedicated, the driver sleeps in a blocking call like its threads: recv on one end of a socketpair with
 *     SO_RCVTIMEO. The time-out is never "none", because then libuv's handlers (SA_RESTART) could not end it.
 * (h) Node joins its Workers when the process ends, and one in a blocking call would hold it up for ever: on
 *     'exit' every thread is interrupted until it is out. A Worker that has a driver can be torn down without
 *     any 'exit'; there a timer interrupts the threads four times a second (see blocking/blocking-program.ts).
 */
import { AF_UNIX } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import { errnoName } from '../sys/errno.js'
import { MSG_NOSIGNAL, rawSend, SOCK_CLOEXEC, SOCK_DGRAM, socketpair } from '../sys/socket.js'
import { BlockingDriver, DEFAULT_MAX_THREADS } from './blocking/driver.js'
import type { Model, Verdict } from './model.js'
import { Kind, Operation } from './operation.js'
import { refusal } from './verdict.js'

export const blocking: Model = {
  name: 'blocking',
  family: 'blocking',
  synchronous: true,
  limits: {
    nonBlocking: false,
    files: true,
    beyond: ['vectors', 'open', 'call'],
    cancels: true,
    borrows: [],
    maxWaiting: DEFAULT_MAX_THREADS,
    workers: true,
    tunings: ['maxThreads'],
  },
  probe,
  open: (options) => new BlockingDriver(options),
}

/** Has a thread sleep in recv, and interrupts it. */
function probe(): Verdict {
  let driver: BlockingDriver | null = null
  let pair: readonly number[] = []
  try {
    driver = new BlockingDriver({ host: 'dedicated', maxThreads: 1 })
    pair = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
    const answers: number[] = []
    const receive = new Operation(Kind.receive, pair[0]!, {
      completed: ({ result }) => void answers.push(result),
    })
    driver.submit(receive)
    rawSend(pair[1]!, Buffer.from('!'), 1, MSG_NOSIGNAL)
    const until = performance.now() + PROBE_MS
    while (answers.length === 0 && performance.now() < until) driver.turn(100)
    if (receive.inFlight) driver.close()
    const [first] = answers
    if (first === 1 && answers[1] === -ECANCELED) return { ok: true }
    return {
      ok: false,
      reason:
        first === undefined || first === -ECANCELED
          ? `a thread did not answer within ${PROBE_MS / 1000} s`
          : `a thread's call ended with ${errnoName(first)}`,
      cure: 'Choose another model.',
    }
  } catch (error) {
    return refusal(error)
  } finally {
    driver?.close()
    for (const fd of pair) rawClose(fd)
  }
}

const PROBE_MS = 5000

const ECANCELED = 125
