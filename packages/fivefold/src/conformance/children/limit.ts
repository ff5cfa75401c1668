/**
 * An echo server with few descriptors. argv: the model, the host, how many connections will come. It says when it
 * warns of the shortage, and at the end, when somebody sends "stop", what it has seen.
 */

import { type Host, listen, type ModelName } from '../../index.js'
import { getrlimit, RLIMIT_NOFILE } from '../../sys/process.js'
import { faults } from '../faults.js'

const [model, host, count] = process.argv.slice(2) as [ModelName, Host, string]
const most = Number(count)

const tried = () => faults.calls('accept4') + faults.calls('ring accept')
const warnings: string[] = []
const errors: string[] = []
let accepted = 0
let closed = 0
let shortage = { since: 0, tries: 0, accepted: 0, closed: 0 }
let during = { ms: 0, tries: 0, accepted: 0, closed: 0 }

process.on('warning', (warning) => {
  warnings.push(`${(warning as { code?: string }).code}: ${warning.message}`)
  if (warnings.length > 1) return
  shortage = { since: performance.now(), tries: tried(), accepted, closed }
  process.stdout.write('short\n')
})

const listener = await listen({
  model,
  host,
  socket: {
    open() {
      if (++accepted !== most) return
      during = {
        ms: performance.now() - shortage.since,
        tries: tried() - shortage.tries,
        accepted: accepted - shortage.accepted,
        closed: closed - shortage.closed,
      }
    },
    data(socket, chunk) {
      if (chunk.toString() === 'stop') void listener.close(true)
      else socket.write(chunk)
    },
    error: (_, error) => void errors.push(error.message),
    close: () => void closed++,
  },
})
process.stdout.write(`port ${listener.port}\n`)
process.on('exit', () => {
  const limit = getrlimit(RLIMIT_NOFILE)
  process.stdout.write(`${JSON.stringify({ limit, warnings, errors, accepted, during })}\n`)
})
