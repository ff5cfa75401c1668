/** Does signal-driven I/O work here? A socket raises its signal, and we take it. */
import { rawClose } from '../../sys/descriptor.js'
import { check } from '../../sys/errno.js'
import { SIG_BLOCK, SIG_SETMASK, SIGIO, SignalSet, sigprocmask, sigtimedwait } from '../../sys/signal.js'
import { AF_UNIX, rawSend, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, socketpair } from '../../sys/socket.js'
import type { Verdict } from '../model.js'
import { refusal } from '../verdict.js'
import { arm, disarm, drain, tellOthers } from './thread.js'

/**
 * @param signal a real-time signal that is nobody's; 0: plain SIGIO
 * @returns the verdict; mask and queue are as before
 */
export function probeSignal(signal: number): Verdict {
  // Plain SIGIO comes in place of a real-time signal when the queue is full, of this user's other processes as
  // well; unblocked it would end this one.
  const signals = signal === 0 ? new SignalSet(SIGIO) : new SignalSet(signal, SIGIO)
  const mask = sigprocmask(SIG_BLOCK, signals)
  let fds: readonly number[] = []
  try {
    fds = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    const [fd, peer] = fds as [number, number]
    arm(fd, signal)
    check(rawSend(peer, Uint8Array.of(1), 1, 0), 'send')
    const taken = sigtimedwait(signals, 100)
    disarm(fd)
    if (taken === null) return silent
    return taken.signal === SIGIO || taken.fd === fd ? { ok: true } : nameless
  } catch (error) {
    return refusal(error)
  } finally {
    for (const fd of fds) rawClose(fd)
    // Nothing of ours may be pending when the mask goes back: it would end the process.
    if (signal !== 0) drain(signal)
    drain(SIGIO)
    // Another poller's may have merged with ours.
    tellOthers(null)
    sigprocmask(SIG_SETMASK, mask)
  }
}

const silent: Verdict = {
  ok: false,
  reason: 'data arrived at a socket with O_ASYNC set, and no signal was raised',
  cure: 'Choose another model: this kernel, or what stands in for one (gVisor, a sandbox), has no I/O signals.',
}
const nameless: Verdict = {
  ok: false,
  reason: 'the signal of a socket does not name it (F_SETSIG is not honoured)',
  cure: 'Choose another model, or sigio, which needs no name.',
}
