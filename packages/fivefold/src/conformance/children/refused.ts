/** A kernel, or a sandbox, that refuses io_uring. argv: the errno. Prints what came of it. */

import '../faults.js'
import { choose, connect, listen, modelNamed } from '../../index.js'
import { type ErrnoName, faults } from '../faults.js'

faults.plan(1, { io_uring_setup: { [process.argv[2] as ErrnoName]: 1 } })

const verdict = modelNamed('io_uring').probe()
const named = await listen({ model: 'io_uring', socket: {} }).catch((error: Error) => error)
const namedToo = await connect({ model: 'io_uring', port: 1, socket: {} }).catch((error: Error) => error)
const listener = await listen({
  socket: {
    data(socket, chunk) {
      socket.end(chunk)
    },
  },
})
const echoed = await new Promise<string>((resolve, reject) => {
  let text = ''
  void connect({
    port: listener.port,
    socket: {
      open: (socket) => void socket.write('by another way'),
      data: (_, chunk) => void (text += chunk),
      close: () => resolve(text),
      error: (_, error) => reject(error),
    },
  })
})
await listener.close()
process.stdout.write(
  JSON.stringify({
    verdict,
    named: named instanceof Error ? named.message : 'it works',
    namedToo: namedToo instanceof Error ? namedToo.message : 'it works',
    auto: listener.model,
    reason: (listener as unknown as { reason: string }).reason,
    chosen: choose().reason,
    echoed,
  }),
)
