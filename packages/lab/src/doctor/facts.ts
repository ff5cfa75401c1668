/** What the system says of itself: asked, never guessed. Judging it is `judge.ts`'s. */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { choose, type ModelName, models } from 'fivefold'
import {
  close,
  getrlimit,
  IORING_OP_SEND_ZC,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  PARAMS_WORDS,
  type ResourceLimit,
  RLIMIT_MEMLOCK,
  RLIMIT_NOFILE,
  RLIMIT_SIGPENDING,
  rawIoUringSetup,
  supportedOperations,
} from 'fivefold/sys'
import { type Environment, environment } from '../environment.js'
import { chooseProcessors } from '../measure/pinning.js'

/** What this kernel's io_uring can do, by what it does: Linux 5.19, 6.1 and 6.12, or what was carried back. */
export type Tier = 'none' | 'basic' | 'usual' | 'full'

export interface Facts {
  readonly environment: Environment
  readonly kernel: string
  readonly models: readonly {
    readonly name: ModelName
    readonly reason: string | null
    readonly cure: string | null
  }[]
  /** What 'auto' takes; null: nothing works. */
  readonly auto: ModelName | null
  readonly tier: Tier
  readonly ioUringDisabled: number | null
  /** Of this process: 2 is a filter. */
  readonly seccomp: number | null
  readonly descriptors: ResourceLimit
  readonly lockedMemory: ResourceLimit
  readonly pendingSignals: ResourceLimit
  readonly queuedSignals: number | null
  readonly aioMax: number | null
  readonly aioUsed: number | null
  readonly somaxconn: number | null
  readonly threads: ResourceLimit
  readonly threadsMax: number | null
  /** Of the control group; null: no limit, or it cannot be seen. */
  readonly groupThreadsMax: number | null
  readonly tracefs: 'readable' | 'forbidden' | 'not mounted' | 'missing'
}

const RLIMIT_NPROC = 6
/** The sixth word of `struct io_uring_params`. */
const FEATURES = 5
const IORING_FEAT_MIN_TIMEOUT = 1 << 15 // 6.12

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return null
  }
}

function number(path: string): number | null {
  const text = read(path)
  return text === null || !/^\d+$/.test(text) ? null : Number(text)
}

function ownStatus(field: string): number | null {
  const value = new RegExp(`^${field}:\\s*(\\d+)`, 'm').exec(read('/proc/self/status') ?? '')?.[1]
  return value === undefined ? null : Number(value)
}

/** Opens rings from the richest to the poorest, and closes them. */
function tierOf(): Tier {
  const flags = [IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_COOP_TASKRUN]
  for (const flag of flags) {
    const parameters = new Int32Array(PARAMS_WORDS)
    parameters[2] = flag
    const fd = rawIoUringSetup(8, parameters)
    if (fd < 0) continue
    const usual = flag === flags[0] && supportedOperations(fd).has(IORING_OP_SEND_ZC)
    close(fd)
    if (!usual) return 'basic'
    return (parameters[FEATURES]! & IORING_FEAT_MIN_TIMEOUT) === 0 ? 'usual' : 'full'
  }
  return 'none'
}

function groupThreadsMax(): number | null {
  const path = /^0::(.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1]
  return path === undefined ? null : number(`/sys/fs/cgroup${path === '/' ? '' : path}/pids.max`)
}

const TRACEFS = '/sys/kernel/tracing'

function tracefs(): Facts['tracefs'] {
  if (!existsSync(TRACEFS)) return 'missing'
  try {
    accessSync(TRACEFS, constants.R_OK | constants.X_OK)
  } catch {
    return 'forbidden'
  }
  if (!existsSync(`${TRACEFS}/trace_clock`)) return 'not mounted'
  try {
    accessSync(`${TRACEFS}/instances`, constants.W_OK)
    return 'readable'
  } catch {
    return 'forbidden'
  }
}

function auto(): ModelName | null {
  try {
    return choose().model.name
  } catch {
    return null
  }
}

export function facts(command: string): Facts {
  return {
    environment: environment(command, chooseProcessors()),
    kernel: release(),
    models: models.map((model) => {
      const verdict = model.probe()
      return {
        name: model.name,
        reason: verdict.ok ? null : verdict.reason,
        cure: verdict.ok ? null : verdict.cure,
      }
    }),
    auto: auto(),
    tier: tierOf(),
    ioUringDisabled: number('/proc/sys/kernel/io_uring_disabled'),
    seccomp: ownStatus('Seccomp'),
    descriptors: getrlimit(RLIMIT_NOFILE),
    lockedMemory: getrlimit(RLIMIT_MEMLOCK),
    pendingSignals: getrlimit(RLIMIT_SIGPENDING),
    queuedSignals: ownStatus('SigQ'),
    aioMax: number('/proc/sys/fs/aio-max-nr'),
    aioUsed: number('/proc/sys/fs/aio-nr'),
    somaxconn: number('/proc/sys/net/core/somaxconn'),
    threads: getrlimit(RLIMIT_NPROC),
    threadsMax: number('/proc/sys/kernel/threads-max'),
    groupThreadsMax: groupThreadsMax(),
    tracefs: tracefs(),
  }
}
