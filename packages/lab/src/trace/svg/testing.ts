/** For the tests of the drawing: reads it as strictly as XML wants to be read. */

export interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  /** Its own, without that of the elements in it. */
  text: string
  /** Of a `<title>` in it: what is read by pointing at it. */
  title: string
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' }

function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[<\u0000-\u0008\u000b\u000c\u000e-\u001f]/.test(text)) throw new Error(`not XML: ${text}`)
  return text.replace(/&([^;]*;?)/g, (all, name: string) => {
    const found = name.endsWith(';') ? entities[name.slice(0, -1)] : undefined
    if (found === undefined) throw new Error(`not XML: ${all}`)
    return found
  })
}

/** In the order in which they begin. @throws where it is not well-formed */
export function elementsOf(svg: string): Element[] {
  const found: Element[] = []
  const open: Element[] = []
  const piece = /<(\/?)([a-z]+)((?: [a-zA-Z][\w:-]*="[^"<]*")*)(\/?)>|([^<]+)/gy
  while (piece.lastIndex < svg.length) {
    const at = piece.lastIndex
    const match = piece.exec(svg)
    if (match === null) throw new Error(`not XML: ${svg.slice(at, at + 80)}`)
    const [, closes, name, attributes, empty, text] = match
    const inside = open.at(-1)
    if (text !== undefined) {
      if (inside !== undefined) inside.text += plain(text)
      else if (text.trim() !== '') throw new Error(`outside of all: ${text}`)
    } else if (closes !== '') {
      const ended = open.pop()
      if (ended?.name !== name) throw new Error(`</${name}> ends <${ended?.name}>`)
      if (name === 'title' && open.length > 0) open.at(-1)!.title = ended!.text
    } else {
      if (inside === undefined && found.length > 0) throw new Error('a second root')
      const all = [...attributes!.matchAll(/ ([a-zA-Z][\w:-]*)="([^"]*)"/g)]
      const known = Object.fromEntries(all.map(([, key, value]) => [key!, plain(value!)]))
      if (Object.keys(known).length !== all.length) throw new Error(`an attribute twice: ${attributes}`)
      const element: Element = { name: name!, attributes: known, text: '', title: '' }
      found.push(element)
      if (empty === '') open.push(element)
    }
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)!.name}> does not end`)
  return found
}

/** All that can be read in it; of what was cut, the whole. */
export const shownOf = (svg: string): string[] =>
  elementsOf(svg)
    .filter(({ name }) => name === 'text')
    .map(({ text, title }) => title || text)
