// The figures the project has promised, one row each, in the order of the table that `npm run bench` ends with.
// Data only: who takes part in the scenarios is in scenarios.mjs.
//
// Where a row names no model it is asked of io_uring, and of the epoll poller where somebody without io_uring
// would rely on it.

/**
 * @typedef {import('./metrics.mjs').Metric} Metric
 * @typedef {{
 *   scenario: string, entry: string, against: string, metric: Metric,
 *   atLeast?: number, atMost?: number, beyond?: number, aim?: boolean,
 * }} Target `atLeast`, `atMost`: a ratio; `beyond`: a difference to keep under; none of them: only to be shown.
 *   `aim`: hoped for, and not part of the row's verdict
 * @typedef {{ work: string, target: string, also?: Record<string, string[]>, targets: Target[] }} Promised
 *   `target`: as it was promised, for people; `also`: who else is shown, by scenario
 */

/**
 * @param {string} scenario
 * @param {Metric} [metric]
 */
function of(scenario, metric = 'rate') {
  /** @typedef {(ratio: number, entry: string, against: string) => Target} Bound */
  /** @type {Bound} */
  const atLeast = (ratio, entry, against) => ({ scenario, metric, entry, against, atLeast: ratio })
  /** @type {Bound} */
  const atMost = (ratio, entry, against) => ({ scenario, metric, entry, against, atMost: ratio })
  /** @type {Bound} */
  const beyond = (more, entry, against) => ({ scenario, metric, entry, against, beyond: more })
  /** @type {(entry: string, against: string) => Target} */
  const show = (entry, against) => ({ scenario, metric, entry, against })
  return { atLeast, atMost, beyond, show }
}

const idle = (/** @type {string} */ name) => `${name} + 10,000 idle`
/** @type {(scenario: string, metric: Metric, entry: string, others: string[]) => Target[]} */
const noMoreThan = (scenario, metric, entry, others) =>
  others.map((other) => of(scenario, metric).atMost(1.0, entry, other))

/** @type {Promised[]} */
export const promised = [
  {
    work: 'TCP echo 64 B, 64 connections, io_uring',
    target: '>= 1.0 x C epoll, >= 0.9 x C io_uring, >= 1.7 x node:net, >= 1.05 x Bun.listen',
    also: { echo64: ['deno'] },
    targets: [
      of('echo64').atLeast(1.0, 'ours io_uring', 'C epoll'),
      of('echo64').atLeast(0.9, 'ours io_uring', 'C uring'),
      of('echo64').atLeast(1.7, 'ours io_uring', 'node:net'),
      of('echo64').atLeast(1.05, 'ours io_uring', 'bun'),
    ],
  },
  {
    work: 'the same at 1000 connections',
    target: '>= 1.0 x C epoll, >= 1.5 x node:net, >= 1.0 x Bun.listen',
    also: { echo1000: ['deno'] },
    targets: [
      of('echo1000').atLeast(1.0, 'ours io_uring', 'C epoll'),
      of('echo1000').atLeast(1.5, 'ours io_uring', 'node:net'),
      of('echo1000').atLeast(1.0, 'ours io_uring', 'bun'),
    ],
  },
  {
    work: 'epoll poller, 64 and 1000 connections',
    target: '>= 0.9 x C epoll',
    targets: [
      of('echo64').atLeast(0.9, 'ours epoll', 'C epoll'),
      of('echo1000').atLeast(0.9, 'ours epoll', 'C epoll'),
    ],
  },
  {
    work: 'poll, select (64 and 500 connections), rtsig (64)',
    target: '>= 0.85 x the same model in C',
    targets: [
      of('models64').atLeast(0.85, 'ours poll dedicated', 'C poll'),
      of('models64').atLeast(0.85, 'ours select dedicated', 'C select'),
      of('models500').atLeast(0.85, 'ours poll dedicated', 'C poll'),
      of('models500').atLeast(0.85, 'ours select dedicated', 'C select'),
      of('models64').atLeast(0.85, 'ours rtsig dedicated', 'C rtsig'),
      of('models64').atLeast(0.85, 'ours rtsig dedicated', 'C rtsig signalfd'),
    ],
  },
  {
    work: 'non-blocking; blocking, a thread per connection (64 connections)',
    target: '>= 0.8 x C; >= 0.7 x C',
    targets: [
      of('models64').atLeast(0.8, 'ours non-blocking dedicated', 'C nonblocking'),
      of('models64').atLeast(0.7, 'ours blocking dedicated', 'C blocking'),
    ],
  },
  {
    work: 'CPU per message, 64 B, 64 connections',
    target: 'io_uring <= 1.10 x C epoll; epoll poller <= 1.15 x C epoll',
    also: { echo64: ['C uring', 'node:net', 'bun', 'deno'] },
    targets: [
      of('echo64', 'cpu').atMost(1.1, 'ours io_uring', 'C epoll'),
      of('echo64', 'cpu').atMost(1.15, 'ours epoll', 'C epoll'),
    ],
  },
  {
    work: '64 KiB messages, 16 connections',
    target: '>= 0.95 x C epoll in bytes/s, <= 1.2 x its CPU per message, never below node:net or Bun',
    targets: [
      of('big', 'bytes').atLeast(0.95, 'ours io_uring', 'C epoll'),
      of('big', 'cpu').atMost(1.2, 'ours io_uring', 'C epoll'),
      of('big', 'bytes').atLeast(1.0, 'ours io_uring', 'node:net'),
      of('big', 'bytes').atLeast(1.0, 'ours io_uring', 'bun'),
    ],
  },
  {
    work: '64 connections, 16 messages of 64 B in flight on each',
    target: '>= 0.95 x C epoll, >= 1.4 x node:net, CPU <= 1.15 x C epoll',
    also: { pipeline: ['bun'] },
    targets: [
      of('pipeline').atLeast(0.95, 'ours io_uring', 'C epoll'),
      of('pipeline').atLeast(1.4, 'ours io_uring', 'node:net'),
      of('pipeline', 'cpu').atMost(1.15, 'ours io_uring', 'C epoll'),
    ],
  },
  {
    work: '1 connection ping-pong, p50',
    target: '<= node:net',
    also: { pingpong: ['C epoll', 'C uring', 'bun', 'deno', 'sockperf'] },
    targets: [
      of('pingpong', 'p50').atMost(1.0, 'ours io_uring', 'node:net'),
      of('pingpong', 'p50').atMost(1.0, 'ours epoll', 'node:net'),
    ],
  },
  {
    work: 'the same with busy polling named',
    target: 'the lowest of all',
    also: { pingpong: ['ours epoll dedicated busy', 'ours non-blocking dedicated'] },
    targets: noMoreThan('pingpong', 'p50', 'ours io_uring dedicated busy', [
      'C nonblocking',
      'C epoll',
      'C uring',
      'node:net',
      'bun',
      'deno',
    ]),
  },
  {
    work: '10,000 idle + 64 active, epoll and io_uring',
    target: 'within 10 % of 64 active alone (poll and select: shown)',
    targets: [
      of('idle10k').atLeast(0.9, idle('ours io_uring'), 'ours io_uring'),
      of('idle10k').atLeast(0.9, idle('ours epoll'), 'ours epoll'),
      of('idle10k').show(idle('ours poll dedicated'), 'ours poll dedicated'),
      of('idle10k').show(idle('ours select dedicated'), 'ours select dedicated'),
      of('idle10k').show(idle('C epoll'), 'C epoll'),
      of('idle10k').show(idle('C poll'), 'C poll'),
      of('idle10k').show(idle('C select'), 'C select'),
    ],
  },
  {
    work: 'memory per idle connection, 9,000 held (memory-spoken: after one message on each)',
    target: "<= 0.25 x node:net, aiming at Bun's",
    also: { memory: ['C epoll'] },
    targets: [
      of('memory', 'memory').atMost(0.25, 'ours io_uring', 'node:net'),
      of('memory', 'memory').atMost(0.25, 'ours epoll', 'node:net'),
      of('memory-spoken', 'memory').atMost(0.25, 'ours io_uring', 'node:net'),
      { ...of('memory', 'memory').atMost(1.0, 'ours io_uring', 'bun'), aim: true },
    ],
  },
  {
    work: '9,000 connections all active, 64 B',
    target: '>= 1.6 x node:net, >= 1.0 x Bun, >= 1.0 x C epoll',
    targets: [
      of('echo9000').atLeast(1.6, 'ours io_uring', 'node:net'),
      of('echo9000').atLeast(1.0, 'ours io_uring', 'bun'),
      of('echo9000').atLeast(1.0, 'ours io_uring', 'C epoll'),
    ],
  },
  {
    work: 'open loop at 50 % of capacity, p99',
    target: "<= node:net's and Bun's",
    also: { openloop: ['C epoll', 'C uring', 'deno'] },
    targets: ['ours io_uring', 'ours epoll'].flatMap((entry) =>
      noMoreThan('openloop', 'p99', entry, ['node:net', 'bun']),
    ),
  },
  {
    work: 'from import to listening, beyond bare Node',
    target: '<= 60 ms',
    also: { startup: ['node:net', 'bun', 'deno'] },
    targets: [
      of('startup', 'startup').beyond(60, 'ours io_uring', 'bare node'),
      of('startup', 'startup').beyond(60, 'ours epoll', 'bare node'),
    ],
  },
  {
    work: 'HTTP hello world, 64 keep-alive connections, wrk',
    target:
      ">= 1.7 x node:http, >= 1.15 x Bun's node:http, CPU per request <= 0.6 x node:http's, p99 no worse",
    also: { http: ['bun serve', 'deno serve'] },
    targets: [
      of('http').atLeast(1.7, 'ours http', 'node:http'),
      of('http').atLeast(1.15, 'ours http', 'bun node:http'),
      of('http', 'cpu').atMost(0.6, 'ours http', 'node:http'),
      of('http', 'p99').atMost(1.0, 'ours http', 'node:http'),
    ],
  },
  {
    work: 'a Fastify JSON route, the same',
    target: '>= 1.4 x node:http',
    also: { fastify: ['bun node:http fastify'] },
    targets: [of('fastify').atLeast(1.4, 'ours fastify', 'node:http fastify')],
  },
  {
    work: 'stream echo through net.Socket and pipe, 64 connections, 64 B and 64 KiB',
    target: '64 B: >= 1.5 x node:net; 64 KiB: >= 1.2 x',
    also: { pipe64: ['bun node:net pipe'], pipe64k: ['bun node:net pipe'] },
    targets: [
      of('pipe64').atLeast(1.5, 'ours pipe', 'node:net pipe'),
      of('pipe64k').atLeast(1.2, 'ours pipe', 'node:net pipe'),
    ],
  },
  {
    work: '100 MB through http, down and up, bytes per second',
    target: '>= 1.0 x node:http',
    also: { download: ['bun node:http transfer'], upload: ['bun node:http transfer'] },
    targets: [
      of('download', 'bytes').atLeast(1.0, 'ours transfer', 'node:http transfer'),
      of('upload', 'bytes').atLeast(1.0, 'ours transfer', 'node:http transfer'),
    ],
  },
  {
    work: 'UDP echo 64 B, 64 peers',
    target: ">= 1.5 x node:dgram, >= 1.0 x Bun's udpSocket",
    also: { udp: ['C udp_mmsg', 'C udp_echo'] },
    targets: [
      of('udp').atLeast(1.5, 'ours dgram', 'node:dgram'),
      of('udp').atLeast(1.0, 'ours dgram', 'bun udp'),
      of('udp').atLeast(1.5, 'ours io_uring udp', 'node:dgram'),
      of('udp').atLeast(1.0, 'ours io_uring udp', 'bun udp'),
    ],
  },
  {
    work: 'a file of 1 KiB over HTTP, 1000 keep-alive connections, wrk',
    target: '>= 1.4 x sirv and serve-handler on node:http, by rate and by CPU per request',
    also: { serve: ['nginx'] },
    targets: ['ours serve io_uring', 'ours serve epoll'].flatMap((entry) =>
      ['sirv', 'serve-handler'].flatMap((other) => [
        of('serve').atLeast(1.4, entry, other),
        of('serve', 'cpu').atMost(0.71, entry, other),
      ]),
    ),
  },
  {
    work: 'UDP receive flood 64 B',
    target: "delivers what C's recvmmsg delivers, CPU per datagram <= 0.5 x node:dgram's",
    also: { flood: ['C udp_echo sink', 'bun udp sink'] },
    targets: [
      of('flood', 'delivered').atLeast(1.0, 'ours dgram sink', 'C udp_mmsg sink'),
      of('flood', 'cpu').atMost(0.5, 'ours dgram sink', 'node:dgram sink'),
      of('flood', 'delivered').atLeast(1.0, 'ours io_uring udp sink', 'C udp_mmsg sink'),
      of('flood', 'cpu').atMost(0.5, 'ours io_uring udp sink', 'node:dgram sink'),
    ],
  },
  {
    work: 'random 4 KiB reads, page cache, 64 in flight, promises',
    target: ">= 8 x fs.promises' FileHandle.read, >= 2.5 x fs.read callbacks",
    also: { files: ['ours io_uring files', 'C uring_read', 'node:fs readSync', 'fio'] },
    targets: [
      of('files').atLeast(8, 'ours fs', 'node:fs promises'),
      of('files').atLeast(2.5, 'ours fs', 'node:fs read'),
    ],
  },
  {
    work: 'the same, one at a time',
    target: 'no slower than fs.promises',
    targets: [of('files').atLeast(1.0, 'ours fs single', 'node:fs promises single')],
  },
  {
    work: 'the same, readBatch',
    target: '>= 1.0 x a loop of fs.readSync',
    targets: [of('files').atLeast(1.0, 'ours fs batch', 'node:fs readSync')],
  },
  {
    work: 'the same, O_DIRECT',
    target: "CPU per read <= 0.35 x fs.promises, IOPS >= 0.9 x fio's io_uring",
    also: { 'files-direct': ['ours io_uring files', 'C uring_read'] },
    targets: [
      of('files-direct', 'cpu').atMost(0.35, 'ours fs', 'node:fs promises'),
      of('files-direct').atLeast(0.9, 'ours fs', 'fio'),
    ],
  },
  {
    work: 'readFile of 10,000 files of 4 KiB, 32 in flight',
    target: '>= 3 x fs.promises.readFile',
    targets: [of('readfile').atLeast(3, 'ours fs readFile', 'node:fs readFile')],
  },
  {
    work: 'sequential 1 GiB read and written by streams',
    target: ">= 1.2 x node's streams",
    targets: [
      of('stream-read').atLeast(1.2, 'ours fs streamRead', 'node:fs streamRead'),
      of('stream-write').atLeast(1.2, 'ours fs streamWrite', 'node:fs streamWrite'),
    ],
  },
  {
    work: '10,000 files of 4 KiB copied (examples/copy-tree.mjs), from the disk; and shown from the page cache',
    target: '>= 1.0 x cp -r in files per second',
    also: { copy: ['node:fs cp'], 'copy-cached': ['node:fs cp'] },
    targets: [
      of('copy').atLeast(1.0, 'ours copy-tree', 'cp -r'),
      of('copy-cached').show('ours copy-tree', 'cp -r'),
    ],
  },
]
