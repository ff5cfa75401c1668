/**
 * POSIX asynchronous I/O: aio_read and aio_write are told what to do, and one hears when it has been done.
 *
 * (a) On Linux it is not the kernel that does it but glibc, with a thread for each request that waits: the thread
 *     sleeps in pread(2), or read(2) for a socket. So sockets must *not* be O_NONBLOCK. The threads belong to
 *     the process, and there is a limit to them: a request beyond it would wait for another's end, which may
 *     never come, without a word. Such a request is refused here, with EAGAIN.
 * (b) glibc has one queue per descriptor *number*, worked off one at a time. An aio_read that waits for the peer
 *     would hold up every aio_write of that number: what is sent goes through a duplicate (dup(2)), so that a
 *     connection costs two descriptors. Reads and writes of one file stand in one queue too; whoever wants
 *     them in parallel opens the file twice.
 * (c) There is no aio_accept, no aio_connect, and no address goes in or out. For accept, connect, recvfrom and
 *     sendto a poller is borrowed: epoll, and the calls of the readiness driver.
 * (d) A read that a thread has begun cannot be called back: aio_cancel says AIO_NOTCANCELED. Cancelled, it is
 *     marked, and ends with what comes next: data, the end, or an error. shutdown(2) of the socket brings that.
 * (e) The control block and the buffer must stay in place until the request is over. Both are in mapped memory that
 *     is never freed under a request; when a driver closes and a thread still sleeps, that memory is abandoned
 *     rather than used again, for the thread will write there whenever its read returns. Memory of the user's
 *     (sends, files) is held by the request. A duplicate that a thread sleeps on stays open, because of (b).
 * (f) Embedded, each end raises SIGIO. Signals merge, and do not say which request: one means "look at all". One
 *     that comes without a listener ends the process. So the listener stays for good; and because Node takes it
 *     away when the process ends by itself, requests under way are told before to raise nothing.
 * (g) Dedicated, the thread sleeps in aio_suspend over all requests. For each of them glibc searches a linked list
 *     of all: the square of their number. To end that sleep from outside, a request to read an eventfd is one
 *     of them; another thread of ours turns "the borrowed poller has something" into such an event.
 * (h) Another thread writes the outcome into the control block. Looking there costs no call; that it is really
 *     over, with its data in sight, only aio_error can say, which takes glibc's lock.
 * (i) pread refuses an offset of -1: for "the file's own position" it is asked and set with lseek(2), one such
 *     request of a file after the other.
 */
import { isMainThread } from 'node:worker_threads'
import {
  ControlBlocks,
  fillTimespec,
  IN_PROGRESS,
  rawAioError,
  rawAioRead,
  rawAioSuspend,
} from '../../sys/aio.js'
import { rawClose } from '../../sys/descriptor.js'
import { check, errnoName } from '../../sys/errno.js'
import { EFD_CLOEXEC, eventfd } from '../../sys/eventfd.js'
import { allocateSlab, releaseSlab } from '../../sys/memory.js'
import type { Driver, DriverOptions, Model, Verdict } from '../model.js'
import { refusal, unavailable } from '../verdict.js'
import { PosixAioDriver } from './posix-aio/driver.js'
import { maxWaiting, prepareThreads } from './posix-aio/threads.js'

export const posixAio: Model = {
  name: 'posix-aio',
  family: 'asynchronous',
  synchronous: false,
  limits: {
    nonBlocking: false,
    files: true,
    cancels: false,
    borrows: ['accept', 'connect', 'recvfrom', 'sendto'],
    get maxWaiting() {
      return maxWaiting()
    },
    workers: false,
    tunings: ['maxThreads'],
  },
  probe,
  open(options: DriverOptions): Driver {
    const verdict = probe()
    if (!verdict.ok) throw unavailable('posix-aio', verdict)
    if (options.host === 'embedded' && !isMainThread) {
      throw unavailable('posix-aio', {
        ok: false,
        reason: "Node gives a Worker no signals, and aio's completions come as signals",
        cure: "Use it in the main thread, or with host: 'dedicated'.",
      })
    }
    return new PosixAioDriver(options)
  },
}

/** Has a thread of glibc's read an eventfd. */
function probe(): Verdict {
  let fd = -1
  try {
    prepareThreads()
    const blocks = new ControlBlocks()
    const slab = allocateSlab(8)
    fd = eventfd(1, EFD_CLOEXEC)
    const block = blocks.acquire()
    const address = blocks.address(block)
    blocks.prepare(block, fd, slab.address, 8)
    check(rawAioRead(address), 'aio_read')
    const list = new Uint32Array(2)
    blocks.list(block, list, 0)
    const until = performance.now() + PROBE_MS
    while (rawAioError(address) === IN_PROGRESS) {
      const left = until - performance.now()
      if (left <= 0) {
        // Its memory is left to the thread, should it ever come.
        return {
          ok: false,
          reason: `no thread of glibc's has served a request within ${PROBE_MS / 1000} s`,
          cure: 'Raise the limit on processes (ulimit -u, the pids cgroup), or choose another model.',
        }
      }
      rawAioSuspend(list, 1, fillTimespec(left, new Uint32Array(4)))
    }
    const error = rawAioError(address)
    blocks.release(block)
    blocks.close()
    releaseSlab(slab)
    if (error === 0) return { ok: true }
    return { ok: false, reason: `a request ended with ${errnoName(-error)}`, cure: 'Choose another model.' }
  } catch (error) {
    const refused = refusal(error)
    // glibc 2.34 moved them from librt into libc.
    return (error as NodeJS.ErrnoException).code === 'ENOSYS'
      ? { ...refused, cure: 'Use glibc 2.34 or newer, or choose another model.' }
      : refused
  } finally {
    if (fd >= 0) rawClose(fd)
  }
}

const PROBE_MS = 2000
