/** All commands, in the order in which the help names them. */
import { advise } from './advise.js'
import { claimsCommand } from './claims.js'
import type { Command } from './command.js'
import { compare } from './compare.js'
import { diff } from './diff.js'
import { doctor } from './doctor.js'
import { modelsCommand } from './models.js'
import { report } from './report.js'
import { serve } from './serve.js'
import { trace } from './trace.js'

export const commands: readonly Command[] = [
  compare,
  modelsCommand,
  trace,
  claimsCommand,
  report,
  diff,
  advise,
  serve,
  doctor,
]
