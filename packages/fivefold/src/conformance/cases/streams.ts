/** What every model must do with a stream. */
import type { Case } from '../harness.js'
import { backPressureCases } from './streams/back-pressure.js'
import { byteCases } from './streams/bytes.js'
import { closingCases } from './streams/closing.js'
import { connectingCases } from './streams/connecting.js'
import { endCases } from './streams/ends.js'
import { memoryCases } from './streams/memory.js'

export const streamCases: Case[] = [
  ...byteCases,
  ...backPressureCases,
  ...endCases,
  ...connectingCases,
  ...closingCases,
  ...memoryCases,
]
