/** A blocking call serves one descriptor; a multiplexer waits for several at once, or until a time is up. */
import { AF_UNIX, close, rawRecv, SOCK_STREAM, socketpair, write } from 'fivefold/sys'
import { bars, count, type Experiment, finding, millis, verdictOf } from './claim.js'
import { took } from './sampling.js'
import { Sender } from './sender.js'
import { waiters } from './waiters.js'

interface Multiplexed {
  readonly name: string
  /** The ready one of two: how long until it was served, and which was reported. */
  readonly readyServedMs: number
  readonly onlyReadyReported: boolean
  /** With a long time-out: when data for the other one came. */
  readonly eventMs: number
  readonly eventReported: boolean
  readonly sentMs: number
  /** With nothing to come: how long, and what it answered. */
  readonly timeoutMs: number
  readonly timeoutAnswer: number
}

export interface Data {
  readonly laterMs: number
  readonly askedMs: number
  readonly longMs: number
  /** Data were there for the second descriptor all the time: so long it had to wait for them to be read. */
  readonly blockingMs: number
  readonly blockingBytes: number
  readonly multiplexed: readonly Multiplexed[]
}

const LATER_MS = 80
const ASKED_MS = 40
const LONG_MS = 30_000

async function measure(): Promise<Data> {
  const sender = await Sender.start()
  const [first, toFirst] = socketpair(AF_UNIX, SOCK_STREAM)
  const [second, toSecond] = socketpair(AF_UNIX, SOCK_STREAM)
  const byte = Buffer.alloc(1)
  let bytes = 0
  const serve = (fd: number) => {
    bytes += Math.max(0, rawRecv(fd, byte, 1, 0))
  }

  write(toSecond, Buffer.from('!'))
  const blockingMs = took(() => {
    sender.write(toFirst, 1, LATER_MS)
    serve(first)
    serve(second)
  })
  const blockingBytes = bytes
  sender.done()

  const multiplexed: Multiplexed[] = []
  for (const make of waiters) {
    const waiter = make([first, second])
    write(toSecond, Buffer.from('!'))
    let reported: number[] = []
    const readyServedMs = took(() => {
      waiter.wait(LONG_MS)
      reported = waiter.ready()
      for (const fd of reported) serve(fd)
    })
    const onlyReadyReported = reported.length === 1 && reported[0] === second
    const began = performance.now()
    sender.write(toFirst, 1, LATER_MS)
    const eventMs = took(() => waiter.wait(LONG_MS))
    const eventReported = waiter.ready()[0] === first
    sender.done()
    const sentMs = performance.now() - began
    serve(first)
    let timeoutAnswer = -1
    const timeoutMs = took(() => {
      timeoutAnswer = waiter.wait(ASKED_MS)
    })
    waiter.close()
    multiplexed.push({
      name: waiter.name,
      readyServedMs,
      onlyReadyReported,
      eventMs,
      eventReported,
      sentMs,
      timeoutMs,
      timeoutAnswer,
    })
  }
  await sender.end()
  for (const fd of [first, toFirst, second, toSecond]) close(fd)
  return { laterMs: LATER_MS, askedMs: ASKED_MS, longMs: LONG_MS, blockingMs, blockingBytes, multiplexed }
}

export const oneAtATime: Experiment<Data> = {
  name: 'one-at-a-time',
  claims: ['blockingOne', 'multiplexerMany', 'multiplexerTimeout'],
  probes: { measure },
  needs: () => null,
  run: ({ probe }) => probe('measure'),
  selfCheck: ({ blockingBytes, laterMs, multiplexed }) => [
    { check: 'bothServed', ok: blockingBytes === 2 },
    { check: 'sentLater', ok: multiplexed.every(({ sentMs }) => sentMs >= laterMs - 1) },
  ],
  judge({ laterMs, askedMs, longMs, blockingMs, multiplexed }) {
    const slowest = Math.max(...multiplexed.map(({ readyServedMs }) => readyServedMs))
    const events = multiplexed.map(({ eventMs }) => eventMs)
    const timeouts = multiplexed.map(({ timeoutMs }) => timeoutMs)
    const names = { names: multiplexed.map(({ name }) => name).join(', ') }
    return {
      findings: [
        // Served only when the first one's data had come, though its own were there from the beginning.
        finding('blockingOne', verdictOf(blockingMs >= laterMs - 1), {
          blocking: millis(blockingMs),
          later: millis(laterMs),
          multiplexed: millis(slowest),
        }),
        finding(
          'multiplexerMany',
          verdictOf(
            multiplexed.every(({ onlyReadyReported, eventReported }) => onlyReadyReported && eventReported),
          ),
          {
            descriptors: count(2),
            ready: millis(slowest),
            event: millis(Math.max(...events)),
            long: millis(longMs),
          },
          names,
        ),
        finding(
          'multiplexerTimeout',
          verdictOf(
            multiplexed.every(
              ({ timeoutAnswer, timeoutMs }) => timeoutAnswer === 0 && timeoutMs >= askedMs - 0.1,
            ),
          ),
          {
            asked: millis(askedMs),
            shortest: millis(Math.min(...timeouts)),
            longest: millis(Math.max(...timeouts)),
          },
          names,
        ),
      ],
      figures: [
        bars('readyWaits', 'milliseconds', [
          ['blocking', blockingMs],
          ...multiplexed.map(({ name, readyServedMs }) => [name, readyServedMs] as const),
        ]),
      ],
    }
  },
}
