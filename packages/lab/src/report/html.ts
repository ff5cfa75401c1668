/** Markup from templates: what is put in is escaped, unless it is markup already. */

export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type Part = string | number | Markup | null | readonly Part[]

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export const escaped = (text: string): string => text.replace(/[&<>"']/g, (it) => entities[it]!)

function put(part: Part): string {
  if (part === null) return ''
  if (part instanceof Markup) return part.text
  if (typeof part === 'object') return part.map(put).join('')
  return escaped(String(part))
}

/** A template of HTML or SVG. null is nothing, a list is its members one after the other. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(strings.reduce((whole, string, index) => whole + put(parts[index - 1] ?? null) + string))
}

/** Words with commands between backticks. */
export const prose = (text: string): Markup =>
  new Markup(escaped(text).replace(/`([^`]*)`/g, '<code>$1</code>'))

/** JSON inside a `<script>`: no `</script>` in a string ends it. */
export const embedded = (value: unknown): Markup =>
  new Markup(
    JSON.stringify(value)
      .replace(/</g, '\\u003c')
      .replace(/\u2028/g, '\\u2028')
      .replace(/\u2029/g, '\\u2029'),
  )
