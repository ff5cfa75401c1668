/** What a connection takes, and how many there can be: from the same server with few connections and with many. */
import { readFileSync } from 'node:fs'
import type { Model } from 'fivefold'
import { getrlimit, RLIMIT_NOFILE } from 'fivefold/sys'
import type { Result } from './results.js'
import type { Census } from './usage.js'

export interface Holding {
  readonly connections: number
  readonly census: Census
}

export interface Capacity {
  /** Null: less than the process's own coming and going. */
  readonly bytesPerConnection: number | null
  readonly most: number
  readonly bound: NonNullable<Result['maxConnectionsBound']>
}

export function capacityOf(model: Model, few: Holding, many: Holding): Capacity {
  const more = many.connections - few.connections
  const bytes = (many.census.residentBytes - few.census.residentBytes) / more
  const descriptors = (many.census.descriptors - few.census.descriptors) / more
  const limits = {
    descriptors:
      many.connections +
      Math.floor((getrlimit(RLIMIT_NOFILE).soft - many.census.descriptors) / Math.max(descriptors, 1)),
    // One of those that wait is the accept.
    threads: model.limits.maxWaiting - 1,
    memory: bytes <= 0 ? Number.POSITIVE_INFINITY : many.connections + Math.floor(availableMemory() / bytes),
  }
  const names = Object.keys(limits) as (keyof typeof limits)[]
  const bound = names.reduce((nearest, name) => (limits[name] < limits[nearest] ? name : nearest))
  return { bytesPerConnection: bytes <= 0 ? null : bytes, most: limits[bound], bound }
}

function availableMemory(): number {
  const kilobytes = /^MemAvailable:\s*(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]
  return Number(kilobytes) * 1024
}
