import assert from 'node:assert/strict'
import fs from 'node:fs'
import { type TestContext, test } from 'node:test'
import { type Address, AF_INET, AF_UNIX } from './address.js'
import { rawClose, read, write } from './descriptor.js'
import { errnos } from './errno.js'
import { F_GETFD, FD_CLOEXEC, fcntl } from './fcntl.js'
import { addressOf } from './ffi.js'
import * as m from './message.js'
import { pipe2 } from './pipe.js'
import {
  bind,
  connect,
  getsockname,
  getsockoptInt,
  IPPROTO_UDP,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITFORONE,
  rawSetsockoptInt,
  rawSocket,
  SO_PASSCRED,
  SO_TIMESTAMP,
  SO_TIMESTAMPNS,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
  setsockoptInt,
  socket,
  socketpair,
  UDP_GRO,
  UDP_SEGMENT,
} from './socket.js'

function owned(context: TestContext, ...fds: number[]): void {
  context.after(() => {
    for (const fd of fds) rawClose(fd)
  })
}

function pair(context: TestContext, type: number = SOCK_STREAM): [number, number] {
  const fds = socketpair(AF_UNIX, type)
  owned(context, ...fds)
  return fds
}

function datagrams(context: TestContext): { fd: number; at: Address } {
  const fd = socket(AF_INET, SOCK_DGRAM)
  owned(context, fd)
  bind(fd, { family: 'IPv4', address: '127.0.0.1', port: 0 })
  return { fd, at: getsockname(fd) }
}

function openDescriptors(): Set<string> {
  return new Set(fs.readdirSync('/proc/self/fd'))
}

const text = (bytes: Uint8Array, length = bytes.length) => Buffer.from(bytes.subarray(0, length)).toString()
const bytes = (string: string) => Buffer.from(string)

test('several buffers are sent as one, and filled in turn', (context) => {
  const [a, b] = pair(context)
  const shared = bytes('__hello___')
  assert.equal(m.sendmsg(a, { data: [shared.subarray(2, 7), Buffer.alloc(0), bytes(' world')] }), 11)
  const first = Buffer.alloc(4)
  const empty = new Uint8Array(0)
  const second = new Uint8Array(10)
  const came = m.recvmsg(b, [first, empty, second])
  assert.deepEqual(came, {
    bytes: 11,
    from: null,
    flags: 0,
    truncated: false,
    controlTruncated: false,
    control: [],
  })
  assert.equal(text(first) + text(second, 7), 'hello world')
  assert.throws(() => m.recvmsg(b, first, 0, MSG_DONTWAIT), { code: 'EAGAIN', syscall: 'recvmsg' })
})

test('datagrams: to whom, from whom, cut off, nothing', (context) => {
  const { fd, at } = datagrams(context)
  const sender = datagrams(context)
  m.sendmsg(sender.fd, { data: bytes('a datagram'), to: at })
  m.sendmsg(sender.fd, { data: [], to: at })
  const room = Buffer.alloc(4)
  const whole = m.recvmsg(fd, room, 0, MSG_TRUNC | MSG_PEEK)
  assert.equal(whole.bytes, 4, 'what the buffer holds, whatever the flags')
  const came = m.recvmsg(fd, room)
  assert.deepEqual(came, {
    bytes: 4,
    from: sender.at,
    flags: MSG_TRUNC,
    truncated: true,
    controlTruncated: false,
    control: [],
  })
  assert.equal(text(room), 'a da')
  const none = m.recvmsg(fd, room)
  assert.deepEqual([none.bytes, none.from, none.truncated], [0, sender.at, false])
  const { port } = at as { port: number }
  assert.throws(() => m.sendmsg(sender.fd, { data: Buffer.alloc(66000), to: at }), {
    code: 'EMSGSIZE',
    syscall: 'sendmsg',
    address: '127.0.0.1',
    port,
  })
  assert.throws(() => m.sendmsg(-1, { data: room }), { code: 'EBADF', syscall: 'sendmsg' })
  assert.throws(() => m.recvmsg(-1, room), { code: 'EBADF', syscall: 'recvmsg' })
})

test('descriptors travel: the same open files, new numbers, closed on exec', (context) => {
  const [a, b] = pair(context)
  const [readEnd, writeEnd] = pipe2()
  owned(context, readEnd, writeEnd)
  m.sendmsg(a, { data: bytes('x'), control: [m.rights([readEnd, writeEnd])] })
  const came = m.recvmsg(b, Buffer.alloc(1), m.controlSpace(8))
  assert.equal(came.control.length, 1)
  assert.equal(came.controlTruncated, false)
  const fds = m.fdsIn(came.control)
  owned(context, ...fds)
  assert.equal(fds.length, 2)
  assert.ok(!fds.includes(readEnd) && !fds.includes(writeEnd))
  for (const fd of fds) assert.equal(fcntl(fd, F_GETFD), FD_CLOEXEC)
  write(fds[1]!, bytes('through'))
  const room = Buffer.alloc(16)
  assert.equal(read(readEnd, room), 7)
  assert.equal(text(room, 7), 'through')
})

test('descriptors nobody made room for are dropped, not leaked', (context) => {
  const [a, b] = pair(context)
  const before = openDescriptors()
  m.sendmsg(a, { data: bytes('x'), control: [m.rights([a, b, a])] })
  const none = m.recvmsg(b, Buffer.alloc(1))
  assert.equal(none.controlTruncated, true)
  assert.equal(none.flags, MSG_CTRUNC)
  assert.deepEqual(none.control, [])
  assert.deepEqual(openDescriptors(), before)
  m.sendmsg(a, { data: bytes('x'), control: [m.rights([a, b, a])] })
  const one = m.recvmsg(b, Buffer.alloc(1), m.controlSpace(4))
  const fds = m.fdsIn(one.control)
  owned(context, ...fds)
  assert.equal(one.controlTruncated, true)
  // The padding of one descriptor has room for a second, and the kernel uses it.
  assert.ok(fds.length >= 1 && fds.length < 3, `${fds}`)
  assert.equal(openDescriptors().size, before.size + fds.length, 'every one that came is told of')
})

test('as many descriptors as a message can carry, and one more', (context) => {
  const [a, b] = pair(context)
  const most = Array<number>(m.SCM_MAX_FD).fill(a)
  m.sendmsg(a, { data: bytes('x'), control: [m.rights(most)] })
  const came = m.recvmsg(b, Buffer.alloc(1), m.controlSpace(4 * m.SCM_MAX_FD))
  const fds = m.fdsIn(came.control)
  owned(context, ...fds)
  assert.equal(new Set(fds).size, m.SCM_MAX_FD)
  assert.throws(() => m.sendmsg(a, { data: bytes('x'), control: [m.rights([...most, a])] }), {
    code: 'EINVAL',
  })
  assert.throws(() => m.sendmsg(a, { data: bytes('x'), control: [m.rights([-1])] }), { code: 'EBADF' })
})

test('credentials come with every message, one’s own can be sent, others’ not', (context) => {
  const [a, b] = pair(context, SOCK_SEQPACKET)
  const own = { pid: process.pid, uid: process.getuid!(), gid: process.getgid!() }
  const room = Buffer.alloc(4)
  m.sendmsg(a, { data: bytes('x') })
  assert.equal(m.credentialsIn(m.recvmsg(b, room, 64).control), null, 'not asked for')
  setsockoptInt(b, SOL_SOCKET, SO_PASSCRED, 1)
  m.sendmsg(a, { data: bytes('x') })
  assert.deepEqual(m.credentialsIn(m.recvmsg(b, room, 64).control), own)
  m.sendmsg(a, { data: bytes('x'), control: [m.credentials(own), m.rights([a])] })
  const { control } = m.recvmsg(b, room, 64)
  owned(context, ...m.fdsIn(control))
  assert.deepEqual(m.credentialsIn(control), own)
  assert.equal(m.fdsIn(control).length, 1)
  assert.deepEqual(
    [...m.credentials({ pid: 1, uid: 0xffff_fffe, gid: 2 }).data],
    [...[1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 2, 0, 0, 0]],
  )
  // A process that does not exist cannot be claimed, by nobody.
  assert.throws(
    () => m.sendmsg(a, { data: bytes('x'), control: [m.credentials({ ...own, pid: 0x3fff_ffff })] }),
    {
      syscall: 'sendmsg',
    },
  )
})

test('timestamps: when the kernel had the message', (context) => {
  for (const option of [SO_TIMESTAMPNS, SO_TIMESTAMP]) {
    const { fd, at } = datagrams(context)
    setsockoptInt(fd, SOL_SOCKET, option, 1)
    const before = Date.now()
    m.sendmsg(fd, { data: bytes('x'), to: at })
    const { control } = m.recvmsg(fd, Buffer.alloc(1), m.controlSpace(16))
    const after = Date.now()
    const stamp = m.timestampIn(control)!
    assert.ok(stamp.nanoseconds >= 0 && stamp.nanoseconds < 1e9)
    const ms = stamp.seconds * 1000 + stamp.nanoseconds / 1e6
    // Date.now() is cut to the millisecond.
    assert.ok(ms >= before && ms < after + 1, `${ms} is not from ${before} to ${after}`)
  }
  assert.equal(m.timestampIn([]), null)
})

test('control data are written and read with their padding', () => {
  const messages = [
    { level: 1, type: 2, data: Uint8Array.of(1, 2, 3) },
    { level: -1, type: 0x7fff_ffff, data: new Uint8Array(0) },
    { level: 41, type: 50, data: new Uint8Array(20).fill(9) },
  ]
  const room = new Uint8Array(m.controlSpace(3) + m.controlSpace(0) + m.controlSpace(20)).fill(0xee)
  assert.equal(m.encodeControl(messages, room), room.length)
  assert.equal(room.length, 24 + 16 + 40)
  assert.equal(
    Buffer.from(room.subarray(0, 24)).toString('hex'),
    '1300000000000000' + '01000000' + '02000000' + '0102030000000000',
  )
  assert.deepEqual(m.decodeControl(room, room.length), messages)
  assert.throws(() => m.encodeControl(messages, room.subarray(0, -1)), { code: 'ERR_OUT_OF_RANGE' })
  // Cut off, as the kernel does with MSG_CTRUNC: what there is of the last piece, and nothing behind the end.
  assert.deepEqual(m.decodeControl(room, 20), [{ level: 1, type: 2, data: Uint8Array.of(1, 2, 3) }])
  assert.deepEqual(m.decodeControl(room, 18), [{ level: 1, type: 2, data: Uint8Array.of(1, 2) }])
  assert.deepEqual(m.decodeControl(room, 15), [])
  assert.deepEqual(m.decodeControl(new Uint8Array(64), 64), [], 'a length of 0 does not go round for ever')
})

test('detached and resizable buffers are refused', (context) => {
  const [a] = pair(context)
  const detached = new Uint8Array(8)
  structuredClone(detached.buffer, { transfer: [detached.buffer] })
  const refused = { name: 'TypeError', code: 'ERR_INVALID_STATE' }
  assert.throws(() => m.sendmsg(a, { data: [bytes('x'), detached] }), refused)
  assert.throws(() => m.recvmsg(a, [new Uint8Array(1), detached], 0, MSG_DONTWAIT), refused)
})

test('a batch sends and receives many, each with its own length, sender and flags', (context) => {
  const { fd, at } = datagrams(context)
  const senders = [datagrams(context), datagrams(context)]
  const sent = ['zero', '', 'two two', 'exactly 8', 'much too long'].map(bytes)
  const out = new m.MessageBatch(sent.length, 16)
  for (const [index, data] of sent.entries()) out.set(index, data, at)
  assert.equal(out.send(senders[0]!.fd, 3), 3)
  assert.equal(out.send(senders[1]!.fd, 2, 0, 3), 2, 'from the fourth on')
  for (const [index, data] of sent.entries()) assert.equal(out.length(index), data.length)

  const batch = new m.MessageBatch(8, 9)
  assert.equal(batch.receive(fd, MSG_WAITFORONE), 5)
  for (const [index, data] of sent.entries()) {
    assert.equal(text(batch.data(index)), text(data.subarray(0, 9)))
    assert.deepEqual(batch.from(index), senders[index < 3 ? 0 : 1]!.at)
    assert.equal(batch.flags(index), data.length > 9 ? MSG_TRUNC : 0)
    assert.deepEqual(batch.control(index), [])
  }
  assert.equal(batch.rawReceive(fd, MSG_DONTWAIT), -errnos.EAGAIN)
  assert.throws(() => batch.receive(fd, MSG_DONTWAIT), { code: 'EAGAIN', syscall: 'recvmmsg' })
  assert.throws(() => batch.receive(-1), { code: 'EBADF', syscall: 'recvmmsg' })
  assert.throws(() => out.send(-1, 1), { code: 'EBADF', syscall: 'sendmmsg' })
})

test('a batch is as good the second time, and after it was used to send', (context) => {
  const { fd, at } = datagrams(context)
  setsockoptInt(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1)
  const batch = new m.MessageBatch(2, 64, m.controlSpace(16))
  for (let round = 0; round < 3; round++) {
    // The kernel writes lengths over what it was given, and `set` a short one.
    batch.set(0, bytes('short'), at)
    batch.set(1, bytes('a rather longer one'), at)
    assert.equal(batch.send(fd, 2), 2)
    assert.equal(batch.receive(fd, MSG_DONTWAIT), 2)
    assert.equal(text(batch.data(0)), 'short')
    assert.equal(text(batch.data(1)), 'a rather longer one')
    assert.deepEqual(batch.from(1), at)
    assert.ok(m.timestampIn(batch.control(1))!.seconds > 1e9)
    batch.set(0, bytes('alone'), at)
    batch.send(fd, 1)
    assert.equal(batch.receive(fd, MSG_DONTWAIT), 1)
    assert.equal(text(batch.data(0)), 'alone')
  }
})

test('a batch on a connected socket needs no receiver; an older one is not used', (context) => {
  const { fd, at } = datagrams(context)
  const sender = datagrams(context)
  const elsewhere = datagrams(context)
  connect(sender.fd, at)
  const batch = new m.MessageBatch(1, 8)
  batch.set(0, bytes('a'), elsewhere.at)
  batch.set(0, bytes('b'))
  batch.send(sender.fd, 1)
  batch.set(0, bytes('c'), null)
  batch.send(sender.fd, 1)
  const room = new m.MessageBatch(4, 8)
  assert.equal(room.receive(fd, MSG_DONTWAIT), 2)
  assert.deepEqual([text(room.data(0)), text(room.data(1))], ['b', 'c'])
  assert.throws(() => room.receive(elsewhere.fd, MSG_DONTWAIT), { code: 'EAGAIN' })
})

test('a batch carries control data', (context) => {
  const [a, b] = pair(context, SOCK_DGRAM)
  const out = new m.MessageBatch(2, 4, m.controlSpace(8))
  out.set(0, bytes('fds'), null, [m.rights([a, b])])
  out.set(1, bytes('none'))
  assert.equal(out.send(a, 2), 2)
  const came = new m.MessageBatch(4, 4, m.controlSpace(8))
  assert.equal(came.receive(b, MSG_DONTWAIT), 2)
  const fds = m.fdsIn(came.control(0))
  owned(context, ...fds)
  assert.equal(fds.length, 2)
  for (const fd of fds) assert.equal(fcntl(fd, F_GETFD), FD_CLOEXEC)
  assert.deepEqual(came.control(1), [])
  assert.equal(came.flags(0), 0)
})

test('a batch that stops half-way tells how many were taken', (context) => {
  const { fd, at } = datagrams(context)
  const batch = new m.MessageBatch(3, 8)
  batch.set(0, bytes('one'), at)
  // Broadcast without SO_BROADCAST: EACCES.
  batch.set(1, bytes('two'), { family: 'IPv4', address: '255.255.255.255', port: 9 })
  batch.set(2, bytes('three'), at)
  assert.equal(batch.send(fd, 3), 1)
  assert.throws(() => batch.send(fd, 2, 0, 1), { code: 'EACCES', syscall: 'sendmmsg' })
  assert.equal(batch.rawSend(fd, 2, 0, 1), -errnos.EACCES)
})

test('a batch refuses what does not fit', () => {
  const outOfRange = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' }
  const batch = new m.MessageBatch(2, 8)
  assert.throws(() => batch.set(0, Buffer.alloc(9)), outOfRange)
  assert.throws(() => batch.set(2, Buffer.alloc(1)), outOfRange)
  assert.throws(() => batch.set(-1, Buffer.alloc(1)), outOfRange)
  assert.throws(() => batch.set(0, Buffer.alloc(1), null, [m.rights([1])]), outOfRange)
  for (const count of [0, 1025, 1.5, Number.NaN])
    assert.throws(() => new m.MessageBatch(count, 1), outOfRange)
  assert.equal(batch.rawSend(0, 3, 0), -errnos.EINVAL)
  assert.equal(batch.rawSend(0, 2, 0, 1), -errnos.EINVAL)
  assert.equal(batch.rawSend(0, 1, 0, -1), -errnos.EINVAL)
})

test('a batch whose memory was transferred away is refused, not used', (context) => {
  const { fd } = datagrams(context)
  const batch = new m.MessageBatch(1, 8)
  const { buffer } = batch.data(0)
  structuredClone(buffer, { transfer: [buffer as ArrayBuffer] })
  const refused = { name: 'TypeError', code: 'ERR_INVALID_STATE' }
  assert.throws(() => batch.receive(fd, MSG_DONTWAIT), refused)
  assert.throws(() => batch.set(0, new Uint8Array(1)), refused)
  assert.throws(() => batch.send(fd, 1), refused)
})

test('the raw batch calls', (context) => {
  const [a, b] = pair(context, SOCK_DGRAM)
  const memory = new Uint32Array((2 * m.MMSGHDR.size + 2 * m.IOVEC.size) / 4)
  const data = bytes('twins')
  const base = addressOf(memory)
  for (const index of [0, 1]) {
    const iov = 2 * m.MMSGHDR.size + index * m.IOVEC.size
    m.setIovec(memory, iov, addressOf(data), 4 + index)
    const pointer = (index * m.MMSGHDR.size + m.MSGHDR.iov) / 4
    memory[pointer] = (base + iov) >>> 0
    memory[pointer + 1] = (base + iov) / 2 ** 32
    memory[(index * m.MMSGHDR.size + m.MSGHDR.iovlen) / 4] = 1
  }
  assert.equal(m.rawSendmmsg(a, memory, 2, 0), 2)
  const { length } = m.MMSGHDR
  assert.deepEqual([memory[length / 4], memory[(m.MMSGHDR.size + length) / 4]], [4, 5])
  data.fill(0)
  assert.equal(m.rawRecvmmsg(b, memory, 2, MSG_DONTWAIT, null), 2)
  assert.equal(text(data), 'twins', 'both into the same memory, the longer one last')
  assert.equal(m.rawRecvmmsg(b, memory, 2, MSG_DONTWAIT, null), -errnos.EAGAIN)
  assert.equal(m.rawSendmmsg(-1, memory, 2, 0), -errnos.EBADF)
})

const udp = rawSocket(AF_INET, SOCK_DGRAM, 0)
const noSegments =
  rawSetsockoptInt(udp, IPPROTO_UDP, UDP_SEGMENT, 0) < 0 || rawSetsockoptInt(udp, IPPROTO_UDP, UDP_GRO, 1) < 0
    ? 'this kernel has no UDP_SEGMENT or no UDP_GRO'
    : false
rawClose(udp)

test('one send is cut into datagrams', { skip: noSegments }, (context) => {
  const { fd, at } = datagrams(context)
  m.sendmsg(fd, { data: bytes('aaaabbbbcc'), to: at, control: [m.segments(4)] })
  const room = new m.MessageBatch(8, 16)
  assert.equal(room.receive(fd, MSG_WAITFORONE), 3)
  assert.deepEqual(
    [0, 1, 2].map((index) => text(room.data(index))),
    ['aaaa', 'bbbb', 'cc'],
  )
})

test('datagrams that come as one tell their size', { skip: noSegments }, (context) => {
  const { fd, at } = datagrams(context)
  setsockoptInt(fd, IPPROTO_UDP, UDP_GRO, 1)
  assert.equal(getsockoptInt(fd, IPPROTO_UDP, UDP_GRO), 1)
  m.sendmsg(fd, { data: bytes('aaaabbbbcc'), to: at, control: [m.segments(4)] })
  const room = Buffer.alloc(64)
  const came = m.recvmsg(fd, room, m.controlSpace(4))
  assert.equal(text(room, came.bytes), 'aaaabbbbcc')
  assert.equal(m.segmentSizeIn(came.control), 4)
  assert.equal(m.segmentSizeIn([]), null)
})
