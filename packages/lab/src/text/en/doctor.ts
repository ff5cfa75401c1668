/** What `fivefold doctor` says. */
const count = (value: number) => (Number.isFinite(value) ? value.toLocaleString('en') : 'unlimited')

export const doctor = {
  command: {
    usage: 'doctor [--json]',
    summary: 'what holds this machine back, and the commands that change it',
    about:
      'Looks at the kernel, the nine mechanisms, io_uring, the limits and the machine, and says what is well, what could be better and what is broken, with the command that changes it. It changes nothing itself. Ends with 1 where something is broken, with 0 otherwise.',
    options: { json: 'print JSON' },
  },
  says: {
    topics: {
      kernel: 'Kernel',
      models: 'Mechanisms',
      io_uring: 'Ring (io_uring)',
      limits: 'Limits',
      machine: 'Machine',
    },
    states: { good: 'well', advice: 'advice', broken: 'broken' },
    allWell: 'All is well.',
    advice: (advice: number) => `Nothing is broken; pieces of advice: ${count(advice)}.`,
    broken: (broken: number, advice: number) =>
      `Broken: ${count(broken)}; pieces of advice: ${count(advice)}.`,
    findings: {
      kernel: (release: string) => `Linux ${release}`,
      knownBad: (release: string, symptom: string, source: string) =>
        `of ${release} it was reported: ${symptom} (${source}). Your distribution may have repaired it; a newer kernel has.`,
      symptoms: {
        sqPollSpins: "io_uring's polling thread takes a whole processor; leave tuning.sqPoll off",
        enobufsStorm: 'multishot receives end with ENOBUFS again and again',
        overflowHang:
          'processes hang, unkillable, when a completion ring overflows (repaired within the series)',
        bundles: 'bundled receives go wrong; fivefold does not use them',
        linkedTimeouts: 'linked time-outs lock the machine up',
        slow: 'io_uring is extremely slow; 6.15.5 is not',
      },
      works: (model: string) => `${model} works`,
      doesNotWork: (model: string, reason: string, cure: string) =>
        `${model} does not work: ${reason}. ${cure}`,
      nothingWorks: "nothing that 'auto' could choose works",
      auto: (model: string) => `'auto' chooses ${model}`,
      tier: (tier: string) => `tier: ${tier}`,
      tiers: {
        none: 'none (no ring can be opened; see the mechanisms)',
        basic: 'basic (as of Linux 5.19: no deferred work; Linux 6.1 is cheaper)',
        usual: 'usual (as of Linux 6.1; Linux 6.12 adds incremental buffers)',
        full: 'full (as of Linux 6.12)',
      },
      disabled: (value: number) => `the sysctl kernel.io_uring_disabled is ${count(value)}`,
      filtered: 'a seccomp filter is at work in this process',
      descriptors: (soft: number, hard: number) =>
        `descriptors: ${count(soft)}, at most ${count(hard)}; a connection takes one`,
      lockedMemory: (bytes: number) =>
        `locked memory: ${count(bytes)} bytes; rings count before Linux 5.12, registered buffers always`,
      pendingSignals: (most: number, queued: number) =>
        `queued signals: ${count(most)} of this user, ${count(queued)} in use; rtsig needs one for each event`,
      somaxconn: (value: number) => `backlog: net.core.somaxconn is ${count(value)}`,
      aio: (used: number, most: number) =>
        `kernel aio: ${count(used)} of ${count(most)} requests taken (fs.aio-max-nr)`,
      threads: (most: number) => `threads: ${count(most)}; blocking and posix-aio need many`,
      cores: (cores: number, virtual: boolean) =>
        `${count(cores)} ${cores === 1 ? 'processor' : 'processors'}${virtual ? ', virtual machine' : ''}${cores === 1 ? ': measurements share it with what they measure' : ''}`,
      governor: (name: string) => `governor: ${name}`,
      clock: (name: string) => `clock source: ${name}`,
      mitigations: (names: string) =>
        names === ''
          ? 'no mitigations of processor flaws are at work'
          : `mitigations that make system calls dearer: ${names}`,
      tracefs: {
        readable: 'tracefs can be used: the kernel itself can witness',
        forbidden: 'tracefs is not for this user: the kernel cannot witness',
        'not mounted': 'tracefs is not mounted: the kernel cannot witness',
        missing: 'the kernel has no tracefs: it cannot witness',
      },
      software: (node: string, koffi: string, libc: string) => `Node ${node}, koffi ${koffi}, ${libc}`,
    },
  },
}
