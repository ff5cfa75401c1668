/** What select, poll and epoll_wait copy per wait, by the memory that the kernel touches. */
import {
  AF_UNIX,
  EPOLL_CTL_ADD,
  EPOLL_EVENT,
  EPOLLIN,
  epollCreate1,
  epollCtl,
  FdSet,
  getrlimit,
  POLLFD,
  POLLIN,
  RLIMIT_NOFILE,
  rawEpollWait,
  rawPoll,
  rawSelect,
  SOCK_STREAM,
  socketpair,
  write,
} from 'fivefold/sys'
import { bytes, count, type Experiment, finding, lines, series, verdictOf } from './claim.js'
import { Guarded } from './guarded.js'

/** Bytes of one wait for so many descriptors of which one is ready. */
interface Row {
  readonly descriptors: number
  readonly select: number
  readonly poll: number
  /** Of the whole room for events that epoll_wait is told of, what it touches. */
  readonly epoll: number
  readonly epollRoom: number
}

export interface Data {
  readonly rows: readonly Row[]
  /** Every call found the one that is ready. */
  readonly found: boolean
}

function measure(sizes: readonly number[]): Data {
  const most = Math.max(...sizes)
  const fds: number[] = []
  while (fds.length < most) fds.push(...socketpair(AF_UNIX, SOCK_STREAM))
  // The second of a pair can read what the first has written.
  write(fds[0]!, Buffer.from('!'))
  const guarded = new Guarded(most * 32)
  const time = new Int32Array(4)
  let found = true
  const rows = sizes.map((descriptors): Row => {
    const some = fds.slice(0, descriptors)
    const set = new FdSet(some)
    const setBytes = new Uint8Array(set.words.buffer)
    const entries = new Int32Array(descriptors * 2)
    some.forEach((fd, index) => {
      entries[index * 2] = fd
      entries[index * 2 + 1] = POLLIN
    })
    const entryBytes = new Uint8Array(entries.buffer)
    const epfd = epollCreate1()
    for (const fd of some) epollCtl(epfd, EPOLL_CTL_ADD, fd, EPOLLIN)
    const filledWith = (from: Uint8Array) => (size: number) => {
      const tail = guarded.tail(size)
      tail.set(from.subarray(0, Math.min(size, from.length)))
    }
    const one = (answer: number) => {
      if (answer >= 0 && answer !== 1) found = false
      return answer
    }
    const room = descriptors * EPOLL_EVENT.size
    const { nfds } = set
    return {
      descriptors,
      select: guarded.touchedBy(
        setBytes.length + 64,
        (address) => one(rawSelect(nfds, address, null, null, time)),
        filledWith(setBytes),
      ),
      poll: guarded.touchedBy(
        entryBytes.length + 64,
        (address) => one(rawPoll(address, descriptors, 0)),
        filledWith(entryBytes),
      ),
      epoll: guarded.touchedBy(
        room + 64,
        (address) => one(rawEpollWait(epfd, address, descriptors, 0)),
        () => {},
      ),
      epollRoom: room,
    }
  })
  return { rows, found }
}

export const copiedPerWait: Experiment<Data> = {
  name: 'copied-per-wait',
  claims: ['epollOnce', 'othersEveryTime'],
  probes: { measure },
  needs: () => (getrlimit(RLIMIT_NOFILE).hard < 1200 ? { reason: 'descriptors', what: '1,200' } : null),
  run({ probe, quick }) {
    const most = getrlimit(RLIMIT_NOFILE).hard - 100
    return probe(
      'measure',
      [10, 100, 1000, ...(quick ? [] : [3000, 10_000])].filter((size) => size <= most),
    )
  },
  selfCheck: ({ rows, found }) => [
    { check: 'foundReady', ok: found },
    // Were the guard no guard, every call would do with no memory at all.
    { check: 'guardWorks', ok: rows.every((row) => row.select > 0 && row.poll > 0 && row.epoll > 0) },
  ],
  judge({ rows }) {
    const first = rows[0]!
    const last = rows.at(-1)!
    const grows = (mechanism: 'select' | 'poll' | 'epoll') => last[mechanism] > first[mechanism]
    const curve = (mechanism: 'select' | 'poll' | 'epoll') =>
      series(
        mechanism,
        'bytes',
        rows.map((row) => [row.descriptors, row[mechanism]]),
      )
    return {
      findings: [
        finding('epollOnce', verdictOf(!grows('epoll')), {
          few: count(first.descriptors),
          many: count(last.descriptors),
          touchedFew: bytes(first.epoll),
          touchedMany: bytes(last.epoll),
          room: bytes(last.epollRoom),
        }),
        finding('othersEveryTime', verdictOf(grows('select') && grows('poll')), {
          few: count(first.descriptors),
          many: count(last.descriptors),
          selectFew: bytes(first.select),
          selectMany: bytes(last.select),
          pollFew: bytes(first.poll),
          pollMany: bytes(last.poll),
          entry: bytes(POLLFD.size),
        }),
      ],
      figures: [
        lines(
          'copied',
          { label: 'descriptors', unit: 'count', scale: 'log' },
          { label: 'bytesPerWait', unit: 'bytes', scale: 'log' },
          [curve('select'), curve('poll'), curve('epoll')],
        ),
      ],
    }
  },
}
