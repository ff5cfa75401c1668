// What has to stand beside a number for it to mean anything.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { root } from './paths.mjs'
import { pinning } from './processes.mjs'

const read = (/** @type {string} */ path) => {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return null
  }
}
const run = (/** @type {string} */ command, /** @type {string[]} */ ...parameters) => {
  const { stdout, status } = spawnSync(command, parameters, { cwd: root, encoding: 'utf8' })
  return status === 0 ? stdout.trim() : null
}

function mitigations() {
  const folder = '/sys/devices/system/cpu/vulnerabilities/'
  if (!existsSync(folder)) return {}
  return Object.fromEntries(
    readdirSync(folder)
      .map((name) => [name, read(folder + name)])
      .filter(([, state]) => state !== 'Not affected'),
  )
}

function limits() {
  const wanted = ['Max open files', 'Max pending signals', 'Max locked memory', 'Max processes']
  return Object.fromEntries(
    (read('/proc/self/limits') ?? '')
      .split('\n')
      .map((line) => line.split(/\s{2,}/))
      .filter(([name]) => wanted.includes(name))
      .map(([name, soft, hard]) => [name, `${soft} of ${hard}`]),
  )
}

/** @param {{ cc: string | null, peers: Map<string, { version?: string }>, tools: Record<string, string | null> }} found */
export function environment({ cc, peers, tools }) {
  const info = read('/proc/cpuinfo') ?? ''
  const koffi = read(`${root}node_modules/koffi/package.json`)
  const frequency = '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'
  return {
    date: new Date().toISOString(),
    command: `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim(),
    commit: run('git', 'rev-parse', '--short=12', 'HEAD'),
    uncommitted: (run('git', 'status', '--porcelain') ?? '') !== '',
    kernel: `${release()} ${read('/proc/version')?.match(/#.*/)?.[0] ?? ''}`.trim(),
    cpu: cpus()[0]?.model ?? info.match(/model name\s*: (.*)/)?.[1] ?? 'unknown',
    cores: availableParallelism(),
    pinning,
    virtualised: /^flags.*\bhypervisor\b/m.test(info),
    governor: read(frequency),
    boost: read('/sys/devices/system/cpu/cpufreq/boost'),
    clock: read('/sys/devices/system/clocksource/clocksource0/current_clocksource'),
    mitigations: mitigations(),
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    loadAverage: loadavg().map((value) => Number(value.toFixed(2))),
    limits: limits(),
    timerSlackNanoseconds: Number(read('/proc/self/timerslack_ns')),
    tcpCongestionControl: read('/proc/sys/net/ipv4/tcp_congestion_control'),
    netdevMaxBacklog: Number(read('/proc/sys/net/core/netdev_max_backlog')),
    somaxconn: Number(read('/proc/sys/net/core/somaxconn')),
    ioUringDisabled: read('/proc/sys/kernel/io_uring_disabled'),
    node: process.version,
    koffi: koffi ? JSON.parse(koffi).version : null,
    cc,
    bun: peers.get('bun')?.version ?? null,
    deno: peers.get('deno')?.version ?? null,
    tools,
  }
}

const versions = (/** @type {Record<string, string | null>} */ tools) =>
  Object.entries(tools)
    .map(([name, version]) => `, ${version ?? `no ${name}`}`)
    .join('')

/** @param {ReturnType<typeof environment>} e */
export function describe(e) {
  const mitigated = Object.entries(e.mitigations).map(([name, state]) => `${name}: ${state}`)
  return [
    `${e.date} · ${e.commit ? `commit ${e.commit}${e.uncommitted ? ' + uncommitted changes' : ''}` : 'no commit'} · ${e.command}`,
    `Linux ${e.kernel}`,
    `${e.cpu}, ${e.cores} cores${e.virtualised ? ', virtual machine' : ''}, governor ${e.governor ?? 'unknown'}, boost ${e.boost ?? 'unknown'}, clock ${e.clock}, ${e.memory}`,
    `${e.pinning}; load average ${e.loadAverage.join(' ')}`,
    `mitigations: ${mitigated.join('; ') || 'none needed'}`,
    `limits: ${Object.entries(e.limits)
      .map(([name, value]) => `${name.slice(4)} ${value}`)
      .join(
        ', ',
      )}; timer slack ${e.timerSlackNanoseconds} ns; TCP ${e.tcpCongestionControl}; somaxconn ${e.somaxconn}; netdev_max_backlog ${e.netdevMaxBacklog}; io_uring_disabled ${e.ioUringDisabled ?? 'absent'}`,
    `Node ${e.node}, koffi ${e.koffi ?? 'missing'}, Bun ${e.bun ?? '–'}, Deno ${e.deno ?? '–'}, ${e.cc ?? 'no cc'}${versions(e.tools)}`,
    'all network traffic over loopback (127.0.0.1)',
  ].join('\n')
}

/** The tools that measure by themselves, with their versions; null where not installed. */
export function independentTools() {
  const version = (/** @type {string} */ name, /** @type {RegExp} */ pattern, flag = '--version') => {
    const { error, stdout, stderr } = spawnSync(name, [flag], { encoding: 'utf8' })
    if (error) return null
    return `${name} ${`${stdout}${stderr}`.match(pattern)?.[1] ?? ''}`.trim()
  }
  return {
    wrk: version('wrk', /(\d+\.\d+[\w.-]*)/),
    sockperf: version('sockperf', /version\s+(\S+)/),
    fio: version('fio', /fio-(\S+)/),
    nginx: version('nginx', /nginx\/(\S+)/, '-v'),
  }
}

/** CPU time of the whole machine, in ticks: how much of it was busy, and how much the hypervisor took. */
export function machineTicks() {
  const fields = (read('/proc/stat') ?? '').split('\n')[0].split(/\s+/).slice(1).map(Number)
  const [user, nice, system, idle, wait, irq, softirq, steal] = fields
  const busy = user + nice + system + irq + softirq
  return { busy, steal, total: busy + idle + wait + steal }
}
