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

const noSignalForRoom =
  'the kernel raises no signal when the full queue of a Unix datagram socket has room again'
const slowReceiver = 'a slow receiver: send is refused, drain comes, nothing is lost'

export const deviations: readonly Deviation[] = [
  { model: 'rtsig', case: slowReceiver, reason: noSignalForRoom },
  // Dedicated, the test's own wake-ups raise the SIGIO that is missing.
  { model: 'sigio', host: 'embedded', case: slowReceiver, reason: noSignalForRoom },
]
