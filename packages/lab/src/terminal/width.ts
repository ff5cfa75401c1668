/** How many columns a text takes in a terminal, where Chinese characters take two; and wrapping by that measure. */
import { stripVTControlCharacters } from 'node:util'

/** East Asian Wide and Fullwidth, as far as this command writes them. */
const wide: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1faff],
  [0x20000, 0x3fffd],
]

function widthOfCodePoint(code: number): number {
  if (code < 0x300) return 1
  if (code < 0x370) return 0 // combining marks
  for (const [first, last] of wide) if (code >= first && code <= last) return 2
  return 1
}

/** The columns of a text; colour codes take none. */
export function widthOf(text: string): number {
  let width = 0
  for (const character of stripVTControlCharacters(text)) width += widthOfCodePoint(character.codePointAt(0)!)
  return width
}

export type Align = 'left' | 'right' | 'centre'

/** Fills a text up to so many columns. What is longer stays as it is. */
export function pad(text: string, columns: number, align: Align = 'left'): string {
  const missing = Math.max(0, columns - widthOf(text))
  if (align === 'left') return text + ' '.repeat(missing)
  if (align === 'right') return ' '.repeat(missing) + text
  const left = missing >> 1
  return ' '.repeat(left) + text + ' '.repeat(missing - left)
}

/** Shortens a text without colours to so many columns, and says so with an ellipsis. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  let kept = ''
  let width = 0
  for (const character of text) {
    width += widthOfCodePoint(character.codePointAt(0)!)
    if (width > columns - 1) break
    kept += character
  }
  return `${kept}…`
}

// What must not begin a line stays with the character before it; what must not end one, with the one after.
const closing = /^[，。、；：！？）》」』”’…%]$/u
const opening = /^[（《「『“‘]$/u

/** The pieces between which a line may break: words with the spaces after them, and single wide characters. */
function pieces(text: string): string[] {
  const found: string[] = []
  let word = ''
  let glued = false
  const push = () => {
    if (word !== '') found.push(word)
    word = ''
  }
  for (const character of text) {
    if (character === ' ') {
      word += character
      push()
      glued = false
    } else if (widthOfCodePoint(character.codePointAt(0)!) === 2 || closing.test(character)) {
      if (closing.test(character)) {
        if (word === '' && found.length > 0) word = found.pop()!
      } else if (!glued) push()
      word += character
      glued = opening.test(character)
      if (!glued) push()
    } else {
      word += character
      glued = false
    }
  }
  push()
  return found
}

/** Breaks a text without colours into lines of at most so many columns. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  for (const paragraph of text.split('\n')) {
    let line = ''
    for (const piece of pieces(paragraph)) {
      if (line !== '' && widthOf(line) + widthOf(piece.trimEnd()) > columns) {
        lines.push(line.trimEnd())
        line = ''
      }
      line += piece
    }
    lines.push(line.trimEnd())
  }
  return lines
}
