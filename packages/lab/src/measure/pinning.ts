/** Which processor the server gets and which the generator, so that neither takes the other's time. */
import { readFileSync } from 'node:fs'
import { schedGetaffinity, schedSetaffinity } from 'fivefold/sys'

export interface Processors {
  /** null: not pinned, the scheduler decides. */
  readonly server: number | null
  readonly generator: number | null
  /** Why they are not pinned. */
  readonly reason: string | null
}

function coreOf(cpu: number): string {
  try {
    const topology = `/sys/devices/system/cpu/cpu${cpu}/topology/`
    const read = (name: string) => readFileSync(topology + name, 'utf8').trim()
    return `${read('physical_package_id')}:${read('core_id')}`
  } catch {
    return String(cpu)
  }
}

/** Two processors of different cores where there are such; the last ones, for the first serves interrupts. */
export function chooseProcessors(): Processors {
  const none = (reason: string): Processors => ({ server: null, generator: null, reason })
  let allowed: number[]
  try {
    allowed = schedGetaffinity()
    schedSetaffinity(allowed)
  } catch (error) {
    return none((error as Error).message)
  }
  if (allowed.length < 2) return none('one processor')
  const server = allowed.at(-1)!
  const core = coreOf(server)
  const others = allowed.slice(0, -1).reverse()
  const generator = others.find((cpu) => coreOf(cpu) !== core) ?? others[0]!
  return { server, generator, reason: null }
}

/** Runs `start` with this thread on one processor: what it starts inherits that, from its first instruction on. */
export function startedOn<T>(cpu: number | null, start: () => T): T {
  if (cpu === null) return start()
  const before = schedGetaffinity()
  schedSetaffinity([cpu])
  try {
    return start()
  } finally {
    schedSetaffinity(before)
  }
}
