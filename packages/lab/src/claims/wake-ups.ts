/** Several threads wait for one connection: who wakes without EPOLLEXCLUSIVE, with it, and with SO_REUSEPORT. */
import { Worker } from 'node:worker_threads'
import {
  type Address,
  AF_INET,
  bind,
  close,
  connect,
  EPOLLEXCLUSIVE,
  EPOLLIN,
  getsockname,
  listen,
  SO_REUSEPORT,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  setsockoptInt,
  socket,
} from 'fivefold/sys'
import { bars, count, type Experiment, finding, share, verdictOf } from './claim.js'
import { COUNTERS } from './wake-layout.js'

interface Mode {
  readonly connections: number
  readonly accepted: number
  /** Sleeps of the threads that a connection ended. */
  readonly wakeUps: number
  /** Of them, those that came back to the program and found nothing. */
  readonly inVain: number
  readonly perThread: readonly number[]
}

export interface Data {
  readonly threads: number
  readonly plain: Mode
  readonly exclusive: Mode
  readonly reusePort: Mode
}

const THREADS = 4

function listener(at: Address, reusePort: boolean): number {
  const fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK)
  if (reusePort) setsockoptInt(fd, SOL_SOCKET, SO_REUSEPORT, 1)
  bind(fd, at)
  listen(fd, 4096)
  return fd
}

const ANY: Address = { family: 'IPv4', address: '127.0.0.1', port: 0 }

async function mode(events: number, reusePort: boolean, connections: number): Promise<Mode> {
  const first = listener(ANY, reusePort)
  const address = getsockname(first)
  const fds = Array.from({ length: THREADS }, (_, index) =>
    index === 0 || !reusePort ? first : listener(address, true),
  )
  const words = new Int32Array(new SharedArrayBuffer(4 * (1 + THREADS * COUNTERS)))
  const program = new URL('./wake-thread.js', import.meta.url)
  const workers = fds.map((fd, index) => new Worker(program, { workerData: { words, index, fd, events } }))
  const gone = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)))
  const failure = new Promise<never>((_, reject) => workers.map((worker) => worker.once('error', reject)))
  failure.catch(() => {})
  const of = (index: number, counter: number) => Atomics.load(words, 1 + index * COUNTERS + counter)
  const sum = (counter: number) => fds.reduce((total, _, index) => total + of(index, counter), 0)
  const rest = (ms: number) => Promise.race([new Promise((resolve) => setTimeout(resolve, ms)), failure])
  while (sum(0) < THREADS) await rest(5)
  await rest(50)
  for (let made = 0; made < connections; made++) {
    const fd = socket(AF_INET, SOCK_STREAM)
    connect(fd, address)
    for (let tries = 0; tries < 5000 && sum(1) <= made; tries++) await rest(1)
    close(fd)
    // All are asleep again when the next one comes.
    await rest(1)
  }
  Atomics.store(words, 0, 1)
  await Promise.all(gone)
  for (const fd of new Set(fds)) close(fd)
  const perThread = fds.map((_, index) => of(index, 1))
  return { connections, accepted: sum(1), wakeUps: sum(3), inVain: sum(2), perThread }
}

async function measure(connections: number): Promise<Data> {
  return {
    threads: THREADS,
    plain: await mode(EPOLLIN, false, connections),
    exclusive: await mode(EPOLLIN + EPOLLEXCLUSIVE, false, connections),
    reusePort: await mode(EPOLLIN, true, connections),
  }
}

const perConnection = ({ wakeUps, connections }: Mode) => wakeUps / connections
const busiest = ({ perThread, accepted }: Mode) => Math.max(...perThread) / accepted

export const wakeUps: Experiment<Data> = {
  name: 'wake-ups',
  claims: ['herd', 'exclusiveOne', 'reusePortSpreads'],
  probes: { measure },
  needs: () => null,
  run: ({ probe, quick }) => probe('measure', quick ? 100 : 500),
  selfCheck: ({ plain, exclusive, reusePort }) => [
    {
      check: 'allAccepted',
      ok: [plain, exclusive, reusePort].every(({ accepted, connections }) => accepted === connections),
    },
    // Somebody has to wake for each.
    { check: 'wakeUpsSeen', ok: [plain, exclusive, reusePort].every((each) => perConnection(each) > 0.5) },
  ],
  judge({ threads, plain, exclusive, reusePort }) {
    return {
      findings: [
        finding('herd', verdictOf(perConnection(plain) > 1.5), {
          threads: count(threads),
          wakeUps: count(perConnection(plain)),
          inVain: count(plain.inVain / plain.connections),
        }),
        finding('exclusiveOne', verdictOf(perConnection(exclusive) < 0.7 * perConnection(plain)), {
          wakeUps: count(perConnection(exclusive)),
          plain: count(perConnection(plain)),
          busiest: share(busiest(exclusive)),
        }),
        // An even share of one in four would be 25 %.
        finding('reusePortSpreads', verdictOf(busiest(reusePort) < 0.5 && perConnection(reusePort) < 1.5), {
          wakeUps: count(perConnection(reusePort)),
          busiest: share(busiest(reusePort)),
          exclusive: share(busiest(exclusive)),
        }),
      ],
      figures: [
        bars('wakeUps', 'count', [
          ['epoll', perConnection(plain)],
          ['EPOLLEXCLUSIVE', perConnection(exclusive)],
          ['SO_REUSEPORT', perConnection(reusePort)],
        ]),
        bars('busiest', 'share', [
          ['epoll', busiest(plain)],
          ['EPOLLEXCLUSIVE', busiest(exclusive)],
          ['SO_REUSEPORT', busiest(reusePort)],
        ]),
      ],
    }
  },
}
