/** How much of the machine somebody else used meanwhile: a measurement on a busy machine has to say so. */
import { readFileSync } from 'node:fs'
import { getrusage, RUSAGE_CHILDREN, RUSAGE_SELF } from 'fivefold/sys'

/** Ticks of all processors since the machine started: those at work (or taken by the host), and all. */
function machineTicks(): { busy: number; all: number } {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1)
  const fields = first.split(/\s+/).slice(1, 9).map(Number)
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, hard = 0, soft = 0, steal = 0] = fields
  const busy = user + nice + system + hard + soft + steal
  return { busy, all: busy + idle + wait }
}

function ownMicros(): number {
  return [getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)].reduce(
    (sum, { userMicros, systemMicros }) => sum + userMicros + systemMicros,
    0,
  )
}

/** Begins to watch. @returns what gives the share of all processors that others took since then */
export function watchOthers(): () => number | null {
  const ticks = machineTicks()
  const own = ownMicros()
  return () => {
    const now = machineTicks()
    // USER_HZ is 100 wherever Node runs on Linux.
    const mine = (ownMicros() - own) / 10_000
    const all = now.all - ticks.all
    return all <= 0 ? null : Math.max(0, now.busy - ticks.busy - mine) / all
  }
}
