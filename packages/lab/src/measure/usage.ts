/** What the server process has used so far: asked before and after, the difference is what the work cost. */
import { readdirSync, readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'

export interface Usage {
  /** CLOCK_MONOTONIC, the same in all processes. */
  readonly nanoseconds: number
  readonly messages: number
  readonly userMicros: number
  readonly systemMicros: number
  readonly voluntarySwitches: number
  readonly involuntarySwitches: number
  /** Rounds of Node's loop: each polls once, without waiting while a dedicated host is at work. */
  readonly loopRounds: number
}

/** CLOCK_MONOTONIC in nanoseconds, as a double. */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e9 + nanoseconds
}

/** getrusage(2) of the whole process: all its threads, those of glibc and the kernel's io_uring workers too. */
export function usage(messages: number): Usage {
  const used = process.resourceUsage()
  const { uvMetricsInfo } = performance.nodeTiming as unknown as { uvMetricsInfo?: { loopCount: number } }
  return {
    nanoseconds: now(),
    messages,
    userMicros: used.userCPUTime,
    systemMicros: used.systemCPUTime,
    voluntarySwitches: used.voluntaryContextSwitches,
    involuntarySwitches: used.involuntaryContextSwitches,
    loopRounds: uvMetricsInfo?.loopCount ?? 0,
  }
}

/** What the process holds. */
export interface Census {
  readonly residentBytes: number
  readonly threads: number
  readonly descriptors: number
}

export function census(): Census {
  // Garbage is not what a connection needs.
  globalThis.gc?.()
  const threads = /^Threads:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return {
    residentBytes: process.memoryUsage.rss(),
    threads: Number(threads),
    descriptors: readdirSync('/proc/self/fd').length - 1,
  }
}
