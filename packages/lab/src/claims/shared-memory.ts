/** "epoll shares memory with the kernel": what is mapped by epoll, and by io_uring, which really does. */
import { readFileSync } from 'node:fs'
import {
  AF_UNIX,
  close,
  EPOLL_CTL_ADD,
  EPOLLIN,
  EpollEvents,
  epollCreate1,
  epollCtl,
  epollWait,
  errnoName,
  MAP_SHARED,
  mmap,
  openRing,
  PROT_READ,
  rawIoUringSetup,
  SOCK_STREAM,
  type SystemError,
  socketpair,
  write,
} from 'fivefold/sys'
import { bytes, count, type Experiment, finding, notTested, verdictOf } from './claim.js'

interface Mapped {
  readonly mappings: number
  readonly bytes: number
}

export interface Data {
  readonly registered: number
  readonly events: number
  readonly epoll: Mapped
  /** What mmap(2) of an epoll descriptor answers. */
  readonly mmapOfEpoll: string
  /** null: no io_uring here. */
  readonly ring: Mapped | null
  readonly ringRefused: string
}

const PAIRS = 100

/** What /proc/self/maps holds of a kind of file. */
function mapped(kind: string): Mapped {
  let mappings = 0
  let size = 0
  for (const line of readFileSync('/proc/self/maps', 'utf8').split('\n')) {
    if (!line.endsWith(`anon_inode:[${kind}]`)) continue
    const [from = '0', to = '0'] = line.split(' ', 1)[0]!.split('-')
    mappings++
    size += Number.parseInt(to, 16) - Number.parseInt(from, 16)
  }
  return { mappings, bytes: size }
}

function measure(): Data {
  const epfd = epollCreate1()
  const pairs = Array.from({ length: PAIRS }, () => socketpair(AF_UNIX, SOCK_STREAM))
  for (const [reader, writer] of pairs) {
    epollCtl(epfd, EPOLL_CTL_ADD, reader, EPOLLIN)
    write(writer, Buffer.from('!'))
  }
  const events = epollWait(epfd, new EpollEvents(PAIRS), 0)
  const epoll = mapped('eventpoll')
  let mmapOfEpoll = ''
  try {
    mmap(4096, PROT_READ, MAP_SHARED, epfd, 0)
  } catch (error) {
    mmapOfEpoll = (error as SystemError).code
  }
  for (const fd of [epfd, ...pairs.flat()]) close(fd)
  const refused = rawIoUringSetup(8, new Int32Array(30))
  if (refused < 0) {
    return { registered: PAIRS, events, epoll, mmapOfEpoll, ring: null, ringRefused: errnoName(refused) }
  }
  close(refused)
  const ring = openRing(64, 128, 0)
  const found = mapped('io_uring')
  ring.close()
  return { registered: PAIRS, events, epoll, mmapOfEpoll, ring: found, ringRefused: '' }
}

export const sharedMemory: Experiment<Data> = {
  name: 'shared-memory',
  claims: ['epollMaps', 'uringMaps'],
  probes: { measure },
  needs: () => null,
  run: ({ probe }) => probe('measure'),
  selfCheck: ({ events, registered, ring }) => [
    { check: 'epollWorked', ok: events === registered },
    // Reading /proc/self/maps finds mappings of this kind where there are some.
    { check: 'mapsSeen', ok: ring === null || ring.mappings > 0 },
  ],
  judge({ epoll, registered, mmapOfEpoll, ring, ringRefused }) {
    return {
      findings: [
        finding(
          'epollMaps',
          verdictOf(epoll.mappings > 0 || mmapOfEpoll === ''),
          { mappings: count(epoll.mappings), registered: count(registered) },
          { answer: mmapOfEpoll === '' ? 'OK' : mmapOfEpoll },
        ),
        ring === null
          ? notTested('uringMaps', { reason: 'noUring', what: ringRefused })
          : finding('uringMaps', verdictOf(ring.mappings > 0), {
              mappings: count(ring.mappings),
              mapped: bytes(ring.bytes),
            }),
      ],
      figures: [
        {
          kind: 'bars',
          label: 'mappedBytes',
          unit: 'bytes',
          bars: [
            { label: 'epoll', value: epoll.bytes },
            ...(ring === null ? [] : [{ label: 'io_uring', value: ring.bytes }]),
          ],
        },
      ],
    }
  },
}
