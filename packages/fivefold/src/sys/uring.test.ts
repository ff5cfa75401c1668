/** The ring itself: its indices on a made-up ring, its calls on a real one. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { describe, test } from 'node:test'
import { rawClose } from './descriptor.js'
import { EFD_CLOEXEC, EFD_NONBLOCK, eventfd, rawEventfdRead } from './eventfd.js'
import {
  CQE_WORDS,
  IORING_CQ_EVENTFD_DISABLED,
  IORING_OP_NOP,
  IORING_OP_SEND_ZC,
  IORING_SETUP_CQSIZE,
  openRing,
  PARAMS_WORDS,
  Ring,
  type RingLayout,
  rawIoUringEnter,
  rawIoUringSetup,
  SQE_WORDS,
  supportedOperations,
} from './uring.js'
import { BufferRing } from './uring-buffers.js'

const layout: RingLayout = {
  sqHead: 0,
  sqTail: 1,
  sqFlags: 2,
  cqHead: 3,
  cqTail: 4,
  cqFlags: 5,
  cqOverflow: 6,
  sqArray: 8,
  sqEntries: 8,
  cqes: 16,
  cqEntries: 16,
}

/** A ring whose kernel is the test: the indices begin at `start`. */
function fakeRing(start: number): Ring {
  const words = new Int32Array(16 + 16 * CQE_WORDS)
  words[layout.sqHead] = words[layout.sqTail] = words[layout.cqHead] = words[layout.cqTail] = start
  return new Ring({ fd: -1, flags: 0, features: 0, words, sqes: new Int32Array(8 * SQE_WORDS), layout })
}

describe('the indices', () => {
  for (const start of [0, 0x7fff_fffd, 0xffff_fffd]) {
    test(`run on through 32 bits from ${start}`, () => {
      const ring = fakeRing(start)
      const { words, sqes } = ring
      let taken = start | 0
      let told = start | 0
      for (let round = 0; round < 20; round++) {
        assert.equal(ring.room, 8)
        for (let index = 0; index < 5; index++) ring.push(IORING_OP_NOP, round, 0, 0, 0, index, 0)
        assert.equal(ring.pending, 5)
        assert.equal(ring.room, 3)
        assert.equal(ring.publish(), 5)
        assert.equal(words[layout.sqTail], (taken + 5) | 0)
        // The kernel takes them, in order, and completes each.
        for (let index = 0; index < 5; index++) {
          const entry = words[layout.sqArray + (taken & 7)]! * SQE_WORDS
          assert.equal(sqes[entry + 1], round)
          assert.equal(sqes[entry + 8], index)
          const completion = layout.cqes + (told & 15) * CQE_WORDS
          words[completion] = index
          taken = (taken + 1) | 0
          told = (told + 1) | 0
        }
        words[layout.sqHead] = taken
        words[layout.cqTail] = told
        ring.submit() // fails on a descriptor of -1, and sees how far the kernel is
        assert.equal(ring.pending, 0)
        assert.equal(ring.ready(), true)
        for (let index = 0; ring.cqHead !== ring.completionTail(); index++) {
          assert.equal(words[ring.cqes + (ring.cqHead & ring.cqMask) * CQE_WORDS], index)
          ring.cqHead = (ring.cqHead + 1) | 0
          assert.ok(index < 5)
        }
        assert.equal(ring.ready(), false)
        ring.publish()
        assert.equal(words[layout.cqHead], told)
      }
    })
  }

  test('an address beyond 32 bits fills both words', () => {
    const ring = fakeRing(0)
    const at = ring.push(IORING_OP_NOP, 3, 0x7ffe_89ab_cdef, 0xffff_ffff, 7, -1, 5)
    const u32 = new Uint32Array(ring.sqes.buffer)
    assert.deepEqual([u32[at + 4], u32[at + 5], u32[at + 6]], [0x89ab_cdef, 0x7ffe, 0xffff_ffff])
  })
})

describe('a real ring', () => {
  test('completes NOPs in order, through many rounds', () => {
    const ring = openRing(8, 16, IORING_SETUP_CQSIZE)
    let next = 0
    let seen = 0
    for (let round = 0; round < 1000; round++) {
      while (ring.room > 0) ring.push(IORING_OP_NOP, -1, 0, 0, 0, next++, round)
      assert.equal(ring.enter(1, 1000), 8)
      for (; ring.ready(); ring.cqHead = (ring.cqHead + 1) | 0) {
        const at = ring.cqes + (ring.cqHead & ring.cqMask) * CQE_WORDS
        assert.equal(ring.words[at], seen++)
        assert.equal(ring.words[at + 1], round)
      }
    }
    assert.equal(seen, 8000)
    assert.equal(ring.lost, 0)
    ring.close()
  })

  test('waits no longer than it was told', () => {
    const ring = openRing(8, 16, IORING_SETUP_CQSIZE)
    const before = performance.now()
    assert.equal(ring.enter(1, 30.5), -62 /* ETIME */)
    const waited = performance.now() - before
    assert.ok(waited >= 29 && waited < 1000, `${waited} ms`)
    ring.close()
  })

  test('tells its eventfd, unless that is switched off', () => {
    const ring = openRing(8, 16, IORING_SETUP_CQSIZE)
    const fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
    ring.registerEventfd(fd)
    const nop = () => {
      ring.push(IORING_OP_NOP, -1, 0, 0, 0, 1, 0)
      ring.enter(1, 1000)
      ring.cqHead = ring.completionTail()
      return rawEventfdRead(fd)
    }
    assert.equal(nop(), 1)
    ring.notify(false)
    assert.equal(nop(), -11 /* EAGAIN */)
    ring.notify(true)
    assert.equal(nop(), 1)
    assert.equal(IORING_CQ_EVENTFD_DISABLED, 1)
    ring.close()
    rawClose(fd)
  })

  test('leaves no descriptor behind', () => {
    const count = () => readdirSync('/proc/self/fd').length
    openRing(8, 16, IORING_SETUP_CQSIZE).close()
    const before = count()
    for (let index = 0; index < 50; index++) openRing(8, 16, IORING_SETUP_CQSIZE).close()
    assert.equal(count(), before)
  })

  test('knows its operations', () => {
    const ring = openRing(8, 16, IORING_SETUP_CQSIZE)
    const operations = supportedOperations(ring.fd)
    assert.ok(operations.has(IORING_OP_NOP))
    assert.ok(!operations.has(127))
    assert.equal(typeof operations.has(IORING_OP_SEND_ZC), 'boolean')
    ring.close()
  })

  test('failed calls answer with a negative errno', () => {
    assert.equal(rawIoUringSetup(0, new Int32Array(PARAMS_WORDS)), -22 /* EINVAL */)
    assert.equal(rawIoUringEnter(-1, 0, 0, 0, 0, 0), -9 /* EBADF */)
    assert.throws(() => openRing(0, 0, 0), { code: 'EINVAL', syscall: 'io_uring_setup' })
    const ring = openRing(8, 16, IORING_SETUP_CQSIZE)
    const buffers = new BufferRing(ring, 3, 8, 0)
    assert.throws(() => new BufferRing(ring, 3, 8, 0), { code: 'EEXIST', syscall: 'io_uring_register' })
    buffers.close()
    new BufferRing(ring, 3, 8, 0).close()
    assert.throws(() => new BufferRing(ring, 3, 7, 0), { code: 'EINVAL' })
    ring.close()
  })
})

test('the seam sees each submission and completion, and can inject a result', () => {
  const text = `
    globalThis[Symbol.for('fivefold.seam')] = (name, call) => call
    const seen = []
    globalThis[Symbol.for('fivefold.ringSeam')] = {
      submitting(ring, at) {
        seen.push('submit ' + ring.sqes[at + 8])
        if (ring.sqes[at + 8] === 2) injectResult(ring, at, -104)
      },
      completing(ring, at) { seen.push('complete ' + ring.words[at] + ' ' + ring.words[at + 2]) },
    }
    const { injectResult } = await import('${new URL('./uring.js', import.meta.url)}')
    const { IoUringDriver } = await import('${new URL('../models/asynchronous/io-uring/driver.js', import.meta.url)}')
    const { probeTier } = await import('${new URL('../models/asynchronous/io-uring/tiers.js', import.meta.url)}')
    const { Kind, Operation } = await import('${new URL('../models/operation.js', import.meta.url)}')
    const driver = new IoUringDriver('embedded', probeTier().tier)
    const results = []
    for (let index = 0; index < 4; index++) {
      driver.submit(new Operation(Kind.fsync, 2000 + index, { completed: ({ result }) => results.push(result) }))
    }
    // Not closed before: that would cancel them, and which had begun is the kernel's worker threads' affair.
    while (results.length < 4) driver.turn(100)
    driver.close()
    console.log(JSON.stringify({ seen, results }))
  `
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', text], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  const { seen, results } = JSON.parse(stdout)
  assert.deepEqual(results.toSorted(), [-104, -9, -9, -9])
  const submits = [0, 1, 2, 3].map((slot) => `submit ${slot}`)
  assert.deepEqual(seen.slice(0, 4), submits)
  assert.ok(seen.includes('complete 2 -104') && seen.includes('complete 0 -9'))
})
