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
  const raised = signal === 0 ? SIGIO : signal
  const only = new SignalSet(raised)
  const mask = sigprocmask(SIG_BLOCK, only)
  let fds: readonly number[] = []
  try {
    fds = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    const [fd, peer] = fds as [number, number]
    arm(fd, signal)
    check(rawSend(peer, Uint8Array.of(1), 1, 0), 'send')
    const taken = sigtimedwait(only, 100)
    disarm(fd)
    if (taken === null) return silent
    return signal === 0 || taken.fd === fd ? { ok: true } : nameless
  } catch (error) {
    return refusal(error)
  } finally {
    for (const fd of fds) rawClose(fd)
    // Nothing of ours may be pending when the mask goes back: it would end the process.
    drain(raised)
    // Another poller's may have merged with ours.
    if (signal === 0) tellOthers(null)
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
