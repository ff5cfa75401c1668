/** The timeline of each mechanism, one at a time behind tabs; on paper all of them. */
import type { Text } from '../text/language.js'
import type { Event } from '../trace/event.js'
import { html, type Markup, type Part } from './html.js'
import { numbers, section, type Table } from './parts.js'
import { middle } from './phases.js'
import type { Words } from './phases-figure.js'
import type { Trace } from './results.js'

export function timelinesSection(traces: readonly Trace[], words: Words): Markup {
  const { text, id } = words
  const says = text.report.timelines
  const chosen = middle(traces)
  const tab = ({ model }: Trace) => id(`tab-${model}`)
  const panel = ({ model }: Trace) => id(`timeline-${model}`)
  const content =
    chosen.length === 0
      ? html`<p class="missing">${text.report.missing}</p>`
      : html`<p class="about">${says.about}</p>
<div class="tabs" role="tablist" aria-label="${says.choose}">${chosen.map(
          (trace, index) =>
            html`<button type="button" role="tab" id="${tab(trace)}" aria-controls="${panel(trace)}" aria-selected="${index === 0 ? 'true' : 'false'}"${index === 0 ? null : html` tabindex="-1"`}>${trace.model}</button>`,
        )}</div>
${chosen.map(
  (trace, index) =>
    html`<div class="panel" role="tabpanel" id="${panel(trace)}" aria-labelledby="${tab(trace)}" tabindex="0"${index === 0 ? null : html` data-later`}><h3>${titleOf(trace, text)}</h3>${drawing(trace, text)}${numbers(table(trace, text), titleOf(trace, text), text)}</div>`,
)}`
  return section('timelines', text.report.sections.timelines, words, content)
}

function titleOf({ model, family, synchronous, protocol, bytes }: Trace, text: Text): string {
  const kinds = [text.families[family], synchronous ? text.trace.synchronous : text.trace.asynchronous]
  return text.trace.title(
    model,
    [...new Set(kinds)].join(text.comma),
    protocol.toUpperCase(),
    text.bytes(bytes),
  )
}

function drawing(_trace: Trace, _text: Text): Part {
  return null
}

function table({ events }: Trace, text: Text): Table {
  const says = text.report.timelines
  return {
    heads: [says.event, says.from, says.to, says.result],
    rows: events.map((event) => [
      said(event),
      ...(event.kind === 'call'
        ? [event.began, event.ended, resultOf(event, text)]
        : [event.at, '', event.value === null ? '' : String(event.value)]),
    ]),
  }
}

function said(event: Event): Markup {
  if (event.kind === 'mark') return html`<i>${event.mark}</i> ${event.text}`
  return html`<code>${event.name}(${event.arguments.join(', ')})</code>${event.count > 1 ? ` × ${event.count}` : ''}`
}

function resultOf(event: Event & { kind: 'call' }, _text: Text): string {
  return event.error ?? (event.out === null ? String(event.result) : `${event.result} (${event.out})`)
}
