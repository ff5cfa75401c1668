// One run of one contestant: a fresh process, one load, one record.
import { readdirSync, readFileSync } from 'node:fs'
import { measureFlood } from './measure-datagrams.mjs'
import { measureFiles } from './measure-files.mjs'
import { measureHttp } from './measure-http.mjs'
import { measureTransfer } from './measure-transfer.mjs'
import { measureCopy, measureWork } from './measure-works.mjs'
import { bin } from './paths.mjs'
import { pause, runForJson, start, stop, waitFor } from './processes.mjs'
import { distance, disturbances, GENERATOR, SERVER, withServer } from './server.mjs'
import { measureSockperf } from './sockperf.mjs'

/**
 * @typedef {import('./scenarios.mjs').Scenario} Scenario
 * @typedef {import('./scenarios.mjs').Load} Load
 * @typedef {{ warmup: number, duration: number }} Times
 * @typedef {Partial<Record<import('./metrics.mjs').Metric, number | null>> & { notes: string[], disturbed: string[], raw: any }} Result
 *   `disturbed`: what came between this run and a fair comparison
 */

/**
 * @param {Load} load
 * @param {Times} times
 */
function loadArguments(load, { warmup, duration }) {
  const parameters = ['--warmup', String(warmup), '--duration', String(duration)]
  if (load.connections) parameters.push('--connections', String(load.connections))
  if (load.size) parameters.push('--size', String(load.size))
  if (load.pipeline) parameters.push('--pipeline', String(load.pipeline))
  if (load.idle) parameters.push('--idle', String(load.idle))
  if (load.hello === false) parameters.push('--no-hello')
  if (load.udp) parameters.push('--udp')
  return parameters
}

/**
 * @param {string[]} command
 * @param {Load} load
 * @param {Times} times
 * @param {number} [rate] messages per second; without it the loop is closed
 * @returns {Promise<Result>}
 */
export async function measureLoad(command, load, times, rate) {
  return withServer(command, async ({ server, port }) => {
    const before = await distance()
    const raw = await runForJson(
      [
        `${bin}load`,
        ...['--port', port, '--server-pid', String(server.pid)],
        ...loadArguments(load, times),
        ...(rate ? ['--rate', String(rate)] : []),
      ],
      { core: GENERATOR, seconds: times.warmup + times.duration + 90 },
    )
    const after = await distance()
    raw.coreDistanceNanoseconds = [before, after]
    if (raw.mismatches) throw new Error(`${raw.mismatches} connections got wrong bytes back`)
    if (raw.errors) throw new Error(`${raw.errors} connections failed or were left without an answer`)

    const notes = []
    if (raw.generatorBound) notes.push('generator-bound')
    if (raw.overloaded) notes.push('overloaded: no percentiles')
    if (raw.lost) notes.push(`${raw.lost} lost`)
    if (raw.droppedPackets) notes.push(`${raw.droppedPackets} packets dropped by the kernel`)
    if (!rate && Math.abs(raw.secondHalfOverFirst - 1) > 0.15) notes.push('not steady')
    if (raw.softirqThreadsShare > 0.02) notes.push('part of the network work done by ksoftirqd')
    return {
      rate: raw.messagesPerSecond,
      bytes: raw.bytesPerSecond / 1e6,
      cpu: raw.messages > 0 ? raw.serverCpuMicrosPerMessage : null, // nothing done is not done for nothing
      p50: raw.latencyMicros?.p50,
      p99: raw.latencyMicros?.p99,
      notes,
      disturbed: disturbances({ distances: [before, after], ...raw }),
      raw,
    }
  })
}

const descriptors = (/** @type {number} */ pid) => readdirSync(`/proc/${pid}/fd`).length
/** Memory that is the process's own. What is mapped of the program's file is everybody's who runs it, and touched once. */
function resident(/** @type {number} */ pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kilobytes = ['RssAnon', 'RssShmem'].map(
    (name) => status.match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))?.[1],
  )
  return kilobytes.reduce((sum, each) => sum + Number(each), 0) * 1024
}

/**
 * @param {string[]} command
 * @param {Load} load
 * @returns {Promise<Result>}
 */
async function measureMemory(command, load) {
  const held = load.idle ?? 0
  return withServer(command, async ({ server, port }) => {
    await pause(300)
    const openBefore = descriptors(server.pid)
    const before = resident(server.pid)
    const parameters = [
      '--port',
      port,
      '--idle',
      String(held),
      '--hold',
      ...(load.hello === false ? ['--no-hello'] : []),
    ]
    const holder = start([`${bin}load`, ...parameters], { core: GENERATOR, stdin: 'pipe' })
    try {
      await waitFor(holder, /"holding"/, 60)
      for (let tries = 0; descriptors(server.pid) - openBefore < held; tries++) {
        if (tries > 200) {
          throw new Error(`only ${descriptors(server.pid) - openBefore} of ${held} connections were accepted`)
        }
        await pause(50)
      }
      await pause(500)
      const after = resident(server.pid)
      holder.child.stdin?.end()
      if ((await holder.ended) !== 0) throw new Error('an idle connection was closed by the server')
      return { memory: (after - before) / held, notes: [], disturbed: [], raw: { before, after, held } }
    } finally {
      await stop(holder)
    }
  })
}

/** @returns {Promise<Result>} */
async function measureStartup(/** @type {string[]} */ command) {
  const began = performance.now()
  const server = start(command, { core: SERVER })
  try {
    await waitFor(server, /^listening \d+$/m)
    const milliseconds = performance.now() - began
    return { startup: milliseconds, notes: [], disturbed: [], raw: { milliseconds } }
  } finally {
    await stop(server)
  }
}

/**
 * @param {Scenario} scenario
 * @param {import('./contestants.mjs').Contestant & { command: string[] }} contestant
 * @param {Load} load
 * @param {Times} times
 * @param {number} [rate]
 * @returns {Promise<Result>}
 */
export function measure(scenario, contestant, load, times, rate) {
  const { command, witness } = contestant
  if (scenario.kind === 'files') return measureFiles(contestant, scenario, times)
  if (scenario.kind === 'work' || scenario.kind === 'stream') return measureWork(contestant, scenario)
  if (scenario.kind === 'copy') return measureCopy(contestant, scenario)
  if (witness === 'sockperf') return measureSockperf(load, times)
  if (scenario.kind === 'memory') return measureMemory(command, load)
  if (scenario.kind === 'startup') return measureStartup(command)
  if (scenario.kind === 'http') return measureHttp(command, load, times, scenario.answer)
  if (scenario.kind === 'transfer') return measureTransfer(command, scenario.method ?? 'GET', times)
  if (scenario.kind === 'flood') return measureFlood(command, load, times, rate)
  return measureLoad(command, load, times, rate)
}
