/** Which CSS colour stands for what. The colours themselves are in style.ts. */
import { type Family, models } from 'fivefold'

export const familyColour = (family: Family): string => `var(--${family})`

const others = 8

/** A mechanism has its family's colour wherever it appears; anything else the next of a row of colours. */
export function colourOf(label: string, index: number): string {
  const model = models.find(({ name }) => name === label)
  return model === undefined ? `var(--c${(index % others) + 1})` : familyColour(model.family)
}
