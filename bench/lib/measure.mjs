// One run of one contestant: a fresh process, one load, one record.
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { bin } from './paths.mjs'
import { atEnd, pause, pinned, runForJson, start, stop, waitFor } from './processes.mjs'

/**
 * @typedef {import('./scenarios.mjs').Scenario} Scenario
 * @typedef {import('./scenarios.mjs').Load} Load
 * @typedef {{ warmup: number, duration: number }} Times
 * @typedef {Partial<Record<import('./scenarios.mjs').Metric, number | null>> & { notes: string[], disturbed: string[], raw: any }} Result
 *   `disturbed`: what came between this run and a fair comparison
 */

const SERVER = 0
const GENERATOR = 1
const READS_IN_FLIGHT = '64'

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
 * Starts a server, hands it to `use`, and stops it.
 * @template T
 * @param {string[]} command
 * @param {(started: { server: import('./processes.mjs').Running, port: string }) => Promise<T>} use
 */
async function withServer(command, use) {
  const server = start(command, { core: SERVER })
  try {
    const [, port] = await waitFor(server, /^listening (\d+)$/m)
    const result = await use({ server, port })
    if (server.child.exitCode !== null || server.child.signalCode !== null) {
      throw new Error(`the server ended during the run: ${server.output.error.trim().split('\n').at(-1)}`)
    }
    return result
  } finally {
    await stop(server)
  }
}

/** The shortest way between the two cores seen in this session, in nanoseconds (see bench/c/distance.c). */
let nearest = Infinity
async function distance() {
  if (!pinned || !existsSync(`${bin}distance`)) return 0
  const { roundTripNanoseconds } = await runForJson([`${bin}distance`])
  nearest = Math.min(nearest, roundTripNanoseconds)
  return roundTripNanoseconds
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
    const disturbed = []
    if (Math.max(before, after) > 2 * nearest) disturbed.push('cores far apart')
    if (raw.foreignCpuShare > 0.08) disturbed.push('other processes')
    if (raw.stolenShare > 0.03) disturbed.push('time stolen by the host')
    return {
      rate: raw.messagesPerSecond,
      bytes: raw.bytesPerSecond / 1e6,
      cpu: raw.serverCpuMicrosPerMessage,
      p50: raw.latencyMicros?.p50,
      p99: raw.latencyMicros?.p99,
      notes,
      disturbed,
      raw,
    }
  })
}

const descriptors = (/** @type {number} */ pid) => readdirSync(`/proc/${pid}/fd`).length
function resident(/** @type {number} */ pid) {
  const kilobytes = readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+)/m)?.[1]
  return Number(kilobytes) * 1024
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
      const deadline = performance.now() + 10_000
      while (descriptors(server.pid) - openBefore < held) {
        if (performance.now() > deadline) {
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

const blocks = `${bin}blocks`

/** A file whose 4 KiB blocks begin with their own number, so that a reader can tell right from wrong. */
function blockFile(megabytes = 256) {
  if (existsSync(blocks)) return
  atEnd(() => rmSync(blocks, { force: true }))
  const file = openSync(blocks, 'w')
  const chunk = Buffer.alloc(1 << 20)
  for (let i = 0; i < megabytes; i++) {
    for (let j = 0; j < 256; j++) chunk.writeUInt32LE(i * 256 + j, j * 4096)
    writeSync(file, chunk)
  }
  closeSync(file)
}

/**
 * @param {string[]} command
 * @param {boolean} direct
 * @param {Times} times
 * @returns {Promise<Result>}
 */
async function measureFiles(command, direct, { duration }) {
  blockFile()
  if (!direct) readFileSync(blocks) // into the page cache
  const parameters = [blocks, READS_IN_FLIGHT, String(duration), ...(direct ? ['direct'] : [])]
  // C programs are named with a port that they have no use for here.
  const whole = [...command.filter((word) => word !== '0'), ...parameters]
  const raw = await runForJson(whole, { core: SERVER, seconds: duration + 30 })
  if (raw.wrong) throw new Error(`${raw.wrong} reads brought wrong bytes`)
  return {
    operations: raw.operationsPerSecond,
    cpu: raw.cpuMicrosPerOperation,
    notes: [],
    disturbed: [],
    raw,
  }
}

/**
 * @param {Scenario} scenario
 * @param {string[]} command
 * @param {Load} load
 * @param {Times} times
 * @param {number} [rate]
 * @returns {Promise<Result>}
 */
export function measure(scenario, command, load, times, rate) {
  if (scenario.kind === 'memory') return measureMemory(command, load)
  if (scenario.kind === 'startup') return measureStartup(command)
  if (scenario.kind === 'files') return measureFiles(command, scenario.direct ?? false, times)
  return measureLoad(command, load, times, rate)
}
