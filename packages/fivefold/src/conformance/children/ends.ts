/**
 * A process with operations of every kind in flight, and one way to its end: argv is the model, the host and the
 * way. What the parent must see is its exit code, and that it does not take long.
 */
import { bind, connect, type Host, type Listener, listen, type ModelName, type Socket } from '../../index.js'

const [model, host, way] = process.argv.slice(2) as [ModelName, Host, string]
const engine = { model, host }

/** Something that waits in each direction: an accept, receives, a datagram, and a send that cannot go on. */
async function busy(socket: { data?: () => void } = {}): Promise<{
  listener: Listener
  ends: { ref(): unknown; unref(): unknown }[]
}> {
  const accepted: Socket<undefined>[] = []
  let arrived: () => void = () => {}
  const both = new Promise<void>((resolve) => (arrived = resolve))
  const listener = await listen({
    ...engine,
    socket: {
      open(peer) {
        accepted.push(peer)
        if (accepted.length === 2) arrived()
      },
      ...socket,
    },
  })
  const reading = await connect({ ...engine, port: listener.port, socket: {} })
  const writing = await connect({ ...engine, port: listener.port, socket: {} })
  const udp = await bind({ ...engine, socket: {} })
  await both
  for (const peer of accepted) peer.pause()
  const megabyte = Buffer.alloc(1024 * 1024)
  while (writing.write(megabyte) === megabyte.length && writing.bytesQueued < 16 * megabyte.length) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { listener, ends: [...accepted, reading, writing, udp] }
}

const ways: Record<string, () => Promise<void>> = {
  // Everything is closed: nothing keeps the process.
  async idle() {
    const listener = await listen({ ...engine, socket: { data: (peer) => peer.end('bye') } })
    await new Promise<void>((resolve, reject) => {
      void connect({
        ...engine,
        port: listener.port,
        socket: {
          open: (socket) => void socket.write('hello'),
          close: () => resolve(),
          error: (_, error) => reject(error),
        },
      })
    })
    await listener.close()
    const udp = await bind({ ...engine, socket: {} })
    await udp.close()
  },
  // Everything is open, and nothing of it is to keep the process.
  async natural() {
    const { listener, ends } = await busy()
    for (const end of [listener, ...ends]) {
      end.unref()
      end.unref()
    }
    process.on('exit', () => process.stdout.write('natural\n'))
  },
  // As before, but one listener is to keep it, until a peer says stop.
  async ref() {
    const { listener, ends } = await busy()
    for (const end of [listener, ...ends]) end.unref()
    const kept: Listener = await listen({
      ...engine,
      socket: {
        data(peer, chunk) {
          if (chunk.toString() === 'stop') void kept.close(true)
          else peer.end('alive')
        },
      },
    })
    kept.unref()
    kept.ref()
    kept.ref()
    process.stdout.write(`port ${kept.port}\n`)
  },
  async exit() {
    await busy()
    process.exit(3)
  },
  // From within a handler, in the middle of the engine's turn.
  async 'exit in a handler'() {
    const listener = await listen({ ...engine, socket: { data: () => process.exit(3) } })
    await busy()
    const socket = await connect({ ...engine, port: listener.port, socket: {} })
    socket.write('now')
  },
  async throw() {
    await busy()
    setTimeout(() => {
      throw new Error('thrown by a timer')
    })
  },
  // What a handler throws, and no error handler takes, ends the process as Node's own uncaught errors do.
  async 'throw in a handler'() {
    const listener = await listen({
      ...engine,
      socket: {
        data() {
          throw new Error('thrown by data')
        },
      },
    })
    await busy()
    const socket = await connect({ ...engine, port: listener.port, socket: {} })
    socket.write('now')
  },
  async 'throw in error'() {
    const listener = await listen({
      ...engine,
      socket: {
        data() {
          throw new Error('thrown by data')
        },
        error() {
          throw new Error('thrown by error')
        },
      },
    })
    await busy()
    const socket = await connect({ ...engine, port: listener.port, socket: {} })
    socket.write('now')
  },
}

await ways[way]!()
