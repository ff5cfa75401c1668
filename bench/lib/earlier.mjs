// A run's JSON file: what is in it, how it is written, and the table of promises from it.
import { readFileSync, writeFileSync } from 'node:fs'
import { describe } from './environment.mjs'
import { asMarkdown, asText, promisedLines, tallyOfLines } from './promised-table.mjs'

export const FORMAT = 1

/**
 * @typedef {{
 *   format: number,
 *   environment: ReturnType<typeof import('./environment.mjs').environment>,
 *   options: { what: string[], runs: number, warmup: number, duration: number, patience: number, quick: boolean, only: string[] },
 *   outcomes: import('./compete.mjs').Outcome[],
 * }} Recorded
 */

/** @param {Omit<Recorded, 'format'>} recorded */
export function write(/** @type {string} */ file, recorded) {
  writeFileSync(file, `${JSON.stringify({ format: FORMAT, ...recorded }, null, 2)}\n`)
}

/** @param {Omit<Recorded, 'format'>} recorded */
export function describeRecorded({ environment, options, outcomes }, /** @type {boolean} */ markdown) {
  const lines = promisedLines(outcomes, options.what)
  const { runs, warmup, duration, quick } = options
  const how = [
    `${runs} interleaved rounds of ${duration} s after ${warmup} s, medians, loopback; ${environment.pinning}`,
    quick ? 'a quick run: to look at, not to quote' : '',
  ]
    .filter(Boolean)
    .join('; ')
  const facts = describe(environment).split('\n')
  return markdown
    ? [
        asMarkdown(lines),
        '',
        `${how}.`,
        `${tallyOfLines(lines)}.`,
        '',
        ...facts.map((fact) => `- ${fact}`),
      ].join('\n')
    : [asText(lines), how, tallyOfLines(lines)].join('\n')
}

/** The table of promises from a file. */
export function reportOf(/** @type {string} */ file, /** @type {boolean} */ markdown) {
  const recorded = /** @type {Recorded} */ (JSON.parse(readFileSync(file, 'utf8')))
  if (recorded.format !== FORMAT)
    throw new Error(`${file} is not a file of this bench (format ${recorded.format})`)
  const text = describeRecorded(recorded, markdown)
  return markdown ? text : `${describe(recorded.environment)}\n\n${text}`
}
