/**
 * SIGIO, the classic signal-driven model: the kernel raises it, the handler calls recvfrom.
 *
 * (a) It is a standard signal: a hundred of them merge into one, and it names no descriptor. With one registered
 *     the handler knows what it means; with several it has to look at them all (sweep.ts).
 * (b) It tells of events, not of states: after it, read until there is nothing more. Stopping early needs
 *     `again`; readiness from before O_ASYNC needs a first report without a signal (sweep.ts does both).
 * (c) A TCP socket raises it for nearly everything (connected, data, room, end, error), which is why the
 *     textbooks use it for UDP. A Unix datagram socket raises none when its full receiver has room
 *     again: what waits for room is looked at now and then (sweep.ts).
 * (d) The handler is JavaScript: libuv's C handler writes to a pipe, and Node's loop calls ours from that. So
 *     it works on the main thread alone, and the handler may call anything. Its default action ends the
 *     process: the listener is never taken away again (thread.ts tells what else is done against that).
 * (e) libuv merges nothing: it calls the handler for each signal, in a loop that ends when its pipe is empty. Work
 *     raises signals (a socket's peer may be in this process), so a handler that works each time keeps the
 *     loop from ever ending. It works once in each round of Node's loop, and once at the round's end.
 * (f) Embedded, Node's loop sleeps, and the signal wakes it. Dedicated, SIGIO is blocked in this thread except
 *     inside ppoll, which sleeps for it (sigsuspend with a time-out): no signal falls into the gap between the
 *     last look and the sleep. After it the loop is passed once, and there the handler runs.
 */
import { isMainThread } from 'node:worker_threads'
import { check } from '../../sys/errno.js'
import { rawPpoll } from '../../sys/poll.js'
import { SIGIO, toTimespec } from '../../sys/signal.js'
import { type Host, type Interest, type Poller, type ReadyList, SEVERAL, type Verdict } from '../model.js'
import { probeSignal } from './probe.js'
import { Registered } from './sweep.js'
import { heard, hold, listen, open, openToSigio, raise, release, shut, tid, unlisten } from './thread.js'

let listening = false

export class SigioPoller implements Poller {
  readonly wakeFd = -1
  /** Called in the handler: the time for wait(0) and recvfrom. */
  onWork: (() => void) | null = null
  /** Who is signalled, and with what: tgkill(pid, tid, signal) from another thread ends a sleeping wait. */
  readonly tid = tid
  readonly signal = SIGIO
  readonly #dedicated: boolean
  readonly #registered = new Registered(0, () => this.#handler())
  readonly #timespec = new BigInt64Array(2)
  #raised = false
  #atWork = false

  constructor(host: Host = 'dedicated') {
    if (!isMainThread)
      throw Object.assign(new Error(`${elsewhere.reason}. ${elsewhere.cure}`), { code: 'ENOTSUP' })
    this.#dedicated = host === 'dedicated'
    if (!listening) process.on('SIGIO', () => heard())
    listening = true
    listen(this.#handler)
    if (this.#dedicated) hold(SIGIO)
    else open()
  }

  set(fd: number, oldInterest: Interest, newInterest: Interest): void {
    this.#registered.set(fd, oldInterest, newInterest)
  }

  wait(timeoutMs: number, ready: ReadyList): number {
    ready.count = 0
    if (this.#raised) {
      this.#raised = false
      this.#registered.sweep()
    } else if (this.#dedicated || timeoutMs !== 0) {
      // Also when there is work at hand: it is the only moment at which a signal gets in.
      this.#sleep(this.#registered.hinted ? 0 : timeoutMs)
    }
    return this.#registered.report(ready)
  }

  again(fd: number, interest: Interest): void {
    this.#registered.hint(fd, interest | SEVERAL)
  }

  wake(): void {
    raise(SIGIO)
  }

  close(): void {
    this.#registered.close()
    this.onWork = null
    unlisten(this.#handler)
    if (this.#dedicated) release()
    else shut()
  }

  readonly #handler = (): void => {
    this.#raised = true
    if (this.#atWork) return
    this.#atWork = true
    setImmediate(this.#rest)
    this.onWork?.()
  }

  readonly #rest = (): void => {
    this.#atWork = false
    if (this.#raised) this.onWork?.()
  }

  // Whatever ends it, there is nothing to report before the handler has run.
  #sleep(timeoutMs: number): void {
    const timespec = timeoutMs < 0 ? null : toTimespec(timeoutMs, this.#timespec)
    const result = rawPpoll(null, 0, timespec, openToSigio.memory)
    if (result < 0 && result !== -EINTR) check(result, 'ppoll')
  }
}

const EINTR = 4

const elsewhere = {
  ok: false,
  reason: 'SIGIO reaches JavaScript on the main thread only, and this is a Worker',
  cure: 'Use rtsig, which takes its signals by sigtimedwait or signalfd in any thread.',
} as const

/** Raises a SIGIO and takes it. */
export function probeSigio(): Verdict {
  return isMainThread ? probeSignal(0) : elsewhere
}
