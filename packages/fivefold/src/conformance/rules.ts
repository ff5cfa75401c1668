/** What goes wrong in a case, named once for every mechanism: each meets those of the calls that it makes. */
import type { ErrnoName, Rates, Rules } from './faults.js'

const waits = [
  'epoll_wait',
  'epoll_pwait2',
  'select',
  'poll',
  'ppoll',
  'sigtimedwait',
  'aio_suspend',
  'io_uring_enter',
]

function each(names: readonly string[], rates: Rates): Rules {
  return Object.fromEntries(names.map((name) => [name, rates]))
}

/** Signals interrupt whatever can be interrupted. */
export function interruptions(rate: number): Rules {
  return {
    ...each([...waits, 'accept4', 'connect', 'recv', 'send', 'recvmsg', 'sendmsg', 'recvfrom', 'sendto'], {
      EINTR: rate,
    }),
    // Not read and write: those of eventfds and signalfds never block, and so are never interrupted.
    close: { EINTR: rate },
    'ring recv': { EINTR: rate },
    'ring send': { EINTR: rate },
    'ring sendmsg': { EINTR: rate },
    'ring recvmsg': { EINTR: rate },
    'ring accept': { EINTR: rate },
  }
}

/** Nothing is ready when it is asked, although it was said to be. */
export function notNow(rate: number): Rules {
  return {
    ...each(['accept4', 'recv', 'send', 'recvmsg', 'sendmsg', 'recvfrom', 'sendto'], { EAGAIN: rate }),
    aio_read: { EAGAIN: rate },
    aio_write: { EAGAIN: rate },
    aio_error: { late: rate },
    'ring recv': { EAGAIN: rate },
    'ring send': { EAGAIN: rate },
    'ring sendmsg': { EAGAIN: rate },
    'ring recvmsg': { EAGAIN: rate },
  }
}

/** The kernel is short of memory for what is sent. */
export function noMemory(rate: number): Rules {
  return {
    ...each(['send', 'sendmsg', 'sendto', 'ring send', 'ring sendmsg'], {
      ENOBUFS: rate / 2,
      ENOMEM: rate / 2,
    }),
    // aio_write(3) says EAGAIN when there is no memory for one more request.
    aio_write: { EAGAIN: rate },
  }
}

/** Streams give and take less than was asked. */
export function short(kind: 'one' | 'part', rate: number): Rules {
  return each(
    ['recv', 'send', 'recvmsg', 'sendmsg', 'aio_read', 'aio_write', 'ring send', 'ring sendmsg', 'ring recv'],
    { [kind]: rate },
  )
}

/** Accepting fails with an error. */
export function accepting(error: ErrnoName, rate: number): Rules {
  return each(['accept4', 'ring accept'], { [error]: rate })
}

/** Several at once: for each function, what all of them do to it. */
export function together(...rules: Rules[]): Rules {
  const all: Rules = {}
  for (const each of rules) {
    for (const [name, rates] of Object.entries(each)) all[name] = { ...all[name], ...rates }
  }
  return all
}
