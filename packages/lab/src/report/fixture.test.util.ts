/** Results as a run would give them, with numbers that tell themselves apart: for the tests of the page. */
import { type Model, models } from 'fivefold'
import type { Result as ClaimResult, Figure, Finding, Quantity, VerdictName } from '../claims/claim.js'
import { experiments } from '../claims/experiments.js'
import { textOf } from '../claims/words.js'
import { environment } from '../environment.js'
import { type Protocol, type Result, without } from '../measure/results.js'
import { en } from '../text/en.js'
import type { CallEvent, Event } from '../trace/event.js'
import type { Trace } from '../trace/trace.js'
import type { Results } from './results.js'

const machine = environment('fivefold report </script>', { server: 1, generator: 0, reason: null })

export function call(name: string, more: Partial<CallEvent>): CallEvent {
  const began = more.began ?? 0
  const ended = more.ended ?? began
  const parameters = more.arguments ?? ['7']
  const none = { thread: 0, result: 0, error: null, out: null, count: 1 }
  return { ...none, ...more, kind: 'call', name, began, ended, returned: ended, arguments: parameters }
}

const mark = (what: 'asked' | 'sent' | 'data', at: number): Event => ({
  kind: 'mark',
  mark: what,
  at,
  thread: 0,
  value: 64,
  text: null,
})

/** How a model of a family waits; the message is sent at 50 ms. */
const waits: Readonly<Record<Model['family'], readonly CallEvent[]>> = {
  blocking: [call('recvfrom', { began: 10, ended: 50_210, result: 64, thread: 1 })],
  'non-blocking': [
    call('recvfrom', { began: 10, ended: 50_080, result: -1, error: 'EAGAIN', count: 1234 }),
    call('recvfrom', { began: 50_090, ended: 50_105, result: 64 }),
  ],
  multiplexing: [
    call('epoll_wait', { began: 10, ended: 50_070, arguments: ['5', 'events'], result: 1 }),
    call('recvfrom', { began: 50_200, ended: 50_218, result: 64 }),
  ],
  'signal-driven': [
    call('ppoll', { began: 10, ended: 50_060, arguments: ['NULL', '0'], result: -1, error: 'EINTR' }),
    call('recvfrom', { began: 50_300, ended: 50_316, result: 64 }),
  ],
  asynchronous: [call('io_uring_enter', { began: 10, ended: 50_190, arguments: ['6'], result: 1 })],
}

export function traceOf(
  { name, family, synchronous }: Pick<Model, 'name' | 'family' | 'synchronous'>,
  shift = 0,
): Trace {
  const calls = waits[family].map((it) => ({ ...it, ended: it.ended + shift, returned: it.returned + shift }))
  const copying = calls.findLast((it) => it.name === 'recvfrom' && it.result > 0)
  const phase2 =
    copying === undefined
      ? { from: 50_000, to: 50_190 + shift }
      : { from: Math.max(copying.began, 50_000), to: copying.ended }
  return {
    model: name,
    family,
    synchronous,
    protocol: 'udp',
    borrowed: false,
    bytes: 64,
    repeats: 5,
    kernel: { usable: false, reason: 'no-right', detail: 'EACCES' },
    states: [{ thread: 0, state: 'asleep', from: 10, to: 50_000 }],
    agreement: null,
    fd: 7,
    events: [mark('asked', 0), ...calls, mark('sent', 50_000), mark('data', phase2.to + 40)],
    phase1: { from: 0, to: phase2.from },
    phase2,
    delivered: phase2.to + 40,
    calls: calls.length,
    again: 0,
    stamps: { called: 0, ready: phase2.from, copied: phase2.to, delivered: phase2.to + 40 },
  }
}

export function resultOf(
  { name, family }: Pick<Model, 'name' | 'family'>,
  protocol: Protocol | 'file',
  connections: number,
  number: number,
): Result {
  return {
    ...without(name, family, protocol, connections, protocol === 'file' ? 4096 : 64, ''),
    reason: null,
    messagesPerSecond: 10_000 + number * 1013,
    messagesPerSecondSpread: { lowest: 9_800 + number * 1000, highest: 10_100 + number * 1030 },
    latencyMicros: { p50: 20.25 + number, p99: 100.5 + number * 7 },
    latencySamples: 20_000,
    cpuMicrosPerMessage: { user: 1.125 + number / 8, system: 3.5 + number / 4 },
    syscallsPerMessage: 2.0625,
    againPerMessage: number % 3 === 0 ? 0.5 : 0,
    cpuShareWhileWaiting: number === 1 ? 0.99 : 0.011,
    threads: 11 + number,
    threadsAtStart: 11,
    residentBytesPerConnection: protocol === 'file' ? null : 2048 + number * 64,
    errors: 0,
    reasons: protocol === 'file' ? { residentBytesPerConnection: 'reads have no connections' } : {},
  }
}

/** Every finding of the catalogue, each with numbers of its own, and a figure of each kind. */
function claimed(): ClaimResult[] {
  const verdicts: VerdictName[] = ['holds', 'holds-when', 'does-not-hold', 'not-tested']
  let number = 0
  return experiments.map(({ name, claims }, at) => {
    const said = textOf(name, en)
    const findings = claims.map((claim): Finding => {
      const verdict = verdicts[number++ % verdicts.length]!
      const { evidence, when = '' } = said.claims[claim]!
      const facts: Record<string, Quantity> = {}
      for (const [, key] of `${evidence} ${when}`.matchAll(/\{(\w+)\}/g))
        facts[key!] = { value: 3.25 + number, unit: 'microseconds' }
      const why = verdict === 'not-tested' ? { reason: 'failed' as const, what: 'a <test>' } : null
      return { claim, verdict, why, facts: why === null ? facts : {}, names: {} }
    })
    const points = (factor: number): [number, number][] =>
      [10, 100, 1000, 10_000].map((x, index) => [x, factor * (index + 1) * 1.375])
    const line = (label: string, factor: number, extrapolated = false) =>
      ({ label, unit: 'microseconds', points: points(factor), extrapolated }) as const
    const figures: Figure[] = [
      {
        kind: 'lines',
        label: 'growth',
        x: { label: 'descriptors', unit: 'count', scale: 'log' },
        y: { label: 'a wait', unit: 'microseconds', scale: 'log' },
        series: [line('select', 3 + at), line('epoll', 1 + at), line('epoll', 5 + at, true)],
      },
      {
        kind: 'bars',
        label: name === 'layers' ? 'callsMade' : 'bytes',
        unit: 'bytes',
        bars: [
          { label: 'epoll', value: 4096 + at },
          { label: 'something else', value: 512 + at },
        ],
      },
    ]
    return { name, findings, figures, checks: [{ check: 'one', ok: at % 2 === 0 }], seconds: 1.5 + at }
  })
}

export function fixture(): Results {
  const sockets = [1, 64, 1000].flatMap((connections, at) =>
    models.map((model, index) => resultOf(model, 'tcp', connections, index + at * 10)),
  )
  const files = models
    .filter(({ limits }) => limits.files)
    .map((model, index) => resultOf(model, 'file', 16, index))
  const failed = without('poll', 'multiplexing', 'tcp', 64, 64, 'nobody <answered> & "left"')
  return {
    fivefold: '0.0.0-test',
    environment: { ...machine, takenByOthers: 0.31 },
    compare: {
      environment: machine,
      results: [
        ...sockets.map((it) => (it.model === 'poll' && it.connections === 64 ? failed : it)),
        ...files,
      ],
    },
    traces: models.map((model, index) => traceOf(model, index * 700)),
    claims: { environment: machine, quick: true, results: claimed() },
    leftOut: ['something-left'],
    troubles: [{ part: 'compare', message: 'something <went> wrong' }],
  }
}
