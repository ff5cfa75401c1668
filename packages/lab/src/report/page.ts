/** The report: one HTML file with both languages in it, which loads nothing. */
import { machine, percent } from '../commands/comparison.js'
import { type Language, languages, type Text } from '../text/language.js'
import { timelineStyle } from '../trace/svg.js'
import { claimsSection } from './claims-section.js'
import { compareSection } from './compare-section.js'
import { flat } from './flat.js'
import { embedded, html, Markup, type Part } from './html.js'
import { modelsSection } from './models-section.js'
import { durationText, section, tableOf } from './parts.js'
import type { Words } from './phases-figure.js'
import { rawSection } from './raw-section.js'
import type { Results } from './results.js'
import { script } from './script.js'
import { style } from './style.js'
import { timelinesSection } from './timelines-section.js'

const tags: Readonly<Record<Language, string>> = { en: 'en', zh: 'zh-CN' }
/** Nothing may be loaded from anywhere: the browser itself sees to it. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"

/** When others take more of the machine than this, the numbers are not worth much. */
const BUSY = 0.1

export function page(results: Results, first: Language): string {
  const order = (Object.keys(languages) as Language[]).toSorted((a) => (a === first ? -1 : 1))
  const text = languages[first]
  return html`<!doctype html>
<html lang="${tags[first]}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${text.report.title}</title>
<style>${new Markup(style + timelineStyle)}</style>
</head>
<body>
<fieldset class="languages"><legend class="visually-hidden">${order.map((it) => languages[it].report.language).join(' / ')}</legend>${order.map(
    (it) =>
      html`<label><input type="radio" name="language" value="${it}" data-tag="${tags[it]}" data-title="${languages[it].report.title}"${it === first ? html` checked` : null}><span lang="${tags[it]}">${languages[it].report.itself}</span></label>`,
  )}</fieldset>
${order.map((it) => edition(results, it))}
<script type="application/json" id="results">${embedded(results)}</script>
<script>${new Markup(script)}</script>
</body>
</html>
`.text
}

function edition(results: Results, language: Language): Markup {
  const text = languages[language]
  const says = text.report
  const { environment } = results
  const words: Words = { text, duration: durationText, id: (name) => `${language}-${name}` }
  const sections = ['models', 'timelines', 'compare', 'claims', 'environment', 'raw'] as const
  return html`<div class="edition" data-language="${language}" lang="${tags[language]}">
<header><h1>${says.title}</h1>
<p class="subtitle">${says.subtitle(environment.kernel.split('-')[0]!, environment.cpu)}</p>
<p class="date">${says.measured(environment.date.slice(0, 16).replace('T', ' '))} UTC</p></header>
<nav aria-label="${says.contents}"><ul>${sections.map(
    (name) => html`<li><a href="#${words.id(name)}">${says.sections[name]}</a></li>`,
  )}</ul></nav>
<main>
${busy(results, text)}${troubles(results, text)}
${modelsSection(results.traces, words)}
${timelinesSection(results.traces, words)}
${compareSection(results.compare, words)}
${claimsSection(results, words)}
${section('environment', says.sections.environment, words, environmentOf(results, text))}
${rawSection(results, words)}
</main>
<footer>fivefold ${results.fivefold} · <code>${environment.command}</code></footer>
</div>`
}

function busy({ environment }: Results, text: Text): Part {
  const { takenByOthers } = environment
  if (takenByOthers === null || takenByOthers <= BUSY) return null
  return html`<p class="warning" role="note">${text.compare.findings.busy(percent(takenByOthers))}</p>`
}

function troubles({ troubles }: Results, text: Text): Part {
  if (troubles.length === 0) return null
  return html`<div class="warning" role="note"><b>${text.report.troubles}</b><ul>${troubles.map(
    ({ part, message }) => html`<li><code>${part}</code>: ${message}</li>`,
  )}</ul></div>`
}

function environmentOf({ environment }: Results, text: Text): Markup {
  const rows = [...flat(environment)].map(([name, value]): Part[] => [
    html`<code>${name}</code>`,
    value === null ? text.none : String(value),
  ])
  return html`<p class="about">${text.report.environment.about}</p>
<ul class="machine">${machine(environment, text).map((line) => html`<li>${line}</li>`)}</ul>
<details class="numbers"><summary>${text.report.numbers}</summary>${tableOf({ heads: [text.report.diff.field, ''], rows })}</details>`
}
