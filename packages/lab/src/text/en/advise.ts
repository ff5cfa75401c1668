/** What `fivefold advise` says. */
const count = (value: number) => value.toLocaleString('en')

export const advise = {
  command: {
    usage: 'advise [OPTION…]',
    summary: 'which mechanism fits a workload, measured on this machine',
    about:
      'You describe a workload; every mechanism that can carry it is measured under it here, in rounds of fresh processes (those that are more than twice as bad as the best are measured once), and one is recommended, with the runner-up and the figures. Where the rounds of two lie among each other, it says that they do not differ.',
    options: {
      connections: 'how many are open: 64 (the default); with --files, reads in flight',
      active: 'the share of them that has a message under way: 1 (the default), 0.01, 1%',
      size: 'bytes of a message: 64 (the default), 4KiB; with --files 4KiB',
      for: 'what counts: latency, throughput (the default), cpu or memory',
      files: 'random reads of a file in the page cache instead of messages over TCP',
      duration: 'how long each load is measured: 500ms (the default)',
      json: 'print JSON',
    },
  },
  says: {
    badShare: (value: string) => `'${value}' is not a share above 0 and up to 1; write 0.01 or 1%`,
    oneNumber: (value: string) => `'${value}' is not one number of connections, from 1 to 1,000,000`,
    memoryOfFiles: '--for memory is about connections; with --files choose another',
    sockets: (connections: number, active: number, size: string) =>
      `TCP, ${count(connections)} connections, ${count(active)} of them active, messages of ${size}`,
    files: (inFlight: number, size: string) =>
      `random reads of ${size} from a cached file, ${count(inFlight)} in flight`,
    goals: {
      latency: 'wanted: low latency',
      throughput: 'wanted: high throughput',
      cpu: 'wanted: little processor time',
      memory: 'wanted: little memory',
    },
    round: (model: string, round: number) => `${model} · round ${count(round)}`,
    columns: {
      model: 'model',
      rate: 'messages\nper s',
      latency: 'latency µs\np50',
      cpu: 'CPU µs/\nmessage',
      idle: 'CPU\nidle',
      memory: 'resident\nMiB',
      threads: 'threads\n',
      rounds: 'rounds\n',
    },
    recommended: (model: string) => `Take ${model}.`,
    runnerUp: (model: string, value: string, other: string, otherValue: string) =>
      `${model}: ${value}. Next is ${other}: ${otherValue}.`,
    level: (model: string, other: string) =>
      `Their rounds lie among each other: in this ${other} is as good as ${model}. Where several are level, the one that costs less processor time is named.`,
    apart: 'Not one round of the one came into the range of the other.',
    onlyOne: (model: string) => `Nothing but ${model} can carry it here.`,
    nothing: 'nothing here can carry it; see the reasons above',
    burns: (model: string, share: string) =>
      `${model} uses ${share} of a processor even with nothing to do; the others sleep.`,
    excluded: (model: string, reason: string) => `${model}: not a candidate: ${reason}`,
    wasteful: 'it uses a processor while it waits',
    caution:
      'Over loopback, on this machine, as it was just now: measure your own program before you decide.',
    values: {
      latency: (median: string, least: string, most: string) => `p50 ${median} µs (${least} to ${most})`,
      throughput: (median: string, least: string, most: string) =>
        `${median} messages/s (${least} to ${most})`,
      cpu: (median: string, least: string, most: string) =>
        `${median} µs of CPU a message (${least} to ${most})`,
      memory: (median: string, least: string, most: string) => `${median} MiB resident (${least} to ${most})`,
    },
  },
}
