/** Real-time signals whose queue is far too short for what happens: nothing may be lost. argv: the host. */

import '../faults.js'
import { type Host, listen } from '../../index.js'
import { getrlimit, RLIMIT_SIGPENDING, setrlimit } from '../../sys/process.js'
import { faults } from '../faults.js'
import { Context } from '../harness.js'
import { RawPeer } from '../raw.js'

const host = process.argv[2] as Host
const t = new Context({ model: 'rtsig', host, transport: 'tcp' }, 1)
setrlimit(RLIMIT_SIGPENDING, { ...getrlimit(RLIMIT_SIGPENDING), soft: 4 })
const count = 60
let opened = 0
let received = 0
const listener = await listen({
  model: 'rtsig',
  host,
  socket: {
    open: () => void opened++,
    data(_, chunk) {
      received += chunk.length
    },
  },
})
const peers = Array.from({ length: count }, () => RawPeer.connect(t, listener.address))
await t.turnsUntil(() => opened === count, 'all are accepted')
const sweeps = faults.calls('poll')
for (let round = 1; round <= 3; round++) {
  for (const peer of peers) peer.send(Buffer.alloc(100))
  await t.turnsUntil(() => received === count * 100 * round, `all bytes of round ${round} arrive`)
}
for (const peer of peers) peer.end()
await t.turnsUntil(() => listener.connections === 0, 'all ends arrive')
const swept = faults.calls('poll') - sweeps
await listener.close()
process.stdout.write(JSON.stringify({ opened, received, swept }))
