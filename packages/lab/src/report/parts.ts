/** What the page's sections are built of. */
import { rounded } from '../measure/statistics.js'
import type { Text } from '../text/language.js'
import { html, type Markup, type Part } from './html.js'
import type { Words } from './phases-figure.js'

export interface Table {
  readonly heads: readonly string[]
  /** Numbers are set to the right. */
  readonly rows: readonly (readonly (Part | number)[])[]
}

/** @param name what it is a table of, where no summary says so */
export function tableOf({ heads, rows }: Table, name: string | null = null): Markup {
  const cell = (content: Part, index: number) =>
    typeof content === 'number'
      ? html`<td class="number" data-value="${content}">${plainNumber(content)}</td>`
      : index === 0
        ? html`<th scope="row">${content}</th>`
        : html`<td>${content}</td>`
  return html`<div class="scroll" tabindex="0" role="region"${
    name === null ? null : html` aria-label="${name}"`
  }><table><thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead><tbody>${rows.map(
    (row) => html`<tr>${row.map(cell)}</tr>`,
  )}</tbody></table></div>`
}

/** The table that says the same as a figure. */
export function numbers(table: Table, what: string, text: Text): Markup {
  return html`<details class="numbers"><summary><span class="visually-hidden">${text.report.numbersOf(what)}</span><span aria-hidden="true">${text.report.numbers}</span></summary>${tableOf(table, what)}</details>`
}

export function figure(title: string, drawing: Markup, table: Table, text: Text): Markup {
  return html`<figure><figcaption>${title}</figcaption>${drawing}${numbers(table, title, text)}</figure>`
}

export function section(id: string, title: string, words: Words, content: Part): Markup {
  const name = words.id(id)
  return html`<section id="${name}" aria-labelledby="${name}-title"><h2 id="${name}-title">${title}</h2>${content}</section>`
}

const plainNumber = (value: number) => rounded(value, 4).toLocaleString('en', { maximumFractionDigits: 6 })

/** `12.3 µs`, `4.5 ms`: three figures and the unit that suits. */
export function durationText(micros: number): string {
  if (micros >= 1e6) return `${rounded(micros / 1e6)} s`
  if (micros >= 999.5) return `${rounded(micros / 1000)} ms`
  return `${rounded(micros)} µs`
}
