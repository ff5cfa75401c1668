/** How many operations are under way, and whose turn is next: with an engine that does nothing by itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Engine } from '../loop/engine.js'
import { Kind, Operation } from '../models/operation.js'
import { Files } from './files.js'

function setting(maxWaiting: number) {
  const flying = new Set<Operation>()
  let refs = 0
  const engine = {
    model: { limits: { maxWaiting, beyond: [] } },
    ref: () => refs++,
    unref: () => refs--,
    submit(operation: Operation) {
      operation.inFlight = true
      flying.add(operation)
    },
    cancel: (operation: Operation) => land(operation, -125),
  }
  const files = new Files(engine as never as Engine)
  function land(operation: Operation, result: number) {
    flying.delete(operation)
    operation.inFlight = false
    operation.result = result
    operation.owner.completed(operation)
  }
  const ended: Operation[] = []
  const owner = {
    completed(operation: Operation) {
      ended.push(operation)
      files.over()
    },
  }
  const submit = (count: number) =>
    Array.from({ length: count }, () => {
      const operation = new Operation(Kind.read, 0, owner)
      files.submit(operation)
      return operation
    })
  return { files, flying, land, submit, ended, refs: () => refs }
}

test('a thread for each: 64 are under way, the others follow in order', () => {
  const { flying, land, submit, ended, refs } = setting(256)
  const operations = submit(100)
  assert.deepEqual([...flying], operations.slice(0, 64))
  assert.equal(refs(), 100)
  for (const operation of operations) {
    assert.ok(flying.has(operation))
    land(operation, 1)
    assert.ok(flying.size <= 64)
  }
  assert.deepEqual(ended, operations)
  assert.equal(refs(), 0)
})

test('one that is cancelled while it waits makes no room, and takes none', () => {
  const { files, flying, land, submit, ended, refs } = setting(256)
  const operations = submit(70)
  for (const operation of operations.slice(64, 68)) files.cancel(operation)
  assert.deepEqual(
    ended.map(({ result }) => result),
    [-125, -125, -125, -125],
  )
  assert.deepEqual([...flying], operations.slice(0, 64))
  files.cancel(operations[65]!)
  assert.equal(ended.length, 4, 'once')
  files.cancel(operations[0]!)
  assert.ok(flying.has(operations[68]!))
  const more = submit(3)
  for (const operation of [...operations.slice(1, 64), ...operations.slice(68), ...more]) land(operation, 0)
  assert.equal(ended.length, 73)
  assert.deepEqual([flying.size, refs()], [0, 0])
  submit(65)
  assert.equal(flying.size, 64)
})

test('a model that waits for any number is given all', () => {
  const { flying, submit } = setting(Number.POSITIVE_INFINITY)
  submit(5000)
  assert.equal(flying.size, 5000)
})
