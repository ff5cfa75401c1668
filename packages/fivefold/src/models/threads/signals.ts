/**
 * Signals and the threads that wait: one real-time signal interrupts whatever call a thread sleeps in, all
 * others are kept from it.
 *
 * (a) The handler does nothing and has no SA_RESTART: its whole effect is that the call returns EINTR.
 * (b) A signal may land just before the call is entered, and is then without effect: whoever interrupts does so
 *     again until the thread has answered.
 * (c) A new thread inherits its maker's mask, in which the signal may be blocked; and a signal sent to the
 *     process goes to any thread that does not block it. So each thread sets its mask at its start.
 */
import {
  claimRealtimeSignal,
  harmlessHandler,
  SIG_SETMASK,
  SIGABRT,
  SIGBUS,
  SIGFPE,
  SIGILL,
  SIGPROF,
  SIGSEGV,
  SIGSYS,
  SIGTRAP,
  SignalSet,
  sigaction,
  sigprocmask,
} from '../../sys/signal.js'

let interrupting = 0

/**
 * The signal that interrupts this thread's threads; its harmless handler is installed, and stays: a late signal
 * must never meet the default, which ends the process.
 */
export function interruptSignal(): number {
  if (interrupting === 0) {
    const signal = claimRealtimeSignal()
    sigaction(signal, { handler: harmlessHandler(), flags: 0 })
    interrupting = signal
  }
  return interrupting
}

/** Blocks all signals in the calling thread, but for one that interrupts it, faults, and the profiler's. */
export function blockSignals(interrupt?: number): void {
  const set = new SignalSet()
  for (let signal = 1; signal <= 64; signal++) set.add(signal)
  for (const signal of [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS, SIGPROF])
    set.delete(signal)
  if (interrupt !== undefined) set.delete(interrupt)
  sigprocmask(SIG_SETMASK, set)
}
