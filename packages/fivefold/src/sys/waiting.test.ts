/** select, poll and epoll: what one of them finds, the others find. */
import assert from 'node:assert/strict'
import { openSync } from 'node:fs'
import { release } from 'node:os'
import { type TestContext, test } from 'node:test'
import { AF_INET, AF_UNIX } from './address.js'
import { close, rawClose, rawRead, read, write } from './descriptor.js'
import * as e from './epoll.js'
import { errnos } from './errno.js'
import { eventfd } from './eventfd.js'
import { dup } from './fcntl.js'
import { pipe2 } from './pipe.js'
import { EPOLL_EVENT } from './platform.js'
import * as p from './poll.js'
import { getpid, getrlimit, gettid, RLIMIT_NOFILE } from './process.js'
import { FdSet, pselect, rawPselect, rawSelect, select } from './select.js'
import {
  harmlessHandler,
  SIG_BLOCK,
  SIG_SETMASK,
  SIGUSR2,
  SignalSet,
  sigaction,
  sigpending,
  sigprocmask,
  tgkill,
} from './signal.js'
import {
  accept4,
  bind,
  connect,
  getsockname,
  listen,
  MSG_OOB,
  SHUT_WR,
  SOCK_STREAM,
  send,
  shutdown,
  socket,
  socketpair,
} from './socket.js'
import { timeWords, writeTimespec, writeTimeval } from './time.js'

function owned(context: TestContext, ...fds: number[]): void {
  context.after(() => {
    for (const fd of fds) rawClose(fd)
  })
}

function pipe(context: TestContext): [number, number] {
  const ends = pipe2()
  owned(context, ...ends)
  return ends
}

function pair(context: TestContext): [number, number] {
  const fds = socketpair(AF_UNIX, SOCK_STREAM)
  owned(context, ...fds)
  return fds
}

const one = Uint8Array.of(1)

// ---------------------------------------------------------------- FdSet

test('a set of descriptors: any number, in whole 64-bit words', () => {
  const set = new FdSet([5, 0, 31, 32, 63, 64, 1023, 1024, 70_000])
  assert.deepEqual([...set], [0, 5, 31, 32, 63, 64, 1023, 1024, 70_000])
  assert.equal(set.nfds, 70_001)
  assert.ok(set.has(31) && set.has(70_000))
  assert.ok(!set.has(1) && !set.has(33) && !set.has(70_001) && !set.has(1e9) && !set.has(-1))
  set.delete(70_000)
  set.delete(70_000)
  set.delete(1e6)
  assert.equal(set.nfds, 1025)
  const copy = new FdSet([2, 100_000])
  copy.copyFrom(set)
  assert.deepEqual([...copy], [...set])
  copy.delete(0)
  assert.ok(set.has(0), 'a copy of its own')
  set.clear()
  assert.deepEqual([...set], [])
  assert.equal(set.nfds, 0)
  for (const bad of [-1, 1.5, Number.NaN, 2 ** 31]) {
    assert.throws(() => set.add(bad), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
  }
})

test('a set is never shorter than what the kernel reads and writes', () => {
  for (const nfds of [1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1024, 1025, 5000]) {
    const set = new FdSet()
    set.reserve(nfds)
    assert.ok(set.words.byteLength >= Math.ceil(nfds / 64) * 8, `${nfds}`)
    assert.equal(set.words.byteLength % 8, 0)
    const added = new FdSet([nfds - 1])
    assert.ok(added.words.byteLength >= Math.ceil(nfds / 64) * 8, `${nfds}`)
  }
})

test('select writes no further than the set goes', (context) => {
  const [readEnd, writeEnd] = pipe(context)
  write(writeEnd, one)
  for (const nfds of [readEnd + 1, 65, 129, 200]) {
    const set = new FdSet([readEnd])
    set.reserve(nfds)
    // The same bits in longer memory, with something behind them.
    const memory = new Uint32Array(set.words.length + 8).fill(0xaaaa_aaaa)
    memory.set(set.words)
    const length = set.words.length
    set.words = memory.subarray(0, length)
    assert.equal(select(nfds, set, null, null, 0), 1)
    assert.equal(set.words.length, length)
    assert.ok(
      memory.subarray(length).every((word) => word === 0xaaaa_aaaa),
      `nfds ${nfds}`,
    )
  }
})

test('select grows sets that are shorter than it is told', (context) => {
  const [, writeEnd] = pipe(context)
  const empty = new FdSet()
  const set = new FdSet([writeEnd])
  assert.equal(select(5000, empty, set, new FdSet(), 0), 1)
  assert.ok(empty.words.byteLength >= 632)
  assert.deepEqual([...empty], [])
  assert.deepEqual([...set], [writeEnd])
})

const highest = getrlimit(RLIMIT_NOFILE).soft
const noHighDescriptors = highest > 4200 ? false : `descriptors end at ${highest} here`

test('select serves descriptors above 1024', { skip: noHighDescriptors }, (context) => {
  const [readEnd, writeEnd] = pipe(context)
  for (const least of [1024, 1087, 4100]) {
    const fd = dup(readEnd, least)
    owned(context, fd)
    assert.ok(fd >= least)
    const set = new FdSet([fd, readEnd])
    assert.equal(select(set.nfds, set, null, null, 0), 0)
    assert.deepEqual([...set], [])
    write(writeEnd, one)
    set.add(fd).add(readEnd)
    assert.equal(select(set.nfds, set, null, null, 1000), 2)
    assert.deepEqual(
      [...set],
      [readEnd, fd].sort((a, b) => a - b),
    )
    set.clear()
    set.add(fd)
    assert.equal(pselect(set.nfds, set, null, null, 1000), 1)
    assert.deepEqual([...set], [fd])
    read(readEnd, new Uint8Array(8))
  }
})

// ---------------------------------------------------------------- what is found

test('readable, writable, at its end, exceptional: select', (context) => {
  const [a, b] = pair(context)
  const [readEnd, writeEnd] = pipe2()
  owned(context, readEnd)
  const reads = new FdSet([a, b, readEnd])
  const writes = new FdSet([a, b, writeEnd])
  const nfds = Math.max(reads.nfds, writes.nfds)
  assert.equal(select(nfds, reads, writes, null, 0), 3)
  assert.deepEqual([...reads], [])
  assert.deepEqual([...writes], [a, b, writeEnd])
  close(writeEnd)
  send(a, one)
  reads.add(a).add(b).add(readEnd)
  assert.equal(select(nfds, reads, null, null, 0), 2)
  assert.deepEqual([...reads], [b, readEnd], 'data, and the end')
  assert.throws(() => select(writeEnd + 1, new FdSet([writeEnd]), null, null, 0), {
    code: 'EBADF',
    errno: -errnos.EBADF,
    syscall: 'select',
  })
  assert.throws(() => pselect(writeEnd + 1, new FdSet([writeEnd]), null, null, 0), {
    code: 'EBADF',
    syscall: 'pselect',
  })
  assert.throws(() => select(-1, null, null, null, 0), { code: 'EINVAL', syscall: 'select' })
})

test('readable, writable, at its end, not open: poll', (context) => {
  const [a, b] = pair(context)
  const [readEnd, writeEnd] = pipe2()
  owned(context, readEnd)
  close(writeEnd)
  const entries: p.PollEntry[] = [
    { fd: a, events: p.POLLIN | p.POLLOUT, revents: 99 },
    { fd: b, events: p.POLLIN, revents: 99 },
    { fd: readEnd, events: p.POLLIN, revents: 99 },
    { fd: writeEnd, events: p.POLLIN, revents: 99 },
    { fd: -1, events: p.POLLIN, revents: 99 },
  ]
  const found = () => entries.map(({ revents }) => revents)
  assert.equal(p.poll(entries, 0), 3)
  assert.deepEqual(found(), [p.POLLOUT, 0, p.POLLHUP, p.POLLNVAL, 0])
  send(a, one)
  shutdown(a, SHUT_WR)
  entries[1]!.events |= p.POLLRDHUP
  assert.equal(p.poll(entries, -1), 4)
  assert.deepEqual(found(), [p.POLLOUT, p.POLLIN | p.POLLRDHUP, p.POLLHUP, p.POLLNVAL, 0])
  assert.equal(p.ppoll(entries, null), 4)
  assert.equal(p.poll([], 0), 0)
  assert.equal(p.rawPoll(null, highest + 1, 0), -errnos.EINVAL)
})

test('poll’s raw form uses the caller’s memory', (context) => {
  const [readEnd, writeEnd] = pipe(context)
  write(writeEnd, one)
  const entries = new Int32Array([readEnd, p.POLLIN, writeEnd, p.POLLOUT])
  assert.equal(p.rawPoll(entries, 2, 0), 2)
  assert.equal(entries[1]! >>> 16, p.POLLIN)
  assert.equal(new Int16Array(entries.buffer)[p.POLLFD.size / 2 + p.POLLFD.revents / 2], p.POLLOUT)
  assert.equal(p.rawPpoll(entries, 1, timeWords(), null), 1)
  assert.equal(p.rawPoll(null, 1, 0), -errnos.EFAULT)
  assert.equal(p.rawPpoll(null, 1, timeWords(), null), -errnos.EFAULT)
})

test('epoll: add, modify, delete, and what the events carry', (context) => {
  const [a, b] = pair(context)
  const epfd = e.epollCreate1()
  owned(context, epfd)
  const events = new e.EpollEvents(8)
  e.epollCtl(epfd, e.EPOLL_CTL_ADD, a, e.EPOLLIN)
  e.epollCtl(epfd, e.EPOLL_CTL_ADD, b, e.EPOLLIN, Number.MAX_SAFE_INTEGER)
  assert.equal(e.epollWait(epfd, events, 0), 0)
  send(a, one)
  assert.equal(e.epollWait(epfd, events, null), 1)
  assert.equal(events.events(0), e.EPOLLIN)
  assert.equal(events.data(0), Number.MAX_SAFE_INTEGER)
  e.epollCtl(epfd, e.EPOLL_CTL_MOD, a, e.EPOLLOUT)
  assert.equal(e.epollWait(epfd, events, 1000), 2)
  const found = new Map([0, 1].map((index) => [events.data(index), events.events(index)]))
  assert.deepEqual(
    found,
    new Map([
      [a, e.EPOLLOUT],
      [Number.MAX_SAFE_INTEGER, e.EPOLLIN],
    ]),
  )
  e.epollCtl(epfd, e.EPOLL_CTL_DEL, b)
  assert.equal(e.epollWait(epfd, events, 1000), 1)
  assert.equal(events.data(0), a)
})

test('epoll refuses with its reasons', (context) => {
  const [a] = pair(context)
  const epfd = e.epollCreate1()
  owned(context, epfd)
  const events = new e.EpollEvents(1)
  e.epollCtl(epfd, e.EPOLL_CTL_ADD, a, e.EPOLLIN)
  const syscall = 'epoll_ctl'
  assert.throws(() => e.epollCtl(epfd, e.EPOLL_CTL_ADD, a, e.EPOLLIN), { code: 'EEXIST', syscall })
  e.epollCtl(epfd, e.EPOLL_CTL_DEL, a)
  assert.throws(() => e.epollCtl(epfd, e.EPOLL_CTL_MOD, a, e.EPOLLIN), { code: 'ENOENT', syscall })
  assert.throws(() => e.epollCtl(epfd, e.EPOLL_CTL_ADD, -1, e.EPOLLIN), { code: 'EBADF', syscall })
  assert.throws(() => e.epollCtl(epfd, e.EPOLL_CTL_ADD, epfd, e.EPOLLIN), { code: 'EINVAL', syscall })
  const file = openSync('/dev/null', 'r')
  const regular = openSync(new URL(import.meta.url).pathname, 'r')
  owned(context, file, regular)
  assert.throws(() => e.epollCtl(epfd, e.EPOLL_CTL_ADD, regular, e.EPOLLIN), { code: 'EPERM', syscall })
  assert.throws(() => e.epollWait(-1, events, 0), { code: 'EBADF', syscall: 'epoll_wait' })
  assert.throws(() => e.epollWait(a, events, 0), { code: 'EINVAL', syscall: 'epoll_wait' })
  assert.throws(() => e.epollCreate1(1), { code: 'EINVAL', syscall: 'epoll_create1' })
  assert.equal(e.rawEpollCreate1(1), -errnos.EINVAL)
  assert.equal(e.rawEpollCtl(-1, e.EPOLL_CTL_DEL, a, null), -errnos.EBADF)
  assert.equal(e.rawEpollWait(-1, events.memory, 1, 0), -errnos.EBADF)
  assert.equal(e.rawEpollPwait2(-1, events.memory, 1, timeWords(), null), -errnos.EBADF)
  for (const capacity of [0, -1, 1.5, Number.NaN]) {
    assert.throws(() => new e.EpollEvents(capacity), { code: 'ERR_OUT_OF_RANGE' })
  }
})

test('epoll: one shot, edges', (context) => {
  const [a, b] = pair(context)
  const epfd = e.epollCreate1()
  owned(context, epfd)
  const events = new e.EpollEvents(4)
  send(a, one)
  e.epollCtl(epfd, e.EPOLL_CTL_ADD, b, e.EPOLLIN | e.EPOLLONESHOT)
  assert.equal(e.epollWait(epfd, events, 0), 1)
  assert.equal(e.epollWait(epfd, events, 0), 0)
  e.epollCtl(epfd, e.EPOLL_CTL_MOD, b, e.EPOLLIN | e.EPOLLET)
  assert.equal(e.epollWait(epfd, events, 0), 1)
  assert.equal(e.epollWait(epfd, events, 0), 0)
  send(a, one)
  assert.equal(e.epollWait(epfd, events, 0), 1)
  shutdown(a, SHUT_WR)
  e.epollCtl(epfd, e.EPOLL_CTL_MOD, b, e.EPOLLIN | e.EPOLLRDHUP)
  assert.equal(e.epollWait(epfd, events, 0), 1)
  assert.equal(events.events(0), e.EPOLLIN | e.EPOLLRDHUP)
})

test('epoll’s events lie in memory as the kernel has them, many at a time', (context) => {
  const epfd = e.epollCreate1()
  owned(context, epfd)
  const count = 20
  const expected = new Map<number, number>()
  for (let index = 0; index < count; index++) {
    const fd = eventfd(1)
    owned(context, fd)
    const data = index * 0x1_0000_0001
    e.epollCtl(epfd, e.EPOLL_CTL_ADD, fd, e.EPOLLIN, data)
    expected.set(data, e.EPOLLIN)
  }
  const events = new e.EpollEvents(count + 1)
  assert.equal(events.memory.byteLength, (count + 1) * EPOLL_EVENT.size)
  assert.equal(e.epollWait(epfd, events, 0), count)
  const found = new Map(
    Array.from({ length: count }, (_, index) => [events.data(index), events.events(index)]),
  )
  assert.deepEqual(found, expected)
  assert.equal(e.epollWait(epfd, new e.EpollEvents(3), 0), 3, 'no more than there is room for')
})

test('epoll_pwait2, where this kernel has it', {
  skip: !e.hasEpollPwait2() && 'no epoll_pwait2',
}, (context) => {
  const [readEnd, writeEnd] = pipe(context)
  const epfd = e.epollCreate1()
  owned(context, epfd)
  const events = new e.EpollEvents(4)
  e.epollCtl(epfd, e.EPOLL_CTL_ADD, readEnd, e.EPOLLIN)
  assert.equal(e.epollPwait2(epfd, events, 0), 0)
  write(writeEnd, one)
  assert.equal(e.epollPwait2(epfd, events, null), 1)
  assert.equal(events.data(0), readEnd)
  assert.throws(() => e.epollPwait2(-1, events, 0), { code: 'EBADF', syscall: 'epoll_pwait2' })
})

test('hasEpollPwait2 tells of the kernel, and leaves nothing open', async () => {
  // A module of its own: the first call is the one that asks.
  const fresh = (await import(new URL('epoll.js?fresh', import.meta.url).href)) as typeof e
  const next = () => {
    const fd = eventfd()
    close(fd)
    return fd
  }
  const before = next()
  const answer = fresh.hasEpollPwait2()
  assert.equal(next(), before)
  // A filter can take it away from a new kernel; no kernel before 5.11 has it.
  const [major, minor] = release().split('.').map(Number)
  if (major! < 5 || (major === 5 && minor! < 11)) assert.equal(answer, false)
  assert.equal(fresh.hasEpollPwait2(), answer)
})

test('urgent data are the exceptional condition', (context) => {
  const listener = socket(AF_INET, SOCK_STREAM)
  const client = socket(AF_INET, SOCK_STREAM)
  owned(context, listener, client)
  bind(listener, { family: 'IPv4', address: '127.0.0.1', port: 0 })
  listen(listener)
  connect(client, getsockname(listener))
  const { fd } = accept4(listener)
  owned(context, fd)
  const set = new FdSet([fd])
  assert.equal(select(fd + 1, null, null, set, 0), 0)
  send(client, one, MSG_OOB)
  set.add(fd)
  assert.equal(select(fd + 1, null, null, set, 5000), 1)
  assert.deepEqual([...set], [fd])
  const entry = { fd, events: p.POLLPRI, revents: 0 }
  assert.equal(p.poll([entry], 0), 1)
  assert.equal(entry.revents, p.POLLPRI)
})

// ---------------------------------------------------------------- time

/** Runs a wait that finds nothing and checks that it did not end early, nor took a thousand times as long. */
function atLeast(ms: number, what: string, wait: () => number): void {
  const start = performance.now()
  assert.equal(wait(), 0, what)
  const took = performance.now() - start
  assert.ok(took >= ms, `${what} waited ${took} of ${ms} ms`)
  assert.ok(took < ms + 5000, `${what} waited ${took} instead of ${ms} ms`)
}

test('no wait ends early', (context) => {
  const [readEnd] = pipe(context)
  const epfd = e.epollCreate1()
  owned(context, epfd)
  e.epollCtl(epfd, e.EPOLL_CTL_ADD, readEnd, e.EPOLLIN)
  const events = new e.EpollEvents(1)
  const set = new FdSet()
  const nfds = readEnd + 1
  for (const ms of [0.000_9, 0.4, 0.9, 1, 3.3, 12]) {
    atLeast(ms, 'select', () => select(nfds, set.add(readEnd), null, null, ms))
    atLeast(ms, 'pselect', () => pselect(nfds, set.add(readEnd), null, null, ms))
    atLeast(ms, 'poll', () => p.poll([{ fd: readEnd, events: p.POLLIN, revents: 0 }], ms))
    atLeast(ms, 'ppoll', () => p.ppoll([{ fd: readEnd, events: p.POLLIN, revents: 0 }], ms))
    atLeast(ms, 'epoll_wait', () => e.epollWait(epfd, events, ms))
    if (e.hasEpollPwait2()) atLeast(ms, 'epoll_pwait2', () => e.epollPwait2(epfd, events, ms))
  }
})

test('a timeout that the kernel cannot take is refused, not shortened', (context) => {
  const epfd = e.epollCreate1()
  owned(context, epfd)
  const refused = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' }
  for (const ms of [2 ** 31, Number.NaN]) {
    assert.throws(() => p.poll([], ms), refused)
    assert.throws(() => e.epollWait(epfd, new e.EpollEvents(1), ms), refused)
  }
  assert.throws(() => select(0, null, null, null, Number.NaN), refused)
  assert.throws(() => p.ppoll([], Number.NaN), refused)
})

test('raw select and pselect: sets, time, result', (context) => {
  const [readEnd, writeEnd] = pipe(context)
  const set = new FdSet([readEnd])
  const time = timeWords()
  writeTimeval(time, 2)
  const start = performance.now()
  assert.equal(rawSelect(readEnd + 1, set.words, null, null, time), 0)
  assert.ok(performance.now() - start >= 2)
  assert.deepEqual([...time], [0, 0, 0, 0], 'Linux tells what is left of the time')
  write(writeEnd, one)
  set.add(readEnd)
  assert.equal(rawSelect(readEnd + 1, set.words, null, null, null), 1)
  writeTimespec(time, 1500)
  assert.equal(rawPselect(readEnd + 1, set.words, null, null, time, null), 1)
  assert.deepEqual([...time], [1, 0, 500_000_000, 0], 'pselect leaves it alone')
  assert.equal(rawSelect(-1, null, null, null, null), -errnos.EINVAL)
  assert.equal(rawPselect(-1, null, null, null, null, null), -errnos.EINVAL)
  assert.equal(rawRead(readEnd, new Uint8Array(2), 2), 1)
})

// ---------------------------------------------------------------- signal masks

test('the mask lets a pending signal in for the length of the call, which ends with EINTR', (context) => {
  const before = sigaction(SIGUSR2, { handler: harmlessHandler() })
  const mask = sigprocmask(SIG_BLOCK, new SignalSet(SIGUSR2))
  context.after(() => {
    sigprocmask(SIG_SETMASK, mask)
    sigaction(SIGUSR2, before)
  })
  const [readEnd] = pipe(context)
  const epfd = e.epollCreate1()
  owned(context, epfd)
  e.epollCtl(epfd, e.EPOLL_CTL_ADD, readEnd, e.EPOLLIN)
  const events = new e.EpollEvents(1)
  const entries: p.PollEntry[] = [{ fd: readEnd, events: p.POLLIN, revents: 0 }]
  const pollfds = new Int32Array([readEnd, p.POLLIN])
  const set = new FdSet()
  const open = new SignalSet().memory
  const nfds = readEnd + 1
  const calls: [syscall: string, raw: () => number, throwing: (mask: Uint32Array | null) => number][] = [
    [
      'ppoll',
      () => p.rawPpoll(pollfds, 1, null, open),
      (sigmask) => p.ppoll(entries, sigmask === null ? 5 : null, sigmask),
    ],
    [
      'pselect',
      () => rawPselect(nfds, set.add(readEnd).words, null, null, null, open),
      (sigmask) => pselect(nfds, set.add(readEnd), null, null, sigmask === null ? 5 : null, sigmask),
    ],
  ]
  if (e.hasEpollPwait2()) {
    calls.push([
      'epoll_pwait2',
      () => e.rawEpollPwait2(epfd, events.memory, 1, null, open),
      (sigmask) => e.epollPwait2(epfd, events, sigmask === null ? 5 : null, sigmask),
    ])
  }
  for (const [syscall, raw, throwing] of calls) {
    tgkill(getpid(), gettid(), SIGUSR2)
    assert.equal(throwing(null), 0, `${syscall} with the thread's own mask hears nothing`)
    assert.equal(raw(), -errnos.EINTR, syscall)
    tgkill(getpid(), gettid(), SIGUSR2)
    assert.throws(() => throwing(open), { code: 'EINTR', errno: -errnos.EINTR, syscall })
    assert.ok(!sigpending().has(SIGUSR2))
    assert.ok(sigprocmask(SIG_BLOCK, null).has(SIGUSR2), 'the mask is as before')
  }
})
