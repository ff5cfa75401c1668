/** SVG as text: elements, and how wide a text is, where no browser can be asked. */
import { widthOf } from '../../terminal/width.js'

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

export const escaped = (text: string): string =>
  text
    // What XML cannot hold at all.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"]/g, (character) => entities[character]!)

export type Attributes = Readonly<Record<string, string | number>>

const rounded = (value: string | number) => (typeof value === 'number' ? Math.round(value * 10) / 10 : value)

/** @param inside markup already, not text */
export function element(name: string, attributes: Attributes, inside = ''): string {
  const all = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escaped(String(rounded(value)))}"`)
    .join('')
  return inside === '' ? `<${name}${all}/>` : `<${name}${all}>${inside}</${name}>`
}

/** The widest that a column of text is drawn by any of the fonts, in pixels: a Chinese character takes two. */
const COLUMN = { code: 7.0, number: 6.75, prose: 6.7 } as const

export type Font = keyof typeof COLUMN

export const pixels = (text: string, font: Font): number => widthOf(text) * COLUMN[font]

/** The text, or as much of it as there is room for, with an ellipsis. */
export function fitting(text: string, room: number, font: Font): string {
  if (pixels(text, font) <= room) return text
  let kept = ''
  for (const character of text) {
    if (pixels(`${kept}${character}…`, font) > room) break
    kept += character
  }
  return `${kept}…`
}

export interface Label {
  readonly x: number
  readonly y: number
  readonly text: string
  readonly class: string
  readonly font: Font
  readonly anchor?: 'start' | 'middle' | 'end'
  /** In pixels; what does not fit is cut, and can be read in full by pointing at it. */
  readonly room?: number
}

export function label({ x, y, text, class: name, font, anchor = 'start', room = Infinity }: Label): string {
  if (text === '') return ''
  const shown = fitting(text, room, font)
  const kind = font === 'prose' ? name : `${font} ${name}`
  const full = shown === text ? '' : element('title', {}, escaped(text))
  return element('text', { x, y, class: kind, 'text-anchor': anchor }, full + escaped(shown))
}

export const line = (x1: number, y1: number, x2: number, y2: number, name: string): string =>
  element('line', { x1, y1, x2, y2, class: name })

export const box = (x: number, y: number, width: number, height: number, name: string): string =>
  element('rect', { x, y, width, height, class: name })

/** An arrow along a row; its head is at `to`. */
export function arrow(from: number, to: number, y: number, name = 'line', head = 'head'): string {
  const back = to > from ? -7 : 7
  const points = `${to},${y} ${to + back},${y - 3.5} ${to + back},${y + 3.5}`
  return line(from, y, to + back, y, name) + element('polygon', { points, class: head })
}
