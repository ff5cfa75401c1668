/** What has to stand beside a number for it to mean anything: the machine, the kernel, the limits, the command. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Processors } from './measure/pinning.js'

export interface Environment {
  readonly date: string
  readonly command: string
  readonly version: string
  readonly commit: string | null
  readonly kernel: string
  readonly cpu: string
  readonly cores: number
  readonly processors: Processors
  readonly virtualised: boolean
  readonly governor: string | null
  readonly boost: string | null
  readonly clockSource: string | null
  /** Defences against processor flaws that are at work: they make system calls dearer. */
  readonly mitigations: Readonly<Record<string, string>>
  readonly memoryBytes: number
  readonly loadAverage: readonly number[]
  /** The share of all processors that others took while it ran: other processes, and the host's other guests. */
  readonly takenByOthers: number | null
  readonly limits: {
    readonly openFiles: string
    readonly pendingSignals: string
    readonly lockedMemory: string
  }
  readonly timerSlackNanoseconds: number | null
  readonly congestionControl: string | null
  readonly somaxconn: number | null
  readonly ioUringDisabled: number | null
  readonly libc: string
  readonly node: string
  readonly koffi: string | null
  readonly network: 'loopback'
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return null
  }
}

function number(path: string): number | null {
  const text = read(path)
  return text === null || text === '' ? null : Number(text)
}

function mitigations(): Record<string, string> {
  const folder = '/sys/devices/system/cpu/vulnerabilities/'
  if (!existsSync(folder)) return {}
  const found: Record<string, string> = {}
  for (const name of readdirSync(folder)) {
    const state = read(folder + name)
    if (state?.startsWith('Mitigation')) found[name] = state.replace(/^Mitigation:\s*/, '')
  }
  return found
}

function limits(): Environment['limits'] {
  const lines = (read('/proc/self/limits') ?? '').split('\n').map((line) => line.split(/\s{2,}/))
  const of = (name: string) => {
    const [, soft = '?', hard = '?'] = lines.find(([first]) => first === name) ?? []
    return soft === hard ? soft : `${soft} (hard ${hard})`
  }
  return {
    openFiles: of('Max open files'),
    pendingSignals: of('Max pending signals'),
    lockedMemory: of('Max locked memory'),
  }
}

/** The commit of the clone this runs from, where it is one and git is there to say. */
function commit(): string | null {
  const cwd = fileURLToPath(new URL('.', import.meta.url))
  const git = (...parameters: string[]) =>
    spawnSync('git', parameters, { cwd, encoding: 'utf8', timeout: 2000 })
  const head = git('rev-parse', '--short=12', 'HEAD')
  if (head.status !== 0) return null
  const changed = git('status', '--porcelain')
  return head.stdout.trim() + (changed.status === 0 && changed.stdout !== '' ? ' + changes' : '')
}

/** The version of a package. Its manifest is found by its main file: a package need not export the manifest. */
function versionOf(name: string, from: string): string | null {
  try {
    const main = createRequire(from).resolve(name)
    const folder = main.slice(0, main.lastIndexOf(`/${name}/`) + name.length + 2)
    return (JSON.parse(readFileSync(`${folder}package.json`, 'utf8')) as { version: string }).version
  } catch {
    return null
  }
}

function libc(): string {
  const header = (
    process.report as unknown as { getReport(): { header: { glibcVersionRuntime?: string } } }
  ).getReport()
  const version = header.header.glibcVersionRuntime
  return version === undefined ? 'musl' : `glibc ${version}`
}

export function environment(command: string, processors: Processors): Environment {
  const info = read('/proc/cpuinfo') ?? ''
  const cpufreq = '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'
  return {
    date: new Date().toISOString(),
    command,
    version: versionOf('fivefold', import.meta.url) ?? 'unknown',
    commit: commit(),
    kernel: `${release()} ${read('/proc/version')?.match(/#.*/)?.[0] ?? ''}`.trim(),
    cpu: cpus()[0]?.model.trim() || 'unknown',
    cores: availableParallelism(),
    processors,
    virtualised: /^flags.*\bhypervisor\b/m.test(info),
    governor: read(cpufreq),
    boost: read('/sys/devices/system/cpu/cpufreq/boost'),
    clockSource: read('/sys/devices/system/clocksource/clocksource0/current_clocksource'),
    mitigations: mitigations(),
    memoryBytes: totalmem(),
    loadAverage: loadavg().map((value) => Math.round(value * 100) / 100),
    takenByOthers: null,
    limits: limits(),
    timerSlackNanoseconds: number('/proc/self/timerslack_ns'),
    congestionControl: read('/proc/sys/net/ipv4/tcp_congestion_control'),
    somaxconn: number('/proc/sys/net/core/somaxconn'),
    ioUringDisabled: number('/proc/sys/kernel/io_uring_disabled'),
    libc: libc(),
    node: process.version,
    koffi: versionOf('koffi', createRequire(import.meta.url).resolve('fivefold')),
    network: 'loopback',
  }
}
