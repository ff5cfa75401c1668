/**
 * The signal that tells of completions: one listener for all embedded drivers, see (f) in ../posix-aio.ts.
 */

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
  process.on('SIGIO', () => {
    for (const each of listening) each.signalled()
  })
  process.on('exit', () => {
    for (const each of listening) each.silence()
  })
}

/** The driver hears no more of it. The listener stays. */
export function unlisten(driver: Signalled): void {
  listening.delete(driver)
}
