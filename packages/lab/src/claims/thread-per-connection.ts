/** A thread for each connection against one thread for all: memory, context switches and start-up, and what follows. */
import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { listen, type ModelName, modelNamed, type Socket } from 'fivefold'
import {
  AF_INET,
  close,
  connect,
  errnos,
  getrlimit,
  MSG_DONTWAIT,
  RLIMIT_NOFILE,
  rawRecv,
  SOCK_STREAM,
  send,
  socket,
} from 'fivefold/sys'
import { difference } from '../measure/per-message.js'
import { census, usage } from '../measure/usage.js'
import { bytes, count, type Experiment, finding, lines, millis, series, verdictOf } from './claim.js'
import { sleep } from './sampling.js'

interface Held {
  readonly model: ModelName
  readonly connections: number
  /** Until each connection has had its first answer. */
  readonly startMs: number
  readonly threads: number
  /** More than the server held before the first connection; and what it held then. */
  readonly residentBytes: number
  readonly baseBytes: number
  readonly switchesPerMessage: number
  /** Messages that came back, of so many sent. */
  readonly answered: number
  readonly sent: number
}

export interface Data {
  readonly held: readonly Held[]
  readonly memoryBytes: number
}

/** What is "tens of thousands". */
const MANY = 20_000
const ROUNDS = 10
/** A thread of JavaScript takes some megabytes, and some descriptors. */
const MOST_BYTES_EACH = 16 * 1024 * 1024
const DESCRIPTORS_EACH = 16

function availableBytes(): number {
  return Number(/^MemAvailable:\s*(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024
}

async function hold({ model, connections }: { model: ModelName; connections: number }): Promise<Held> {
  const threads = modelNamed(model).limits.tunings?.includes('maxThreads') === true
  const listener = await listen({
    port: 0,
    hostname: '127.0.0.1',
    model,
    backlog: 4096,
    ...(threads ? { tuning: { maxThreads: connections + 2 } } : {}),
    socket: {
      data(connection: Socket, chunk) {
        connection.write(chunk)
      },
    },
  })
  const before = census()
  const fds: number[] = []
  const message = Buffer.alloc(64, 1)
  const room = Buffer.alloc(64)
  let answered = 0
  let sent = 0
  /** Sends one message on each of some connections, and waits until all are back. */
  const exchange = async (some: readonly number[]) => {
    for (const fd of some) send(fd, message)
    sent += some.length
    const open = new Set(some)
    for (let tries = 0; open.size > 0 && tries < 60_000; tries++) {
      for (const fd of open) {
        const length = rawRecv(fd, room, room.length, MSG_DONTWAIT)
        if (length === -errnos.EAGAIN) continue
        open.delete(fd)
        if (length === message.length) answered++
      }
      if (open.size > 0) await sleep(1)
    }
  }
  const began = performance.now()
  for (let made = 0; made < connections; made++) {
    const fd = socket(AF_INET, SOCK_STREAM)
    connect(fd, { family: 'IPv4', address: '127.0.0.1', port: listener.port })
    fds.push(fd)
  }
  await exchange(fds)
  const startMs = performance.now() - began
  const after = census()
  const used = usage(0)
  for (let round = 0; round < ROUNDS; round++) await exchange(fds)
  const { voluntarySwitches, involuntarySwitches } = difference(used, usage(0))
  for (const fd of fds) close(fd)
  return {
    model,
    connections,
    startMs,
    threads: after.threads - before.threads,
    residentBytes: after.residentBytes - before.residentBytes,
    baseBytes: before.residentBytes,
    switchesPerMessage: (voluntarySwitches + involuntarySwitches) / (ROUNDS * connections),
    answered,
    sent,
  }
}

const memoryFor = (connections: number) => 2 * connections * MOST_BYTES_EACH

export const threadPerConnection: Experiment<Data> = {
  name: 'thread-per-connection',
  claims: ['threadEach', 'switches', 'startUp', 'tensOfThousands'],
  probes: { hold },
  needs() {
    const verdict = modelNamed('blocking').probe()
    if (!verdict.ok) return { reason: 'model', what: 'blocking' }
    return availableBytes() < memoryFor(10) ? { reason: 'memory', what: '320 MiB' } : null
  },
  async run({ probe, quick, progress }) {
    const most = getrlimit(RLIMIT_NOFILE).hard
    const counts = (quick ? [10, 40] : [10, 100, 500]).filter(
      (connections) =>
        connections === 10 ||
        (memoryFor(connections) < availableBytes() && connections * DESCRIPTORS_EACH < most),
    )
    const held: Held[] = []
    for (const connections of counts) {
      for (const model of ['blocking', 'epoll'] as const) {
        progress(`${model} · ${connections}`)
        const execArgv = ['--expose-gc']
        held.push(await probe<Held>('hold', { model, connections }, { execArgv }))
      }
    }
    return { held, memoryBytes: totalmem() }
  },
  selfCheck: ({ held }) => [
    { check: 'allAnswered', ok: held.every(({ answered, sent }) => answered === sent && sent > 0) },
    { check: 'memorySeen', ok: held.some(({ residentBytes }) => residentBytes > 0) },
  ],
  judge({ held, memoryBytes }) {
    const of = (model: ModelName) => held.filter((each) => each.model === model)
    const [threads, epoll] = [of('blocking'), of('epoll')]
    const few = threads[0]!
    const many = threads.at(-1)!
    const one = epoll.at(-1)!
    // What one more takes, by the difference where there are two counts.
    const each = ([first, ...rest]: readonly Held[]) => {
      const last = rest.at(-1)
      if (first === undefined) return 0
      if (last === undefined) return Math.max(0, first.residentBytes / first.connections)
      return Math.max(0, (last.residentBytes - first.residentBytes) / (last.connections - first.connections))
    }
    // Of the whole server, what it holds without a connection included.
    const whole = ({ baseBytes, residentBytes }: Held) => baseBytes + Math.max(0, residentBytes)
    const at = (model: readonly Held[]) =>
      whole(model.at(-1)!) + each(model) * (MANY - model.at(-1)!.connections)
    const [threadsAtMany, epollAtMany] = [at(threads), at(epoll)]
    const curve = (model: readonly Held[], label: string, y: (one: Held) => number) =>
      series(
        label,
        'bytes',
        model.map((point) => [point.connections, y(point)]),
      )
    const onward = (model: readonly Held[], label: string, end: number) =>
      series(
        label,
        'bytes',
        [
          [model.at(-1)!.connections, whole(model.at(-1)!)],
          [MANY, end],
        ],
        true,
      )
    const x = { label: 'connections', unit: 'count', scale: 'log' } as const
    return {
      findings: [
        finding(
          'threadEach',
          verdictOf(many.threads >= many.connections && one.threads < one.connections / 2),
          {
            connections: count(many.connections),
            threads: count(many.threads),
            epoll: count(one.threads),
            each: bytes(each(threads)),
          },
        ),
        finding('switches', verdictOf(many.switchesPerMessage > 2 * one.switchesPerMessage), {
          connections: count(many.connections),
          threads: count(many.switchesPerMessage),
          epoll: count(one.switchesPerMessage),
        }),
        finding('startUp', verdictOf(many.startMs > 2 * one.startMs), {
          few: count(few.connections),
          threadsFew: millis(few.startMs),
          many: count(many.connections),
          threads: millis(many.startMs),
          epoll: millis(one.startMs),
        }),
        finding('tensOfThousands', verdictOf(threadsAtMany > memoryBytes && epollAtMany < memoryBytes), {
          many: count(MANY),
          measured: count(many.connections),
          threads: bytes(threadsAtMany),
          epoll: bytes(epollAtMany),
          memory: bytes(memoryBytes),
        }),
      ],
      figures: [
        lines('memory', x, { label: 'resident', unit: 'bytes', scale: 'log' }, [
          curve(threads, 'threads', whole),
          onward(threads, 'threads', threadsAtMany),
          curve(epoll, 'epoll', whole),
          onward(epoll, 'epoll', epollAtMany),
        ]),
        lines('startUpTime', x, { label: 'untilAnswered', unit: 'milliseconds', scale: 'log' }, [
          series(
            'threads',
            'milliseconds',
            threads.map((point) => [point.connections, point.startMs]),
          ),
          series(
            'epoll',
            'milliseconds',
            epoll.map((point) => [point.connections, point.startMs]),
          ),
        ]),
      ],
    }
  },
}
