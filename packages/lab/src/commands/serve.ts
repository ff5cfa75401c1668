/** `fivefold serve DIR`: the textbook's web server, on any model. */
import { resolve } from 'node:path'
import { choose, type Model, modelNamed } from 'fivefold'
import { getrlimit, RLIMIT_NOFILE } from 'fivefold/sys'
import { duration, given, has, modelName, port } from '../arguments.js'
import { Failure, USAGE } from '../failure.js'
import type { Whole, WholeConfig } from '../serve/threads.js'
import type { Text } from '../text/language.js'
import type { Command, Invocation } from './command.js'

const PORT = 8080
const HOST = '127.0.0.1'
const GRACE_MS = 10_000
const MOST_WORKERS = 256

interface Plan extends WholeConfig {
  readonly chosen: Model
  readonly graceMs: number
}

function planOf({ parsed, text }: Invocation): Plan {
  const [folder] = parsed.positionals
  if (folder === undefined) throw new Failure(text.serve.missingFolder, USAGE)
  const option = <T>(name: string, read: (value: string) => T, otherwise: T): T => {
    const value = given(parsed, name)
    return value === undefined ? otherwise : read(value)
  }
  const chosen = option('model', (value) => modelNamed(modelName(value, text)), null)
  const verdict = chosen?.probe()
  if (chosen !== null && verdict?.ok === false) {
    throw new Failure(text.errors.unavailable(chosen.name, verdict.reason, verdict.cure))
  }
  const threads = option('workers', (value) => workers(value, text), 1)
  const model = chosen ?? choose().model
  if (threads > 1 && !model.limits.workers) throw new Failure(text.serve.mainThreadOnly(model.name), USAGE)
  return {
    folder: resolve(folder),
    host: given(parsed, 'host') ?? HOST,
    port: option('port', (value) => port(value, text), PORT),
    model: model.name,
    threads,
    chosen: model,
    graceMs: option('grace', (value) => duration(value, text), GRACE_MS),
  }
}

function workers(value: string, text: Text): number {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
  if (!(number >= 1 && number <= MOST_WORKERS)) throw new Failure(text.serve.badWorkers(value), USAGE)
  return number
}

async function started({ chosen: _, graceMs: __, ...config }: Plan, text: Text): Promise<Whole> {
  // Loaded by whoever serves alone: the other commands need none of it.
  const { startThreads } = await import('../serve/threads.js')
  try {
    return await startThreads(config)
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException
    const { errors } = text
    if (code === 'EADDRINUSE') throw new Failure(errors.portInUse(config.port))
    if (syscall === 'realpath' || syscall === 'lstat') {
      const forbidden = code === 'EACCES' || code === 'EPERM'
      throw new Failure((forbidden ? text.serve.folderForbidden : text.serve.noFolder)(config.folder))
    }
    if (code === 'EACCES') throw new Failure(errors.portForbidden(config.port))
    throw new Failure(text.serve.badAddress(config.host, message))
  }
}

const urlOf = (host: string, port: number) => `http://${host.includes(':') ? `[${host}]` : host}:${port}/`

export const serve: Command = {
  name: 'serve',
  options: {
    model: { type: 'string', value: 'MODEL' },
    port: { type: 'string', value: 'PORT' },
    host: { type: 'string', value: 'ADDRESS' },
    workers: { type: 'string', value: 'N' },
    grace: { type: 'string', value: 'TIME' },
    quiet: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  mostPositionals: 1,

  async run(invocation) {
    const { parsed, text, out, err, signal } = invocation
    const plan = planOf(invocation)
    const whole = await started(plan, text)
    const { allTotals } = await import('../serve/counters.js')
    const url = urlOf(plan.host, whole.port)
    const json = has(parsed, 'json')
    const talks = !json && !has(parsed, 'quiet')
    // One waits to accept, and some are the process's own.
    const most = Math.min(
      (plan.chosen.limits.maxWaiting - 1) * plan.threads,
      getrlimit(RLIMIT_NOFILE).soft - 64,
    )
    if (json) {
      const { model, port } = whole
      const { folder, threads } = plan
      out.line(
        JSON.stringify({ event: 'listening', url, port, model, folder, threads, maxConnections: most }),
      )
    } else if (talks) {
      out.line(text.serve.listening(whole.model, plan.folder, url))
      if (plan.threads > 1) out.line(text.serve.threads(plan.threads))
      out.line(text.serve.mostConnections(most))
    }
    await Promise.race([aborted(signal), whole.failed])
    if (talks) err.line(text.serve.stopping(Math.ceil(plan.graceMs / 1000)))
    const cut = await whole.stop(plan.graceMs)
    const { requests, accepted, bodyBytes, byStatus } = allTotals(whole.counters)
    if (json) {
      const { userCPUTime, systemCPUTime } = process.resourceUsage()
      out.line(
        JSON.stringify({
          event: 'stopped',
          requests,
          connections: accepted,
          bodyBytes,
          statuses: Object.fromEntries(byStatus),
          cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
          cut,
        }),
      )
    } else if (talks) out.line(text.serve.served(requests, accepted, text.bytes(bodyBytes)))
    if (cut > 0) err.line(text.serve.cut(cut))
    return cut > 0 ? 1 : 0
  },
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
