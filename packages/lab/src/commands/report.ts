/** `fivefold report`: everything measured here, on one page of its own. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { given, has } from '../arguments.js'
import { experimentNamed, experiments } from '../claims/experiments.js'
import { Failure, USAGE } from '../failure.js'
import { collect } from '../report/collect.js'
import { readResults } from '../report/results.js'
import type { Language, Text } from '../text/language.js'
import { languages } from '../text/language.js'
import type { Command } from './command.js'

const DEFAULT = 'report.html'

export const report: Command = {
  name: 'report',
  options: {
    output: { type: 'string', short: 'o', value: 'FILE' },
    from: { type: 'string', value: 'FILE' },
    claims: { type: 'string', value: 'NAME,…|none' },
    quick: { type: 'boolean' },
    json: { type: 'string', value: 'FILE' },
  },
  mostPositionals: 0,

  async run(invocation) {
    const { parsed, text, out } = invocation
    const path = resolve(given(parsed, 'output') ?? DEFAULT)
    const from = given(parsed, 'from')
    const keep = given(parsed, 'json')
    const claims = chosenClaims(given(parsed, 'claims'), text)
    const results =
      from === undefined
        ? await collect(invocation, { quick: has(parsed, 'quick'), claims })
        : readResults(from, text)
    if (keep !== undefined) write(resolve(keep), `${JSON.stringify(results, null, 1)}\n`, text)
    // What draws is not small, and the other commands do without it.
    const { page } = await import('../report/page.js')
    write(path, page(results, languageOf(text)), text)
    out.line(text.report.written(path))
    return 0
  },
}

function languageOf(text: Text): Language {
  return (Object.keys(languages) as Language[]).find((language) => languages[language] === text)!
}

/** @returns null: no claims at all */
function chosenClaims(asked: string | undefined, text: Text): readonly string[] | null {
  if (asked === 'none') return null
  const names = asked === undefined ? [] : asked.split(',').map((name) => name.trim())
  for (const name of names) {
    if (experimentNamed(name) !== undefined) continue
    throw new Failure(text.claims.unknown(name, experiments.map((each) => each.name).join(', ')), USAGE)
  }
  return names
}

function write(path: string, content: string, text: Text): void {
  try {
    writeFileSync(path, content)
  } catch (error) {
    throw new Failure(text.report.errors.notWritten(path, (error as Error).message))
  }
}
