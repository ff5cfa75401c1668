/** What descriptors can do, and the small ones: pipes, eventfds, timerfds; fcntl. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { openSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { AF_INET } from './address.js'
import * as d from './descriptor.js'
import { errnos } from './errno.js'
import * as v from './eventfd.js'
import * as f from './fcntl.js'
import { addressOf } from './ffi.js'
import { IOVEC, setIovec } from './message.js'
import { pipe2, rawPipe2 } from './pipe.js'
import { POLLIN, poll } from './poll.js'
import { SOCK_DGRAM, SOCK_STREAM, socket, socketpair } from './socket.js'
import * as t from './timerfd.js'

function owned(context: TestContext, ...fds: number[]): void {
  context.after(() => {
    for (const fd of fds) d.rawClose(fd)
  })
}

function pipe(context: TestContext, flags?: number): [number, number] {
  const ends = pipe2(flags)
  owned(context, ...ends)
  return ends
}

const bytes = (text: string) => Buffer.from(text)

test('every throwing call names itself and EBADF; every raw one returns it', () => {
  const buffer = Buffer.alloc(8)
  const { EBADF } = errnos
  for (const [syscall, call] of Object.entries({
    read: () => d.read(-1, buffer),
    write: () => d.write(-1, buffer),
    close: () => d.close(-1),
    ioctl: () => d.bytesReadable(-1),
    fcntl: () => f.fcntl(-1, f.F_GETFL),
    timerfd_settime: () => t.timerfdSettime(-1, 1),
    timerfd_gettime: () => t.timerfdGettime(-1),
  })) {
    assert.throws(call, { name: 'Error', code: 'EBADF', errno: -EBADF, syscall }, syscall)
  }
  assert.throws(() => v.eventfdWrite(-1), { code: 'EBADF', syscall: 'write' })
  assert.throws(() => v.eventfdRead(-1), { code: 'EBADF', syscall: 'read' })
  assert.throws(() => t.timerfdRead(-1), { code: 'EBADF', syscall: 'read' })
  for (const [name, result] of Object.entries({
    read: d.rawRead(-1, buffer, 1),
    write: d.rawWrite(-1, buffer, 1),
    readv: d.rawReadv(-1, buffer, 0),
    writev: d.rawWritev(-1, buffer, 0),
    close: d.rawClose(-1),
    ioctl: d.rawIoctl(-1, d.FIONREAD, buffer),
    fcntl: f.rawFcntl(-1, f.F_GETFL, 0),
    fcntlPointer: f.rawFcntlPointer(-1, f.F_GETLK, buffer),
    eventfdWrite: v.rawEventfdWrite(-1, 1),
    eventfdRead: v.rawEventfdRead(-1),
    timerfdSettime: t.rawTimerfdSettime(-1, 0, new Int32Array(8), null),
    timerfdGettime: t.rawTimerfdGettime(-1, new Int32Array(8)),
    timerfdRead: t.rawTimerfdRead(-1),
  })) {
    assert.equal(result, -EBADF, name)
  }
})

test('a pipe: written, counted, read, ended, broken', (context) => {
  const [readEnd, writeEnd] = pipe2()
  owned(context, readEnd)
  assert.equal(d.write(writeEnd, bytes('hello')), 5)
  assert.equal(d.bytesReadable(readEnd), 5)
  const room = Buffer.alloc(8)
  assert.equal(d.read(readEnd, room.subarray(0, 2)), 2)
  assert.equal(d.read(readEnd, room.subarray(2)), 3)
  assert.equal(room.subarray(0, 5).toString(), 'hello')
  assert.equal(d.bytesReadable(readEnd), 0)
  d.close(writeEnd)
  assert.equal(d.read(readEnd, room), 0)
  assert.throws(() => d.close(writeEnd), { code: 'EBADF', syscall: 'close' })
  const [gone, broken] = pipe(context)
  d.close(gone)
  assert.throws(() => d.write(broken, bytes('x')), { code: 'EPIPE', syscall: 'write' })
})

test('a full pipe takes a part, then EAGAIN', (context) => {
  const [readEnd, writeEnd] = pipe(context, f.O_NONBLOCK | f.O_CLOEXEC)
  const size = f.fcntl(writeEnd, f.F_SETPIPE_SZ, 4096)
  assert.ok(size >= 4096)
  assert.equal(d.write(writeEnd, Buffer.alloc(size + 1)), size)
  assert.throws(() => d.write(writeEnd, bytes('x')), { code: 'EAGAIN', syscall: 'write' })
  assert.equal(d.rawWrite(writeEnd, bytes('x'), 1), -errnos.EAGAIN)
  assert.equal(d.bytesReadable(readEnd), size)
  assert.equal(d.read(readEnd, Buffer.alloc(size + 100)), size)
  assert.throws(() => d.read(readEnd, Buffer.alloc(1)), { code: 'EAGAIN', syscall: 'read' })
})

test('pipe2: flags, and unknown ones', (context) => {
  const [readEnd, writeEnd] = pipe(context)
  for (const fd of [readEnd, writeEnd]) {
    assert.equal(f.fcntl(fd, f.F_GETFD), f.FD_CLOEXEC)
    assert.equal(f.isNonBlocking(fd), false)
  }
  assert.equal(f.fcntl(readEnd, f.F_GETFL) & f.O_ACCMODE, f.O_RDONLY)
  assert.equal(f.fcntl(writeEnd, f.F_GETFL) & f.O_ACCMODE, f.O_WRONLY)
  assert.throws(() => pipe2(1), { code: 'EINVAL', syscall: 'pipe2' })
  assert.equal(rawPipe2(new Int32Array(2), 1), -errnos.EINVAL)
})

test('readv and writev', (context) => {
  const [readEnd, writeEnd] = pipe(context)
  const iov = new Uint32Array((2 * IOVEC.size) / 4)
  const [first, second] = [bytes('scat'), bytes('tered')]
  setIovec(iov, 0, addressOf(first), 4)
  setIovec(iov, IOVEC.size, addressOf(second), 5)
  assert.equal(d.rawWritev(writeEnd, iov, 2), 9)
  first.fill(0)
  second.fill(0)
  assert.equal(d.rawReadv(readEnd, iov, 2), 9)
  assert.equal(first.toString() + second.toString(), 'scattered')
})

test('buffers that could vanish are refused', (context) => {
  const [readEnd, writeEnd] = pipe(context)
  const detached = new Uint8Array(8)
  structuredClone(detached.buffer, { transfer: [detached.buffer] })
  assert.throws(() => d.write(writeEnd, detached), { code: 'ERR_INVALID_STATE' })
  assert.throws(() => d.read(readEnd, detached), { code: 'ERR_INVALID_STATE' })
  assert.equal(d.bytesReadable(readEnd), 0)
})

// ---------------------------------------------------------------- fcntl

test('O_NONBLOCK belongs to the open file, FD_CLOEXEC to the descriptor', (context) => {
  const [readEnd] = pipe(context)
  const copy = f.dup(readEnd)
  owned(context, copy)
  assert.notEqual(copy, readEnd)
  assert.equal(f.fcntl(copy, f.F_GETFD), f.FD_CLOEXEC)
  f.setNonBlocking(readEnd, true)
  assert.ok(f.isNonBlocking(readEnd) && f.isNonBlocking(copy))
  f.setNonBlocking(copy, false)
  assert.ok(!f.isNonBlocking(readEnd) && !f.isNonBlocking(copy))
  f.setCloseOnExec(copy, false)
  assert.equal(f.fcntl(copy, f.F_GETFD), 0)
  assert.equal(f.fcntl(readEnd, f.F_GETFD), f.FD_CLOEXEC)
  f.setCloseOnExec(copy, true)
  assert.equal(f.fcntl(copy, f.F_GETFD), f.FD_CLOEXEC)
})

test('status flags one by one, the others stay', (context) => {
  const fd = socket(AF_INET, SOCK_DGRAM)
  owned(context, fd)
  f.setNonBlocking(fd, true)
  f.setStatusFlag(fd, f.O_ASYNC, true)
  assert.equal(f.fcntl(fd, f.F_GETFL) & (f.O_ASYNC | f.O_NONBLOCK), f.O_ASYNC | f.O_NONBLOCK)
  f.setStatusFlag(fd, f.O_ASYNC, false)
  assert.equal(f.fcntl(fd, f.F_GETFL) & (f.O_ASYNC | f.O_NONBLOCK), f.O_NONBLOCK)
})

test('dup: the lowest number from a given one; the limit', (context) => {
  const [readEnd] = pipe(context)
  const copy = f.dup(readEnd, 200)
  owned(context, copy)
  assert.ok(copy >= 200)
  const next = f.dup(readEnd, copy)
  owned(context, next)
  assert.ok(next > copy)
  assert.throws(() => f.dup(readEnd, 0x7fff_ffff), { code: 'EINVAL', syscall: 'fcntl' })
  assert.equal(f.rawFcntl(readEnd, f.F_DUPFD_CLOEXEC, 0x7fff_ffff), -errnos.EINVAL)
})

test('what is closed on exec is not inherited, what is not is', (context) => {
  const [readEnd, writeEnd] = pipe(context)
  const inherits = () =>
    spawnSync('/bin/sh', ['-c', `[ -e /proc/self/fd/${writeEnd} ]`], { stdio: 'ignore' }).status
  assert.equal(inherits(), 1)
  // Node closes what it does not hand on, so the flag is looked at instead.
  f.setCloseOnExec(readEnd, false)
  assert.equal(f.fcntl(readEnd, f.F_GETFD), 0)
})

test('F_SETOWN_EX names one thread', (context) => {
  const fd = socket(AF_INET, SOCK_STREAM)
  owned(context, fd)
  const owner = new Int32Array([0, process.pid]) // F_OWNER_TID: the main thread's number is the process's
  assert.equal(f.rawFcntlPointer(fd, f.F_SETOWN_EX, owner), 0)
  owner.fill(-1)
  assert.equal(f.rawFcntlPointer(fd, f.F_GETOWN_EX, owner), 0)
  assert.deepEqual([...owner], [0, process.pid])
  assert.equal(f.rawFcntlPointer(fd, f.F_SETOWN_EX, new Int32Array([99, 1])), -errnos.EINVAL)
  f.fcntl(fd, f.F_SETSIG, 40)
  assert.equal(f.fcntl(fd, f.F_GETSIG), 40)
})

// ---------------------------------------------------------------- eventfd

test('an eventfd counts, above 32 bits too', (context) => {
  const fd = v.eventfd(3, v.EFD_NONBLOCK | v.EFD_CLOEXEC)
  owned(context, fd)
  assert.equal(f.fcntl(fd, f.F_GETFD), f.FD_CLOEXEC)
  v.eventfdWrite(fd)
  v.eventfdWrite(fd, 10)
  assert.equal(poll([{ fd, events: POLLIN, revents: 0 }], 0), 1)
  assert.equal(v.eventfdRead(fd), 14)
  assert.equal(poll([{ fd, events: POLLIN, revents: 0 }], 0), 0)
  assert.throws(() => v.eventfdRead(fd), { code: 'EAGAIN', syscall: 'read' })
  assert.equal(v.rawEventfdRead(fd), -errnos.EAGAIN)
  assert.equal(v.rawEventfdWrite(fd, 2 ** 40 + 5), 0)
  assert.equal(v.rawEventfdRead(fd), 2 ** 40 + 5)
  // Full: 2^64-2. A double has 2^64-2^11 below it.
  assert.equal(v.rawEventfdWrite(fd, 2 ** 64 - 2048), 0)
  assert.equal(v.rawEventfdWrite(fd, 4096), -errnos.EAGAIN)
  assert.throws(() => v.eventfdWrite(fd, 4096), { code: 'EAGAIN', syscall: 'write' })
  assert.equal(v.rawEventfdRead(fd), 2 ** 64 - 2048)
  assert.throws(() => v.eventfd(0, 1 << 20), { code: 'EINVAL', syscall: 'eventfd' })
  assert.equal(v.rawEventfd(0, 1 << 20), -errnos.EINVAL)
})

test('an eventfd begins with up to 32 bits; as a semaphore it gives one at a time', (context) => {
  const big = v.eventfd(0xffff_ffff)
  const semaphore = v.eventfd(2, v.EFD_SEMAPHORE | v.EFD_NONBLOCK)
  owned(context, big, semaphore)
  assert.equal(v.eventfdRead(big), 0xffff_ffff)
  assert.equal(v.eventfdRead(semaphore), 1)
  assert.equal(v.eventfdRead(semaphore), 1)
  assert.equal(v.rawEventfdRead(semaphore), -errnos.EAGAIN)
})

// ---------------------------------------------------------------- timerfd

test('a timer expires, never early, and counts', (context) => {
  const fd = t.timerfdCreate()
  owned(context, fd)
  assert.equal(f.fcntl(fd, f.F_GETFD), f.FD_CLOEXEC)
  assert.deepEqual(t.timerfdGettime(fd), { remainingMs: 0, everyMs: 0 })
  for (const ms of [0.3, 2.5, 11]) {
    const start = performance.now()
    t.timerfdSettime(fd, ms)
    assert.equal(t.timerfdRead(fd), 1)
    const took = performance.now() - start
    assert.ok(took >= ms, `${took} of ${ms} ms`)
  }
  t.timerfdSettime(fd, 1, 2)
  assert.equal(t.timerfdGettime(fd).everyMs, 2)
  const start = performance.now()
  let count = 0
  while (count < 5) count += t.timerfdRead(fd)
  assert.ok(performance.now() - start >= 1 + 2 * (count - 1) - 2, 'five expirations take their time')
})

test('a timer is armed, asked, disarmed', (context) => {
  const fd = t.timerfdCreate(t.CLOCK_MONOTONIC, t.TFD_NONBLOCK)
  owned(context, fd)
  t.timerfdSettime(fd, 3_600_000.5, 1000)
  const { remainingMs, everyMs } = t.timerfdGettime(fd)
  assert.ok(remainingMs > 3_500_000 && remainingMs <= 3_600_000.5, String(remainingMs))
  assert.equal(everyMs, 1000)
  assert.throws(() => t.timerfdRead(fd), { code: 'EAGAIN', syscall: 'read' })
  assert.equal(t.rawTimerfdRead(fd), -errnos.EAGAIN)
  t.timerfdSettime(fd, 0)
  assert.equal(t.timerfdGettime(fd).remainingMs, 0)
  const old = new Int32Array(8)
  assert.equal(t.rawTimerfdSettime(fd, 0, new Int32Array([0, 0, 0, 0, 60, 0, 0, 0]), old), 0)
  assert.deepEqual([...old], Array(8).fill(0))
  assert.equal(t.rawTimerfdGettime(fd, old), 0)
  assert.ok(old[4] === 59 || old[4] === 60)
})

test('a timer by an absolute clock', (context) => {
  const fd = t.timerfdCreate(t.CLOCK_REALTIME)
  owned(context, fd)
  t.timerfdSettime(fd, 1, 0, t.TFD_TIMER_ABSTIME) // 1970: long ago
  assert.equal(t.timerfdRead(fd), 1)
})

test('timers refuse what they cannot', (context) => {
  const fd = t.timerfdCreate(t.CLOCK_BOOTTIME)
  owned(context, fd)
  for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => t.timerfdSettime(fd, bad), { code: 'ERR_OUT_OF_RANGE' })
    assert.throws(() => t.timerfdSettime(fd, 1, bad), { code: 'ERR_OUT_OF_RANGE' })
  }
  assert.throws(() => t.timerfdCreate(99), { code: 'EINVAL', syscall: 'timerfd_create' })
  assert.equal(t.rawTimerfdCreate(99, 0), -errnos.EINVAL)
  const [a, b] = socketpair()
  owned(context, a, b)
  assert.throws(() => t.timerfdSettime(a, 1), { code: 'EINVAL', syscall: 'timerfd_settime' })
  const file = openSync(new URL(import.meta.url), 'r')
  owned(context, file)
  assert.throws(() => t.timerfdGettime(file), { code: 'EINVAL', syscall: 'timerfd_gettime' })
})
