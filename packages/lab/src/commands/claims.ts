/** `fivefold claims`: the textbook's claims on trial, each by a measurement of its own. */
import { has } from '../arguments.js'
import type { Experiment, Result, Trial } from '../claims/claim.js'
import { experimentNamed, experiments } from '../claims/experiments.js'
import { runExperiment } from '../claims/run.js'
import { environment } from '../environment.js'
import { Failure, USAGE } from '../failure.js'
import { watchOthers } from '../measure/others.js'
import { chooseProcessors } from '../measure/pinning.js'
import { Progress } from '../terminal/terminal.js'
import type { Text } from '../text/language.js'
import { listExperiments, showTrial } from './claims-table.js'
import type { Command } from './command.js'

function chosen(names: readonly string[], text: Text): Experiment[] {
  if (names.length === 0) return [...experiments]
  for (const name of names) {
    if (experimentNamed(name) !== undefined) continue
    throw new Failure(text.claims.unknown(name, experiments.map((each) => each.name).join(', ')), USAGE)
  }
  return experiments.filter(({ name }) => names.includes(name))
}

export const claimsCommand: Command = {
  name: 'claims',
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, list: { type: 'boolean' } },
  mostPositionals: Number.POSITIVE_INFINITY,

  async run({ parsed, text, out, err, signal, commandLine }) {
    const wanted = chosen(parsed.positionals, text)
    if (has(parsed, 'list')) {
      if (has(parsed, 'json')) {
        out.line(
          JSON.stringify(
            wanted.map(({ name, claims }) => ({ name, claims })),
            null,
            2,
          ),
        )
      } else listExperiments(wanted, text, out)
      return 0
    }
    const quick = has(parsed, 'quick')
    const before = environment(commandLine, chooseProcessors())
    const taken = watchOthers()
    const progress = new Progress(err, wanted.length)
    const results: Result[] = []
    try {
      for (const experiment of wanted) {
        progress.at(experiment.name)
        results.push(
          await runExperiment(experiment, {
            quick,
            signal,
            text,
            progress: (detail) => progress.at(experiment.name, detail),
          }),
        )
        progress.next()
      }
    } finally {
      progress.clear()
    }
    const trial: Trial = { environment: { ...before, takenByOthers: taken() }, quick, results }
    if (has(parsed, 'json')) out.line(JSON.stringify(trial, null, 2))
    else showTrial(trial, text, out)
    const failed = results.filter(({ findings }) =>
      findings.some(({ why }) => why?.reason === 'broken' || why?.reason === 'failed'),
    )
    if (failed.length > 0) throw new Failure(text.claims.broken(failed.map(({ name }) => name).join(', ')))
    return 0
  },
}
