/** The counters in Prometheus' text format: `GET /metrics`. */
import { release } from 'node:os'
import { allTotals, totalsOf } from './counters.js'

export interface Served {
  readonly model: string
  readonly threads: number
  readonly counters: SharedArrayBuffer
}

export interface Metrics {
  readonly contentType: string
  text(): Promise<string>
}

/** Loaded when somebody first asks. */
export async function metricsOf({ model, threads, counters }: Served): Promise<Metrics> {
  const { Counter, Gauge, Registry } = (await import('prom-client')).default
  const registry = new Registry()
  registry.setDefaultLabels({ model })
  const rows = () =>
    Array.from({ length: threads }, (_, thread) => ({ thread, ...totalsOf(counters, thread) }))
  const settings = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) => ({
    name,
    help,
    labelNames,
    registers: [registry],
  })

  new Gauge({
    ...settings('fivefold_info', 'What serves: always 1.', ['kernel', 'node']),
    collect() {
      this.set({ kernel: release(), node: process.version }, 1)
    },
  })
  const counter = (name: string, help: string, of: (row: ReturnType<typeof rows>[number]) => number) =>
    new Counter({
      ...settings(name, help, ['thread']),
      collect() {
        this.reset()
        for (const row of rows()) this.inc({ thread: row.thread }, of(row))
      },
    })
  counter('fivefold_connections_total', 'Connections accepted.', (row) => row.accepted)
  new Gauge({
    ...settings('fivefold_connections_open', 'Connections open now.', ['thread']),
    collect() {
      for (const row of rows()) this.set({ thread: row.thread }, row.open)
    },
  })
  new Counter({
    ...settings('fivefold_requests_total', 'Requests answered, this one not yet among them.', [
      'thread',
      'status',
    ]),
    collect() {
      this.reset()
      for (const { thread, byStatus } of rows()) {
        for (const [status, count] of byStatus) this.inc({ thread, status }, count)
      }
    },
  })
  counter('fivefold_requests_from_memory_total', 'Of these, answered out of memory.', (row) => row.fromMemory)
  counter(
    'fivefold_response_body_bytes_total',
    'Bytes of bodies handed to connections.',
    (row) => row.bodyBytes,
  )
  counter('fivefold_responses_cut_total', 'Responses that did not come to their end.', (row) => row.cut)
  new Counter({
    ...settings('process_cpu_seconds_total', 'Processor time of the process, all its threads.', ['mode']),
    collect() {
      this.reset()
      const { userCPUTime, systemCPUTime } = process.resourceUsage()
      this.inc({ mode: 'user' }, userCPUTime / 1e6)
      this.inc({ mode: 'system' }, systemCPUTime / 1e6)
    },
  })
  new Gauge({
    ...settings('fivefold_cpu_seconds_per_request', 'Processor time by requests, since the start.', []),
    collect() {
      const { userCPUTime, systemCPUTime } = process.resourceUsage()
      const { requests } = allTotals(counters)
      if (requests > 0) this.set((userCPUTime + systemCPUTime) / 1e6 / requests)
    },
  })
  new Gauge({
    ...settings('process_resident_memory_bytes', 'Resident memory of the process.', []),
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  new Gauge({
    ...settings('process_start_time_seconds', 'When the process started, in seconds since 1970.', []),
    collect() {
      this.set(performance.timeOrigin / 1000)
    },
  })
  return { contentType: registry.contentType, text: () => registry.metrics() }
}
