/** Who runs when the handler runs: the handler interrupts its own thread; in Node it waits for the loop. */
import {
  AF_UNIX,
  check,
  errnos,
  F_OWNER_TID,
  F_SETOWN,
  F_SETOWN_EX,
  fcntl,
  gettid,
  harmlessHandler,
  MSG_DONTWAIT,
  O_ASYNC,
  ownerEx,
  rawFcntlPointer,
  rawRecv,
  recv,
  SIGIO,
  SO_RCVTIMEO,
  SOCK_STREAM,
  SOL_SOCKET,
  send,
  setStatusFlag,
  setsockopt,
  sigaction,
  socketpair,
} from 'fivefold/sys'
import { oneLine } from '../failure.js'
import { now } from '../measure/usage.js'
import { bytes, count, type Experiment, finding, millis, verdictOf } from './claim.js'
import { sleep } from './sampling.js'
import { Sender } from './sender.js'
import { udpPair } from './udp.js'

interface Interrupted {
  readonly answer: number
  readonly afterMs: number
  readonly sentAfterMs: number
}

interface Handled {
  /** What recvfrom brought, called in the handler. */
  readonly received: number
  readonly sameThread: boolean
  /** While the thread computed: how long after the datagram the handler ran. */
  readonly computedMs: number
  readonly lateMs: number
}

export interface Data {
  readonly interrupted: Interrupted
  readonly handled: Handled
  /** How a process ended that had no handler; '' when it did not. */
  readonly unprepared: string
}

const LATER_MS = 50
const PATIENCE_MS = 2000
/** A signal that comes before the call sleeps ends nothing: on a busy machine it is tried again. */
const TRIES = 5
const COMPUTE_MS = 100

function raisesIn(fd: number): void {
  check(rawFcntlPointer(fd, F_SETOWN_EX, ownerEx(F_OWNER_TID, gettid())), 'fcntl')
  setStatusFlag(fd, O_ASYNC, true)
}

/** A handler of C, which does nothing: whatever call its thread sleeps in ends. */
async function interrupt(): Promise<Interrupted> {
  const sender = await Sender.start()
  const [fd, peer] = udpPair()
  const [other] = socketpair(AF_UNIX, SOCK_STREAM)
  setsockopt(other, SOL_SOCKET, SO_RCVTIMEO, BigInt64Array.of(BigInt(PATIENCE_MS / 1000), 0n))
  sigaction(SIGIO, { handler: harmlessHandler(), flags: 0 })
  raisesIn(fd)
  let answer = 0
  let afterMs = 0
  let sentAfterMs = 0
  for (let tries = 0; tries < TRIES && answer !== -errnos.EINTR; tries++) {
    const began = now()
    sender.write(peer, 1, LATER_MS)
    answer = rawRecv(other, Buffer.alloc(1), 1, 0)
    afterMs = (now() - began) / 1e6
    sentAfterMs = (sender.done() - began) / 1e6
  }
  await sender.end()
  return { answer, afterMs, sentAfterMs }
}

/** A handler of JavaScript, which calls recvfrom. */
async function handle(): Promise<Handled> {
  const [fd, peer] = udpPair()
  const room = Buffer.alloc(64)
  let received = 0
  let sameThread = false
  let handledAt = 0
  process.on('SIGIO', () => {
    if (received > 0) return
    handledAt = now()
    received = rawRecv(fd, room, room.length, MSG_DONTWAIT)
    sameThread = gettid() === process.pid
  })
  raisesIn(fd)
  send(peer, Buffer.alloc(16, 1))
  const sentAt = now()
  const until = performance.now() + COMPUTE_MS
  while (performance.now() < until);
  for (let tries = 0; tries < 1000 && received === 0; tries++) await sleep(5)
  return { received, sameThread, computedMs: COMPUTE_MS, lateMs: (handledAt - sentAt) / 1e6 }
}

/** The signal goes to the process, which has made no preparations. */
async function unprepared(): Promise<void> {
  const [fd, peer] = udpPair()
  fcntl(fd, F_SETOWN, process.pid)
  setStatusFlag(fd, O_ASYNC, true)
  send(peer, Buffer.alloc(1))
  await sleep(1000)
  recv(fd, Buffer.alloc(1))
}

export const signalHandler: Experiment<Data> = {
  name: 'signal-handler',
  claims: ['handlerInterrupts', 'handlerReceives', 'defaultKills'],
  probes: { interrupt, handle, unprepared },
  needs: () => null,
  async run({ probe, signal }) {
    const interrupted = await probe<Interrupted>('interrupt')
    const handled = await probe<Handled>('handle')
    let ended = ''
    try {
      await probe('unprepared')
    } catch (error) {
      signal.throwIfAborted()
      ended = /SIG(IO|POLL)/.exec(oneLine(error))?.[0] ?? oneLine(error)
    }
    return { interrupted, handled, unprepared: ended }
  },
  selfCheck: ({ interrupted, handled }) => [
    { check: 'slept', ok: interrupted.afterMs >= interrupted.sentAfterMs - 1 },
    { check: 'handlerRan', ok: handled.received !== 0 },
  ],
  judge({ interrupted, handled, unprepared: ended }) {
    const late = handled.lateMs >= handled.computedMs - 1
    return {
      findings: [
        finding(
          'handlerInterrupts',
          verdictOf(interrupted.answer === -errnos.EINTR),
          { after: millis(interrupted.afterMs), sent: millis(interrupted.sentAfterMs) },
          { answer: interrupted.answer === -errnos.EINTR ? 'EINTR' : String(interrupted.answer) },
        ),
        finding(
          'handlerReceives',
          handled.received <= 0 || !handled.sameThread ? 'does-not-hold' : late ? 'holds-when' : 'holds',
          {
            received: bytes(Math.max(0, handled.received)),
            computed: millis(handled.computedMs),
            late: millis(handled.lateMs),
          },
        ),
        finding(
          'defaultKills',
          verdictOf(ended !== ''),
          { processes: count(ended === '' ? 0 : 1) },
          {
            signal: ended === '' ? '–' : ended,
          },
        ),
      ],
      figures: [],
    }
  },
}
