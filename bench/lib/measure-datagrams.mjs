// A flood of datagrams that nobody answers: see bench/c/flood.c.
import { bin } from './paths.mjs'
import { generate, withServer } from './server.mjs'

/**
 * @param {string[]} command
 * @param {import('./scenarios.mjs').Load} load
 * @param {import('./measure.mjs').Times} times
 * @param {number} [rate] datagrams per second; without it as fast as they can be sent
 * @returns {Promise<import('./measure.mjs').Result>}
 */
export function measureFlood(command, load, { warmup, duration }, rate) {
  return withServer(command, async ({ server, port }) => {
    const parameters = ['--port', port, '--server-pid', String(server.pid), '--size', String(load.size ?? 64)]
    parameters.push('--warmup', String(warmup), '--duration', String(duration))
    if (rate) parameters.push('--rate', String(rate))
    const { output, disturbed, facts } = await generate(
      server,
      [`${bin}flood`, ...parameters],
      warmup + duration + 90,
    )
    // The generator's own figures are of its window alone and in nanoseconds.
    const raw = { ...facts, ...JSON.parse(output) }
    if (raw.wrong) throw new Error('datagrams came twice, altered, or with another length')
    const notes = []
    if (rate && raw.sentPerSecond < 0.99 * rate) {
      notes.push(`the generator sent only ${Math.round((raw.sentPerSecond / rate) * 100)} % of what was due`)
    }
    return {
      delivered: raw.deliveredPercent,
      rate: raw.deliveredPerSecond,
      cpu: raw.delivered > 0 ? raw.serverCpuMicrosPerDatagram : null,
      notes,
      disturbed,
      raw,
    }
  })
}
