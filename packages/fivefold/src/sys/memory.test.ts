import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { addressOf } from './ffi.js'
import * as m from './memory.js'
import { PAGE } from './platform.js'

type Resizing = new (bytes: number, options?: { maxByteLength: number }) => ArrayBuffer
const Resizable = ArrayBuffer as unknown as Resizing

test('a slab is zeroed memory of whole pages, at its address', () => {
  for (const bytes of [1, PAGE, PAGE + 1, 3 * PAGE - 1]) {
    const slab = m.allocateSlab(bytes)
    assert.equal(slab.bytes, Math.ceil(bytes / PAGE) * PAGE)
    assert.equal(slab.buffer.byteLength, slab.bytes)
    assert.equal(slab.address % 4096, 0)
    assert.equal(addressOf(slab.u8), slab.address)
    assert.ok(slab.u8.every((byte) => byte === 0))
    slab.u32[1] = 0xdead_beef
    assert.equal(slab.i32[1], 0xdead_beef | 0)
    assert.equal(slab.u8[4], 0xef)
  }
})

test('a slab that was given back is used again, clean, and never twice at once', () => {
  const bytes = 7 * PAGE
  const first = m.allocateSlab(bytes)
  first.u8.fill(0xff)
  m.releaseSlab(first)
  const again = m.allocateSlab(bytes)
  assert.equal(again, first)
  assert.ok(again.u8.every((byte) => byte === 0))
  const other = m.allocateSlab(bytes)
  assert.notEqual(other.address, again.address)
  m.releaseSlab(again)
  m.releaseSlab(other)
  const both = [m.allocateSlab(bytes), m.allocateSlab(bytes)]
  assert.deepEqual(new Set(both), new Set([again, other]))
  assert.notEqual(m.allocateSlab(8 * PAGE).bytes, bytes, 'another size is other memory')
})

test('taking and giving back does not grow the process', () => {
  const mapped = () => Number(/VmSize:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1])
  const bytes = 4 * 1024 * 1024
  m.releaseSlab(m.allocateSlab(bytes))
  const before = mapped()
  for (let i = 0; i < 100; i++) m.releaseSlab(m.allocateSlab(bytes))
  assert.ok(mapped() - before < 100_000, 'less than a quarter of what 100 slabs would be, in KiB')
})

test('pointers are written in 64 bits', () => {
  const slab = m.allocateSlab(64)
  for (const address of [0, 0xffff_ffff, 0x1_0000_0000, 0x7fff_ffff_f008, 0xffff_ffff_f000]) {
    slab.u8.fill(0xee)
    slab.setPointer(8, address)
    assert.equal(new BigUint64Array(slab.buffer, 8, 1)[0], BigInt(address))
    assert.equal(slab.u8[7], 0xee)
    assert.equal(slab.u8[16], 0xee)
  }
})

test('mmap: what the kernel refuses is thrown', () => {
  assert.throws(() => m.mmap(0, m.PROT_READ, m.MAP_PRIVATE | m.MAP_ANONYMOUS, -1, 0), {
    code: 'EINVAL',
    syscall: 'mmap',
  })
  assert.throws(() => m.mmap(4096, m.PROT_READ, m.MAP_SHARED, -1, 0), { code: 'EBADF', syscall: 'mmap' })
  assert.throws(() => m.allocateSlab(2 ** 47), { code: 'ENOMEM', syscall: 'mmap' })
})

test('ordinary memory is stable: every kind of view, empty and shared too', () => {
  for (const view of [
    new Uint8Array(8),
    new Uint8Array(0),
    new Float64Array(2),
    new DataView(new ArrayBuffer(8)),
    new DataView(new ArrayBuffer(0)),
    Buffer.alloc(8),
    Buffer.from('from the pool'),
    Buffer.alloc(0),
    new Uint8Array(new SharedArrayBuffer(8)),
    new Uint8Array(new SharedArrayBuffer(0)),
    m.allocateSlab(16).u8,
  ]) {
    assert.doesNotThrow(() => m.requireStable(view))
  }
})

test('detached memory is refused, whatever its size and view', () => {
  for (const buffer of [new ArrayBuffer(8), new ArrayBuffer(0)]) {
    const views = [new Uint8Array(buffer), new Uint32Array(buffer), new DataView(buffer), Buffer.from(buffer)]
    structuredClone(buffer, { transfer: [buffer] })
    for (const view of views) {
      assert.throws(() => m.requireStable(view), {
        name: 'TypeError',
        code: 'ERR_INVALID_STATE',
        message: /detached.*transferred/,
      })
    }
  }
})

test('memory that could shrink is refused', () => {
  const buffer = new Resizable(8, { maxByteLength: 16 })
  const refused = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message: /resizable.*pass a copy/ }
  for (const view of [
    new Uint8Array(buffer),
    new Uint8Array(buffer, 4, 2),
    new DataView(buffer),
    Buffer.from(buffer),
  ]) {
    assert.throws(() => m.requireStable(view), refused)
  }
  const Growable = SharedArrayBuffer as unknown as new (
    bytes: number,
    options: { maxByteLength: number },
  ) => SharedArrayBuffer
  assert.throws(() => m.requireStable(new Uint8Array(new Growable(8, { maxByteLength: 16 }))), refused)
})
