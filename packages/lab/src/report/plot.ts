/** Charts as SVG, drawn by Observable Plot into a document that needs no browser. The only file that knows either. */
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { Markup } from './html.js'

export { Plot }

/** So much of an element as is used here. */
interface Element {
  readonly outerHTML: string
  setAttribute(name: string, value: string): void
  getAttribute(name: string): string | null
  removeAttribute(name: string): void
  remove(): void
  querySelectorAll(selector: string): Iterable<Element>
}

const { document } = parseHTML('<!doctype html><html><body></body></html>')

/** Marks carry their value through Plot in this channel; it becomes `data-value`, and `data-of` says whose it is. */
export const valued = (of: string, value: number): string => `@${value}@${of}`

/** @param label what the chart shows, for those who do not see it: the numbers are in a table beside it */
export function chart(options: Plot.PlotOptions, label: string): Markup {
  const svg = Plot.plot({
    ...options,
    document: document as never,
    className: 'plot',
  }) as unknown as Element
  for (const style of svg.querySelectorAll('style')) style.remove()
  for (const mark of svg.querySelectorAll('[aria-label^="@"]')) {
    const [, value = '', of = ''] = mark.getAttribute('aria-label')!.split('@')
    mark.removeAttribute('aria-label')
    mark.setAttribute('data-value', value)
    mark.setAttribute('data-of', of)
  }
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-label', label)
  svg.setAttribute('font-size', '11')
  return new Markup(svg.outerHTML)
}
