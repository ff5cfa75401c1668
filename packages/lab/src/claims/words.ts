/** Findings in words: the catalogue's sentences, with the measured numbers in them. For the terminal and the report. */
import { rounded } from '../measure/statistics.js'
import type { Text } from '../text/language.js'
import type { ExperimentName, Finding, Quantity, Reason } from './claim.js'

/** What a catalogue has of each experiment. */
export interface ExperimentText {
  readonly title: string
  readonly question: string
  readonly method: string
  readonly claims: Readonly<Record<string, ClaimText>>
  /** Axes, series, figures. */
  readonly labels: Readonly<Record<string, string>>
  readonly checks: Readonly<Record<string, string>>
}

export interface ClaimText {
  /** The claim, as people make it. */
  readonly says: string
  /** A sentence with facts and names in braces: `{blocking}`. */
  readonly evidence: string
  /** Of claims that may hold under a condition: which. */
  readonly when?: string
}

export function textOf(name: ExperimentName, text: Text): ExperimentText {
  return text.claims.experiments[name] as ExperimentText
}

/** A label in words; a name that the catalogue does not know stands for itself. */
export function labelText(name: ExperimentName, label: string, text: Text): string {
  return textOf(name, text).labels[label] ?? label
}

/** `12.3 µs`, `64 KiB`, `99.1 %`: the same in every language, but for the grouping of digits. */
export function quantityText({ value, unit }: Quantity, text: Text): string {
  switch (unit) {
    case 'count':
      return text.count(Number.isInteger(value) ? value : rounded(value))
    case 'bytes':
      return scaled(value, ['B', 'KiB', 'MiB', 'GiB'], 1024, 0, text)
    case 'nanoseconds':
      return scaled(value, durations, 1000, 0, text)
    case 'microseconds':
      return scaled(value, durations, 1000, 1, text)
    case 'milliseconds':
      return scaled(value, durations, 1000, 2, text)
    case 'share':
      return `${text.count(rounded(value * 100))} %`
    case 'times':
      return `${text.count(rounded(value))}×`
  }
}

const durations = ['ns', 'µs', 'ms', 's']

function scaled(value: number, units: readonly string[], step: number, at: number, text: Text): string {
  let left = value
  let unit = at
  while (Math.abs(left) >= step && unit < units.length - 1) {
    left /= step
    unit++
  }
  while (left !== 0 && Math.abs(left) < 1 && unit > 0) {
    left *= step
    unit--
  }
  return `${text.count(rounded(left))} ${units[unit]}`
}

/** Puts facts and names into a sentence. */
export function filled(template: string, finding: Pick<Finding, 'facts' | 'names'>, text: Text): string {
  return template.replace(/\{(\w+)\}/g, (whole, key: string) => {
    const fact = finding.facts[key]
    return fact === undefined ? (finding.names[key] ?? whole) : quantityText(fact, text)
  })
}

export function reasonText({ reason, what }: Reason, text: Text): string {
  return text.claims.reasons[reason].replace('{what}', what)
}

/** One finding in words: the claim, the verdict, and what it stands on. */
export function findingText(
  name: ExperimentName,
  finding: Finding,
  text: Text,
): { says: string; verdict: string; evidence: string; when: string | null } {
  const { says, evidence, when } = textOf(name, text).claims[finding.claim]!
  return {
    says,
    verdict: text.claims.verdicts[finding.verdict],
    evidence: finding.why === null ? filled(evidence, finding, text) : reasonText(finding.why, text),
    when: finding.verdict === 'holds-when' && when !== undefined ? filled(when, finding, text) : null,
  }
}
