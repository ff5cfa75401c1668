/** Runs every case for one model, in both hosts and over every transport that the case names. */
import { after, before, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { type Host, type ModelName, modelNamed, type Tuning } from '../index.js'
import { engineFor } from '../loop/engine.js'
import { datagramCases } from './cases/datagrams.js'
import { streamCases } from './cases/streams.js'
import { troubleCases } from './cases/trouble.js'
import { type Deviation, deviations } from './deviations.js'
import { faults } from './faults.js'
import { type Case, Context, openSockets, SEED, type Setting } from './harness.js'

const hosts: readonly Host[] = ['embedded', 'dedicated']
/** How long a case may fail to finish that is known not to. */
const DEVIATION_MS = 1000

/** The conformance suite of one model: in both hosts, or with a tuning in some. */
export function conform(model: ModelName, tuning: Tuning = {}, inHosts: readonly Host[] = hosts): void {
  const verdict = modelNamed(model).probe()
  if (!verdict.ok) {
    test(`${model}: not here (${verdict.reason})`, { skip: true }, () => {})
    return
  }
  guard()
  for (const host of inHosts) {
    for (const each of [...streamCases, ...troubleCases, ...datagramCases]) {
      for (const transport of each.transports) runCase(each, { model, host, transport, tuning })
    }
  }
}

function runCase(each: Case, setting: Setting): void {
  const { model, host, transport, tuning } = setting
  const deviation = deviations.find(
    (known) =>
      known.model === model &&
      known.case === each.name &&
      (known.host ?? host) === host &&
      (known.transport ?? transport) === transport,
  )
  const how = Object.entries(tuning ?? {}).map(([key, value]) => ` ${key}=${value}`)
  const name = `${model}${how.join('')} ${host} ${transport}: ${each.name}`
  test(deviation === undefined ? name : `${name} (deviates: ${deviation.reason})`, async () => {
    watch(name)
    if (deviation === undefined) await once(each, setting)
    else await deviates(each, setting, deviation)
  })
}

async function once(each: Case, setting: Setting, deadlineMs?: number): Promise<void> {
  // The engine is there before the faults are: probing it is no part of any case.
  engineFor(setting.model, setting.host, setting.tuning)
  const t = new Context(setting, seedOf(each, setting), deadlineMs)
  const sockets = openSockets().length
  try {
    await each.run(t)
  } catch (error) {
    await t.finish().catch(() => {})
    throw error
  }
  await t.finish()
  const left = openSockets().length - sockets
  if (left > 0) throw new Error(`${left} sockets were left open`)
}

async function deviates(each: Case, setting: Setting, deviation: Deviation): Promise<void> {
  try {
    await once(each, setting, DEVIATION_MS)
  } catch {
    return
  }
  throw new Error(`${setting.model} passes now: take its deviation away (${deviation.reason})`)
}

// Each case and setting has a seed of its own, the same in every run.
function seedOf(each: Case, { model, host, transport }: Setting): number {
  let hash = SEED
  for (const letter of `${each.name} ${model} ${host} ${transport}`) {
    hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0
  }
  return hash % 1_000_000
}

// ---- the guard

// A thread that looks on: when this one hangs in a call, or goes round and round, no timer of it would tell.
const state = new Int32Array(new SharedArrayBuffer(8))
const label = new Uint8Array(new SharedArrayBuffer(512))
const HANGS_MS = Number(process.env.HANGS ?? 60_000)

function watch(name: string): void {
  label.fill(0)
  new TextEncoder().encodeInto(name, label)
  Atomics.add(state, 0, 1)
  Atomics.notify(state, 0)
}

function guard(): void {
  let thread: Worker | undefined
  before(() => {
    thread = new Worker(
      `const { workerData: { state, label, ms } } = require('node:worker_threads')
       const { readdirSync, readFileSync, writeSync } = require('node:fs')
       const read = (name) => { try { return readFileSync('/proc/self/task/' + name, 'latin1').trim() } catch { return '?' } }
       for (;;) {
         const seen = Atomics.load(state, 0)
         if (Atomics.load(state, 1) === 1) break
         if (Atomics.wait(state, 0, seen, ms) !== 'timed-out') continue
         writeSync(2, 'HANGS: ' + Buffer.from(label).toString().replace(/\\0.*/, '') + '\\n')
         for (const task of readdirSync('/proc/self/task')) {
           writeSync(2, '  ' + [task, read(task + '/comm'), read(task + '/wchan'), read(task + '/syscall')].join(' ') + '\\n')
         }
         process.kill(process.pid, 'SIGKILL')
       }`,
      { eval: true, workerData: { state, label, ms: HANGS_MS } },
    )
    thread.unref()
  })
  after(() => {
    faults.off()
    Atomics.store(state, 1, 1)
    watch('')
  })
}
