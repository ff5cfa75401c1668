/** `fivefold report`: everything measured here, on one page of its own. */
import { resolve } from 'node:path'
import { duration, given, has } from '../arguments.js'
import { experimentNamed, experiments } from '../claims/experiments.js'
import { Failure, USAGE } from '../failure.js'
import { collect } from '../report/collect.js'
import { readResults } from '../report/results.js'
import type { Language, Text } from '../text/language.js'
import { languages } from '../text/language.js'
import type { Command } from './command.js'
import { show } from './comparison.js'
import { mustTake, write } from './output-file.js'

const DEFAULT = 'report.html'

export const report: Command = {
  name: 'report',
  options: {
    output: { type: 'string', short: 'o', value: 'FILE' },
    from: { type: 'string', value: 'FILE' },
    within: { type: 'string', value: 'TIME' },
    claims: { type: 'string', value: 'NAME,…|none' },
    quick: { type: 'boolean' },
    json: { type: 'string', value: 'FILE' },
  },
  mostPositionals: 0,

  async run(invocation) {
    const { parsed, text, out, err } = invocation
    const path = resolve(given(parsed, 'output') ?? DEFAULT)
    const from = given(parsed, 'from')
    const keep = given(parsed, 'json')
    const within = given(parsed, 'within')
    const claims = chosenClaims(given(parsed, 'claims'), text)
    const withinMs = within === undefined ? Number.POSITIVE_INFINITY : duration(within, text)
    // Better now than after minutes of measuring.
    for (const file of keep === undefined ? [path] : [path, resolve(keep)]) mustTake(file, text)
    const results =
      from === undefined
        ? await collect(invocation, { quick: has(parsed, 'quick'), claims, withinMs })
        : readResults(from, text)
    if (keep !== undefined) write(resolve(keep), `${JSON.stringify(results, null, 1)}\n`, text)
    // What draws is not small, and the other commands do without it.
    const { page } = await import('../report/page.js')
    write(path, page(results, languageOf(text)), text)
    if (from === undefined && results.compare?.results.some((it) => it.messagesPerSecond !== null))
      show(results.compare, null, text, out)
    out.line(text.report.written(path))
    for (const { part, message } of from === undefined ? results.troubles : [])
      err.line(`${err.style.bad('fivefold:')} ${part}: ${message}`)
    return from === undefined && results.troubles.length > 0 ? 1 : 0
  },
}

function languageOf(text: Text): Language {
  return (Object.keys(languages) as Language[]).find((language) => languages[language] === text)!
}

function chosenClaims(asked: string | undefined, text: Text): readonly string[] {
  if (asked === 'none') return []
  if (asked === undefined) return experiments.map(({ name }) => name)
  const names = asked.split(',').map((name) => name.trim())
  for (const name of names) {
    if (experimentNamed(name) !== undefined) continue
    throw new Failure(text.claims.unknown(name, experiments.map((each) => each.name).join(', ')), USAGE)
  }
  return names
}
