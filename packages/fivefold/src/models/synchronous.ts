/**
 * The synchronous models but the blocking one: a poller for phase 1, the shared driver for phase 2.
 */
import type {
  Driver,
  DriverOptions,
  Family,
  Host,
  Limits,
  Model,
  ModelName,
  Poller,
  Verdict,
} from './model.js'
import { EpollPoller } from './multiplexing/epoll.js'
import { PollPoller } from './multiplexing/poll.js'
import { SelectPoller } from './multiplexing/select.js'
import { AskingPoller } from './non-blocking.js'
import { ReadinessDriver } from './readiness.js'
import { probeRtsig, RtsigPoller } from './signal-driven/rtsig.js'
import { probeSigio, SigioPoller } from './signal-driven/sigio.js'
import { refusal, unavailable } from './verdict.js'

const limits: Limits = {
  nonBlocking: true,
  files: false,
  cancels: true,
  borrows: [],
  maxWaiting: Number.POSITIVE_INFINITY,
  workers: true,
  control: true,
}

function synchronous(
  name: ModelName,
  family: Family,
  Phase1: new (host: Host) => Poller,
  probe: () => Verdict = () => probeByOpening(Phase1),
  differing: Partial<Limits> = {},
): Model {
  return {
    name,
    family,
    synchronous: true,
    limits: { ...limits, ...differing },
    probe,
    open(options: DriverOptions): Driver {
      const verdict = probe()
      if (!verdict.ok) throw unavailable(name, verdict)
      return new ReadinessDriver(new Phase1(options.host))
    },
  }
}

function probeByOpening(Phase1: new (host: Host) => Poller): Verdict {
  try {
    new Phase1('dedicated').close()
    return { ok: true }
  } catch (error) {
    return refusal(error)
  }
}

export const nonBlocking = synchronous('non-blocking', 'non-blocking', AskingPoller)
export const select = synchronous('select', 'multiplexing', SelectPoller)
export const poll = synchronous('poll', 'multiplexing', PollPoller)
export const epoll = synchronous('epoll', 'multiplexing', EpollPoller)
export const sigio = synchronous('sigio', 'signal-driven', SigioPoller, probeSigio, { workers: false })
export const rtsig = synchronous('rtsig', 'signal-driven', RtsigPoller, probeRtsig)

/** Phase 1 alone, of the models whose whole point it is: for those who make the calls of phase 2 themselves. */
export function openMultiplexer(name: ModelName | 'auto', host: Host): Poller {
  switch (name) {
    case 'select':
      return new SelectPoller(host)
    case 'poll':
      return new PollPoller(host)
    case 'epoll':
    case 'auto':
      return new EpollPoller(host)
    default:
      throw Object.assign(
        new Error(
          `${name} does not report the readiness of any descriptor; choose 'epoll', 'poll' or 'select'`,
        ),
        { code: 'ENOTSUP' },
      )
  }
}
