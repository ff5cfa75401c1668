// A server's life during one run, and what the kernel says about it and the machine meanwhile.
import { existsSync, readFileSync } from 'node:fs'
import { machineTicks } from './environment.mjs'
import { bin } from './paths.mjs'
import { alarm, pinned, runForJson, start, stop, waitFor } from './processes.mjs'

export const SERVER = 0
export const GENERATOR = 1
const TICKS_PER_SECOND = 100 // USER_HZ, on every Linux there is

/**
 * Starts a server, hands it to `use`, and stops it.
 * @template T
 * @param {string[]} command
 * @param {(started: { server: import('./processes.mjs').Running, port: string }) => Promise<T>} use
 */
export async function withServer(command, use) {
  const server = start(command, { core: SERVER })
  try {
    const [, said, json] = await waitFor(server, /^listening (\d+)$|"port":(\d+)/m)
    const port = said ?? json
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
export async function distance() {
  if (!pinned || !existsSync(`${bin}distance`)) return 0
  const { roundTripNanoseconds } = await runForJson([`${bin}distance`])
  if (roundTripNanoseconds === null) return 0 // others had the cores; that shows by itself
  nearest = Math.min(nearest, roundTripNanoseconds)
  return roundTripNanoseconds
}
export const farApart = (/** @type {number[]} */ distances) => Math.max(...distances) > 2 * nearest

/** Seconds of CPU time of a whole process, ended threads included, in steps of 10 ms; null when it is gone. */
export function cpuSeconds(/** @type {number} */ pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  } catch {
    return null
  }
}

/**
 * Runs a generator that says nothing about the server's CPU time, and adds it.
 * @param {import('./processes.mjs').Running} server
 * @param {string[]} command
 * @param {number} seconds after which it is given up
 * @returns {Promise<{ output: string, error: string, cpu: number, share: number, disturbed: string[], facts: object }>}
 *   `cpu`: seconds used by the server's process; `share`: of a core
 */
export async function generate(server, command, seconds) {
  const distances = [await distance()]
  const before = machineTicks()
  const cpuBefore = cpuSeconds(server.pid)
  const began = performance.now()
  const generator = start(command, { core: GENERATOR })
  let generatorCpu = 0
  const look = setInterval(() => {
    generatorCpu = cpuSeconds(generator.pid) ?? generatorCpu
  }, 50)
  const cancel = alarm(seconds, () => generator.child.kill('SIGKILL'))
  const code = await generator.ended
  clearInterval(look)
  cancel()
  const elapsed = (performance.now() - began) / 1000
  const cpu = (cpuSeconds(server.pid) ?? 0) - (cpuBefore ?? 0)
  const after = machineTicks()
  distances.push(await distance())

  const { out: output, error } = generator.output
  if (code !== 0) {
    const why = `${error}\n${output}`.trim().split('\n').at(-1)
    throw new Error(`${command[0].split('/').at(-1)} ended with ${code}: ${why || 'it said nothing'}`)
  }
  const foreignCpuShare = ((after.busy - before.busy) / TICKS_PER_SECOND - cpu - generatorCpu) / elapsed
  const stolenShare = (after.steal - before.steal) / TICKS_PER_SECOND / elapsed
  const share = cpu / elapsed
  return {
    output,
    error,
    cpu,
    share,
    disturbed: disturbances({ distances, foreignCpuShare, stolenShare }),
    facts: {
      coreDistanceNanoseconds: distances,
      serverCpuSeconds: cpu,
      serverCpuShare: share,
      generatorCpuShare: generatorCpu / elapsed,
      foreignCpuShare: Math.max(0, foreignCpuShare),
      stolenShare,
    },
  }
}

/**
 * What came between a run and a fair comparison.
 * @param {{ distances: number[], foreignCpuShare: number, stolenShare: number }} facts
 */
export function disturbances({ distances, foreignCpuShare, stolenShare }) {
  const found = []
  if (farApart(distances)) found.push('cores far apart')
  if (foreignCpuShare > 0.08) found.push('other processes')
  if (stolenShare > 0.03) found.push('time stolen by the host')
  return found
}
