/**
 * What a model cannot do, and why. The suite runs such a case all the same, and fails when it passes: then the
 * model has learnt it, and the line goes.
 */
import type { Host, ModelName } from '../index.js'
import type { Transport } from './harness.js'

export interface Deviation {
  readonly model: ModelName
  readonly host?: Host
  readonly transport?: Transport
  /** The case's name. */
  readonly case: string
  readonly reason: string
}

/** None at present: every model does every case. */
export const deviations: readonly Deviation[] = []
