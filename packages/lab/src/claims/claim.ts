/**
 * What an experiment is, and what it finds: the shape of `fivefold claims --json`, from which the terminal's table
 * and the report's page are made. Findings are data alone; the words of both languages are in text/en/claims.ts and
 * text/zh/claims.ts, by the same keys (words.ts puts the two together).
 *
 * An experiment measures (`run`, in child processes of its own), checks itself (`selfCheck`), and only then judges
 * (`judge`). The last two are functions of the measured data alone, so that tests can show which data lead where.
 */
import type { Environment } from '../environment.js'
import type { Text } from '../text/language.js'

export type ExperimentName = keyof Text['claims']['experiments']

export type VerdictName = 'holds' | 'holds-when' | 'does-not-hold' | 'not-tested'

export type Unit = 'count' | 'bytes' | 'nanoseconds' | 'microseconds' | 'milliseconds' | 'share' | 'times'

/** A number and its unit. A share is of 1; `times` is how many times as much. */
export interface Quantity {
  readonly value: number
  readonly unit: Unit
}

/** Why something could not be tested: a key of `text.claims.reasons`, and what goes into its words. */
export interface Reason {
  readonly reason: keyof Text['claims']['reasons']
  readonly what: string
}

/** The verdict on one claim, and its evidence. */
export interface Finding {
  /** A key of the experiment's `claims` in the catalogue. */
  readonly claim: string
  readonly verdict: VerdictName
  /** Of 'not-tested' alone. */
  readonly why: Reason | null
  /** The numbers of the evidence: the catalogue's sentences name them in braces. */
  readonly facts: Readonly<Record<string, Quantity>>
  /** Names of mechanisms, calls and the like, which need no translation; named in braces, too. */
  readonly names: Readonly<Record<string, string>>
}

/** `label` is a key of the experiment's `labels` in the catalogue, or else a name that stands for itself. */
export interface Axis {
  readonly label: string
  readonly unit: Unit
  readonly scale: 'linear' | 'log'
}

export interface Series {
  readonly label: string
  readonly unit: Unit
  /** Rising in x. */
  readonly points: readonly (readonly [x: number, y: number])[]
  /** Not measured, but computed from what was. */
  readonly extrapolated: boolean
}

/** Curves over a common x axis. */
export interface Lines {
  readonly kind: 'lines'
  /** A key of the experiment's `labels`: the title. */
  readonly label: string
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
}

/** Named quantities side by side, in the order to draw them. */
export interface Bars {
  readonly kind: 'bars'
  readonly label: string
  /** Of figures that come once for each of several loads: which. A name, as it is. */
  readonly group?: string
  readonly unit: Unit
  readonly bars: readonly { readonly label: string; readonly value: number }[]
}

export type Figure = Lines | Bars

/** One question that a measurement must pass before it is believed: a key of the experiment's `checks`. */
export interface Check {
  readonly check: string
  readonly ok: boolean
}

/** What an experiment found. */
export interface Result {
  readonly name: ExperimentName
  readonly findings: readonly Finding[]
  readonly figures: readonly Figure[]
  readonly checks: readonly Check[]
  readonly seconds: number
}

/** The whole of `fivefold claims --json`. */
export interface Trial {
  readonly environment: Environment
  readonly quick: boolean
  readonly results: readonly Result[]
}

export interface ProbeOptions {
  /** For Node, e.g. `--expose-gc`. */
  readonly execArgv?: readonly string[]
  /** The processor to run on; null: whichever. */
  readonly cpu?: number | null
}

/** What an experiment is run with. */
export interface Context {
  /** Less of it, in less time. */
  readonly quick: boolean
  readonly signal: AbortSignal
  readonly text: Text
  /**
   * Runs one of the experiment's probes in a fresh process, which ends with it.
   * @param parameters a structured clone of it reaches the probe
   */
  probe<T>(name: string, parameters?: unknown, options?: ProbeOptions): Promise<T>
  /** A smaller step begins: names, as they are. */
  progress(detail: string): void
}

/** What an experiment says about its data. */
export interface Judgement {
  readonly findings: readonly Finding[]
  readonly figures: readonly Figure[]
}

// Methods, so that an Experiment<Data> is an Experiment<unknown>.
export interface Experiment<Data = unknown> {
  readonly name: ExperimentName
  /** Keys of the experiment's `claims` in the catalogue: each gets a verdict. */
  readonly claims: readonly string[]
  /** What runs in child processes, by name; reached by `context.probe`. */
  readonly probes: Readonly<Record<string, (parameters: never) => unknown>>
  /** What is missing here, so that nothing of it can be tested; null: nothing. */
  needs(): Reason | null
  run(context: Context): Promise<Data>
  /** Whether the measurement measured what it was to measure. One that fails: no claim is judged. */
  selfCheck(data: Data): readonly Check[]
  judge(data: Data): Judgement
}

// ---- for those who write one

export const quantity = (value: number, unit: Unit): Quantity => ({ value, unit })
export const count = (value: number): Quantity => quantity(value, 'count')
export const bytes = (value: number): Quantity => quantity(value, 'bytes')
export const micros = (value: number): Quantity => quantity(value, 'microseconds')
export const millis = (value: number): Quantity => quantity(value, 'milliseconds')
export const share = (value: number): Quantity => quantity(value, 'share')
export const times = (value: number): Quantity => quantity(value, 'times')

/** A claim that was tested. */
export function finding(
  claim: string,
  verdict: Exclude<VerdictName, 'not-tested'>,
  facts: Finding['facts'],
  names: Finding['names'] = {},
): Finding {
  return { claim, verdict, why: null, facts, names }
}

/** A claim that could not be. */
export function notTested(claim: string, why: Reason): Finding {
  return { claim, verdict: 'not-tested', why, facts: {}, names: {} }
}

/** 'holds' or 'does-not-hold'. */
export const verdictOf = (holds: boolean): 'holds' | 'does-not-hold' => (holds ? 'holds' : 'does-not-hold')

export function lines(label: string, x: Axis, y: Axis, series: readonly Series[]): Lines {
  return { kind: 'lines', label, x, y, series }
}

export function series(label: string, unit: Unit, points: Series['points'], extrapolated = false): Series {
  return { label, unit, points, extrapolated }
}

export function bars(label: string, unit: Unit, values: readonly (readonly [string, number])[]): Bars {
  return { kind: 'bars', label, unit, bars: values.map(([name, value]) => ({ label: name, value })) }
}
