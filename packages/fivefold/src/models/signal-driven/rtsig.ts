/**
 * Real-time signals: F_SETSIG gives each descriptor's events a signal that queues and names the descriptor.
 *
 * (a) One signal per event, not per state: after it, read until there is nothing more. Stopping early needs
 *     `again`; readiness from before O_ASYNC needs a first report without a signal (sweep.ts does both).
 * (b) The queue is bounded, by RLIMIT_SIGPENDING, and shared by all processes of the user. What does not fit is
 *     lost; instead one plain SIGIO is raised, which names nobody. Then: drain the queue, look at everything.
 * (c) Queued signals outlive their descriptor. What is not registered is dropped; a number that was used again
 *     gets a report that finds nothing, which is what a report may do.
 * (d) The signal stays blocked in this thread, at which it is aimed (F_OWNER_TID), and is taken from the
 *     queue: no handler ever runs. Its default action would end the process (see thread.ts).
 * (e) A signalfd reads many at once, and Node's loop can sleep on it. Dedicated, sigtimedwait sleeps, and takes one.
 * (f) Not every change raises one: a Unix datagram socket is not told that its full receiver has room again. What
 *     waits for room is looked at now and then (sweep.ts).
 */
import { rawClose, rawRead } from '../../sys/descriptor.js'
import { check } from '../../sys/errno.js'
import { addressOf } from '../../sys/ffi.js'
import {
  claimRealtimeSignal,
  isIoCode,
  rawSigtimedwait,
  releaseRealtimeSignal,
  SIGINFO,
  SIGIO,
  SIGNALFD_SIGINFO,
  SignalSet,
  signalfd,
  toTimespec,
} from '../../sys/signal.js'
import { type Host, type Interest, type Poller, type ReadyList, SEVERAL, type Verdict } from '../model.js'
import { probeSignal } from './probe.js'
import { interestOf, Registered } from './sweep.js'
import { drain, hold, listen, raise, release, tellOthers, tid, unlisten } from './thread.js'

export class RtsigPoller implements Poller {
  readonly wakeFd: number
  readonly #signalfd: number
  /** Who is signalled, and with what: tgkill(pid, tid, signal) from another thread ends a sleeping wait. */
  readonly tid = tid
  readonly signal: number
  /** How many times the queue overflowed. */
  overflows = 0
  readonly #signals: SignalSet
  readonly #registered: Registered
  readonly #infos = new Int32Array((MOST * SIGNALFD_SIGINFO.size) / 4)
  readonly #infosAddress = addressOf(this.#infos)
  readonly #timespec = new BigInt64Array(2)
  #overflowed = false

  constructor(host: Host = 'dedicated') {
    this.signal = claimRealtimeSignal()
    this.#signals = new SignalSet(this.signal, SIGIO)
    this.#registered = new Registered(this.signal, this.#handler)
    try {
      this.#signalfd = signalfd(-1, this.#signals)
    } catch (error) {
      releaseRealtimeSignal(this.signal)
      throw error
    }
    this.wakeFd = host === 'embedded' ? this.#signalfd : -1
    hold(this.signal)
    listen(this.#handler)
  }

  set(fd: number, oldInterest: Interest, newInterest: Interest): void {
    this.#registered.set(fd, oldInterest, newInterest)
  }

  wait(timeoutMs: number, ready: ReadyList): number {
    ready.count = 0
    // A mere wake-up ends the wait as well.
    const heard = this.#read()
    if (timeoutMs !== 0 && !heard && !this.#overflowed && !this.#registered.hinted) this.#take(timeoutMs)
    if (this.#overflowed) {
      this.#overflowed = false
      this.#registered.sweep()
    }
    return this.#registered.report(ready)
  }

  again(fd: number, interest: Interest): void {
    this.#registered.hint(fd, interest | SEVERAL)
  }

  wake(): void {
    raise(this.signal)
  }

  close(): void {
    this.#registered.close()
    unlisten(this.#handler)
    rawClose(this.#signalfd)
    // What is still queued would count against the user's limit, and be the next owner's.
    drain(this.signal)
    releaseRealtimeSignal(this.signal)
    release()
  }

  // Another poller of this thread has taken a plain SIGIO, which may have been ours; or it is time for a look.
  readonly #handler = (): void => {
    this.#overflowed = true
    this.wake()
  }

  #take(timeoutMs: number): void {
    const info = this.#infos
    const timespec = timeoutMs < 0 ? null : toTimespec(timeoutMs, this.#timespec)
    const signal = rawSigtimedwait(this.#signals.memory, this.#infosAddress, timespec)
    if (signal === -EAGAIN || signal === -EINTR) return
    check(signal, 'sigtimedwait')
    this.#taken(signal, info[SIGINFO.code / 4]!, info[SIGINFO.fd / 4]!, info[SIGINFO.band / 4]!)
  }

  /** @returns whether there was any signal */
  #read(): boolean {
    const infos = this.#infos
    const bytes = rawRead(this.#signalfd, this.#infosAddress, infos.byteLength)
    if (bytes === -EAGAIN || bytes === -EINTR) return false
    check(bytes, 'read')
    for (let at = 0; at < bytes / 4; at += SIGNALFD_SIGINFO.size / 4) {
      const { signo, code, fd, band } = SIGNALFD_SIGINFO
      this.#taken(infos[at + signo / 4]!, infos[at + code / 4]!, infos[at + fd / 4]!, infos[at + band / 4]!)
    }
    return true
  }

  #taken(signal: number, code: number, fd: number, band: number): void {
    if (signal !== SIGIO) {
      // Any other code is a mere wake-up.
      if (isIoCode(code)) this.#registered.hint(fd, interestOf(band))
      return
    }
    this.overflows++
    this.#overflowed = true
    tellOthers(this.#handler)
  }
}

const MOST = 128
const EINTR = 4
const EAGAIN = 11

/** Raises a real-time signal with a socket, and takes it. */
export function probeRtsig(): Verdict {
  const signal = claimRealtimeSignal()
  const verdict = probeSignal(signal)
  releaseRealtimeSignal(signal)
  return verdict
}
