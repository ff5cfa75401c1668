/** The process that an experiment's probes run in. */
import { answer, configuration } from '../processes.js'
import type { ExperimentName } from './claim.js'
import { experimentNamed } from './experiments.js'

export interface SubjectConfig {
  readonly experiment: ExperimentName
}

const { experiment } = configuration<SubjectConfig>()
const { probes } = experimentNamed(experiment)!

answer({
  run: ({ probe, parameters }: { probe: string; parameters: never }) => {
    const found = probes[probe]
    if (found === undefined) throw new Error(`${experiment} has no probe '${probe}'`)
    return found(parameters)
  },
})
