/** The five models side by side: the figure from the traces, what it says, and its numbers. */
import type { Text } from '../text/language.js'
import type { Trace } from '../trace/trace.js'
import { html, type Markup } from './html.js'
import { numbers, section, type tableOf } from './parts.js'
import { type Phases, phasesOf } from './phases.js'
import { kinds, phasesFigure, type Words } from './phases-figure.js'

export function modelsSection(traces: readonly Trace[], words: Words): Markup {
  const { text, id } = words
  const says = text.report.phases
  const columns = traces.filter(({ protocol }) => protocol !== 'file').map(phasesOf)
  const times = Math.max(0, ...traces.map(({ repeats }) => repeats))
  const content =
    columns.length === 0
      ? html`<p class="missing">${text.report.missing}</p>`
      : html`<p class="about">${says.about(times)}</p>
<figure class="wide"><figcaption>${says.title}</figcaption>
<div class="scroll" tabindex="0" role="region" aria-label="${says.title} (${text.report.scrolls})">${phasesFigure(columns, words)}</div>
<ul class="legend kinds">${kinds(columns).map(
          (kind) =>
            html`<li><svg width="18" height="12" aria-hidden="true"><rect class="${kind}" width="18" height="12" rx="2"${kind === 'checking' ? html` fill="url(#${id('hatch')})"` : null}/></svg>${says.kinds[kind]}</li>`,
        )}</ul>
<ul class="reading">${readingOf(columns, words).map((line) => html`<li>${line}</li>`)}</ul>
${numbers(table(columns, text), says.title, text)}</figure>`
  return section('models', text.report.sections.models, words, content)
}

function readingOf(columns: readonly Phases[], { text, duration }: Words): string[] {
  const says = text.report.phases.reading
  const names = (chosen: readonly Phases[]) => text.list(chosen.map(({ model }) => model))
  const found: string[] = []
  const held = columns.filter(({ first }) => first === 'held')
  const free = columns.filter(({ first }) => first === 'free')
  const told = columns.filter(({ second }) => second === 'free')
  if (held.length > 0) found.push(says.held(names(held)))
  for (const { model, first, checks } of columns) {
    if (first === 'checking') found.push(says.checking(model, text.count(checks)))
  }
  if (free.length > 0) found.push(says.free(names(free)))
  if (told.length > 0) found.push(says.notCopying(names(told)))
  const byCopy = columns.toSorted((a, b) => a.copyMicros - b.copyMicros)
  const [least] = byCopy
  const most = byCopy.at(-1)
  if (least !== undefined && most !== undefined && least !== most) {
    found.push(says.copy(duration(least.copyMicros), least.model, duration(most.copyMicros), most.model))
  }
  return found
}

function table(columns: readonly Phases[], text: Text): Parameters<typeof tableOf>[0] {
  const says = text.report.phases
  const heads = says.columns
  return {
    heads: [
      heads.mechanism,
      heads.model,
      heads.protocol,
      heads.wait,
      heads.first,
      heads.call,
      heads.notice,
      heads.copy,
      heads.second,
      heads.copier,
      heads.hand,
    ],
    rows: columns.map((column) => [
      column.model,
      text.families[column.family],
      column.protocol,
      column.waitMicros,
      says.holds[column.first],
      column.firstCall ?? text.none,
      column.noticeMicros,
      column.copyMicros,
      says.copies[column.second],
      column.secondCall ?? text.none,
      column.handMicros,
    ]),
  }
}
