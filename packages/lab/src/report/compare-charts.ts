/** The comparison as charts: bars for each load, curves where there are several numbers of connections. */
import type { Result } from '../measure/results.js'
import { rounded } from '../measure/statistics.js'
import type { Text } from '../text/language.js'
import { type BarChart, barChart, type LineChart, lineChart } from './charts.js'
import { colourOf, familyColour } from './colours.js'
import type { Markup } from './html.js'

/** A column of the tables, a chart, and a curve: one thing that was measured. */
export interface Measure {
  readonly title: string
  readonly parts: readonly string[]
  values(result: Result): readonly number[] | null
  spread?(result: Result): readonly [number, number] | null
  /** The field of `reasons` that says why it is not there. */
  readonly field: keyof Result
  format(value: number): string
  readonly curve: boolean
}

export function measures(text: Text, protocol: Result['protocol']): Measure[] {
  const says = text.report.measures
  const plain = (value: number) => text.count(rounded(value))
  const one = (value: number | null | undefined) => (value == null ? null : [value])
  const percent = (value: number) => `${plain(value * 100)} %`
  const all: (Measure | null)[] = [
    {
      title: protocol === 'file' ? says.reads : says.rate,
      parts: [],
      values: ({ messagesPerSecond }) => one(messagesPerSecond),
      spread: ({ messagesPerSecondSpread: it }) => (it === null ? null : [it.lowest, it.highest]),
      field: 'messagesPerSecond',
      format: plain,
      curve: true,
    },
    {
      title: says.median,
      parts: [],
      values: ({ latencyMicros }) => one(latencyMicros?.p50),
      field: 'latencyMicros',
      format: plain,
      curve: true,
    },
    {
      title: says.tail,
      parts: [],
      values: ({ latencyMicros }) => one(latencyMicros?.p99),
      field: 'latencyMicros',
      format: plain,
      curve: false,
    },
    {
      title: protocol === 'file' ? says.cpuOfReads : says.cpu,
      parts: [says.user, says.system],
      values: ({ cpuMicrosPerMessage: it }) => (it === null ? null : [it.user, it.system]),
      field: 'cpuMicrosPerMessage',
      format: plain,
      curve: true,
    },
    {
      title: protocol === 'file' ? says.callsOfReads : says.calls,
      parts: [says.done, says.again],
      values: ({ syscallsPerMessage, againPerMessage }) =>
        syscallsPerMessage === null
          ? null
          : [syscallsPerMessage - (againPerMessage ?? 0), againPerMessage ?? 0],
      field: 'syscallsPerMessage',
      format: plain,
      curve: false,
    },
    {
      title: says.idle,
      parts: [],
      values: ({ cpuShareWhileWaiting }) => one(cpuShareWhileWaiting),
      field: 'cpuShareWhileWaiting',
      format: percent,
      curve: false,
    },
    {
      title: says.threads,
      parts: [],
      values: ({ threads }) => one(threads),
      field: 'threads',
      format: plain,
      curve: true,
    },
    protocol === 'file' || protocol === 'udp'
      ? null
      : {
          title: says.memory,
          parts: [],
          values: ({ residentBytesPerConnection: it }) => (it === null ? null : [it / 1024]),
          field: 'residentBytesPerConnection',
          format: plain,
          curve: false,
        },
  ]
  return all.filter((measure) => measure !== null)
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** Why a number is not there. */
export const whyNot = (result: Result, { field }: Measure): string =>
  result.reason ?? result.reasons[field] ?? result.reasons.model ?? ''

export function barsOf(group: readonly Result[], measure: Measure, text: Text): Markup {
  const bars = group.map((result): BarChart['bars'][number] => {
    const values = measure.values(result)
    return {
      label: result.model,
      colour: familyColour(result.family),
      parts: (values ?? []).map((value, index) => ({ name: measure.parts[index] ?? '', value })),
      text: values === null ? text.none : measure.format(sum(values)),
      spread: measure.spread?.(result) ?? null,
      ...(values === null ? { note: whyNot(result, measure) } : {}),
    }
  })
  return barChart({ title: measure.title, bars, format: measure.format, legend: measure.parts })
}

/** Curves over the number of connections, of results that differ in nothing else. */
export function curvesOf(results: readonly Result[], measure: Measure, text: Text): Markup {
  const names = [...new Set(results.map(({ model }) => model))]
  const curves = names
    .map((name, index): LineChart['curves'][number] => ({
      label: name,
      colour: colourOf(name, index),
      extrapolated: false,
      points: results
        .filter(({ model }) => model === name)
        .map((result): [number, number | null] => {
          const values = measure.values(result)
          return [result.connections, values === null ? null : sum(values)]
        })
        .filter((point): point is [number, number] => point[1] !== null)
        .toSorted(([a], [b]) => a - b),
    }))
    .filter(({ points }) => points.length > 0)
  const plain = (value: number) => text.count(rounded(value))
  return lineChart({
    title: measure.title,
    curves,
    x: { label: text.report.measures.connections, log: true, format: plain },
    y: { label: measure.title, log: true, format: measure.format },
  })
}
