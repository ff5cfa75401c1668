/** All numbers, as they are in the results: as tables, and as the file itself. */
import type { Text } from '../text/language.js'
import { flat, type Leaf } from './flat.js'
import { html, type Markup, type Part, prose } from './html.js'
import { section, tableOf } from './parts.js'
import type { Words } from './phases-figure.js'
import type { Results } from './results.js'

export function rawSection(results: Results, words: Words): Markup {
  const { text } = words
  const says = text.report
  const tables = [
    [
      says.sections.compare,
      recordsTable(
        (results.compare?.results ?? []).map((it) => flat(it)),
        text,
      ),
    ],
    [says.sections.models, recordsTable(tracesOf(results), text)],
    [says.sections.claims, recordsTable(factsOf(results), text)],
  ] as const
  return section(
    'raw',
    says.sections.raw,
    words,
    html`<p class="about">${prose(says.raw.about)}</p><p><button type="button" class="download">${says.raw.download}</button></p>
${tables.map(([title, table]) =>
  table === null
    ? null
    : html`<details class="numbers raw"><summary>${title}</summary>${table(title)}</details>`,
)}`,
  )
}

function tracesOf({ traces }: Results): Map<string, Leaf>[] {
  return traces.map(
    ({ model, family, protocol, bytes, repeats, phase1, phase2, delivered, calls, again, stamps }) =>
      flat({ model, family, protocol, bytes, repeats, phase1, phase2, delivered, calls, again, stamps }),
  )
}

/** A line for each number of the evidence. */
function factsOf({ claims }: Results): Map<string, Leaf>[] {
  return (claims?.results ?? []).flatMap(({ name, findings }) =>
    findings.flatMap(({ claim, verdict, facts }) =>
      Object.entries(facts).map(([fact, { value, unit }]) =>
        flat({ experiment: name, claim, verdict, fact, value, unit }),
      ),
    ),
  )
}

/** @returns null: there is nothing */
function recordsTable(
  records: readonly ReadonlyMap<string, Leaf>[],
  text: Text,
): ((name: string) => Markup) | null {
  if (records.length === 0) return null
  const heads = [...new Set(records.flatMap((record) => [...record.keys()]))]
  const cell = (value: Leaf | undefined): Part =>
    value === undefined || value === null ? text.none : typeof value === 'number' ? value : String(value)
  const rows = records.map((record) => heads.map((head) => cell(record.get(head))))
  return (name) => tableOf({ heads, rows }, name)
}
