import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressOf } from '../sys/ffi.js'
import { Arena } from './arena.js'
import { release } from './lender.js'

test('a small payload is copied, a large one given away', () => {
  const arena = new Arena()
  const { address, room } = arena
  const small = arena.take(100)
  assert.equal(small.length, 100)
  assert.deepEqual([arena.address, arena.room], [address, room])
  const large = arena.take(20_000)
  assert.equal(addressOf(large), address)
  assert.ok(arena.address >= address + 20_000)
  assert.equal(arena.address + arena.room, address + room)
})

test('there is always room, and no two chunks share memory', () => {
  const arena = new Arena()
  const chunks: Buffer[] = []
  for (let index = 0; index < 100; index++) {
    assert.ok(arena.room >= 64 * 1024)
    const chunk = arena.take(8192 + ((index * 7919) % 50_000))
    chunk.fill(index)
    chunks.push(chunk)
  }
  chunks.forEach((chunk, index) => {
    assert.ok(chunk.every((byte) => byte === index))
  })
})

test('when all parts came back the block begins anew, and not before', () => {
  const arena = new Arena()
  const { address } = arena
  const [a, b, c] = [arena.take(20_000), arena.take(30_000), arena.take(40_000)]
  release(a!)
  release(b!)
  // Neither twice, nor by a view of it, nor what is none of ours.
  release(b!)
  release(c!.subarray(0, 10_000))
  release(Buffer.alloc(20_000))
  assert.ok(arena.address >= address + 90_000)
  release(c!)
  assert.equal(arena.address, address)
})

test('a part of a block that is full comes back: the one in use goes on', () => {
  const arena = new Arena()
  const first = arena.take(480_000)
  const { address } = arena
  const second = arena.take(60_000)
  release(first)
  assert.equal(arena.address, address + ((60_000 + 63) & ~63))
  release(second)
  assert.equal(arena.address, address)
})
