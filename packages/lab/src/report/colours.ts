/** Which CSS colour stands for what. The colours themselves are in style.ts. */
import { type Family, models } from 'fivefold'

export const familyColour = (family: Family): string => `var(--${family})`

/** Of a bar, which has its name beside it: a mechanism's family's, or else the one colour of all other things. */
export function barColour(label: string): string {
  const model = models.find(({ name }) => name === label)
  return model === undefined ? palette(0) : familyColour(model.family)
}

const PALETTE = 8
const palette = (index: number) => `var(--c${(index % PALETTE) + 1})`

/** Of members of one family: the colour itself, darker, paler. */
const shades: readonly ((colour: string) => string)[] = [
  (colour) => colour,
  (colour) => `color-mix(in srgb, ${colour} 55%, var(--ink))`,
  (colour) => `color-mix(in srgb, ${colour} 50%, var(--paper))`,
]

/**
 * Colours of curves that stand beside each other. Mechanisms have their family's colour where that tells them
 * apart; all nine together have shades of it; else each has one of its own.
 */
export function coloursOf(labels: readonly string[]): ReadonlyMap<string, string> {
  const families = labels.map((label) => models.find(({ name }) => name === label)?.family)
  const known = families.every((family) => family !== undefined)
  const distinct = new Set(families).size === labels.length
  return new Map(
    labels.map((label, index) => {
      const family = families[index]
      if (family === undefined || !known || (!distinct && labels.length <= PALETTE))
        return [label, palette(index)]
      const before = families.slice(0, index).filter((other) => other === family).length
      return [label, shades[before % shades.length]!(familyColour(family))]
    }),
  )
}
