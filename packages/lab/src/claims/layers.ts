/** The layers: the calls that this run really made across the line, and what the kernel does below it by itself. */
import { connect as connectSocket, listen as listenFor, type Socket } from 'fivefold'
import {
  AF_INET,
  accept4,
  bind,
  bytesReadable,
  close,
  connect,
  getsockname,
  getsockopt,
  listen,
  rawIoctl,
  SOCK_STREAM,
  SOL_TCP,
  send,
  socket,
  TCP_INFO,
  TIOCOUTQ,
} from 'fivefold/sys'
import { bars, bytes, count, type Experiment, finding, verdictOf } from './claim.js'
import { sleep } from './sampling.js'

interface Below {
  /** TCP's state at the client, while the server has made no call but listen. */
  readonly established: boolean
  readonly sent: number
  readonly unacknowledged: number
  /** What was in the server's socket when it first looked. */
  readonly waiting: number
}

export interface Data {
  readonly below: Below
  /** Calls for one connection and one message, by name. */
  readonly calls: Readonly<Record<string, number>>
  readonly messageBytes: number
  readonly echoed: number
}

const SIZE = 64
const ESTABLISHED = 1

async function below(): Promise<Below> {
  const listener = socket(AF_INET, SOCK_STREAM)
  bind(listener, { family: 'IPv4', address: '127.0.0.1', port: 0 })
  listen(listener)
  const client = socket(AF_INET, SOCK_STREAM)
  connect(client, getsockname(listener))
  const sent = send(client, Buffer.alloc(SIZE, 1))
  const left = new Int32Array(1)
  for (let tries = 0; tries < 200; tries++) {
    rawIoctl(client, TIOCOUTQ, left)
    if (left[0] === 0) break
    await sleep(5)
  }
  // struct tcp_info begins with the state.
  const info = new Uint8Array(8)
  getsockopt(client, SOL_TCP, TCP_INFO, info)
  const server = accept4(listener).fd
  const waiting = bytesReadable(server)
  for (const fd of [listener, client, server]) close(fd)
  return { established: info[0] === ESTABLISHED, sent, unacknowledged: left[0]!, waiting }
}

/** One connection, one message there and back, over epoll; in a process that counts its calls. */
async function calls(): Promise<Pick<Data, 'calls' | 'messageBytes' | 'echoed'>> {
  const { callCounts } = await import('../measure/counter.js')
  const before = callCounts()
  const listener = await listenFor({
    hostname: '127.0.0.1',
    port: 0,
    model: 'epoll',
    socket: {
      data(connection: Socket, chunk) {
        connection.write(chunk)
      },
    },
  })
  let echoed = 0
  await new Promise<void>((resolve, reject) => {
    connectSocket({
      hostname: '127.0.0.1',
      port: listener.port,
      model: 'epoll',
      socket: {
        open: (connection) => void connection.write(Buffer.alloc(SIZE, 1)),
        data(connection, chunk) {
          echoed += chunk.length
          if (echoed >= SIZE) connection.end()
        },
        close: () => resolve(),
      },
    }).catch(reject)
  })
  const found: Record<string, number> = {}
  for (const [name, { calls: made }] of Object.entries(callCounts())) {
    const more = made - (before[name]?.calls ?? 0)
    if (more > 0) found[name] = more
  }
  return { calls: found, messageBytes: SIZE, echoed }
}

export const layers: Experiment<Data> = {
  name: 'layers',
  claims: ['transportBelow', 'callsAcross'],
  probes: { below, calls },
  needs: () => null,
  async run({ probe }) {
    const counter = new URL('../measure/counter.js', import.meta.url)
    return {
      below: await probe<Below>('below'),
      ...(await probe<Pick<Data, 'calls' | 'messageBytes' | 'echoed'>>('calls', null, {
        execArgv: ['--import', counter.href],
      })),
    }
  },
  selfCheck: ({ below: found, calls: made, messageBytes, echoed }) => [
    { check: 'sent', ok: found.sent === SIZE },
    { check: 'echoed', ok: echoed === messageBytes },
    // The calls that must be there, if any are seen.
    {
      check: 'seen',
      ok: ['socket', 'bind', 'listen', 'accept4', 'connect'].every((name) => (made[name] ?? 0) > 0),
    },
  ],
  judge({ below: found, calls: made, messageBytes }) {
    const names = Object.keys(made)
    const sorted = Object.entries(made).sort(([, a], [, b]) => b - a)
    return {
      findings: [
        finding(
          'transportBelow',
          verdictOf(found.established && found.unacknowledged === 0 && found.waiting === found.sent),
          {
            established: count(found.established ? 1 : 0),
            sent: bytes(found.sent),
            unacknowledged: bytes(found.unacknowledged),
            waiting: bytes(found.waiting),
          },
        ),
        // Whatever the protocols below did (segments, acknowledgements, retransmissions), none of it was a call of ours.
        finding(
          'callsAcross',
          verdictOf(names.length > 0 && (made.recv ?? 0) + (made.send ?? 0) > 0),
          {
            message: bytes(messageBytes),
            calls: count(Object.values(made).reduce((sum, value) => sum + value, 0)),
            kinds: count(names.length),
          },
          { names: sorted.map(([name]) => name).join(', ') },
        ),
      ],
      figures: [bars('callsMade', 'count', sorted)],
    }
  },
}
