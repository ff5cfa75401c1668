// 100 MB in one response, or in one request, on one connection after the other.
import { fileURLToPath } from 'node:url'
import { generate, withServer } from './server.mjs'

const client = fileURLToPath(new URL('./transfers.mjs', import.meta.url))
/** CPU time is told for so much, which is what a server that streams handles at a time. */
const MESSAGE = 65536

/**
 * @param {string[]} command
 * @param {'GET' | 'POST'} method
 * @param {import('./measure.mjs').Times} times
 * @returns {Promise<import('./measure.mjs').Result>}
 */
export function measureTransfer(command, method, { warmup, duration }) {
  return withServer(command, async ({ server, port }) => {
    const transfer = (/** @type {number} */ seconds) =>
      generate(server, [process.execPath, client, port, method, String(seconds)], seconds + 60)
    await transfer(warmup)
    const { output, cpu, disturbed, facts } = await transfer(duration)
    const raw = { ...JSON.parse(output), ...facts }
    return {
      bytes: raw.bytes / 1e6 / raw.seconds,
      cpu: (cpu * 1e6) / (raw.bytes / MESSAGE),
      notes: raw.generatorCpuShare > 0.9 ? ['generator-bound'] : [],
      disturbed,
      raw,
    }
  })
}
