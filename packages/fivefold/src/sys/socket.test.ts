import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ADDRESS_BYTES, type Address, AF_INET, AF_UNIX, decodeAddress, encodeAddress } from './address.js'
import { close, rawClose } from './descriptor.js'
import { errnos } from './errno.js'
import { F_GETFD, FD_CLOEXEC, fcntl, isNonBlocking } from './fcntl.js'
import { POLLIN, POLLOUT, poll } from './poll.js'
import * as s from './socket.js'

function owned(context: TestContext, fd: number): number {
  context.after(() => rawClose(fd))
  return fd
}

const loopback: Address = { family: 'IPv4', address: '127.0.0.1', port: 0 }

function listening(context: TestContext): { fd: number; at: Address } {
  const fd = owned(context, s.socket(AF_INET, s.SOCK_STREAM))
  s.bind(fd, loopback)
  s.listen(fd)
  return { fd, at: s.getsockname(fd) }
}

/** Two connected TCP sockets. */
function connected(context: TestContext): [client: number, server: number] {
  const { fd, at } = listening(context)
  const client = owned(context, s.socket(AF_INET, s.SOCK_STREAM))
  s.connect(client, at)
  return [client, owned(context, s.accept4(fd).fd)]
}

/** A bound UDP socket. */
function datagrams(context: TestContext): { fd: number; at: Address } {
  const fd = owned(context, s.socket(AF_INET, s.SOCK_DGRAM))
  s.bind(fd, loopback)
  return { fd, at: s.getsockname(fd) }
}

/** A port nobody listens at, and nobody else can take meanwhile: bound, and not listening. */
function refusing(context: TestContext): Address {
  const fd = owned(context, s.socket(AF_INET, s.SOCK_STREAM))
  s.bind(fd, loopback)
  return s.getsockname(fd)
}

const text = (bytes: Uint8Array, length = bytes.length) => Buffer.from(bytes.subarray(0, length)).toString()

test('every throwing call names itself and EBADF', () => {
  const buffer = Buffer.alloc(4)
  const calls: Record<string, () => unknown> = {
    bind: () => s.bind(-1, loopback),
    listen: () => s.listen(-1),
    accept4: () => s.accept4(-1),
    connect: () => s.connect(-1, { ...loopback, port: 1 } as Address),
    shutdown: () => s.shutdown(-1, s.SHUT_RDWR),
    getsockname: () => s.getsockname(-1),
    getpeername: () => s.getpeername(-1),
    getsockopt: () => s.getsockoptInt(-1, s.SOL_SOCKET, s.SO_TYPE),
    setsockopt: () => s.setsockoptInt(-1, s.SOL_SOCKET, s.SO_REUSEADDR, 1),
    recv: () => s.recv(-1, buffer),
    send: () => s.send(-1, buffer),
    sendto: () => s.sendto(-1, buffer, loopback),
  }
  for (const [syscall, call] of Object.entries(calls)) {
    assert.throws(call, { name: 'Error', code: 'EBADF', errno: -errnos.EBADF, syscall }, syscall)
  }
  // It asks for the type first.
  assert.throws(() => s.recvfrom(-1, buffer), { code: 'EBADF' })
  assert.throws(() => s.getsockopt(-1, s.SOL_SOCKET, s.SO_TYPE, buffer), { code: 'EBADF' })
  assert.throws(() => s.peerCredentials(-1), { code: 'EBADF', syscall: 'getsockopt' })
  assert.throws(() => s.setLinger(-1, 1), { code: 'EBADF', syscall: 'setsockopt' })
  assert.throws(() => s.disconnect(-1), { code: 'EBADF', syscall: 'connect' })
})

test('every raw call returns a negative errno', () => {
  const { EBADF } = errnos
  const buffer = new Uint8Array(ADDRESS_BYTES)
  const length = new Uint32Array([ADDRESS_BYTES])
  for (const [name, result] of Object.entries({
    bind: s.rawBind(-1, buffer, 16),
    listen: s.rawListen(-1, 1),
    accept4: s.rawAccept4(-1, null, null, 0),
    connect: s.rawConnect(-1, buffer, 16),
    shutdown: s.rawShutdown(-1, 0),
    getsockname: s.rawGetsockname(-1, buffer, length),
    getpeername: s.rawGetpeername(-1, buffer, length),
    getsockopt: s.rawGetsockopt(-1, s.SOL_SOCKET, s.SO_TYPE, buffer, length),
    setsockopt: s.rawSetsockopt(-1, s.SOL_SOCKET, s.SO_DEBUG, buffer, 4),
    setsockoptInt: s.rawSetsockoptInt(-1, s.SOL_SOCKET, s.SO_DEBUG, 1),
    socketError: s.rawSocketError(-1),
    recv: s.rawRecv(-1, buffer, 1, 0),
    send: s.rawSend(-1, buffer, 1, 0),
    recvfrom: s.rawRecvfrom(-1, buffer, 1, 0, null, null),
    sendto: s.rawSendto(-1, buffer, 1, 0, null, 0),
    recvmsg: s.rawRecvmsg(-1, buffer, 0),
    sendmsg: s.rawSendmsg(-1, buffer, 0),
  })) {
    assert.equal(result, -EBADF, name)
  }
  assert.equal(s.rawSocket(999, s.SOCK_STREAM, 0), -errnos.EAFNOSUPPORT)
  assert.equal(s.rawSocketpair(AF_INET, s.SOCK_STREAM, 0, new Int32Array(2)), -errnos.EOPNOTSUPP)
})

test('socket: domain, type, protocol, flags', (context) => {
  const fd = owned(context, s.socket(AF_INET, s.SOCK_DGRAM | s.SOCK_NONBLOCK))
  assert.equal(s.getsockoptInt(fd, s.SOL_SOCKET, s.SO_DOMAIN), AF_INET)
  assert.equal(s.getsockoptInt(fd, s.SOL_SOCKET, s.SO_TYPE), s.SOCK_DGRAM)
  assert.equal(s.getsockoptInt(fd, s.SOL_SOCKET, s.SO_PROTOCOL), s.IPPROTO_UDP)
  assert.equal(fcntl(fd, F_GETFD), FD_CLOEXEC)
  assert.ok(isNonBlocking(fd))
  const raw = owned(context, s.rawSocket(AF_INET, s.SOCK_STREAM, s.IPPROTO_TCP))
  assert.equal(fcntl(raw, F_GETFD), 0, 'the raw form takes flags as they are')
  assert.throws(() => s.socket(999, s.SOCK_STREAM), { code: 'EAFNOSUPPORT', syscall: 'socket' })
  assert.throws(() => s.socketpair(AF_INET), {
    // Linux has one number for EOPNOTSUPP and ENOTSUP; Node has the second name for it.
    code: 'ENOTSUP',
    errno: -errnos.EOPNOTSUPP,
    syscall: 'socketpair',
  })
})

test('TCP: listen, connect, accept4, send, recv, shutdown', (context) => {
  const { fd, at } = listening(context)
  assert.equal(s.getsockoptInt(fd, s.SOL_SOCKET, s.SO_ACCEPTCONN), 1)
  const client = owned(context, s.socket(AF_INET, s.SOCK_STREAM))
  s.connect(client, at)
  const peer = s.accept4(fd, s.SOCK_CLOEXEC | s.SOCK_NONBLOCK)
  owned(context, peer.fd)
  assert.deepEqual(peer.from, s.getsockname(client))
  assert.ok(isNonBlocking(peer.fd))
  assert.equal(fcntl(peer.fd, F_GETFD), FD_CLOEXEC)

  const room = Buffer.alloc(16)
  assert.throws(() => s.recv(peer.fd, room), { code: 'EAGAIN', syscall: 'recv' })
  assert.equal(s.rawRecv(peer.fd, room, 16, 0), -errnos.EAGAIN)
  assert.equal(s.send(client, Buffer.from('hello')), 5)
  assert.equal(poll([{ fd: peer.fd, events: POLLIN, revents: 0 }], 5000), 1)
  assert.equal(s.recv(peer.fd, room, s.MSG_PEEK), 5)
  assert.equal(s.recv(peer.fd, room.subarray(0, 2)), 2)
  assert.equal(s.recv(peer.fd, room.subarray(2)), 3)
  assert.equal(text(room, 5), 'hello')

  s.shutdown(client, s.SHUT_WR)
  assert.equal(poll([{ fd: peer.fd, events: POLLIN, revents: 0 }], 5000), 1)
  assert.equal(s.recv(peer.fd, room), 0, 'the end')
  assert.equal(s.send(peer.fd, Buffer.from('still')), 5, 'half open')
  assert.equal(s.recv(client, room.subarray(0, 5), s.MSG_WAITALL), 5)
  assert.throws(() => s.send(client, Buffer.from('x')), { code: 'EPIPE', syscall: 'send' })
})

test('accept4 without a place for the address', (context) => {
  const { fd, at } = listening(context)
  s.connect(owned(context, s.socket(AF_INET, s.SOCK_STREAM)), at)
  const accepted = owned(context, s.rawAccept4(fd, null, null, s.SOCK_CLOEXEC))
  assert.ok(accepted >= 0)
})

test('raw names: the room goes in, the length comes out', (context) => {
  const [client, server] = connected(context)
  const bytes = new Uint8Array(ADDRESS_BYTES)
  const length = new Uint32Array([ADDRESS_BYTES])
  assert.equal(s.rawGetsockname(client, bytes, length), 0)
  assert.equal(length[0], 16)
  assert.deepEqual(decodeAddress(bytes, 16), s.getpeername(server))
  length[0] = ADDRESS_BYTES
  assert.equal(s.rawGetpeername(client, bytes, length), 0)
  assert.deepEqual(decodeAddress(bytes, length[0]!), s.getsockname(server))
})

test('connect refused: thrown with the place, and from a non-blocking socket by SO_ERROR, once', (context) => {
  const nobody = refusing(context) as { address: string; port: number } & Address
  const fd = owned(context, s.socket(AF_INET, s.SOCK_STREAM))
  assert.throws(() => s.connect(fd, nobody), {
    code: 'ECONNREFUSED',
    errno: -errnos.ECONNREFUSED,
    syscall: 'connect',
    address: '127.0.0.1',
    port: nobody.port,
    message: `connect ECONNREFUSED: connection refused 127.0.0.1:${nobody.port}`,
  })
  const later = owned(context, s.socket(AF_INET, s.SOCK_STREAM | s.SOCK_NONBLOCK))
  assert.throws(() => s.connect(later, nobody), { code: 'EINPROGRESS' })
  assert.equal(poll([{ fd: later, events: POLLOUT, revents: 0 }], 5000), 1)
  assert.equal(s.rawSocketError(later), -errnos.ECONNREFUSED)
  assert.equal(s.rawSocketError(later), 0)
})

test('bind: the port in use, with the place; a Unix path in use', (context) => {
  const { at } = listening(context)
  const fd = owned(context, s.socket(AF_INET, s.SOCK_STREAM))
  const { port } = at as { port: number }
  assert.throws(() => s.bind(fd, at), { code: 'EADDRINUSE', syscall: 'bind', address: '127.0.0.1', port })
  const folder = mkdtempSync(join(tmpdir(), 'ff-'))
  context.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'socket')
  s.bind(owned(context, s.socket(AF_UNIX, s.SOCK_STREAM)), { family: 'Unix', path })
  const second = owned(context, s.socket(AF_UNIX, s.SOCK_STREAM))
  assert.throws(() => s.bind(second, { family: 'Unix', path }), {
    code: 'EADDRINUSE',
    address: path,
    message: `bind EADDRINUSE: address already in use ${path}`,
  })
  assert.throws(() => s.connect(second, { family: 'Unix', path: join(folder, 'none') }), { code: 'ENOENT' })
})

test('recvfrom: who, how much, what was cut off, nothing at all', (context) => {
  const { fd, at } = datagrams(context)
  const sender = datagrams(context)
  assert.equal(s.sendto(sender.fd, Buffer.from('datagram'), at), 8)
  assert.equal(s.sendto(sender.fd, Buffer.from('too long for it'), at), 15)
  assert.equal(s.sendto(sender.fd, Buffer.alloc(0), at), 0)
  assert.equal(s.sendto(sender.fd, Buffer.from('exactly8'), at), 8)
  const room = Buffer.alloc(8)
  const from = sender.at
  assert.deepEqual(s.recvfrom(fd, room), { bytes: 8, from, truncated: false, length: 8 })
  assert.equal(text(room), 'datagram')
  assert.deepEqual(s.recvfrom(fd, room), { bytes: 8, from, truncated: true, length: 15 })
  assert.equal(text(room), 'too long')
  assert.deepEqual(s.recvfrom(fd, room), { bytes: 0, from, truncated: false, length: 0 })
  assert.deepEqual(s.recvfrom(fd, room), { bytes: 8, from, truncated: false, length: 8 })
  assert.throws(() => s.recvfrom(fd, room, s.MSG_DONTWAIT), { code: 'EAGAIN', syscall: 'recvfrom' })
})

test('recvfrom of a stream loses nothing, and has no sender', (context) => {
  const [client, server] = connected(context)
  s.send(client, Buffer.from('hello'))
  const room = Buffer.alloc(3)
  assert.deepEqual(s.recvfrom(server, room, s.MSG_WAITALL), {
    bytes: 3,
    from: null,
    truncated: false,
    length: 3,
  })
  assert.equal(text(room), 'hel')
  assert.equal(s.recvfrom(server, room).bytes, 2)
  assert.equal(text(room, 2), 'lo')
})

test('raw recvfrom and sendto', (context) => {
  const { fd, at } = datagrams(context)
  const sender = datagrams(context)
  const bytes = new Uint8Array(ADDRESS_BYTES)
  const length = encodeAddress(at, bytes)
  assert.equal(s.rawSendto(sender.fd, Buffer.from('raw'), 3, 0, bytes, length), 3)
  const room = new Uint8Array(2)
  const addrlen = new Uint32Array([ADDRESS_BYTES])
  assert.equal(s.rawRecvfrom(fd, room, 2, s.MSG_TRUNC, bytes, addrlen), 3, 'the real length')
  assert.deepEqual(decodeAddress(bytes, addrlen[0]!), sender.at)
  assert.equal(s.rawRecvfrom(fd, room, 2, s.MSG_DONTWAIT, null, null), -errnos.EAGAIN)
})

test('a datagram socket is connected, refused, and disconnected', (context) => {
  const { fd } = datagrams(context)
  const port = owned(context, s.socket(AF_INET, s.SOCK_DGRAM))
  s.bind(port, loopback)
  const gone = s.getsockname(port)
  s.connect(fd, gone)
  close(port)
  assert.equal(s.send(fd, Buffer.from('x')), 1)
  assert.equal(poll([{ fd, events: POLLIN, revents: 0 }], 5000), 1)
  assert.throws(() => s.recv(fd, Buffer.alloc(1)), { code: 'ECONNREFUSED', syscall: 'recv' })
  assert.equal(s.sendto(fd, Buffer.from('x'), null), 1, 'to whom it is connected')
  s.disconnect(fd)
  assert.throws(() => s.getpeername(fd), { code: 'ENOTCONN', syscall: 'getpeername' })
  assert.throws(() => s.sendto(fd, Buffer.from('x'), null), { code: 'EDESTADDRREQ', syscall: 'sendto' })
})

test('sendto: a datagram that is too long names the receiver', (context) => {
  const { fd, at } = datagrams(context)
  const { port } = at as { port: number }
  assert.throws(() => s.sendto(fd, Buffer.alloc(66000), at), {
    code: 'EMSGSIZE',
    syscall: 'sendto',
    address: '127.0.0.1',
    port,
  })
})

test('Unix datagrams and sequenced packets keep their borders', (context) => {
  for (const type of [s.SOCK_DGRAM, s.SOCK_SEQPACKET]) {
    const [a, b] = s.socketpair(AF_UNIX, type)
    owned(context, a)
    owned(context, b)
    s.send(a, Buffer.from('first'))
    s.send(a, Buffer.from('second'))
    const room = Buffer.alloc(3)
    assert.deepEqual(s.recvfrom(b, room), { bytes: 3, from: null, truncated: true, length: 5 })
    assert.deepEqual(s.recvfrom(b, room), { bytes: 3, from: null, truncated: true, length: 6 })
    assert.equal(text(room), 'sec')
  }
})

test('options: ints, bytes, unknown ones', (context) => {
  const fd = owned(context, s.socket(AF_INET, s.SOCK_STREAM))
  for (const [level, name, value] of [
    [s.SOL_SOCKET, s.SO_REUSEADDR, 1],
    [s.SOL_SOCKET, s.SO_KEEPALIVE, 1],
    [s.SOL_SOCKET, s.SO_PEEK_OFF, -1],
    [s.SOL_TCP, s.TCP_NODELAY, 1],
    [s.SOL_TCP, s.TCP_KEEPIDLE, 77],
    [s.SOL_TCP, s.TCP_KEEPINTVL, 7],
    [s.SOL_TCP, s.TCP_KEEPCNT, 3],
    [s.SOL_TCP, s.TCP_USER_TIMEOUT, 4321],
    [s.IPPROTO_IP, s.IP_TTL, 33],
  ] as const) {
    s.setsockoptInt(fd, level, name, value)
    assert.equal(s.getsockoptInt(fd, level, name), value, `option ${level}/${name}`)
    assert.equal(s.rawSetsockoptInt(fd, level, name, value), 0)
  }
  const congestion = Buffer.alloc(16)
  const length = s.getsockopt(fd, s.SOL_TCP, s.TCP_CONGESTION, congestion)
  assert.match(text(congestion, length).replaceAll('\0', ''), /^[a-z0-9_]+$/)
  s.setsockopt(fd, s.SOL_TCP, s.TCP_CONGESTION, congestion)
  assert.throws(() => s.getsockoptInt(fd, s.SOL_SOCKET, 9999), { code: 'ENOPROTOOPT', syscall: 'getsockopt' })
  assert.throws(() => s.setsockoptInt(fd, s.SOL_SOCKET, 9999, 1), {
    code: 'ENOPROTOOPT',
    syscall: 'setsockopt',
  })
})

test('linger of 0 resets the connection', (context) => {
  const [client, server] = connected(context)
  const linger = new Int32Array(2)
  s.setLinger(client, 3)
  s.getsockopt(client, s.SOL_SOCKET, s.SO_LINGER, linger)
  assert.deepEqual([...linger], [1, 3])
  s.setLinger(client, null)
  s.getsockopt(client, s.SOL_SOCKET, s.SO_LINGER, linger)
  assert.equal(linger[0], 0)
  s.setLinger(client, 0)
  close(client)
  assert.throws(() => s.recv(server, Buffer.alloc(1)), { code: 'ECONNRESET', syscall: 'recv' })
})

test('the peer’s credentials are the process’s own', (context) => {
  const [a, b] = s.socketpair()
  owned(context, a)
  owned(context, b)
  const own = { pid: process.pid, uid: process.getuid!(), gid: process.getgid!() }
  assert.deepEqual(s.peerCredentials(a), own)
  const alone = owned(context, s.socket(AF_UNIX, s.SOCK_STREAM))
  assert.deepEqual(s.peerCredentials(alone), { pid: 0, uid: 0xffff_ffff, gid: 0xffff_ffff })
})

test('detached and resizable buffers are refused before the kernel sees them', (context) => {
  const [a, b] = s.socketpair()
  owned(context, a)
  owned(context, b)
  const detached = new Uint8Array(8)
  structuredClone(detached.buffer, { transfer: [detached.buffer] })
  const Resizable = ArrayBuffer as unknown as new (bytes: number, o: { maxByteLength: number }) => ArrayBuffer
  const resizable = new Uint8Array(new Resizable(8, { maxByteLength: 16 }))
  for (const [buffer, code] of [
    [detached, 'ERR_INVALID_STATE'],
    [resizable, 'ERR_INVALID_ARG_VALUE'],
  ] as const) {
    const refused = { name: 'TypeError', code }
    assert.throws(() => s.send(a, buffer), refused)
    assert.throws(() => s.recv(a, buffer, s.MSG_DONTWAIT), refused)
    assert.throws(() => s.sendto(a, buffer, null), refused)
    assert.throws(() => s.recvfrom(a, buffer, s.MSG_DONTWAIT), refused)
    assert.throws(() => s.getsockopt(a, s.SOL_SOCKET, s.SO_TYPE, buffer), refused)
    assert.throws(() => s.setsockopt(a, s.SOL_SOCKET, s.SO_DEBUG, buffer), refused)
  }
  assert.throws(() => s.recv(b, new Uint8Array(1), s.MSG_DONTWAIT), { code: 'EAGAIN' }, 'nothing was sent')
})

test('a view sends its own bytes, and receives into its own', (context) => {
  const [a, b] = s.socketpair()
  owned(context, a)
  owned(context, b)
  const memory = Buffer.from('0123456789')
  assert.equal(s.send(a, new DataView(memory.buffer, memory.byteOffset + 2, 4)), 4)
  const room = new Uint8Array(8).fill(0x2e)
  assert.equal(s.recv(b, room.subarray(2, 6)), 4)
  assert.equal(text(room), '..2345..')
  assert.equal(s.send(a, new Uint16Array([0x4241, 0x4443])), 4, 'bytes, not elements')
  assert.equal(s.recv(b, room), 4)
  assert.equal(text(room, 4), 'ABCD')
})

test('wouldBlock knows EAGAIN alone', (context) => {
  const [a, b] = s.socketpair(AF_UNIX, s.SOCK_STREAM | s.SOCK_NONBLOCK)
  owned(context, a)
  owned(context, b)
  const caught = (call: () => unknown) => {
    try {
      call()
    } catch (error) {
      return error
    }
    return null
  }
  assert.equal(s.wouldBlock(caught(() => s.recv(a, new Uint8Array(1)))), true)
  assert.equal(s.wouldBlock(caught(() => s.recv(-1, new Uint8Array(1)))), false)
})
