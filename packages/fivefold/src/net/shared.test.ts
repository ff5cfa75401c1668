/** A listening descriptor that came from elsewhere is closed, and never shut down: others may listen on it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { type Address, AF_INET, encodeAddress } from '../sys/address.js'
import { rawClose } from '../sys/descriptor.js'
import { F_DUPFD_CLOEXEC, rawFcntl } from '../sys/fcntl.js'
import { getsockname, rawAccept4, rawBind, rawListen, rawSocket, SOCK_STREAM } from '../sys/socket.js'
import { createServer } from './index.js'

for (const model of ['io_uring', 'epoll', 'blocking'] as const) {
  test(`${model}: a server on a shared descriptor leaves the socket listening when it closes`, async () => {
    const fd = rawSocket(AF_INET, SOCK_STREAM, 0)
    const bytes = new Uint8Array(16)
    const length = encodeAddress({ family: 'IPv4', address: '127.0.0.1', port: 0 }, bytes)
    assert.equal(rawBind(fd, bytes, length), 0)
    assert.equal(rawListen(fd, 8), 0)
    const other = rawFcntl(fd, F_DUPFD_CLOEXEC, 3)
    const { port } = getsockname(fd) as Extract<Address, { port: number }>
    const server = createServer({ model }, (socket) => socket.end('hello'))
    server.listen({ fd })
    await once(server, 'listening')
    const first = connect(port, '127.0.0.1')
    assert.equal(String((await once(first, 'data'))[0]), 'hello')
    await once(first, 'close')
    server.close()
    await once(server, 'close')
    const second = connect(port, '127.0.0.1')
    await once(second, 'connect')
    const accepted = rawAccept4(other, null, null, 0)
    assert.ok(accepted >= 0, `accept4 answers ${accepted}`)
    second.destroy()
    rawClose(accepted)
    rawClose(other)
  })
}
