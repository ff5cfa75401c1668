// Hello world, or a file, under wrk. wrk does not look at what it is answered beyond the status, so each server is asked
// beforehand, and afterwards again.
import { get } from 'node:http'
import { fileURLToPath } from 'node:url'
import { alarm } from './processes.mjs'
import { generate, withServer } from './server.mjs'
import { pageOf } from './site.mjs'

const script = fileURLToPath(new URL('./wrk.lua', import.meta.url))

/** @typedef {{ path?: string, type: string, body: string }} Answer what a right answer is, and to what */
/** @type {Answer} */
const HELLO = { type: 'text/plain', body: 'hello world' }

/** @returns {Promise<void>} */
function ask(/** @type {string} */ url, /** @type {Answer} */ { type, body }) {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
      response.on('error', reject).on('end', () => {
        const { statusCode, headers } = response
        if (statusCode === 200 && text === body && headers['content-type']?.startsWith(type)) resolve()
        else reject(new Error(`the server answers ${statusCode} ${JSON.stringify(text.slice(0, 40))}`))
      })
    })
    const cancel = alarm(10, () => request.destroy(new Error('no answer for ten seconds')))
    request.on('error', reject).on('close', cancel)
  })
}

/**
 * @param {string[]} command
 * @param {import('./scenarios.mjs').Load} load
 * @param {import('./measure.mjs').Times} times whole seconds for wrk: rounded up
 * @param {Answer} [answer]
 * @returns {Promise<import('./measure.mjs').Result>}
 */
export function measureHttp(command, load, { warmup, duration }, answer) {
  const wanted = answer ?? (load.file === undefined ? HELLO : { type: 'text/plain', ...pageOf(load.file) })
  return withServer(command, async ({ server, port }) => {
    const url = `http://127.0.0.1:${port}/${wanted.path ?? ''}`
    const wrk = (/** @type {number} */ seconds) => {
      const whole = Math.ceil(seconds)
      const parameters = ['-t1', `-c${load.connections ?? 64}`, `-d${whole}s`, '-T60s', '-s', script, url]
      return generate(server, ['wrk', ...parameters], whole + 60)
    }
    await ask(url, wanted)
    await wrk(warmup)
    const { output, cpu, disturbed, facts } = await wrk(duration)
    await ask(url, wanted)
    const raw = { ...JSON.parse(output.trim().split('\n').at(-1) ?? ''), ...facts }
    if (raw.errors) throw new Error(`${raw.errors} requests failed`)
    const enough = raw.requests >= 10_000 // a hundred above the 99th percentile
    return {
      rate: raw.requests / raw.seconds,
      cpu: raw.requests > 0 ? (cpu * 1e6) / raw.requests : null,
      p50: raw.p50,
      p99: enough ? raw.p99 : null,
      notes: raw.generatorCpuShare > 0.9 ? ['generator-bound'] : [],
      disturbed,
      raw,
    }
  })
}
