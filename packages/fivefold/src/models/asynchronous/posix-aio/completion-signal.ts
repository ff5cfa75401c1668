/**
 * The signal that tells of completions: one listener for all embedded drivers, see (f) in ../posix-aio.ts.
 *
 * It is aimed at the process. Where a poller of signals lives in this thread as well, that one may take it from the
 * queue before any handler runs; then it tells us.
 */
import { listen as listenToThread } from '../../signal-driven/thread.js'

export interface Signalled {
  signalled(): void
  silence(): void
}

const listening = new Set<Signalled>()
let installed = false

export function listen(driver: Signalled): void {
  listening.add(driver)
  if (installed) return
  installed = true
  const heard = () => {
    for (const each of listening) each.signalled()
  }
  process.on('SIGIO', heard)
  listenToThread(heard)
  process.on('exit', () => {
    for (const each of listening) each.silence()
  })
}

/** The driver hears no more of it. The listener stays. */
export function unlisten(driver: Signalled): void {
  listening.delete(driver)
}
