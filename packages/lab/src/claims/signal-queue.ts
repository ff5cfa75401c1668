/** How many signals many datagrams raise: SIGIO merges, real-time signals queue, and the queue has an end. */
import { readFileSync } from 'node:fs'
import {
  check,
  errnos,
  F_OWNER_TID,
  F_SETOWN_EX,
  F_SETSIG,
  fcntl,
  getrlimit,
  gettid,
  isIoCode,
  MSG_DONTWAIT,
  O_ASYNC,
  ownerEx,
  RLIMIT_SIGPENDING,
  rawFcntlPointer,
  rawRecv,
  SIG_BLOCK,
  SIGIO,
  SIGRTMAX,
  SignalSet,
  send,
  setrlimit,
  setStatusFlag,
  sigprocmask,
  sigtimedwait,
} from 'fivefold/sys'
import { bars, count, type Experiment, finding, verdictOf } from './claim.js'
import { udpPair } from './udp.js'

/** What came of so many datagrams. */
interface Raised {
  readonly sent: number
  readonly received: number
  /** Signals that name the descriptor, and plain SIGIOs. */
  readonly named: number
  readonly plain: number
}

export interface Data {
  readonly sigio: Raised
  readonly realtime: Raised
  readonly overflow: Raised
  readonly queueLimit: number
}

const DATAGRAMS = 100
const QUEUE = 20

/** How many signals of this user wait, of all his processes: the gauge of RLIMIT_SIGPENDING. */
function queued(): number {
  return Number(/^SigQ:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1])
}

function raise(signal: number, queue: number | null): Raised {
  const set = new SignalSet(SIGIO, SIGRTMAX())
  sigprocmask(SIG_BLOCK, set)
  const [fd, peer] = udpPair()
  // To this thread alone: any other would die of it.
  check(rawFcntlPointer(fd, F_SETOWN_EX, ownerEx(F_OWNER_TID, gettid())), 'fcntl')
  if (signal !== SIGIO) fcntl(fd, F_SETSIG, signal)
  setStatusFlag(fd, O_ASYNC, true)
  if (queue !== null) {
    const { hard } = getrlimit(RLIMIT_SIGPENDING)
    setrlimit(RLIMIT_SIGPENDING, { soft: Math.min(hard, queued() + queue), hard })
  }
  const byte = Buffer.alloc(1)
  for (let sent = 0; sent < DATAGRAMS; sent++) send(peer, byte)
  let named = 0
  let plain = 0
  for (let info = sigtimedwait(set, 100); info !== null; info = sigtimedwait(set, 0)) {
    if (isIoCode(info.code) && info.fd === fd) named++
    else plain++
  }
  let received = 0
  while (rawRecv(fd, byte, 1, MSG_DONTWAIT) !== -errnos.EAGAIN) received++
  return { sent: DATAGRAMS, received, named, plain }
}

function measure(): Data {
  return {
    sigio: raise(SIGIO, null),
    realtime: raise(SIGRTMAX(), null),
    overflow: raise(SIGRTMAX(), QUEUE),
    queueLimit: QUEUE,
  }
}

export const signalQueue: Experiment<Data> = {
  name: 'signal-queue',
  claims: ['oneForMany', 'realtimeEach', 'overflowLoses'],
  probes: { measure },
  needs: () => null,
  run: ({ probe }) => probe('measure'),
  selfCheck: ({ sigio, realtime, overflow }) => [
    {
      check: 'allArrived',
      ok: [sigio, realtime, overflow].every(({ sent, received }) => received === sent),
    },
    { check: 'someRaised', ok: sigio.named + sigio.plain > 0 && realtime.named > 0 && overflow.named > 0 },
  ],
  judge({ sigio, realtime, overflow, queueLimit }) {
    const signals = sigio.named + sigio.plain
    return {
      findings: [
        finding('oneForMany', verdictOf(signals < sigio.sent), {
          datagrams: count(sigio.sent),
          signals: count(signals),
        }),
        finding('realtimeEach', verdictOf(realtime.named === realtime.sent), {
          datagrams: count(realtime.sent),
          signals: count(realtime.named),
        }),
        finding('overflowLoses', verdictOf(overflow.named < overflow.sent && overflow.plain > 0), {
          datagrams: count(overflow.sent),
          limit: count(queueLimit),
          named: count(overflow.named),
          plain: count(overflow.plain),
        }),
      ],
      figures: [
        bars('signals', 'count', [
          ['SIGIO', signals],
          ['realtime', realtime.named],
          ['limited', overflow.named + overflow.plain],
        ]),
      ],
    }
  },
}
