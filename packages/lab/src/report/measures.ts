/** What there is to show of a comparison's result: for the charts, the tables and the differences. */
import type { Result } from '../measure/results.js'
import { rounded } from '../measure/statistics.js'
import type { Text } from '../text/language.js'

/** A column of the tables, a chart, and a curve: one thing that was measured. */
export interface Measure {
  /** The same in every language. */
  readonly name: string
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
      name: 'messagesPerSecond',
      title: protocol === 'file' ? says.reads : says.rate,
      parts: [],
      values: ({ messagesPerSecond }) => one(messagesPerSecond),
      spread: ({ messagesPerSecondSpread: it }) => (it === null ? null : [it.lowest, it.highest]),
      field: 'messagesPerSecond',
      format: plain,
      curve: true,
    },
    {
      name: 'latencyMicros.p50',
      title: says.median,
      parts: [],
      values: ({ latencyMicros }) => one(latencyMicros?.p50),
      field: 'latencyMicros',
      format: plain,
      curve: true,
    },
    {
      name: 'latencyMicros.p99',
      title: says.tail,
      parts: [],
      values: ({ latencyMicros }) => one(latencyMicros?.p99),
      field: 'latencyMicros',
      format: plain,
      curve: false,
    },
    {
      name: 'cpuMicrosPerMessage',
      title: protocol === 'file' ? says.cpuOfReads : says.cpu,
      parts: [says.user, says.system],
      values: ({ cpuMicrosPerMessage: it }) => (it === null ? null : [it.user, it.system]),
      field: 'cpuMicrosPerMessage',
      format: plain,
      curve: true,
    },
    {
      name: 'syscallsPerMessage',
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
      name: 'cpuShareWhileWaiting',
      title: says.idle,
      parts: [],
      values: ({ cpuShareWhileWaiting }) => one(cpuShareWhileWaiting),
      field: 'cpuShareWhileWaiting',
      format: percent,
      curve: false,
    },
    {
      name: 'threads',
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
          name: 'residentKiBPerConnection',
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
