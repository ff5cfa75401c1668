/** What the report is made of: one file that holds what `compare`, `trace` and `claims` print with `--json`. */
import { readFileSync } from 'node:fs'
import type { Trial } from '../claims/claim.js'
import type { Environment } from '../environment.js'
import { Failure } from '../failure.js'
import type { Comparison } from '../measure/results.js'
import type { Text } from '../text/language.js'
import type { Trace } from '../trace/trace.js'

/** A part that ended with an error; what it had measured until then is there all the same. */
export interface Trouble {
  readonly part: string
  readonly message: string
}

export interface Results {
  /** The version that measured. */
  readonly fivefold: string
  readonly environment: Environment
  readonly compare: Comparison | null
  /** Of each mechanism, the message in the middle of several. */
  readonly traces: readonly Trace[]
  readonly claims: Trial | null
  /** Experiments that were not begun, because the time was up. */
  readonly leftOut: readonly string[]
  readonly troubles: readonly Trouble[]
}

type Parsed = Partial<Results> & { readonly results?: readonly object[] }

/**
 * Reads a results file; what `compare --json` or `claims --json` alone printed is taken as well.
 * @throws Failure in one line: not there, no JSON, or no results
 */
export function readResults(path: string, text: Text): Results {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Failure(
      code === 'ENOENT' ? text.errors.fileMissing(path) : text.errors.fileUnreadable(path, message),
    )
  }
  const results = resultsOf(content)
  if (results === null) throw new Failure(text.report.errors.noResults(path))
  return results
}

export function resultsOf(content: string): Results | null {
  let parsed: Parsed | null
  try {
    parsed = JSON.parse(content) as Parsed | null
  } catch {
    return null
  }
  const environment = parsed?.environment
  if (parsed === null || typeof environment?.kernel !== 'string') return null
  const { results } = parsed
  if (Array.isArray(results)) {
    const trial = 'quick' in parsed
    return {
      fivefold: environment.version,
      environment,
      compare: trial ? null : (parsed as unknown as Comparison),
      traces: [],
      claims: trial ? (parsed as unknown as Trial) : null,
      leftOut: [],
      troubles: [],
    }
  }
  if (parsed.fivefold === undefined) return null
  const { fivefold, compare = null, traces = [], claims = null, leftOut = [], troubles = [] } = parsed
  return { fivefold, environment, compare, traces, claims, leftOut, troubles }
}
