import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  ADDRESS_BYTES,
  type Address,
  AF_INET,
  AF_INET6,
  AF_UNIX,
  decodeAddress,
  decodeShared,
  encodeAddress,
  formatAddress,
} from './address.js'
import { close } from './descriptor.js'
import {
  accept4,
  bind,
  connect,
  getpeername,
  getsockname,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  listen,
  rawBind,
  recvfrom,
  SOCK_DGRAM,
  SOCK_STREAM,
  sendto,
  setsockoptInt,
  socket,
  socketpair,
} from './socket.js'

const noIPv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
)
  ? false
  : 'no IPv6 loopback on this machine'

function owned(context: TestContext, fd: number): number {
  context.after(() => close(fd))
  return fd
}

function encoded(address: Address): Buffer {
  // Not zeroed: what is written must not depend on what was there.
  const into = Buffer.alloc(ADDRESS_BYTES, 0xee)
  return into.subarray(0, encodeAddress(address, into))
}

const v6 = (address: string, port = 0): Address => ({ family: 'IPv6', address, port })

test('IPv4 has the bytes of sockaddr_in', () => {
  const bytes = encoded({ family: 'IPv4', address: '192.0.2.255', port: 0x1234 })
  assert.deepEqual([...bytes], [AF_INET, 0, 0x12, 0x34, 192, 0, 2, 255, 0, 0, 0, 0, 0, 0, 0, 0])
  assert.deepEqual(decodeAddress(bytes, 16), { family: 'IPv4', address: '192.0.2.255', port: 0x1234 })
})

test('IPv6 has the bytes of sockaddr_in6', () => {
  const bytes = encoded({ ...v6('2001:db8::ff:1', 80), scopeId: 7 } as Address)
  const expected = '0a00 0050 00000000 20010db8 00000000 00000000 00ff0001 07000000'
  assert.equal(bytes.toString('hex'), expected.replaceAll(' ', ''))
  assert.deepEqual(decodeAddress(bytes, 28), { ...v6('2001:db8::ff:1', 80), scopeId: 7 })
})

// Pairs: as written by a user, and by RFC 5952.
for (const [written, canonical] of [
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
  ['::ffff:127.0.0.1', '::ffff:127.0.0.1'],
  ['::ffff:7f00:1', '::ffff:127.0.0.1'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['::192.0.2.33', '::c000:221'],
  ['fe80::1', 'fe80::1'],
] as const) {
  test(`IPv6 ${written} reads as ${canonical}`, () => {
    const bytes = encoded(v6(written, 9))
    assert.equal(bytes.length, 28)
    assert.deepEqual(decodeAddress(bytes, 28), v6(canonical, 9))
    // The same by an independent parser: the URL standard's.
    const host = new URL(`http://[${written}]/`).hostname
    assert.equal(new URL(`http://[${canonical}]/`).hostname, host)
  })
}

test('a scope is a number after %, or scopeId, which wins', () => {
  assert.deepEqual(decodeAddress(encoded(v6('fe80::1%3', 1)), 28), { ...v6('fe80::1', 1), scopeId: 3 })
  const both: Address = { family: 'IPv6', address: 'fe80::1%3', port: 1, scopeId: 9 }
  assert.deepEqual(decodeAddress(encoded(both), 28), { ...v6('fe80::1', 1), scopeId: 9 })
})

test('a scope can be an interface’s name', () => {
  const index = Number(readFileSync('/sys/class/net/lo/ifindex', 'utf8'))
  assert.deepEqual(decodeAddress(encoded(v6('fe80::1%lo', 1)), 28), { ...v6('fe80::1', 1), scopeId: index })
  assert.throws(() => encoded(v6('fe80::1%no-such-one', 1)), {
    code: 'ERR_INVALID_ARG_VALUE',
    message: 'there is no network interface no-such-one',
  })
})

test('what is no address is refused', () => {
  const refused = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' }
  for (const address of [
    { family: 'IPv4', address: '::1', port: 1 },
    { family: 'IPv4', address: '1.2.3', port: 1 },
    { family: 'IPv4', address: '', port: 1 },
    { family: 'IPv6', address: '127.0.0.1', port: 1 },
    { family: 'IPv6', address: ':::', port: 1 },
    { family: 'IPv4', address: '127.0.0.1', port: -1 },
    { family: 'IPv4', address: '127.0.0.1', port: 65536 },
    { family: 'IPv6', address: '::1', port: 1.5 },
    { family: 'IPv4', address: '127.0.0.1', port: Number.NaN },
    { family: 'Unix', path: 'a\0b' },
    { family: 'Unix', path: `/${'x'.repeat(107)}` },
    { family: 'Unix', path: `\0${'x'.repeat(108)}` },
    { family: 'Unix', path: `/${'ä'.repeat(54)}` },
  ] as Address[]) {
    assert.throws(() => encoded(address), refused, JSON.stringify(address))
  }
})

test('the kernel takes and gives back IPv4 addresses', (context) => {
  const server = owned(context, socket(AF_INET, SOCK_STREAM))
  bind(server, { family: 'IPv4', address: '127.0.0.1', port: 0 })
  listen(server)
  const at = getsockname(server) as { port: number }
  assert.deepEqual(at, { family: 'IPv4', address: '127.0.0.1', port: at.port })
  assert.ok(at.port > 0)
  const client = owned(context, socket(AF_INET, SOCK_STREAM))
  connect(client, at as Address)
  const accepted = accept4(server)
  owned(context, accepted.fd)
  assert.deepEqual(accepted.from, getsockname(client))
  assert.deepEqual(getpeername(client), at)
  assert.deepEqual(getpeername(accepted.fd), getsockname(client))
})

test('the kernel takes and gives back IPv6 addresses', { skip: noIPv6 }, (context) => {
  const server = owned(context, socket(AF_INET6, SOCK_STREAM))
  bind(server, v6('::1'))
  listen(server)
  const at = getsockname(server)
  assert.deepEqual({ ...at, port: 0 }, v6('::1'))
  const client = owned(context, socket(AF_INET6, SOCK_STREAM))
  connect(client, at)
  const { fd, from } = accept4(server)
  owned(context, fd)
  assert.deepEqual(from, getsockname(client))
})

test('on :: an IPv4 peer is a mapped address', { skip: noIPv6 }, (context) => {
  const server = owned(context, socket(AF_INET6, SOCK_STREAM))
  setsockoptInt(server, IPPROTO_IPV6, IPV6_V6ONLY, 0)
  bind(server, v6('::'))
  listen(server)
  const { port } = getsockname(server) as { port: number }
  assert.deepEqual(getsockname(server), v6('::', port))
  const client = owned(context, socket(AF_INET, SOCK_STREAM))
  connect(client, { family: 'IPv4', address: '127.0.0.1', port })
  const { fd, from } = accept4(server)
  owned(context, fd)
  const own = getsockname(client) as { port: number }
  assert.deepEqual(from, v6('::ffff:127.0.0.1', own.port))
  assert.deepEqual(getsockname(fd), v6('::ffff:127.0.0.1', port))
  // And a mapped address can be connected to.
  const mapped = owned(context, socket(AF_INET6, SOCK_STREAM))
  connect(mapped, v6('::ffff:127.0.0.1', port))
  owned(context, accept4(server).fd)
})

function scratch(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ff-'))
  context.after(() => rmSync(folder, { recursive: true }))
  return folder
}

test('Unix paths, to the longest', (context) => {
  const folder = scratch(context)
  for (const length of [folder.length + 2, 106, 107]) {
    const path = `${folder}/${'p'.repeat(length - folder.length - 1)}`
    const server = owned(context, socket(AF_UNIX, SOCK_STREAM))
    bind(server, { family: 'Unix', path })
    listen(server)
    assert.deepEqual(getsockname(server), { family: 'Unix', path })
    const client = owned(context, socket(AF_UNIX, SOCK_STREAM))
    connect(client, { family: 'Unix', path })
    assert.deepEqual(getpeername(client), { family: 'Unix', path })
    const { fd, from } = accept4(server)
    owned(context, fd)
    assert.deepEqual(from, { family: 'Unix', path: '' }, 'the client has no name')
  }
})

test('a path of 108 bytes that another program bound without a NUL is read whole', (context) => {
  const folder = scratch(context)
  const path = `${folder}/${'p'.repeat(108 - folder.length - 1)}`
  const fd = owned(context, socket(AF_UNIX, SOCK_STREAM))
  assert.equal(rawBind(fd, Buffer.concat([Uint8Array.of(AF_UNIX, 0), Buffer.from(path)]), 110), 0)
  assert.deepEqual(getsockname(fd), { family: 'Unix', path })
})

test('a path’s length is counted in bytes', (context) => {
  const path = `${scratch(context)}/Grüße 世界`
  const fd = owned(context, socket(AF_UNIX, SOCK_DGRAM))
  bind(fd, { family: 'Unix', path })
  assert.deepEqual(getsockname(fd), { family: 'Unix', path })
})

test('abstract names, to the longest, with NULs inside', (context) => {
  const unique = `\0fivefold-${process.pid}-`
  for (const path of [`${unique}x`, `${unique}a\0b\0`, unique.padEnd(108, 'y')]) {
    const server = owned(context, socket(AF_UNIX, SOCK_DGRAM))
    bind(server, { family: 'Unix', path })
    assert.deepEqual(getsockname(server), { family: 'Unix', path })
    const client = owned(context, socket(AF_UNIX, SOCK_DGRAM))
    bind(client, { family: 'Unix', path: '' })
    const own = getsockname(client) as { path: string }
    assert.match(own.path, /^\0[0-9a-f]{5}$/, 'an empty path is named by the kernel')
    sendto(client, Buffer.from('hi'), { family: 'Unix', path })
    const room = Buffer.alloc(8)
    assert.deepEqual(recvfrom(server, room).from, { family: 'Unix', path: own.path })
  }
})

test('a Unix socket without a name has an empty path', (context) => {
  for (const fd of socketpair()) {
    owned(context, fd)
    assert.deepEqual(getsockname(fd), { family: 'Unix', path: '' })
    assert.deepEqual(getpeername(fd), { family: 'Unix', path: '' })
  }
  assert.deepEqual(decodeAddress(new Uint8Array(ADDRESS_BYTES).fill(0xee), 0), { family: 'Unix', path: '' })
})

test('addresses in one word', () => {
  assert.equal(formatAddress({ family: 'IPv4', address: '127.0.0.1', port: 80 }), '127.0.0.1:80')
  assert.equal(formatAddress(v6('::1', 80)), '[::1]:80')
  assert.equal(formatAddress({ family: 'Unix', path: '/run/x' }), '/run/x')
  assert.equal(formatAddress({ family: 'Unix', path: '\0abstract' }), '@abstract')
})

test('decodeShared gives a known sender again, and never another', () => {
  const at = (address: string, port: number) => encoded({ family: 'IPv4', address, port })
  const first = decodeShared(at('10.0.0.1', 7), 16)
  assert.equal(decodeShared(at('10.0.0.1', 7), 16), first)
  assert.ok(Object.isFrozen(first))
  const seen = new Set<Address>()
  for (const address of ['10.0.0.1', '10.0.1.0', '10.1.0.0', '11.0.0.1', '255.255.255.255', '0.0.0.1']) {
    for (const port of [0, 1, 7, 256, 65535]) {
      const decoded = decodeShared(at(address, port), 16)
      assert.deepEqual(decoded, { family: 'IPv4', address, port })
      seen.add(decoded)
    }
  }
  assert.equal(seen.size, 30)
  // Others are decoded alike, each for itself.
  assert.deepEqual(decodeShared(encoded(v6('::1', 5)), 28), v6('::1', 5))
  assert.deepEqual(decodeShared(new Uint8Array(128), 0), { family: 'Unix', path: '' })
})
