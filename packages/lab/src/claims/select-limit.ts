/** "select watches at most 1024 descriptors": select(2) on higher numbers, with a set that is long enough. */
import {
  AF_UNIX,
  close,
  dup,
  FdSet,
  getrlimit,
  RLIMIT_NOFILE,
  SOCK_STREAM,
  select,
  socketpair,
  write,
} from 'fivefold/sys'
import { bytes, count, type Experiment, finding, verdictOf } from './claim.js'

export interface Data {
  readonly highest: number
  readonly watched: number
  readonly before: number
  readonly answer: number
  readonly reported: readonly number[]
  readonly setBytes: number
}

/** libc's FD_SETSIZE. */
const LIMIT = 1024
const HIGHEST = 5000
const MANY = 1500

function measure(highest: number): Data {
  const [reader, writer] = socketpair(AF_UNIX, SOCK_STREAM)
  const [silent] = socketpair(AF_UNIX, SOCK_STREAM)
  const high = dup(reader, highest)
  const wanted = new FdSet([high])
  // More descriptors at once than the limit, besides the high number.
  const extra: number[] = []
  for (let index = 0; index < MANY; index++) extra.push(dup(silent))
  for (const fd of extra) wanted.add(fd)
  const found = new FdSet()
  const look = () => {
    found.copyFrom(wanted)
    return select(wanted.nfds, found, null, null, 0)
  }
  const before = look()
  write(writer, Buffer.from('!'))
  const answer = look()
  const reported = [...found]
  for (const fd of [reader, writer, silent, high, ...extra]) close(fd)
  return {
    highest: high,
    watched: extra.length + 1,
    before,
    answer,
    reported,
    setBytes: wanted.words.byteLength,
  }
}

const reachable = () => Math.min(HIGHEST, getrlimit(RLIMIT_NOFILE).hard - 1)

export const selectLimit: Experiment<Data> = {
  name: 'select-limit',
  claims: ['select1024'],
  probes: { measure },
  needs: () => (reachable() < LIMIT + MANY ? { reason: 'descriptors', what: String(LIMIT + MANY) } : null),
  run: ({ probe }) => probe('measure', reachable()),
  // Had it looked at nothing, or at everything, it would have said the same before and after.
  selfCheck: ({ before, highest, watched }) => [
    { check: 'nothingBefore', ok: before === 0 },
    { check: 'aboveLimit', ok: highest >= LIMIT && watched > LIMIT },
  ],
  judge({ highest, watched, answer, reported, setBytes }) {
    const works = answer === 1 && reported.length === 1 && reported[0] === highest
    return {
      findings: [
        finding('select1024', verdictOf(!works), {
          highest: count(highest),
          watched: count(watched),
          answer: count(answer),
          set: bytes(setBytes),
          libc: bytes(LIMIT / 8),
        }),
      ],
      figures: [],
    }
  },
}
