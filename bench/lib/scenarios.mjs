// What is measured, between whom, and which figures the project has promised. Data only.

/**
 * @typedef {'rate' | 'bytes' | 'cpu' | 'p50' | 'p99' | 'memory' | 'startup' | 'operations'} Metric
 * @typedef {{ connections?: number, size?: number, pipeline?: number, idle?: number, udp?: boolean, hello?: boolean }} Load
 * @typedef {{ name: string, as?: string, load?: Load }} Entry `as`: its name in the table, if it differs
 * @typedef {{ entry: string, against: string, metric: Metric, atLeast?: number, atMost?: number, beyond?: number }} Target
 *   a ratio to reach or to keep under; `beyond`: a difference to keep under
 * @typedef {{
 *   name: string,
 *   title: string,
 *   kind: 'load' | 'open' | 'memory' | 'startup' | 'files',
 *   columns: Metric[],
 *   entries: (string | Entry)[],
 *   load?: Load,
 *   share?: number,
 *   direct?: boolean,
 *   targets?: Target[],
 *   extra?: boolean,
 * }} Scenario `extra`: only when named
 */

/** @returns {Target} */
const atLeast = (
  /** @type {number} */ ratio,
  /** @type {string} */ entry,
  /** @type {string} */ against,
  /** @type {Metric} */ metric = 'rate',
) => ({ entry, against, metric, atLeast: ratio })
/** @returns {Target} */
const atMost = (
  /** @type {number} */ ratio,
  /** @type {string} */ entry,
  /** @type {string} */ against,
  /** @type {Metric} */ metric,
) => ({ entry, against, metric, atMost: ratio })

const everyone = ['ours io_uring', 'ours epoll', 'C epoll', 'C uring', 'node:net', 'bun', 'deno']
const idle = (/** @type {string} */ name) => [
  name,
  { name, as: `${name} + 10,000 idle`, load: { idle: 10_000 } },
]

/** @type {Scenario[]} */
export const scenarios = [
  {
    name: 'echo64',
    title: 'TCP echo, 64 B, 64 connections, closed loop',
    kind: 'load',
    load: { connections: 64 },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: [...everyone, 'ours io_uring dedicated', 'ours epoll dedicated', 'node:net onread', 'C uv'],
    targets: [
      atLeast(1.0, 'ours io_uring', 'C epoll'),
      atLeast(0.9, 'ours io_uring', 'C uring'),
      atLeast(1.7, 'ours io_uring', 'node:net'),
      atLeast(1.05, 'ours io_uring', 'bun'),
      atLeast(0.9, 'ours epoll', 'C epoll'),
      atMost(1.1, 'ours io_uring', 'C epoll', 'cpu'),
      atMost(1.15, 'ours epoll', 'C epoll', 'cpu'),
    ],
  },
  {
    name: 'echo1000',
    title: 'TCP echo, 64 B, 1000 connections, closed loop',
    kind: 'load',
    load: { connections: 1000 },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: everyone,
    targets: [
      atLeast(1.0, 'ours io_uring', 'C epoll'),
      atLeast(1.5, 'ours io_uring', 'node:net'),
      atLeast(1.0, 'ours io_uring', 'bun'),
      atLeast(0.9, 'ours epoll', 'C epoll'),
    ],
  },
  {
    name: 'echo9000',
    title: 'TCP echo, 64 B, 9000 connections all active, closed loop',
    kind: 'load',
    load: { connections: 9000 },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: everyone,
    targets: [
      atLeast(1.6, 'ours io_uring', 'node:net'),
      atLeast(1.0, 'ours io_uring', 'bun'),
      atLeast(1.0, 'ours io_uring', 'C epoll'),
    ],
  },
  {
    name: 'models64',
    title: 'each model beside the same model in C: TCP echo, 64 B, 64 connections, closed loop',
    kind: 'load',
    load: { connections: 64 },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: [
      ...['blocking', 'non-blocking', 'select', 'poll', 'epoll', 'rtsig'].map(
        (model) => `ours ${model} dedicated`,
      ),
      ...['blocking', 'nonblocking', 'select', 'poll', 'epoll', 'rtsig'].map((model) => `C ${model}`),
      'C rtsig signalfd',
    ],
    targets: [
      atLeast(0.7, 'ours blocking dedicated', 'C blocking'),
      atLeast(0.8, 'ours non-blocking dedicated', 'C nonblocking'),
      atLeast(0.85, 'ours select dedicated', 'C select'),
      atLeast(0.85, 'ours poll dedicated', 'C poll'),
      atLeast(0.9, 'ours epoll dedicated', 'C epoll'),
      atLeast(0.85, 'ours rtsig dedicated', 'C rtsig'),
      atLeast(0.85, 'ours rtsig dedicated', 'C rtsig signalfd'),
    ],
  },
  {
    name: 'models500',
    title: 'select and poll beside C: TCP echo, 64 B, 500 connections, closed loop',
    kind: 'load',
    load: { connections: 500 },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: ['ours select dedicated', 'ours poll dedicated', 'C select', 'C poll'],
    targets: [
      atLeast(0.85, 'ours select dedicated', 'C select'),
      atLeast(0.85, 'ours poll dedicated', 'C poll'),
    ],
  },
  {
    name: 'big',
    title: 'TCP echo, 64 KiB, 16 connections, closed loop',
    kind: 'load',
    load: { connections: 16, size: 65536 },
    columns: ['bytes', 'cpu', 'p50', 'p99'],
    entries: [...everyone, 'node:net onread'],
    targets: [
      atLeast(0.95, 'ours io_uring', 'C epoll', 'bytes'),
      atLeast(1.0, 'ours io_uring', 'node:net', 'bytes'),
      atLeast(1.0, 'ours io_uring', 'bun', 'bytes'),
      atMost(1.2, 'ours io_uring', 'C epoll', 'cpu'),
    ],
  },
  {
    name: 'pipeline',
    title: 'TCP echo, 64 B, 64 connections with 16 messages in flight on each, closed loop',
    kind: 'load',
    load: { connections: 64, pipeline: 16 },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: everyone,
    targets: [
      atLeast(0.95, 'ours io_uring', 'C epoll'),
      atLeast(1.4, 'ours io_uring', 'node:net'),
      atMost(1.15, 'ours io_uring', 'C epoll', 'cpu'),
    ],
  },
  {
    name: 'pingpong',
    title: 'TCP ping-pong, 64 B, 1 connection, closed loop',
    kind: 'load',
    load: { connections: 1 },
    columns: ['p50', 'p99', 'rate', 'cpu'],
    entries: everyone,
    targets: [atMost(1.0, 'ours io_uring', 'node:net', 'p50'), atMost(1.0, 'ours epoll', 'node:net', 'p50')],
  },
  {
    name: 'idle10k',
    title: 'TCP echo, 64 B, 64 active connections, alone and beside 10,000 idle ones, closed loop',
    kind: 'load',
    load: { connections: 64 },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: [
      ...['ours io_uring', 'ours epoll', 'C epoll', 'C uring', 'C poll', 'C select'].flatMap(idle),
      ...['ours poll dedicated', 'ours select dedicated'].flatMap(idle),
    ],
    targets: [
      atLeast(0.9, 'ours io_uring + 10,000 idle', 'ours io_uring'),
      atLeast(0.9, 'ours epoll + 10,000 idle', 'ours epoll'),
    ],
  },
  {
    name: 'memory',
    title: 'resident memory of the whole process per idle connection, 9000 held, nothing ever sent on them',
    kind: 'memory',
    load: { idle: 9000, hello: false },
    columns: ['memory'],
    entries: everyone,
    targets: [
      atMost(0.25, 'ours io_uring', 'node:net', 'memory'),
      atMost(0.25, 'ours epoll', 'node:net', 'memory'),
      atMost(1.0, 'ours io_uring', 'bun', 'memory'),
    ],
  },
  {
    name: 'memory-spoken',
    title:
      'resident memory of the whole process per idle connection, 9000 held, after one message of 64 B on each',
    kind: 'memory',
    load: { idle: 9000 },
    columns: ['memory'],
    entries: everyone,
    targets: [atMost(0.25, 'ours io_uring', 'node:net', 'memory')],
  },
  ...[0.5, 0.7, 0.9].map(
    (share) =>
      /** @type {Scenario} */ ({
        name: share === 0.5 ? 'openloop' : `openloop${share * 100}`,
        title: `TCP echo, 64 B, 64 connections, open loop at ${share * 100} % of the slowest's capacity`,
        kind: 'open',
        share,
        load: { connections: 64 },
        columns: ['p50', 'p99', 'cpu'],
        entries: everyone,
        targets: [
          atMost(1.0, 'ours io_uring', 'node:net', 'p99'),
          atMost(1.0, 'ours io_uring', 'bun', 'p99'),
          atMost(1.0, 'ours epoll', 'node:net', 'p99'),
        ],
        extra: share !== 0.5,
      }),
  ),
  {
    name: 'startup',
    title: 'from the start of the process to listening',
    kind: 'startup',
    columns: ['startup'],
    entries: ['bare node', 'ours io_uring', 'ours epoll', 'node:net', 'bun', 'deno'],
    targets: [
      { entry: 'ours io_uring', against: 'bare node', metric: 'startup', beyond: 60 },
      { entry: 'ours epoll', against: 'bare node', metric: 'startup', beyond: 60 },
    ],
  },
  {
    name: 'udp',
    title: 'UDP echo, 64 B, 64 sockets, closed loop',
    kind: 'load',
    load: { connections: 64, udp: true },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: ['C udp_echo', 'node:dgram'],
  },
  ...[false, true].map(
    (direct) =>
      /** @type {Scenario} */ ({
        name: direct ? 'files-direct' : 'files',
        title: `random 4 KiB reads, 64 in flight, ${direct ? 'O_DIRECT' : 'page cache'} (readSync: one at a time)`,
        kind: 'files',
        direct,
        columns: ['operations', 'cpu'],
        entries: ['C aio', 'C uring_read', 'node:fs readSync', 'node:fs read', 'node:fs promises'],
      }),
  ),
]

/** @type {Record<string, string[]>} */
export const groups = {
  models: ['models64', 'models500'],
  latency: ['pingpong', 'openloop', 'openloop70', 'openloop90'],
  all: scenarios.filter(({ extra }) => !extra).map(({ name }) => name),
}

/** @type {Record<Metric, { title: string, unit: string, higherIsBetter: boolean, digits: number }>} */
export const metrics = {
  rate: { title: 'messages/s', unit: '/s', higherIsBetter: true, digits: 0 },
  bytes: { title: 'MB/s', unit: 'MB/s', higherIsBetter: true, digits: 0 },
  cpu: { title: 'CPU us/message', unit: 'us', higherIsBetter: false, digits: 2 },
  p50: { title: 'p50 us', unit: 'us', higherIsBetter: false, digits: 1 },
  p99: { title: 'p99 us', unit: 'us', higherIsBetter: false, digits: 1 },
  memory: { title: 'bytes/connection', unit: 'B', higherIsBetter: false, digits: 0 },
  startup: { title: 'ms to listening', unit: 'ms', higherIsBetter: false, digits: 1 },
  operations: { title: 'reads/s', unit: '/s', higherIsBetter: true, digits: 0 },
}
