/** "select's time-out is the finest, so take select for real time": when waits of 10 µs to 1 ms really end. */
import {
  AF_UNIX,
  EPOLL_CTL_ADD,
  EPOLLIN,
  epollCreate1,
  epollCtl,
  FdSet,
  hasEpollPwait2,
  POLLIN,
  rawEpollPwait2,
  rawEpollWait,
  rawPoll,
  rawPpoll,
  rawSelect,
  SOCK_STREAM,
  setTimerSlack,
  socketpair,
} from 'fivefold/sys'
import { now } from '../measure/usage.js'
import { type Experiment, finding, lines, micros, type Series, series, verdictOf } from './claim.js'
import { median } from './sampling.js'

/** Medians in microseconds, by what was asked for. */
interface Ladder {
  readonly call: string
  readonly slackNanoseconds: number
  readonly points: readonly (readonly [asked: number, woke: number])[]
  /** What all its waits answered: 0, the time was up. */
  readonly answers: number
}

export interface Data {
  readonly ladders: readonly Ladder[]
}

const STEPS = [10, 20, 50, 100, 200, 500, 1000] as const
/** The step that verdicts are about, and the timer slack that threads have unless told otherwise. */
const STEP = 100
const SLACK = 50_000

function measure(rounds: number): Data {
  const [fd] = socketpair(AF_UNIX, SOCK_STREAM)
  const wanted = new FdSet([fd])
  const found = new FdSet([fd])
  const entries = Int32Array.of(fd, POLLIN)
  const epfd = epollCreate1()
  epollCtl(epfd, EPOLL_CTL_ADD, fd, EPOLLIN)
  const events = new Uint8Array(64)
  const time = new Int32Array(4)
  // All begin with the same work: an asked time is put into words that the call understands.
  const timed = (unit: number) => (asked: number) => {
    time[0] = time[1] = time[3] = 0
    time[2] = asked * unit
  }
  const timeval = timed(1)
  const timespec = timed(1000)
  const calls: Record<string, (asked: number) => number> = {
    select(asked) {
      found.words.set(wanted.words)
      timeval(asked)
      return rawSelect(wanted.nfds, found.words, null, null, time)
    },
    ppoll(asked) {
      timespec(asked)
      return rawPpoll(entries, 1, time, null)
    },
    poll: (asked) => rawPoll(entries, 1, Math.ceil(asked / 1000)),
    epoll_wait: (asked) => rawEpollWait(epfd, events, 1, Math.ceil(asked / 1000)),
  }
  if (hasEpollPwait2()) {
    calls.epoll_pwait2 = (asked) => {
      timespec(asked)
      return rawEpollPwait2(epfd, events, 1, time, null)
    }
  }
  const ladders: Ladder[] = []
  for (const slackNanoseconds of [SLACK, 1]) {
    setTimerSlack(slackNanoseconds)
    const woke = new Map(Object.keys(calls).map((call) => [call, new Map<number, number[]>()]))
    let answers = 0
    // By turns, so that a disturbance meets them all.
    for (let round = 0; round < rounds; round++) {
      for (const asked of STEPS) {
        for (const [call, wait] of Object.entries(calls)) {
          const began = now()
          answers |= wait(asked)
          const list = woke.get(call)!
          const passed = (now() - began) / 1000
          if (list.has(asked)) list.get(asked)!.push(passed)
          else list.set(asked, [passed])
        }
      }
    }
    for (const [call, list] of woke) {
      const points = [...list].map(([asked, values]) => [asked, median(values)] as const)
      ladders.push({ call, slackNanoseconds, points, answers })
    }
  }
  return { ladders }
}

const FINE = ['select', 'ppoll', 'epoll_pwait2']
const WHOLE = ['poll', 'epoll_wait']

export const timeResolution: Experiment<Data> = {
  name: 'time-resolution',
  claims: ['selectFinest', 'pollWholeMilliseconds', 'slackDecides'],
  probes: { measure },
  needs: () => null,
  run: ({ probe, quick }) => probe('measure', quick ? 41 : 201),
  selfCheck: ({ ladders }) => [
    { check: 'timeWasUp', ok: ladders.every(({ answers }) => answers === 0) },
    // A wait that ends before its time was no wait.
    { check: 'noneEarly', ok: ladders.every(({ points }) => points.every(([asked, woke]) => woke >= asked)) },
  ],
  judge({ ladders }) {
    const at = (call: string, slack = SLACK, step: number = STEP) =>
      ladders
        .find((ladder) => ladder.call === call && ladder.slackNanoseconds === slack)
        ?.points.find(([asked]) => asked === step)?.[1] ?? Number.NaN
    const known = (calls: readonly string[]) => calls.filter((call) => !Number.isNaN(at(call)))
    const others = known(FINE).filter((call) => call !== 'select')
    const finest = Math.min(...others.map((call) => at(call)))
    const whole = Math.min(...WHOLE.map((call) => at(call)))
    const gained = known(FINE).map((call) => at(call) - at(call, 1))
    const curve = ({ call, points, slackNanoseconds }: Ladder): Series =>
      series(slackNanoseconds === 1 ? `${call} (1 ns)` : call, 'microseconds', points)
    return {
      findings: [
        finding(
          'selectFinest',
          verdictOf(at('select') < 0.75 * finest),
          { asked: micros(STEP), select: micros(at('select')), other: micros(finest) },
          { others: others.join(', ') },
        ),
        finding('pollWholeMilliseconds', verdictOf(whole >= 1000), {
          asked: micros(STEP),
          poll: micros(at('poll')),
          epoll: micros(at('epoll_wait')),
          ppoll: micros(at('ppoll')),
        }),
        finding('slackDecides', verdictOf(Math.min(...gained) > 10), {
          asked: micros(STEP),
          slack: { value: SLACK, unit: 'nanoseconds' },
          usual: micros(at('select')),
          least: micros(at('select', 1)),
        }),
      ],
      figures: [
        lines(
          'ladder',
          { label: 'asked', unit: 'microseconds', scale: 'log' },
          { label: 'woke', unit: 'microseconds', scale: 'log' },
          ladders.map(curve),
        ),
      ],
    }
  },
}
