/**
 * io_uring(7): the only model of the five in which the kernel does both phases. A request says what is wanted; when
 * its completion arrives, the data are in this process's memory.
 *
 * (a) Requests go into one ring, completions come out of another; both are memory shared with the kernel. One call
 *     of io_uring_enter hands over all the requests of a turn, and sleeps until something is complete.
 * (b) Accept and receive are *multishot*: one request, a completion for every connection and every portion of data,
 *     until one comes without F_MORE. That can happen at any time and with any result, success included; it is
 *     then asked anew.
 * (c) A waiting receive has no memory: the kernel picks a buffer from a ring we provide when the data are there
 *     (receive.ts). When it finds none it answers ENOBUFS, and the data stay in the socket.
 * (d) Sockets are blocking ones. Where somebody who shares a socket has made it O_NONBLOCK, accept, receive and send
 *     wait all the same (non-blocking.test.ts); other requests are answered EAGAIN.
 * (e) The completion ring can overflow. Nothing is lost (FEAT_NODROP): the kernel keeps the rest aside and says so
 *     in a flag, and an enter that asks for events brings it. The ring is large, so that it does not happen.
 * (f) A request is named by slot and generation, never by its descriptor, whose number may have a new owner by the
 *     time of the completion. A descriptor is closed only after the last completion of its operations.
 * (g) Cancelling is a request of its own. Its result tells little: the cancelled one's own last completion says how
 *     it ended, and what it had done by then is delivered, not dropped. Only "not found" is heeded: between two
 *     of its steps in the kernel a request is not found, and it is asked once more.
 * (h) With DEFER_TASKRUN the kernel's share of the work (copying what came) is done inside our own calls of enter
 *     and at no other time. Completions are invisible until then; a flag in the ring says that there are some.
 * (i) Node's loop sleeps on an eventfd registered with the ring. While turns follow one another it is switched off
 *     by a flag in the ring: no system call. Switched on again, the ring is looked at once more, because
 *     what came before was told to nobody.
 * (j) What the kernel can neither do at once nor be woken for (a file's uncached page, a Unix socket's full backlog)
 *     it leaves to threads of its own, which it starts and counts to this process (iou-wrk-…).
 * (k) A ring belongs to the thread that opened it. It keeps the credentials of that moment: drop privileges before.
 * (l) A zero-copy send (`tuning.zeroCopyFrom`) answers twice: the bytes sent, and later, with F_NOTIF, that the buffer
 *     is ours again. The operation is over with the second.
 * (m) A write at a file's own position that ends short may leave the position where it was (io-uring/position.ts).
 */
import type { DriverOptions, Model, Verdict } from '../model.js'
import { unavailable } from '../verdict.js'
import { IoUringDriver } from './io-uring/driver.js'
import { probeTier } from './io-uring/tiers.js'

export const ioUring: Model = {
  name: 'io_uring',
  family: 'asynchronous',
  synchronous: false,
  limits: {
    nonBlocking: false,
    eitherWay: true,
    files: true,
    beyond: ['vectors', 'open'],
    cancels: true,
    borrows: [],
    maxWaiting: Number.POSITIVE_INFINITY,
    workers: true,
    control: true,
    tunings: ['sqPoll', 'zeroCopyFrom', 'registeredFiles', 'registeredBuffers'],
  },
  probe(): Verdict {
    return probeTier().verdict
  },
  open(options: DriverOptions): IoUringDriver {
    const { verdict, tier } = probeTier()
    if (!verdict.ok) throw unavailable('io_uring', verdict)
    return new IoUringDriver(options.host, tier!, {}, options)
  },
}
