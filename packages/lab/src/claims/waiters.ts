/** select, poll and epoll behind one form, by their raw calls: what an experiment compares is the call itself. */
import {
  check,
  EPOLL_CTL_ADD,
  EPOLL_EVENT,
  EPOLLIN,
  epollCreate1,
  epollCtl,
  FdSet,
  POLLIN,
  rawClose,
  rawEpollWait,
  rawPoll,
  rawSelect,
} from 'fivefold/sys'

export interface Waiter {
  readonly name: 'select' | 'poll' | 'epoll'
  /** @returns how many are ready */
  wait(timeoutMs: number): number
  /** Which: after a wait. */
  ready(): number[]
  close(): void
}

function selecting(fds: readonly number[]): Waiter {
  const wanted = new FdSet(fds)
  const found = new FdSet(fds)
  const { nfds } = wanted
  const time = new BigInt64Array(2)
  return {
    name: 'select',
    wait(timeoutMs) {
      // The call overwrites both: they are set anew for each wait.
      found.words.set(wanted.words)
      time[0] = BigInt(Math.floor(timeoutMs / 1000))
      time[1] = BigInt(Math.round((timeoutMs % 1000) * 1000))
      return check(rawSelect(nfds, found.words, null, null, time), 'select')
    },
    ready: () => [...found],
    close() {},
  }
}

function polling(fds: readonly number[]): Waiter {
  const entries = new Int32Array(fds.length * 2)
  fds.forEach((fd, index) => {
    entries[index * 2] = fd
    entries[index * 2 + 1] = POLLIN
  })
  return {
    name: 'poll',
    wait: (timeoutMs) => check(rawPoll(entries, fds.length, timeoutMs), 'poll'),
    ready: () => fds.filter((_, index) => entries[index * 2 + 1]! >>> 16 !== 0),
    close() {},
  }
}

function epolling(fds: readonly number[]): Waiter {
  const epfd = epollCreate1()
  for (const fd of fds) epollCtl(epfd, EPOLL_CTL_ADD, fd, EPOLLIN)
  const words = EPOLL_EVENT.size / 4
  const most = Math.max(1, fds.length)
  const events = new Int32Array(most * words)
  let found = 0
  return {
    name: 'epoll',
    wait(timeoutMs) {
      found = check(rawEpollWait(epfd, events, most, timeoutMs), 'epoll_wait')
      return found
    },
    ready: () => Array.from({ length: found }, (_, index) => events[index * words + EPOLL_EVENT.data / 4]!),
    close: () => void rawClose(epfd),
  }
}

export const waiters: readonly ((fds: readonly number[]) => Waiter)[] = [selecting, polling, epolling]
