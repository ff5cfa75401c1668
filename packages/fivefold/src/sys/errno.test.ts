import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { constants } from 'node:os'
import { test } from 'node:test'
import { AF_INET } from './address.js'
import { close } from './descriptor.js'
import { check, errnoName, errnos, systemError } from './errno.js'
import { bind, getsockname, SOCK_STREAM, socket } from './socket.js'

test('every number has a name, Node’s own where Node has one', () => {
  for (const [name, value] of Object.entries(constants.errno)) {
    const ours = errnoName(-value)
    // Some numbers have two names.
    assert.equal(errnos[ours as keyof typeof errnos] ?? value, value, `${name} is ${ours}`)
  }
  assert.equal(errnoName(-errnos.ECONNRESET), 'ECONNRESET')
  assert.equal(errnoName(-errnos.EAGAIN), 'EAGAIN')
  assert.equal(errnoName(-25), 'ENOTTY')
  assert.equal(errnoName(-77), 'EBADFD')
  assert.equal(errnoName(-4000), 'Unknown system error -4000')
  // layout.test.ts compares each with the C compiler's.
  for (let number = 1; number <= 133; number++) {
    if (number === 41 || number === 58) continue // Linux has none
    assert.doesNotMatch(errnoName(-number), /Unknown/, `${number}`)
  }
})

test('an error has Node’s shape', async () => {
  // A port that is bound, and that nobody listens at.
  const nodes = await new Promise<NodeJS.ErrnoException & { address: string; port: number }>((resolve) => {
    const held = socket(AF_INET, SOCK_STREAM)
    bind(held, { family: 'IPv4', address: '127.0.0.1', port: 0 })
    const { port } = getsockname(held) as { port: number }
    connect({ host: '127.0.0.1', port }).once('error', (error) => {
      close(held)
      resolve(error as never)
    })
  })
  const ours = systemError(-errnos.ECONNREFUSED, 'connect', { address: '127.0.0.1', port: nodes.port })
  for (const field of ['code', 'errno', 'syscall', 'address', 'port'] as const) {
    assert.equal(ours[field], nodes[field], field)
  }
  assert.ok(ours instanceof Error)
  assert.ok(ours.stack!.includes('errno.test'))
})

test('the message says the call, the reason, and the place or the cure', () => {
  const { EACCES, ENOENT } = errnos
  assert.equal(systemError(-ENOENT, 'open').message, 'open ENOENT: no such file or directory')
  assert.equal(
    systemError(-ENOENT, 'open', { path: '/x' }).message,
    'open ENOENT: no such file or directory /x',
  )
  assert.equal(
    systemError(-EACCES, 'bind', { address: '::1', port: 80 }).message,
    'bind EACCES: permission denied ::1:80',
  )
  assert.equal(
    systemError(-EACCES, 'bind', { address: '/run/x' }).message,
    'bind EACCES: permission denied /run/x',
  )
  assert.equal(
    systemError(-EACCES, 'bind', 'use a port above 1023').message,
    'bind EACCES: permission denied (use a port above 1023)',
  )
  assert.equal(
    systemError(-4000, 'odd').message,
    'odd Unknown system error -4000: Unknown system error -4000',
  )
})

test('fields that do not apply are not there', () => {
  assert.deepEqual(Object.keys(systemError(-1, 'x')).sort(), ['code', 'errno', 'syscall'])
  assert.deepEqual(Object.keys(systemError(-1, 'x', 'cure')).sort(), ['code', 'errno', 'syscall'])
  const placed = systemError(-1, 'x', { path: '/p', address: 'a', port: 0 })
  assert.deepEqual([placed.path, placed.address, placed.port], ['/p', 'a', 0])
})

test('check passes a result on, and throws the error of a negative one', () => {
  assert.equal(check(0, 'x'), 0)
  assert.equal(check(7, 'x'), 7)
  assert.throws(() => check(-errnos.EPERM, 'x', { path: '/p' }), {
    code: 'EPERM',
    errno: -1,
    syscall: 'x',
    path: '/p',
  })
})
