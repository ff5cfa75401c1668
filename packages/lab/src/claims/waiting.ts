/** What waiting costs: a call that sleeps gives its processor away, one that asks again and again burns it. */
import { bind, type ModelName, models } from 'fivefold'
import {
  AF_UNIX,
  check,
  errnos,
  MSG_DONTWAIT,
  rawRecv,
  SO_RCVTIMEO,
  SOCK_DGRAM,
  SOL_SOCKET,
  setsockopt,
  socketpair,
} from 'fivefold/sys'
import { difference } from '../measure/per-message.js'
import { chooseProcessors } from '../measure/pinning.js'
import { usage } from '../measure/usage.js'
import { bars, count, type Experiment, finding, notTested, share, verdictOf } from './claim.js'
import { type Spent, sleep, spentOn } from './sampling.js'

interface Call {
  readonly spent: Spent
  readonly calls: number
  /** Of them, those that answered EAGAIN. */
  readonly again: number
}

interface Waited {
  readonly model: ModelName
  readonly cpuShare: number
}

export interface Data {
  readonly windowMs: number
  readonly blocking: Call
  readonly nonBlocking: Call
  /** CPU milliseconds of another process that works on the same processor meanwhile. */
  readonly besideBlockingMs: number
  readonly besideNonBlockingMs: number
  readonly models: readonly Waited[]
}

/** One recv that sleeps until the time is up. */
function sleepInCall(ms: number): Call {
  const [fd] = socketpair(AF_UNIX, SOCK_DGRAM)
  setsockopt(
    fd,
    SOL_SOCKET,
    SO_RCVTIMEO,
    BigInt64Array.of(BigInt(Math.floor(ms / 1000)), BigInt((ms % 1000) * 1000)),
  )
  const byte = Buffer.alloc(1)
  let again = 0
  const spent = spentOn(() => {
    if (rawRecv(fd, byte, 1, 0) === -errnos.EAGAIN) again++
  })
  return { spent, calls: 1, again }
}

/** recv with MSG_DONTWAIT, again and again. */
function askAgain(ms: number): Call {
  const [fd] = socketpair(AF_UNIX, SOCK_DGRAM)
  const byte = Buffer.alloc(1)
  let calls = 0
  let again = 0
  const spent = spentOn(() => {
    const until = performance.now() + ms
    while (performance.now() < until) {
      calls++
      if (rawRecv(fd, byte, 1, MSG_DONTWAIT) === -errnos.EAGAIN) again++
    }
  })
  return { spent, calls, again }
}

/** Another process: it has work for as long. */
function work(ms: number): number {
  const until = performance.now() + ms
  return spentOn(() => {
    while (performance.now() < until);
  }).cpuMs
}

/** A socket of one model, for which nothing comes. */
async function idle({ model, ms }: { model: ModelName; ms: number }): Promise<number> {
  const socket = await bind({ model, host: 'dedicated', socket: {} })
  await sleep(100)
  const before = usage(0)
  await sleep(ms)
  const { userMicros, systemMicros, nanoseconds } = difference(before, usage(0))
  await socket.close()
  return check(userMicros + systemMicros, 'getrusage') / (nanoseconds / 1000)
}

/** What two processes got of one processor: the share of the one that works. */
const neighbourShare = (workedMs: number, { spent }: Call) => workedMs / (workedMs + spent.cpuMs)

export const waiting: Experiment<Data> = {
  name: 'waiting',
  claims: ['blockingSleeps', 'othersRun', 'pollingBurns', 'signalCheaper'],
  probes: { sleepInCall, askAgain, work, idle },
  needs: () => null,
  async run({ probe, quick, progress }) {
    const windowMs = quick ? 300 : 1000
    const { server: cpu } = chooseProcessors()
    const [blocking, besideBlockingMs] = await Promise.all([
      probe<Call>('sleepInCall', windowMs, { cpu }),
      probe<number>('work', windowMs, { cpu }),
    ])
    const [nonBlocking, besideNonBlockingMs] = await Promise.all([
      probe<Call>('askAgain', windowMs, { cpu }),
      probe<number>('work', windowMs, { cpu }),
    ])
    const found: Waited[] = []
    for (const { name, probe: works } of models) {
      if (!works().ok) continue
      progress(name)
      found.push({ model: name, cpuShare: await probe('idle', { model: name, ms: windowMs }) })
    }
    return { windowMs, blocking, nonBlocking, besideBlockingMs, besideNonBlockingMs, models: found }
  },
  selfCheck: ({ windowMs, blocking, nonBlocking, besideBlockingMs, besideNonBlockingMs }) => [
    {
      check: 'waited',
      ok: blocking.spent.wallMs >= windowMs - 10 && nonBlocking.spent.wallMs >= windowMs - 10,
    },
    { check: 'nothingCame', ok: blocking.again === 1 && nonBlocking.again === nonBlocking.calls },
    { check: 'neighbourWorked', ok: besideBlockingMs > 0 && besideNonBlockingMs > 0 },
  ],
  judge({ blocking, nonBlocking, besideBlockingMs, besideNonBlockingMs, models: found }) {
    const cpuShare = ({ spent }: Call) => spent.cpuMs / spent.wallMs
    const of = (model: ModelName) => found.find((each) => each.model === model)?.cpuShare
    const [sigio, asking] = [of('sigio'), of('non-blocking')]
    const besideBlocking = neighbourShare(besideBlockingMs, blocking)
    const besideAsking = neighbourShare(besideNonBlockingMs, nonBlocking)
    return {
      findings: [
        finding('blockingSleeps', verdictOf(cpuShare(blocking) < 0.02), {
          cpu: share(cpuShare(blocking)),
          calls: count(blocking.calls),
          switches: count(blocking.spent.voluntary),
        }),
        finding('othersRun', verdictOf(besideBlocking > 0.9 && besideAsking < 0.75), {
          besideBlocking: share(besideBlocking),
          besideAsking: share(besideAsking),
        }),
        // Beside a neighbour it gets a part of the processor only; of what it can get, all.
        finding('pollingBurns', verdictOf(cpuShare(nonBlocking) > Math.max(0.02, 20 * cpuShare(blocking))), {
          cpu: share(cpuShare(nonBlocking)),
          alone: share(asking ?? Number.NaN),
          again: count(nonBlocking.again),
        }),
        sigio === undefined || asking === undefined
          ? notTested('signalCheaper', { reason: 'model', what: 'sigio' })
          : finding('signalCheaper', verdictOf(sigio * 4 < asking), {
              signal: share(sigio),
              asking: share(asking),
            }),
      ],
      figures: [
        bars(
          'cpuWhileWaiting',
          'share',
          found.map(({ model, cpuShare: value }) => [model, value]),
        ),
        bars('neighbour', 'share', [
          ['blocking', besideBlocking],
          ['non-blocking', besideAsking],
        ]),
      ],
    }
  },
}
