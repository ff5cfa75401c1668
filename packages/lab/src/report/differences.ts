/** Two files of results, taken apart: machines, numbers, verdicts. */
import type { Family, ModelName } from 'fivefold'
import type { VerdictName } from '../claims/claim.js'
import type { Environment } from '../environment.js'
import type { Result } from '../measure/results.js'
import type { Text } from '../text/language.js'
import { flat, type Leaf } from './flat.js'
import { measures, sum } from './measures.js'
import type { Results } from './results.js'

export interface NumberOfBoth {
  readonly protocol: Result['protocol']
  readonly connections: number
  readonly size: number
  readonly model: ModelName
  readonly family: Family
  /** A field of a comparison's result. */
  readonly measure: string
  readonly a: number | null
  readonly b: number | null
  /** b / a, where both are there and a is not 0. */
  readonly factor: number | null
  /** The difference is smaller than what a run varied in itself; null: not known of this measure. */
  readonly withinSpread: boolean | null
}

export interface Differences {
  readonly machine: readonly { readonly field: string; readonly a: string; readonly b: string }[]
  readonly numbers: readonly NumberOfBoth[]
  readonly verdicts: readonly {
    readonly experiment: string
    readonly claim: string
    readonly a: VerdictName
    readonly b: VerdictName
  }[]
}

export function differencesOf(a: Results, b: Results, text: Text): Differences {
  return {
    machine: machines(a.environment, b.environment),
    numbers: numbers(a.compare?.results ?? [], b.compare?.results ?? [], text),
    verdicts: verdicts(a, b),
  }
}

/** Of the moment, not of the machine. */
const passing = new Set(['date', 'command', 'loadAverage', 'takenByOthers'])

const said = (value: Leaf | undefined) => (value === undefined ? '' : String(value))

function machines(a: Environment, b: Environment): Differences['machine'] {
  const [ofA, ofB] = [flat(a), flat(b)]
  return [...new Set([...ofA.keys(), ...ofB.keys()])]
    .filter((field) => !passing.has(field))
    .map((field) => ({ field, a: said(ofA.get(field)), b: said(ofB.get(field)) }))
    .filter(({ a, b }) => a !== b)
}

function numbers(a: readonly Result[], b: readonly Result[], text: Text): NumberOfBoth[] {
  const found: NumberOfBoth[] = []
  for (const first of a) {
    const { protocol, connections, size, model, family } = first
    const second = b.find(
      (it) =>
        it.protocol === protocol && it.connections === connections && it.size === size && it.model === model,
    )
    if (second === undefined) continue
    for (const { name: measure, values, spread } of measures(text, protocol)) {
      const [one, other] = [values(first), values(second)].map((it) => (it === null ? null : sum(it)))
      if (one === null && other === null) continue
      const both = one != null && other != null
      found.push({
        protocol,
        connections,
        size,
        model,
        family,
        measure,
        a: one ?? null,
        b: other ?? null,
        factor: both && one !== 0 ? other / one : null,
        withinSpread: both && spread !== undefined ? overlap(spread(first), spread(second)) : null,
      })
    }
  }
  return found
}

/** Whether some part of the one run was no faster than some part of the other. */
function overlap(a: readonly [number, number] | null, b: readonly [number, number] | null): boolean | null {
  return a === null || b === null ? null : a[0] <= b[1] && b[0] <= a[1]
}

function verdicts({ claims: a }: Results, { claims: b }: Results): Differences['verdicts'] {
  return (a?.results ?? []).flatMap(({ name, findings }) => {
    const others = b?.results.find((it) => it.name === name)?.findings ?? []
    return findings.flatMap(({ claim, verdict }) => {
      const other = others.find((it) => it.claim === claim)
      return other === undefined || other.verdict === verdict
        ? []
        : [{ experiment: name, claim, a: verdict, b: other.verdict }]
    })
  })
}
