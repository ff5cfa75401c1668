/** The timeline of each mechanism, one at a time behind tabs; on paper all of them. And how far its witnesses agree. */
import { rounded } from '../measure/statistics.js'
import type { Text } from '../text/language.js'
import { boundaries } from '../trace/agreement.js'
import type { CallEvent, Event } from '../trace/event.js'
import { drawTimeline, titleOf } from '../trace/svg.js'
import type { Trace } from '../trace/trace.js'
import { html, Markup } from './html.js'
import { numbers, section, type Table, tableOf } from './parts.js'
import type { Words } from './phases-figure.js'

export function timelinesSection(traces: readonly Trace[], words: Words): Markup {
  const { text, id } = words
  const says = text.report.timelines
  const key = ({ model, protocol }: Trace) => (protocol === 'file' ? `${model}-file` : model)
  const name = ({ model, protocol }: Trace) =>
    protocol === 'file' ? `${model} · ${text.witness.file}` : model
  const tab = (trace: Trace) => id(`tab-${key(trace)}`)
  const panel = (trace: Trace) => id(`timeline-${key(trace)}`)
  const content =
    traces.length === 0
      ? html`<p class="missing">${text.report.missing}</p>`
      : html`<p class="about">${says.about}</p>
<div class="tabs" role="tablist" aria-label="${says.choose}">${traces.map(
          (trace, index) =>
            html`<button type="button" role="tab" id="${tab(trace)}" aria-controls="${panel(trace)}" aria-selected="${index === 0 ? 'true' : 'false'}"${index === 0 ? null : html` tabindex="-1"`}>${name(trace)}</button>`,
        )}</div>
${traces.map((trace) => {
  const title = titleOf(trace, text)
  const drawing = new Markup(drawTimeline(trace, { text, embedStyle: false }))
  return html`<div class="panel" role="tabpanel" id="${panel(trace)}" aria-labelledby="${tab(trace)}" tabindex="0"><h3 class="visually-hidden">${title}</h3>
<div class="scroll" tabindex="0" role="region" aria-label="${title} (${text.report.scrolls})">${drawing}</div>
${numbers(eventsOf(trace, text), title, text)}</div>`
})}
${agreement(traces, text)}`
  return section('timelines', text.report.sections.timelines, words, content)
}

// ---- the two witnesses

function agreement(traces: readonly Trace[], text: Text): Markup {
  const { columns, about } = text.witness.table
  const title = text.report.timelines.agreement
  const repeats = Math.max(...traces.map((trace) => trace.repeats))
  const why = traces.flatMap(({ kernel }) => (kernel.usable ? [] : [text.witness.reasons[kernel.reason]]))
  const notes = [...new Set(why)].map(text.witness.facts.why)
  const rows = traces
    .filter((trace) => trace.agreement !== null)
    .map((trace) => [
      trace.model,
      trace.protocol,
      ...boundaries.map(
        (boundary) =>
          trace.agreement!.boundaries.find((one) => one.boundary === boundary)?.medianDistanceMicros ??
          text.none,
      ),
      trace.agreement!.agree ? text.yes : text.no,
    ])
  const heads = [
    columns.model,
    columns.protocol,
    ...boundaries.map((boundary) => columns[boundary]),
    columns.verdict,
  ].map((head) => head.replace('\n', ' '))
  return html`<h3>${title}</h3>${
    rows.length === 0
      ? null
      : html`<p class="about">${about(repeats)}</p><div class="agreement">${tableOf({ heads, rows }, title)}</div>`
  }${notes.map((note) => html`<p class="about">${note}</p>`)}`
}

// ---- the same as a table

function eventsOf({ events }: Trace, text: Text): Table {
  const says = text.report.timelines
  return {
    heads: [says.event, says.from, says.to, says.kernel, says.result],
    rows: events.map((event) =>
      event.kind === 'call'
        ? [
            called(event),
            event.began,
            event.ended,
            event.kernel === undefined
              ? text.none
              : [event.kernel.entered, event.kernel.left]
                  .map((at) => (at === null ? '' : rounded(at, 6)))
                  .join(' … '),
            event.error ?? (event.out === null ? String(event.result) : `${event.result} (${event.out})`),
          ]
        : [marked(event, text), event.at, '', '', event.value === null ? '' : String(event.value)],
    ),
  }
}

function called({ name, arguments: parameters, count, thread }: CallEvent): Markup {
  return html`<code>${name}(${parameters.join(', ')})</code>${count > 1 ? ` × ${count}` : ''}${thread > 0 ? ` [${thread}]` : ''}`
}

function marked({ mark, value, text: of, thread }: Event & { kind: 'mark' }, text: Text): string {
  const says = text.trace.marks
  if (mark === 'asked') return says.asked
  if (mark === 'thread') return says.thread(thread)
  if (mark === 'handler') return says.handler(of ?? '')
  if (mark === 'signal') return says.signal(of ?? '')
  if (mark === 'sent') return says.sent(text.bytes(value ?? 0))
  if (mark === 'submission') return says.submission(of ?? '')
  if (mark === 'completion') return says.completion(value ?? 0)
  return says.data(text.bytes(value ?? 0))
}
