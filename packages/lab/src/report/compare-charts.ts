/** The comparison as charts: bars for each load, curves where there are several numbers of connections. */
import type { Result } from '../measure/results.js'
import { rounded } from '../measure/statistics.js'
import type { Text } from '../text/language.js'
import { type BarChart, barChart, type LineChart, lineChart } from './charts.js'
import { coloursOf, familyColour } from './colours.js'
import type { Markup } from './html.js'
import { type Measure, sum, whyNot } from './measures.js'

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
  const colours = coloursOf(names)
  const curves = names
    .map((name): LineChart['curves'][number] => ({
      label: name,
      colour: colours.get(name)!,
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
