/** What is good, what could be better, and what is broken; and the command that changes it. */
import type { Text } from '../text/language.js'
import type { Facts } from './facts.js'
import { reportedOf } from './kernels.js'

export type State = 'good' | 'advice' | 'broken'

export interface Finding {
  readonly topic: keyof Text['doctor']['topics']
  readonly state: State
  readonly message: string
  /** What changes it, ready to be typed. */
  readonly commands: readonly string[]
}

/** Below these a server is held back, or a model loses what makes it one. */
const FEW_DESCRIPTORS = 10_064
const LITTLE_LOCKED_BYTES = 8 << 20
const FEW_SIGNALS = 1024
const SMALL_BACKLOG = 1024
const FEW_THREADS = 1024

export function judge(facts: Facts, text: Text): Finding[] {
  const says = text.doctor.findings
  const found: Finding[] = []
  const add = (
    topic: Finding['topic'],
    state: State,
    message: string,
    commands: readonly (string | false)[] = [],
  ) => {
    found.push({ topic, state, message, commands: commands.filter((command) => command !== false) })
  }

  add('kernel', 'good', says.kernel(facts.environment.kernel))
  for (const { symptom, source } of reportedOf(facts.kernel)) {
    add('kernel', 'advice', says.knownBad(facts.kernel, says.symptoms[symptom], source))
  }

  for (const { name, reason, cure } of facts.models) {
    if (reason === null) add('models', 'good', says.works(name))
    else
      add(
        'models',
        'broken',
        says.doesNotWork(name, reason, cure ?? ''),
        name === 'io_uring' ? unlock(facts) : [],
      )
  }
  if (facts.auto === null) add('models', 'broken', says.nothingWorks)
  else add('models', 'good', says.auto(facts.auto))
  const old = facts.tier === 'basic' || facts.tier === 'usual'
  add('io_uring', old ? 'advice' : 'good', says.tier(says.tiers[facts.tier]))
  if (facts.ioUringDisabled !== null && facts.ioUringDisabled > 0) {
    add('io_uring', 'advice', says.disabled(facts.ioUringDisabled), [
      'sudo sysctl -w kernel.io_uring_disabled=0',
    ])
  }
  if (facts.seccomp === 2) add('io_uring', 'good', says.filtered)

  limits(facts, says, add)
  machine(facts, says, add)
  return found
}

/** Where a setting is known to forbid it. */
function unlock({ ioUringDisabled, seccomp }: Facts): (string | false)[] {
  if (ioUringDisabled !== null && ioUringDisabled > 0) return ['sudo sysctl -w kernel.io_uring_disabled=0']
  return [seccomp === 2 && 'docker run --security-opt seccomp=unconfined …']
}

type Says = Text['doctor']['findings']
type Add = (
  topic: Finding['topic'],
  state: State,
  message: string,
  commands?: readonly (string | false)[],
) => void

function limits(facts: Facts, says: Says, add: Add): void {
  const { descriptors, lockedMemory, pendingSignals } = facts
  // Node raises its own limit to the hard one.
  add(
    'limits',
    descriptors.hard < FEW_DESCRIPTORS ? 'advice' : 'good',
    says.descriptors(descriptors.soft, descriptors.hard),
    descriptors.hard < FEW_DESCRIPTORS
      ? ['sudo prlimit --pid $$ --nofile=65536:65536', 'systemctl edit … # [Service] LimitNOFILE=65536']
      : [],
  )
  const little = lockedMemory.soft < LITTLE_LOCKED_BYTES
  add(
    'limits',
    little ? 'advice' : 'good',
    says.lockedMemory(lockedMemory.soft),
    little
      ? ['sudo prlimit --pid $$ --memlock=67108864:67108864', 'systemctl edit … # [Service] LimitMEMLOCK=64M']
      : [],
  )
  const few = pendingSignals.soft - (facts.queuedSignals ?? 0) < FEW_SIGNALS
  add(
    'limits',
    few ? 'advice' : 'good',
    says.pendingSignals(pendingSignals.soft, facts.queuedSignals ?? 0),
    few ? ['sudo prlimit --pid $$ --sigpending=65536:65536'] : [],
  )
  if (facts.somaxconn !== null) {
    const small = facts.somaxconn < SMALL_BACKLOG
    add(
      'limits',
      small ? 'advice' : 'good',
      says.somaxconn(facts.somaxconn),
      small ? ['sudo sysctl -w net.core.somaxconn=4096'] : [],
    )
  }
  if (facts.aioMax !== null && facts.aioUsed !== null) {
    const full = facts.aioUsed > facts.aioMax * 0.9
    add(
      'limits',
      full ? 'advice' : 'good',
      says.aio(facts.aioUsed, facts.aioMax),
      full ? ['sudo sysctl -w fs.aio-max-nr=1048576'] : [],
    )
  }
  const threads = Math.min(
    facts.threads.soft,
    facts.threadsMax ?? Number.POSITIVE_INFINITY,
    facts.groupThreadsMax ?? Number.POSITIVE_INFINITY,
  )
  const scarce = threads < FEW_THREADS
  add(
    'limits',
    scarce ? 'advice' : 'good',
    says.threads(threads),
    scarce
      ? [
          facts.threads.soft === threads && 'sudo prlimit --pid $$ --nproc=8192:8192',
          facts.threadsMax === threads && 'sudo sysctl -w kernel.threads-max=65536',
          facts.groupThreadsMax === threads &&
            'systemctl edit … # [Service] TasksMax=8192; docker run --pids-limit 8192 …',
        ]
      : [],
  )
}

function machine(facts: Facts, says: Says, add: Add): void {
  const { cores, governor, clockSource, mitigations, virtualised, node, koffi, libc } = facts.environment
  add('machine', cores < 2 ? 'advice' : 'good', says.cores(cores, virtualised))
  if (governor !== null) {
    const slow = governor === 'powersave' || governor === 'conservative'
    add(
      'machine',
      slow ? 'advice' : 'good',
      says.governor(governor),
      slow ? ['sudo cpupower frequency-set -g performance'] : [],
    )
  }
  if (clockSource !== null) {
    const slow = ['hpet', 'acpi_pm', 'jiffies', 'refined-jiffies'].includes(clockSource)
    add('machine', slow ? 'advice' : 'good', says.clock(clockSource))
  }
  add('machine', 'good', says.mitigations(Object.keys(mitigations).join(', ')))
  const { tracefs } = facts
  add(
    'machine',
    tracefs === 'readable' ? 'good' : 'advice',
    says.tracefs[tracefs],
    tracefs === 'not mounted'
      ? ['sudo mount -t tracefs nodev /sys/kernel/tracing']
      : tracefs === 'forbidden'
        ? ['sudo mount -o remount,gid=$(id -g),mode=770 /sys/kernel/tracing']
        : [],
  )
  add('machine', 'good', says.software(node, koffi ?? '?', libc))
}
