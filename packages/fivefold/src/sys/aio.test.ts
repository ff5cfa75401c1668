import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  AIO_ALLDONE,
  AIO_CANCELED,
  AIO_NOTCANCELED,
  AIOCB,
  aio_cancel,
  aio_error,
  aio_fsync,
  aio_init,
  aio_read,
  aio_return,
  aio_suspend,
  aio_write,
  ControlBlocks,
  IN_PROGRESS,
  LIO_NOP,
  LIO_NOWAIT,
  LIO_READ,
  LIO_WAIT,
  LIO_WRITE,
  lio_listio,
  rawAioCancel,
  rawAioFsync,
  rawAioSuspend,
  SIGEV_SIGNAL,
} from './aio.js'
import { close } from './descriptor.js'
import { dup, O_CREAT, O_RDWR } from './fcntl.js'
import { AT_FDCWD, openat } from './file.js'
import { allocateSlab } from './memory.js'
import { SIGIO } from './signal.js'
import { AF_UNIX, rawSend, SOCK_CLOEXEC, SOCK_STREAM, send, socketpair } from './socket.js'

const folder = fs.mkdtempSync(join(tmpdir(), 'fivefold-aio-'))
after(() => fs.rmSync(folder, { recursive: true }))

const blocks = new ControlBlocks()
const slab = allocateSlab(1 << 20)
const pair = () => socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)
const file = (name: string, flags = O_RDWR | O_CREAT) => openat(AT_FDCWD, join(folder, name), flags, 0o600)
const byte = Buffer.from('!')

/** Puts text into the slab. @returns its address */
function text(at: number, words: string): number {
  slab.u8.set(Buffer.from(words), at)
  return slab.address + at
}

const seen = (at: number, length: number) => Buffer.from(slab.u8.slice(at, at + length)).toString()

/** A block prepared for a request. */
function request(fd: number, address: number, bytes: number, offset = 0, opcode = LIO_NOP) {
  const block = blocks.acquire()
  blocks.prepare(block, fd, address, bytes, offset, opcode)
  return { block, address: blocks.address(block) }
}

function finished({ block, address }: { block: number; address: number }): number {
  const until = performance.now() + 5000
  while (aio_error(address) === IN_PROGRESS && performance.now() < until) aio_suspend([address], 100)
  assert.equal(blocks.errorOf(block), aio_error(address), 'the block says what aio_error says')
  try {
    return aio_return(address)
  } finally {
    blocks.release(block)
  }
}

test('aio_init comes before the first request, or is ignored', () => {
  assert.equal(aio_init(64), true)
  const fd = file('first')
  const write = request(fd, text(0, 'x'), 1)
  aio_write(write.address)
  assert.equal(finished(write), 1)
  assert.equal(aio_init(65), false)
  close(fd)
})

describe('files', () => {
  test('are written and read at offsets above 4 GiB, and synced', () => {
    const fd = file('far')
    for (const offset of [0, 2 ** 32 + 5, 2 ** 40 + 17]) {
      const words = `at ${offset}`
      const write = request(fd, text(0, words), words.length, offset)
      aio_write(write.address)
      assert.equal(finished(write), words.length)
      const there = Buffer.alloc(words.length)
      fs.readSync(fd, there, 0, there.length, offset)
      assert.equal(there.toString(), words)
      const read = request(fd, slab.address + 4096, 100, offset)
      aio_read(read.address)
      assert.equal(finished(read), words.length)
      assert.equal(seen(4096, words.length), words)
    }
    for (const dataOnly of [false, true]) {
      const sync = request(fd, 0, 0)
      aio_fsync(sync.address, dataOnly)
      assert.equal(finished(sync), 0)
    }
    close(fd)
  })

  test('aio_fsync refuses what is no descriptor at once', () => {
    const sync = request(99999, 0, 0)
    assert.equal(rawAioFsync(sync.address), -9)
    assert.throws(() => aio_fsync(sync.address), { code: 'EBADF', syscall: 'aio_fsync' })
  })

  test('an error comes with the request', () => {
    const read = request(99999, slab.address, 10)
    aio_read(read.address)
    assert.throws(() => finished(read), { code: 'EBADF', syscall: 'aio_return' })
  })
})

describe('sockets', () => {
  test('aio_suspend sleeps until a read is over, or the time is up', async () => {
    const [a, b] = pair()
    const read = request(a, slab.address, 100)
    aio_read(read.address)
    const before = performance.now()
    assert.equal(aio_suspend([read.address], 30), false)
    assert.ok(performance.now() - before >= 29)
    assert.equal(blocks.errorOf(read.block), IN_PROGRESS)
    assert.equal(aio_error(read.address), IN_PROGRESS)
    send(b, Buffer.from('hello'))
    assert.equal(aio_suspend([0, read.address], -1), true)
    assert.equal(finished(read), 5)
    assert.equal(seen(0, 5), 'hello')
    // Over already: it does not sleep at all.
    const list = new Uint32Array(2)
    blocks.list(read.block, list, 0)
    assert.equal(rawAioSuspend(list, 1, null), 0)
    close(a)
    close(b)
  })

  test('a read that waits holds up a write of the same number, not one of a duplicate', async () => {
    const [a, b] = pair()
    const copy = dup(a)
    const read = request(a, slab.address, 100)
    aio_read(read.address)
    const stalled = request(a, text(200, 'same'), 4)
    const free = request(copy, text(300, 'copy'), 4)
    aio_write(stalled.address)
    aio_write(free.address)
    assert.equal(finished(free), 4)
    await sleep(50)
    assert.equal(blocks.errorOf(stalled.block), IN_PROGRESS, 'it waits for the peer to send')
    rawSend(b, byte, 1, 0)
    assert.equal(finished(read), 1)
    assert.equal(finished(stalled), 4)
    for (const fd of [a, b, copy]) close(fd)
  })

  test('aio_cancel takes back what has not begun, and nothing else', () => {
    const [a, b] = pair()
    const read = request(a, slab.address, 100)
    const second = request(a, slab.address + 100, 100)
    aio_read(read.address)
    // A thread has to have it.
    const until = performance.now() + 5000
    while (!threadReads(a) && performance.now() < until) aio_suspend([read.address], 1)
    aio_read(second.address)
    assert.equal(aio_cancel(a, second.address), AIO_CANCELED)
    assert.equal(blocks.errorOf(second.block), 125)
    assert.throws(() => finished(second), { code: 'ECANCELED' })
    assert.equal(aio_cancel(a, read.address), AIO_NOTCANCELED)
    assert.equal(aio_cancel(a), AIO_NOTCANCELED)
    assert.equal(blocks.errorOf(read.block), IN_PROGRESS)
    rawSend(b, byte, 1, 0)
    assert.equal(finished(read), 1)
    assert.equal(aio_cancel(a), AIO_ALLDONE)
    assert.equal(rawAioCancel(99999, null), -9)
    assert.throws(() => aio_cancel(99999), { code: 'EBADF', syscall: 'aio_cancel' })
    close(a)
    close(b)
  })

  test('lio_listio makes many requests, and waits or does not', () => {
    const [a, b] = pair()
    const fd = file('list')
    const write = request(fd, text(0, 'listed'), 6, 0, LIO_WRITE)
    const sent = request(a, text(10, 'sent'), 4, 0, LIO_WRITE)
    const nothing = request(99999, 0, 0, 0, LIO_NOP)
    lio_listio(LIO_WAIT, [write.address, nothing.address, sent.address])
    assert.equal(blocks.errorOf(write.block), 0)
    assert.equal(blocks.resultOf(write.block), 6)
    assert.equal(finished(sent), 4)
    const read = request(b, slab.address + 500, 100, 0, LIO_READ)
    const again = request(fd, slab.address + 600, 100, 2, LIO_READ)
    lio_listio(LIO_NOWAIT, [read.address, again.address])
    assert.equal(finished(read), 4)
    assert.equal(finished(again), 4)
    assert.equal(seen(500, 4), 'sent')
    assert.equal(seen(600, 4), 'sted')
    const bad = request(99999, slab.address, 1, 0, LIO_READ)
    assert.throws(() => lio_listio(LIO_WAIT, [bad.address]), { code: 'EIO', syscall: 'lio_listio' })
    for (const each of [a, b, fd]) close(each)
  })

  test('SIGEV_SIGNAL raises the signal when a request is over', async () => {
    const signalled = new ControlBlocks(SIGEV_SIGNAL, SIGIO)
    let signals = 0
    const heard = () => void signals++
    process.on('SIGIO', heard)
    const [a, b] = pair()
    const block = signalled.acquire()
    signalled.prepare(block, a, slab.address, 10)
    aio_read(signalled.address(block))
    await sleep(20)
    assert.equal(signals, 0)
    rawSend(b, byte, 1, 0)
    const until = performance.now() + 5000
    while (signals === 0 && performance.now() < until) await sleep(1)
    assert.equal(signals, 1)
    assert.equal(signalled.errorOf(block), 0)
    assert.equal(aio_return(signalled.address(block)), 1)
    signalled.release(block)
    signalled.close()
    process.off('SIGIO', heard)
    close(a)
    close(b)
  })
})

test('a pool that was silenced raises nothing, of requests under way neither', async () => {
  const signalled = new ControlBlocks(SIGEV_SIGNAL, SIGIO)
  let signals = 0
  const heard = () => void signals++
  process.on('SIGIO', heard)
  const [a, b] = pair()
  const taken = [signalled.acquire(), signalled.acquire()]
  const start = (block: number) => {
    signalled.prepare(block, a, slab.address, 1)
    aio_read(signalled.address(block))
  }
  start(taken[0]!)
  signalled.silence()
  start(taken[1]!)
  rawSend(b, Buffer.from('!!'), 2, 0)
  const until = performance.now() + 5000
  while (taken.some((block) => aio_error(signalled.address(block)) !== 0) && performance.now() < until) {
    await sleep(1)
  }
  await sleep(20)
  assert.equal(signals, 0)
  process.off('SIGIO', heard)
  close(a)
  close(b)
})

describe('ControlBlocks', () => {
  test('grow, do not overlap, and are used again', () => {
    const pool = new ControlBlocks()
    const taken = Array.from({ length: 600 }, () => pool.acquire())
    const addresses = taken.map((block) => pool.address(block)).sort((x, y) => x - y)
    for (let index = 1; index < addresses.length; index++) {
      assert.ok(addresses[index]! - addresses[index - 1]! >= AIOCB.size)
    }
    assert.equal(pool.inUse, 600)
    for (const block of taken) pool.release(block)
    assert.equal(pool.inUse, 0)
    assert.ok(addresses.includes(pool.address(pool.acquire())))
  })

  test('the layout is the C compiler’s', { skip: spawnSync('cc', ['--version']).status !== 0 }, () => {
    const names: Partial<Record<keyof typeof AIOCB, string>> = {
      fildes: 'aio_fildes',
      opcode: 'aio_lio_opcode',
      reqprio: 'aio_reqprio',
      buf: 'aio_buf',
      nbytes: 'aio_nbytes',
      sigval: 'aio_sigevent.sigev_value',
      signo: 'aio_sigevent.sigev_signo',
      notify: 'aio_sigevent.sigev_notify',
      errorCode: '__error_code',
      returnValue: '__return_value',
      offset: 'aio_offset',
    }
    const lines = Object.entries(names).map(
      ([ours, theirs]) => `printf("${ours} %zu\\n", offsetof(struct aiocb, ${theirs}));`,
    )
    const source = join(folder, 'layout.c')
    fs.writeFileSync(
      source,
      `#define _GNU_SOURCE\n#include <aio.h>\n#include <stddef.h>\n#include <stdio.h>\n` +
        `int main(void) { printf("size %zu\\n", sizeof(struct aiocb)); ${lines.join('\n')}\n` +
        `_Static_assert(sizeof(struct aioinit) == 32, ""); _Static_assert(offsetof(struct aioinit, aio_num) == 4, "");` +
        `_Static_assert(offsetof(struct aioinit, aio_idle_time) == 24, ""); return 0; }`,
    )
    execFileSync('cc', ['-o', join(folder, 'layout'), source])
    const said = execFileSync(join(folder, 'layout'), { encoding: 'latin1' }).trim().split('\n')
    assert.equal(said.length, lines.length + 1)
    for (const line of said) {
      const [name, offset] = line.split(' ')
      assert.equal(AIOCB[name as keyof typeof AIOCB], Number(offset), name)
    }
  })
})

/** Whether one of this process's threads sleeps in reading the descriptor. */
function threadReads(fd: number): boolean {
  return fs.readdirSync('/proc/self/task').some((task) => {
    try {
      const [call, argument] = fs.readFileSync(`/proc/self/task/${task}/syscall`, 'latin1').split(' ')
      return call === (process.arch === 'x64' ? '0' : '63') && Number(argument) === fd
    } catch {
      // It has ended meanwhile.
      return false
    }
  })
}
