/** "Closing a descriptor in another thread is well defined with epoll": what still comes when a duplicate is open. */
import {
  AF_UNIX,
  close,
  dup,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLLIN,
  EpollEvents,
  epollCreate1,
  epollCtl,
  epollWait,
  errnoName,
  F_GETFD,
  rawEpollCtl,
  rawFcntl,
  SOCK_STREAM,
  socketpair,
  write,
} from 'fivefold/sys'
import { count, type Experiment, finding, verdictOf } from './claim.js'
import { Sender } from './sender.js'

interface Closed {
  /** Events that came for the descriptor after another thread had closed it. */
  readonly events: number
  /** The number was free again when they came. */
  readonly numberFree: boolean
  /** What taking it out answers then. */
  readonly remove: string
}

export interface Data {
  readonly before: number
  readonly alone: Closed
  readonly duplicated: Closed
}

async function closed(sender: Sender, duplicate: boolean): Promise<Closed & { before: number }> {
  const [fd, peer] = socketpair(AF_UNIX, SOCK_STREAM)
  const other = duplicate ? dup(fd) : -1
  const epfd = epollCreate1()
  epollCtl(epfd, EPOLL_CTL_ADD, fd, EPOLLIN)
  const events = new EpollEvents(1)
  // While this thread sleeps in epoll_wait, another closes the descriptor.
  sender.close(fd, 20)
  const before = epollWait(epfd, events, 60)
  sender.done()
  const numberFree = rawFcntl(fd, F_GETFD, 0) < 0
  try {
    write(peer, Buffer.from('!'))
  } catch {
    // Nobody is left at the other end.
  }
  const found = epollWait(epfd, events, 60)
  const removed = rawEpollCtl(epfd, EPOLL_CTL_DEL, fd, null)
  for (const each of [peer, epfd, ...(duplicate ? [other] : [])]) close(each)
  return { before, events: found, numberFree, remove: removed < 0 ? errnoName(removed) : 'OK' }
}

async function measure(): Promise<Data> {
  const sender = await Sender.start()
  const alone = await closed(sender, false)
  const duplicated = await closed(sender, true)
  await sender.end()
  return { before: alone.before + duplicated.before, alone, duplicated }
}

export const closedDescriptor: Experiment<Data> = {
  name: 'closed-descriptor',
  claims: ['closeRemoves'],
  probes: { measure },
  needs: () => null,
  run: ({ probe }) => probe('measure'),
  selfCheck: ({ before, alone, duplicated }) => [
    { check: 'quietBefore', ok: before === 0 },
    { check: 'reallyClosed', ok: alone.numberFree && duplicated.numberFree },
  ],
  judge: ({ alone, duplicated }) => ({
    findings: [
      finding(
        'closeRemoves',
        duplicated.events === 0
          ? verdictOf(alone.events === 0)
          : alone.events === 0
            ? 'holds-when'
            : 'does-not-hold',
        { alone: count(alone.events), duplicated: count(duplicated.events) },
        { remove: duplicated.remove },
      ),
    ],
    figures: [],
  }),
}
