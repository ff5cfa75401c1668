/** Which calls go on after a signal and which report it: EINTR put between the library and libc by the seam. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type * as Room from './index.js'

const EINTR = 4
/** How many times each function is still to be interrupted, and how often it was called. */
const interruptions = new Map<string, number>()
const calls = new Map<string, number>()
/** Functions that are not libc's for a while. */
// biome-ignore lint/suspicious/noExplicitAny: functions of every signature
const stand = new Map<string, (...args: any[]) => any>()

Object.assign(globalThis, {
  // biome-ignore lint/suspicious/noExplicitAny: functions of every signature
  [Symbol.for('fivefold.seam')]: (name: string, call: (...args: any[]) => any, errno: Room.ErrnoCell) => {
    // biome-ignore lint/suspicious/noExplicitAny: functions of every signature
    return (...args: any[]) => {
      calls.set(name, (calls.get(name) ?? 0) + 1)
      const instead = stand.get(name)
      if (instead !== undefined) return instead(...args)
      const left = interruptions.get(name) ?? 0
      if (left === 0) return call(...args)
      interruptions.set(name, left - 1)
      errno.set(EINTR)
      return -1
    }
  },
})

const s: typeof Room = await import('./index.js')

const data = Buffer.from('12345678')
const room = Buffer.alloc(64)
const [a, b] = s.socketpair(s.AF_UNIX, s.SOCK_DGRAM)
const listener = s.socket(s.AF_INET, s.SOCK_STREAM)
s.bind(listener, { family: 'IPv4', address: '127.0.0.1', port: 0 })
s.listen(listener)
const at = s.getsockname(listener)
const counter = s.eventfd(0)
const timer = s.timerfdCreate()
const epfd = s.epollCreate1()
const events = new s.EpollEvents(1)
const batch = new s.MessageBatch(1, 8)
const client = s.socket(s.AF_INET, s.SOCK_STREAM)
s.connect(client, at)

after(() => {
  for (const fd of [a, b, listener, counter, timer, epfd, client]) s.close(fd)
})

function count(name: string): number {
  return calls.get(name) ?? 0
}

// In this order: what one puts in, the next takes out.
const goingOn: [libc: string, what: string, call: () => unknown, result: unknown, prepare?: () => void][] = [
  ['send', 'send', () => s.send(a, data), 8],
  ['recv', 'recv', () => s.recv(b, room), 8],
  ['sendto', 'sendto', () => s.sendto(a, data, null), 8],
  ['recvfrom', 'recvfrom', () => s.recvfrom(b, room).bytes, 8],
  ['sendmsg', 'sendmsg', () => s.sendmsg(a, { data }), 8],
  ['recvmsg', 'recvmsg', () => s.recvmsg(b, room).bytes, 8],
  ['sendmmsg', 'MessageBatch.send', () => batch.send(a, 1), 1, () => batch.set(0, data)],
  ['recvmmsg', 'MessageBatch.receive', () => batch.receive(b), 1],
  ['write', 'write', () => s.write(a, data), 8],
  ['read', 'read', () => s.read(b, room), 8],
  ['write', 'eventfdWrite', () => s.eventfdWrite(counter, 5), undefined],
  ['read', 'eventfdRead', () => s.eventfdRead(counter), 5],
  ['read', 'timerfdRead', () => s.timerfdRead(timer), 1, () => s.timerfdSettime(timer, 1)],
  ['accept4', 'accept4', () => s.close(s.accept4(listener).fd), undefined],
]

for (const [libc, what, call, result, prepare] of goingOn) {
  test(`${what} goes on after signals`, () => {
    prepare?.()
    const before = count(libc)
    interruptions.set(libc, 3)
    assert.equal(call(), result)
    assert.equal(count(libc) - before, 4)
    assert.equal(interruptions.get(libc), 0)
  })
}

const reporting: [libc: string, what: string, call: () => unknown, syscall?: string][] = [
  ['connect', 'connect (the connection is made all the same)', () => s.connect(client, at)],
  ['close', 'close (the number is free all the same)', () => s.close(client)],
  ['poll', 'poll', () => s.poll([], 60_000)],
  ['ppoll', 'ppoll', () => s.ppoll([], 60_000)],
  ['select', 'select', () => s.select(0, null, null, null, 60_000)],
  ['pselect', 'pselect', () => s.pselect(0, null, null, null, 60_000)],
  ['epoll_wait', 'epoll_wait', () => s.epollWait(epfd, events, 60_000)],
  ['syscall', 'epoll_pwait2', () => s.epollPwait2(epfd, events, 60_000), 'epoll_pwait2'],
]

for (const [libc, what, call, syscall] of reporting) {
  test(`${what} reports a signal, once`, () => {
    const before = count(libc)
    interruptions.set(libc, 1)
    assert.throws(call, { code: 'EINTR', errno: -EINTR, syscall: syscall ?? libc })
    assert.equal(count(libc) - before, 1)
  })
}

const words = new Uint32Array(64)
const raws: [libc: string, what: string, call: () => number][] = [
  ['recv', 'rawRecv', () => s.rawRecv(b, room, 8, 0)],
  ['send', 'rawSend', () => s.rawSend(a, data, 8, 0)],
  ['recvfrom', 'rawRecvfrom', () => s.rawRecvfrom(b, room, 8, 0, null, null)],
  ['sendto', 'rawSendto', () => s.rawSendto(a, data, 8, 0, null, 0)],
  ['recvmsg', 'rawRecvmsg', () => s.rawRecvmsg(b, words, 0)],
  ['sendmsg', 'rawSendmsg', () => s.rawSendmsg(a, words, 0)],
  ['recvmmsg', 'rawRecvmmsg', () => s.rawRecvmmsg(b, words, 1, 0, null)],
  ['sendmmsg', 'rawSendmmsg', () => s.rawSendmmsg(a, words, 1, 0)],
  ['recvmmsg', 'MessageBatch.rawReceive', () => batch.rawReceive(b, 0)],
  ['sendmmsg', 'MessageBatch.rawSend', () => batch.rawSend(a, 1, 0)],
  ['accept4', 'rawAccept4', () => s.rawAccept4(listener, null, null, 0)],
  ['connect', 'rawConnect', () => s.rawConnect(client, words, 16)],
  ['read', 'rawRead', () => s.rawRead(b, room, 8)],
  ['write', 'rawWrite', () => s.rawWrite(a, data, 8)],
  ['readv', 'rawReadv', () => s.rawReadv(b, words, 1)],
  ['writev', 'rawWritev', () => s.rawWritev(a, words, 1)],
  ['close', 'rawClose', () => s.rawClose(client)],
  ['read', 'rawEventfdRead', () => s.rawEventfdRead(counter)],
  ['write', 'rawEventfdWrite', () => s.rawEventfdWrite(counter, 1)],
  ['read', 'rawTimerfdRead', () => s.rawTimerfdRead(timer)],
  ['fcntl', 'rawFcntl', () => s.rawFcntl(a, s.F_GETFL, 0)],
  ['poll', 'rawPoll', () => s.rawPoll(words, 0, -1)],
  ['ppoll', 'rawPpoll', () => s.rawPpoll(words, 0, null, null)],
  ['select', 'rawSelect', () => s.rawSelect(0, null, null, null, null)],
  ['pselect', 'rawPselect', () => s.rawPselect(0, null, null, null, null, null)],
  ['epoll_wait', 'rawEpollWait', () => s.rawEpollWait(epfd, words, 1, -1)],
  ['syscall', 'rawEpollPwait2', () => s.rawEpollPwait2(epfd, words, 1, null, null)],
]

for (const [libc, what, call] of raws) {
  test(`${what} returns what happened, after one call`, () => {
    const before = count(libc)
    interruptions.set(libc, 1)
    assert.equal(call(), -EINTR)
    assert.equal(count(libc) - before, 1)
  })
}

test('an interrupted receive still has its room for the sender and the control data', () => {
  // Each try must be given the whole room again: libc may have written over the lengths.
  const server = s.socket(s.AF_INET, s.SOCK_DGRAM)
  s.bind(server, { family: 'IPv4', address: '127.0.0.1', port: 0 })
  const from = s.getsockname(server)
  for (const [libc, call] of [
    ['recvfrom', () => s.recvfrom(server, room).from],
    ['recvmsg', () => s.recvmsg(server, room).from],
  ] as const) {
    s.sendto(server, data, from)
    interruptions.set(libc, 2)
    assert.deepEqual(call(), from)
  }
  s.close(server)
})

test('hasEpollPwait2 is not fooled by a signal', () => {
  interruptions.set('syscall', 1)
  assert.equal(s.hasEpollPwait2(), true)
})

test('an option of one byte has no rest of an older one', () => {
  assert.ok(s.getsockoptInt(listener, s.SOL_SOCKET, s.SO_RCVBUF) > 255)
  stand.set('getsockopt', (_fd, _level, _name, value: Int32Array, length: Uint32Array) => {
    new Uint8Array(value.buffer, value.byteOffset)[0] = 7
    length[0] = 1
    return 0
  })
  assert.equal(s.getsockoptInt(listener, s.SOL_SOCKET, s.SO_RCVBUF), 7)
  stand.clear()
})
