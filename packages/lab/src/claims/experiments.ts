/** All experiments, in the order in which they are run and shown. */
import type { Experiment } from './claim.js'
import { sharedMemory } from './shared-memory.js'

export const experiments: readonly Experiment[] = [sharedMemory]

export function experimentNamed(name: string): Experiment | undefined {
  return experiments.find((experiment) => experiment.name === name)
}
