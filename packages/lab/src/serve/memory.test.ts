import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Memory } from './memory.js'
import { accepted, pathOf } from './path.js'

const kept = (bytes: number, lookedAt = 0) => ({ headers: [], body: Buffer.alloc(bytes), lookedAt })

test('an entry is taken at its word for a time; then one asks again, and the others have it meanwhile', () => {
  const memory = new Memory(1e6, 1000)
  const entry = kept(10)
  memory.set('a', entry)
  assert.equal(memory.get('a', 999), entry)
  assert.equal(memory.get('a', 1000), null)
  assert.equal(memory.get('a', 1000), entry)
  assert.equal(memory.get('b', 0), null)
})

test('it holds no more than it may: what was put in last stays', () => {
  const memory = new Memory(100_000, 1000)
  for (let number = 0; number < 1000; number++) memory.set(String(number), kept(10_000))
  assert(memory.bytes <= 100_000, String(memory.bytes))
  assert(memory.bytes > 80_000, String(memory.bytes))
  assert.notEqual(memory.get('999', 0), null)
  assert.equal(memory.get('0', 0), null)
  memory.set('999', kept(20_000))
  for (let number = 0; number < 1000; number++) memory.delete(String(number))
  assert.equal(memory.bytes, 0)
})

test('what a target asks for', () => {
  assert.equal(pathOf('/a/b?c=/../d'), '/a/b')
  assert.equal(pathOf('http://host:80/a%20b?c'), '/a%20b')
  assert.equal(pathOf('*'), null)
  assert.equal(pathOf('host:443'), null)
  assert.equal(pathOf('http://[/'), null)
})

test('which encodings are accepted', () => {
  const names = (header?: string) => accepted(header).map(({ name }) => name)
  assert.deepEqual(names(), [])
  assert.deepEqual(names(''), [])
  assert.deepEqual(names('gzip, deflate, br'), ['br', 'gzip'])
  assert.deepEqual(names('GZIP;q=0.5'), ['gzip'])
  assert.deepEqual(names('gzip;q=0, br;q=0.0'), [])
  assert.deepEqual(names('*'), ['br', 'gzip'])
  assert.deepEqual(names('br;q=0, *;q=0.1'), ['gzip'])
})
