// sockperf's ping-pong, an independent witness: its own server and its own client, because the client takes no
// echo for an answer (the server marks each message as its own).
import { createServer } from 'node:net'
import { pause, start, stop, waitFor } from './processes.mjs'
import { generate, SERVER } from './server.mjs'

/**
 * A port that is free at the moment: sockperf cannot pick one. Below those that the kernel gives to whoever connects, so
 * that it is still free when sockperf asks for it.
 * @returns {Promise<number>}
 */
const freePort = () =>
  new Promise((resolve) => {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const server = createServer()
    server
      .once('error', () => resolve(freePort()))
      .listen(port, '127.0.0.1', () => {
        server.close(() => resolve(port))
      })
  })

/** Its server, which ends without a word where it cannot have its port: then another is tried. */
async function startServer(tries = 5) {
  const where = ['--tcp', '-i', '127.0.0.1', '-p', String(await freePort())]
  const server = start(['sockperf', 'server', ...where], { core: SERVER })
  try {
    await waitFor(server, /using recvfrom|Warmup stage/)
    return { server, where }
  } catch (error) {
    await stop(server)
    if (tries === 1) throw error
    return startServer(tries - 1)
  }
}

/**
 * @param {import('./scenarios.mjs').Load} load
 * @param {import('./measure.mjs').Times} times whole seconds for sockperf: rounded up
 * @returns {Promise<import('./measure.mjs').Result>}
 */
export async function measureSockperf(load, { duration }) {
  const { server, where } = await startServer()
  try {
    await pause(100)
    const seconds = Math.ceil(duration)
    const client = ['sockperf', 'ping-pong', ...where, '-t', String(seconds), '-m', String(load.size ?? 64)]
    const { output, cpu, disturbed, facts } = await generate(server, [...client, '--full-rtt'], seconds + 60)
    const all = output.match(/\[Total Run\] RunTime=([\d.]+) sec;.*ReceivedMessages=(\d+)/)
    const valid = output.match(/\[Valid Duration\] RunTime=([\d.]+) sec;.*ReceivedMessages=(\d+)/)
    const percentile = (/** @type {string} */ name) =>
      Number(output.match(new RegExp(`percentile ${name}\\s*=\\s*([\\d.]+)`))?.[1] ?? Number.NaN)
    if (!all || !valid || !(percentile('50.000') > 0)) throw new Error('sockperf: no message was answered')
    const messages = Number(valid[2])
    return {
      p50: percentile('50.000'),
      p99: messages >= 10_000 ? percentile('99.000') : null,
      rate: messages / Number(valid[1]),
      cpu: (cpu * 1e6) / Number(all[2]),
      notes: [],
      disturbed,
      raw: {
        ...facts,
        messages,
        seconds: Number(valid[1]),
        p50: percentile('50.000'),
        p99: percentile('99.000'),
      },
    }
  } finally {
    await stop(server)
  }
}
