/** The claims: all verdicts at a glance, then each experiment with its evidence and its figures. */
import type { Axis, Bars, Figure, Finding, Lines, Result, Trial, Unit, VerdictName } from '../claims/claim.js'
import { findingText, labelText, quantityText, textOf } from '../claims/words.js'
import { rounded } from '../measure/statistics.js'
import type { Text } from '../text/language.js'
import { barChart, lineChart, type Scale } from './charts.js'
import { barColour, coloursOf } from './colours.js'
import { html, type Markup, prose } from './html.js'
import { layersFigure } from './layers-figure.js'
import { figure, section, type Table } from './parts.js'
import type { Words } from './phases-figure.js'
import type { Results } from './results.js'

export function claimsSection({ claims: trial, leftOut }: Results, words: Words): Markup {
  const { text } = words
  const says = text.report.claims
  const left =
    leftOut.length === 0
      ? null
      : html`<p class="missing">${prose(says.leftOut)} ${leftOut.map((name) => html`<code>${name}</code> `)}</p>`
  const content =
    trial === null || trial.results.length === 0
      ? html`<p class="missing">${text.report.missing}</p>${left}`
      : html`<p class="about">${says.about}${trial.quick ? ` ${text.claims.quick}` : ''}</p>
<p class="tally">${tally(trial, text)}</p>
<ol class="verdicts">${trial.results.flatMap((result) =>
          result.findings.map(
            (finding) =>
              html`<li><a href="#${anchor(result, words)}">${badge(finding.verdict, text)}<span>${findingText(result.name, finding, text).says}</span></a></li>`,
          ),
        )}</ol>
${trial.results.map((result) => experiment(result, words))}${left}`
  return section('claims', text.report.sections.claims, words, content)
}

const anchor = ({ name }: Result, { id }: Words) => id(`claim-${name}`)

const badge = (verdict: VerdictName, text: Text) =>
  html`<b class="badge ${verdict}">${text.claims.verdicts[verdict]}</b>`

function tally({ results }: Trial, text: Text): string {
  const findings = results.flatMap(({ findings }) => findings)
  const of = (name: VerdictName) => findings.filter(({ verdict }) => verdict === name).length
  return text.claims.tally(of('holds'), of('holds-when'), of('does-not-hold'), of('not-tested'))
}

function experiment(result: Result, words: Words): Markup {
  const { text } = words
  const { title, question, method, checks: said } = textOf(result.name, text)
  const says = text.report.claims
  return html`<article class="experiment" id="${anchor(result, words)}"><h3>${title}</h3>
<p class="question">${prose(question)}</p>
<p class="method">${prose(method)}</p>
<dl class="findings">${result.findings.map((finding) => findingOf(result, finding, text))}</dl>
${result.figures.length === 0 ? null : html`<div class="charts">${result.figures.map((it) => figureOf(result, it, text))}</div>`}
<p class="checks">${
    result.checks.length === 0
      ? null
      : html`${says.checks}: ${result.checks.map(
          ({ check, ok }, index) =>
            html`${index > 0 ? text.comma : ''}${said[check] ?? check} <b class="${ok ? 'passed' : 'failed'}">${ok ? says.passed : says.failed}</b>`,
        )} · `
  }${says.seconds(String(rounded(result.seconds, 2)))}</p></article>`
}

function findingOf({ name }: Result, finding: Finding, text: Text): Markup {
  const { says, evidence, when } = findingText(name, finding, text)
  return html`<div class="finding ${finding.verdict}"><dt>${badge(finding.verdict, text)} ${says}</dt>${
    when === null ? null : html`<dd class="when">${text.claims.condition} ${when}</dd>`
  }<dd data-facts="${JSON.stringify(finding.facts)}">${evidence}</dd></div>`
}

// ---- figures

function figureOf(result: Result, it: Figure, text: Text): Markup {
  return it.kind === 'lines' ? linesOf(result, it, text) : barsOf(result, it, text)
}

/** What the textbook draws in a way of its own: an experiment's name, and its figure's. */
const drawings: Readonly<Record<string, (bars: Bars, title: string, text: Text) => Markup>> = {
  'layers callsMade': layersFigure,
}

const format = (unit: Unit, text: Text) => (value: number) => quantityText({ value, unit }, text)

function linesOf({ name }: Result, lines: Lines, text: Text): Markup {
  const label = (key: string) => labelText(name, key, text)
  // A measured curve and its extrapolation are one colour.
  const colours = coloursOf([...new Set(lines.series.map((series) => series.label))])
  const curves = lines.series.map((series) => ({
    label: series.extrapolated ? text.report.claims.extrapolated(label(series.label)) : label(series.label),
    colour: colours.get(series.label)!,
    points: series.points,
    extrapolated: series.extrapolated,
  }))
  const scaleOf = ({ label: key, scale, unit }: Axis): Scale => ({
    label: label(key),
    log: scale === 'log',
    format: format(unit, text),
    // So that marks are whole KiB and MiB.
    ...(unit === 'bytes' ? { base: 16 } : {}),
  })
  const drawing = lineChart({
    title: label(lines.label),
    curves,
    x: scaleOf(lines.x),
    y: scaleOf(lines.y),
  })
  const places = [...new Set(curves.flatMap(({ points }) => points.map(([x]) => x)))].toSorted(
    (a, b) => a - b,
  )
  const table: Table = {
    heads: [label(lines.x.label), ...curves.map((curve) => curve.label)],
    rows: places.map((place) => [
      format(lines.x.unit, text)(place),
      ...curves.map(({ points }) => points.find(([x]) => x === place)?.[1] ?? text.none),
    ]),
  }
  return figure(label(lines.label), drawing, table, text)
}

function barsOf({ name }: Result, it: Bars, text: Text): Markup {
  const label = labelText(name, it.label, text)
  const title = it.group === undefined ? label : `${label} · ${it.group}`
  const shown = format(it.unit, text)
  const named = it.bars.map((bar) => ({
    label: labelText(name, bar.label, text),
    colour: barColour(bar.label),
    parts: [{ name: '', value: bar.value }],
    text: shown(bar.value),
    spread: null,
  }))
  const table: Table = {
    heads: [text.report.measures.mechanism, title],
    rows: named.map(({ label, parts }) => [label, parts[0]!.value]),
  }
  const draw = drawings[`${name} ${it.label}`]
  const drawing = draw?.(it, title, text) ?? barChart({ title, bars: named, format: shown, legend: [] })
  return figure(title, drawing, table, text)
}
