/** The comparison: charts for each load, what the numbers say, and curves where there are several loads of a kind. */
import { bytes, groups, legendOf, notesOf } from '../commands/comparison.js'
import { reading } from '../measure/reading.js'
import type { Comparison, Result } from '../measure/results.js'
import type { Text } from '../text/language.js'
import { barsOf, curvesOf } from './compare-charts.js'
import { html, type Markup } from './html.js'
import { type Measure, measures, sum, whyNot } from './measures.js'
import { figure, section, type Table } from './parts.js'
import type { Words } from './phases-figure.js'

export function compareSection(comparison: Comparison | null, words: Words): Markup {
  const { text } = words
  const results = comparison?.results ?? []
  const content =
    results.length === 0
      ? html`<p class="missing">${text.report.missing}</p>`
      : html`${groups(results).map((group) => load(group, text))}${scaling(results, text)}`
  return section('compare', text.report.sections.compare, words, content)
}

export function titleOf({ protocol, connections, size }: Result, text: Text): string {
  const says = text.compare
  return protocol === 'file'
    ? says.aboutFiles(says.temporaryFile, bytes(size), connections)
    : says.about(protocol.toUpperCase(), connections, bytes(size))
}

function load(group: readonly Result[], text: Text): Markup {
  const first = group[0]!
  const list = (lines: readonly string[], kind: string) =>
    lines.length === 0 ? null : html`<ul class="${kind}">${lines.map((line) => html`<li>${line}</li>`)}</ul>`
  const measured = measures(text, first.protocol).filter((measure) =>
    group.some((result) => measure.values(result) !== null),
  )
  return html`<h3>${titleOf(first, text)}</h3>
${list(reading(group, text), 'reading')}
<div class="charts">${measured.map((measure) =>
    figure(measure.title, barsOf(group, measure, text), tableOf(group, measure, text), text),
  )}</div>
${list([...legendOf(group, text), text.report.measures.spread], 'small-print')}
${list(notesOf(group, text), 'notes')}`
}

function tableOf(group: readonly Result[], measure: Measure, text: Text): Table {
  const parts = measure.parts.length > 0 ? measure.parts : []
  return {
    heads: [text.report.measures.mechanism, measure.title, ...parts],
    rows: group.map((result) => {
      const values = measure.values(result)
      if (values === null)
        return [result.model, `${text.none} ${whyNot(result, measure)}`.trim(), ...parts.map(() => '')]
      return [result.model, sum(values), ...(parts.length > 0 ? values : [])]
    }),
  }
}

function scaling(results: readonly Result[], text: Text): Markup[] {
  const kinds = new Map<string, Result[]>()
  for (const result of results) {
    if (result.protocol === 'file') continue
    const key = `${result.protocol.toUpperCase()}, ${bytes(result.size)}`
    kinds.set(key, [...(kinds.get(key) ?? []), result])
  }
  return [...kinds]
    .filter(([, kind]) => new Set(kind.map(({ connections }) => connections)).size > 1)
    .map(([name, kind]) => {
      const grown = measures(text, kind[0]!.protocol).filter(
        (measure) => measure.curve && kind.some((result) => measure.values(result) !== null),
      )
      return html`<h3>${text.report.scaling(name)}</h3><div class="charts">${grown.map((measure) =>
        figure(measure.title, curvesOf(kind, measure, text), curveTable(kind, measure, text), text),
      )}</div>`
    })
}

function curveTable(results: readonly Result[], measure: Measure, text: Text): Table {
  const counts = [...new Set(results.map(({ connections }) => connections))].toSorted((a, b) => a - b)
  const names = [...new Set(results.map(({ model }) => model))]
  return {
    heads: [text.report.measures.mechanism, ...counts.map(text.count)],
    rows: names.map((name) => [
      name,
      ...counts.map((count) => {
        const result = results.find(({ model, connections }) => model === name && connections === count)
        const values = result === undefined ? null : measure.values(result)
        return values === null ? text.none : sum(values)
      }),
    ]),
  }
}
