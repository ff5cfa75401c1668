// What is measured, and between whom. Data only. The promised figures are in promises.mjs.
import { promised } from './promises.mjs'

/**
 * @typedef {import('./metrics.mjs').Metric} Metric
 * @typedef {import('./promises.mjs').Target} Target
 * @typedef {{ connections?: number, size?: number, pipeline?: number, idle?: number, udp?: boolean, hello?: boolean, file?: number }} Load `file`: bytes of the file that is asked for
 * @typedef {{ name: string, as?: string, load?: Load }} Entry `as`: its name in the table, if it differs
 * @typedef {'load' | 'open' | 'memory' | 'startup' | 'files' | 'http' | 'transfer' | 'flood' | 'work' | 'stream' | 'copy'} Kind
 * @typedef {'readFile' | 'streamRead' | 'streamWrite'} Work of bench/faces/files.mjs
 * @typedef {{
 *   name: string,
 *   title: string,
 *   kind: Kind,
 *   columns: Metric[],
 *   entries: (string | Entry)[],
 *   load?: Load,
 *   share?: number,
 *   pace?: string,
 *   answer?: import('./measure-http.mjs').Answer,
 *   method?: 'GET' | 'POST',
 *   direct?: boolean,
 *   megabytes?: number,
 *   work?: Work,
 *   files?: number,
 *   cached?: boolean,
 *   targets?: Target[],
 *   extra?: boolean,
 * }} Scenario `share`: how much of the capacity is offered, to everybody the same; `pace`: whose capacity that is,
 *   where it is not the slowest's; `direct`: O_DIRECT; `megabytes`: of the file (256); `work`, `files`: what is done, with how
 *   many files (10,000); `cached`: what is copied is in the page cache; `extra`: only when named
 */

const everyone = ['ours io_uring', 'ours epoll', 'C epoll', 'C uring', 'node:net', 'bun', 'deno']
const idle = (/** @type {string} */ name) => [
  name,
  { name, as: `${name} + 10,000 idle`, load: { idle: 10_000 } },
]
/** The models that have no descriptor of their own to sleep on in Node's loop, or are compared without it. */
const dedicated = ['blocking', 'non-blocking', 'select', 'poll', 'epoll', 'rtsig'].map(
  (model) => `ours ${model} dedicated`,
)

/** @type {Scenario[]} */
const all = [
  {
    name: 'echo64',
    title: 'TCP echo, 64 B, 64 connections, closed loop',
    kind: 'load',
    load: { connections: 64 },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: [...everyone, 'ours io_uring dedicated', 'node:net onread', 'C uv'],
  },
  {
    name: 'echo1000',
    title: 'TCP echo, 64 B, 1000 connections, closed loop',
    kind: 'load',
    load: { connections: 1000 },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: [...everyone, 'C uv'],
  },
  {
    name: 'echo9000',
    title: 'TCP echo, 64 B, 9000 connections all active, closed loop',
    kind: 'load',
    load: { connections: 9000 },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: everyone,
  },
  {
    name: 'models64',
    title: 'each model beside the same model in C: TCP echo, 64 B, 64 connections, closed loop',
    kind: 'load',
    load: { connections: 64 },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: [
      ...dedicated,
      ...['blocking', 'nonblocking', 'select', 'poll', 'epoll', 'rtsig'].map((model) => `C ${model}`),
      'C rtsig signalfd',
    ],
  },
  {
    name: 'models500',
    title: 'select and poll beside C: TCP echo, 64 B, 500 connections, closed loop',
    kind: 'load',
    load: { connections: 500 },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: ['ours select dedicated', 'ours poll dedicated', 'C select', 'C poll'],
  },
  {
    name: 'big',
    title: 'TCP echo, 64 KiB, 16 connections, closed loop',
    kind: 'load',
    load: { connections: 16, size: 65536 },
    columns: ['bytes', 'cpu', 'p50', 'p99'],
    entries: [...everyone, 'node:net onread', 'C uv'],
  },
  {
    name: 'pipeline',
    title: 'TCP echo, 64 B, 64 connections with 16 messages in flight on each, closed loop',
    kind: 'load',
    load: { connections: 64, pipeline: 16 },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: [...everyone, 'C uv'],
  },
  {
    name: 'pingpong',
    title: 'TCP ping-pong, 64 B, 1 connection, closed loop (sockperf: its own server and client)',
    kind: 'load',
    load: { connections: 1 },
    columns: ['p50', 'p99', 'rate', 'cpu'],
    entries: [
      ...everyone,
      'ours non-blocking dedicated',
      'ours io_uring dedicated busy',
      'ours epoll dedicated busy',
      'C nonblocking',
      'C uv',
      'sockperf',
    ],
  },
  {
    name: 'idle10k',
    title: 'TCP echo, 64 B, 64 active connections, alone and beside 10,000 idle ones, closed loop',
    kind: 'load',
    load: { connections: 64 },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: [
      ...['ours io_uring', 'ours epoll', 'ours poll dedicated', 'ours select dedicated'].flatMap(idle),
      ...['C epoll', 'C poll', 'C select'].flatMap(idle),
    ],
  },
  {
    name: 'memory',
    title: 'resident memory of the whole process per idle connection, 9000 held, nothing ever sent on them',
    kind: 'memory',
    load: { idle: 9000, hello: false },
    columns: ['memory'],
    entries: everyone,
  },
  {
    name: 'memory-spoken',
    title:
      'resident memory of the whole process per idle connection, 9000 held, after one message of 64 B on each',
    kind: 'memory',
    load: { idle: 9000 },
    columns: ['memory'],
    entries: everyone,
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
        extra: share !== 0.5,
      }),
  ),
  {
    name: 'startup',
    title: 'from the start of the process to listening',
    kind: 'startup',
    columns: ['startup'],
    entries: ['bare node', 'ours io_uring', 'ours epoll', 'node:net', 'bun', 'deno'],
  },
  {
    name: 'http',
    title: 'HTTP hello world, 64 keep-alive connections, closed loop by wrk',
    kind: 'http',
    load: { connections: 64 },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: ['ours http', 'ours http epoll', 'node:http', 'bun node:http', 'bun serve', 'deno serve'],
  },
  ...[1000, 10_000].map(
    (connections) =>
      /** @type {Scenario} */ ({
        name: connections === 1000 ? 'serve' : 'serve10k',
        title: `a file of 1 KiB over HTTP, ${connections.toLocaleString('en')} keep-alive connections, closed loop by wrk`,
        kind: 'http',
        load: { connections, file: 1024 },
        columns: ['rate', 'cpu', 'p50', 'p99'],
        entries: ['ours serve io_uring', 'ours serve epoll', 'sirv', 'serve-handler', 'nginx'],
        extra: connections !== 1000,
      }),
  ),
  {
    name: 'fastify',
    title: 'a Fastify route that answers JSON, 64 keep-alive connections, closed loop by wrk',
    kind: 'http',
    load: { connections: 64 },
    answer: { type: 'application/json', body: '{"hello":"world"}' },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: ['ours fastify', 'node:http fastify', 'bun node:http fastify'],
  },
  {
    name: 'download',
    title: '100 MB in one response, one after the other',
    kind: 'transfer',
    method: 'GET',
    columns: ['bytes', 'cpu'],
    entries: ['ours transfer', 'node:http transfer', 'bun node:http transfer'],
  },
  {
    name: 'upload',
    title: '100 MB in one request, one after the other',
    kind: 'transfer',
    method: 'POST',
    columns: ['bytes', 'cpu'],
    entries: ['ours transfer', 'node:http transfer', 'bun node:http transfer'],
  },
  {
    name: 'pipe64',
    title: 'echo through net.Socket and pipe, 64 B, 64 connections, closed loop',
    kind: 'load',
    load: { connections: 64 },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: ['ours pipe', 'node:net pipe', 'bun node:net pipe'],
  },
  {
    name: 'pipe64k',
    title: 'echo through net.Socket and pipe, 64 KiB, 64 connections, closed loop',
    kind: 'load',
    load: { connections: 64, size: 65_536 },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: ['ours pipe', 'node:net pipe', 'bun node:net pipe'],
  },
  {
    name: 'udp',
    title: 'UDP echo, 64 B, 64 peers, closed loop',
    kind: 'load',
    load: { connections: 64, udp: true },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: [
      ...['ours dgram', 'ours dgram epoll', 'ours io_uring udp', 'ours epoll udp'],
      ...['C udp_mmsg', 'C udp_echo', 'node:dgram', 'bun udp'],
    ],
  },
  {
    name: 'udp-models',
    title: 'each model with datagrams: UDP echo, 64 B, 64 peers, closed loop',
    kind: 'load',
    load: { connections: 64, udp: true },
    columns: ['rate', 'cpu', 'p50', 'p99'],
    entries: [
      ...[
        'blocking',
        'non-blocking',
        'select',
        'poll',
        'epoll',
        'sigio',
        'rtsig',
        'posix-aio',
        'io_uring',
      ].map((model) => `ours ${model} udp dedicated`),
      'C udp_mmsg',
      'C udp_echo',
    ],
    extra: true,
  },
  {
    name: 'flood',
    title: 'UDP receive flood, 64 B, answered by nobody, at half of what recvmmsg in C takes',
    kind: 'flood',
    share: 0.5,
    pace: 'C udp_mmsg sink',
    load: { size: 64 },
    columns: ['delivered', 'rate', 'cpu'],
    entries: [
      ...['ours dgram sink', 'ours dgram epoll sink', 'ours io_uring udp sink', 'ours epoll udp sink'],
      ...['ours dgram sink each', 'ours dgram epoll sink each'],
      ...['C udp_mmsg sink', 'C udp_echo sink', 'node:dgram sink', 'bun udp sink'],
    ],
  },
  ...[false, true].map(
    (direct) =>
      /** @type {Scenario} */ ({
        name: direct ? 'files-direct' : 'files',
        title: `random 4 KiB reads, 64 in flight, ${direct ? 'O_DIRECT' : 'page cache'} (readSync and single: one at a time)`,
        kind: 'files',
        direct,
        columns: ['rate', 'cpu'],
        entries: [
          ...['ours io_uring files', 'ours posix-aio files', 'ours blocking files', 'ours fs'],
          ...(direct ? [] : ['ours fs single', 'ours fs batch']),
          ...['C aio', 'C uring_read', 'fio', 'node:fs readSync', 'node:fs read', 'node:fs promises'],
          ...(direct ? [] : ['node:fs promises single']),
        ],
      }),
  ),
  {
    name: 'readfile',
    title: 'readFile of 10,000 files of 4 KiB, page cache, 32 in flight',
    kind: 'work',
    work: 'readFile',
    columns: ['rate', 'cpu'],
    entries: ['ours fs readFile', 'node:fs readFile'],
  },
  ...['streamRead', 'streamWrite'].map(
    (work) =>
      /** @type {Scenario} */ ({
        name: work === 'streamRead' ? 'stream-read' : 'stream-write',
        title: `1 GiB ${work === 'streamRead' ? 'read by createReadStream, page cache' : 'written by createWriteStream, tmpfs'}`,
        kind: 'stream',
        work,
        columns: ['rate', 'cpu'],
        entries: [`ours fs ${work}`, `node:fs ${work}`],
      }),
  ),
  ...[false, true].map(
    (cached) =>
      /** @type {Scenario} */ ({
        name: cached ? 'copy-cached' : 'copy',
        title: `a folder of 10,000 files of 4 KiB copied to tmpfs, ${cached ? 'from the page cache' : 'not in the page cache before'}`,
        kind: 'copy',
        cached,
        columns: ['rate', 'cpu'],
        entries: ['ours copy-tree', 'cp -r', 'node:fs cp'],
      }),
  ),
]

/** With the targets that were promised for each. */
export const scenarios = all.map((scenario) => ({
  ...scenario,
  targets: promised.flatMap(({ targets }) => targets.filter((target) => target.scenario === scenario.name)),
}))

/** @type {Record<string, string[]>} */
export const groups = {
  tcp: ['echo64', 'echo1000', 'echo9000', 'big', 'pipeline', 'idle10k'],
  faces: ['http', 'fastify', 'download', 'upload', 'pipe64', 'pipe64k'],
  whole: ['readfile', 'stream-read', 'stream-write', 'copy', 'copy-cached'],
  models: ['models64', 'models500'],
  latency: ['pingpong', 'openloop', 'openloop70', 'openloop90'],
  all: scenarios.filter(({ extra }) => !extra).map(({ name }) => name),
}
