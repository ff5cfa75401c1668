/** netlink(7) and vsock(7) addresses, and the calls that take them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ADDRESS_BYTES,
  AF_NETLINK,
  AF_VSOCK,
  decodeAddress,
  encodeAddress,
  formatAddress,
  type NetlinkAddress,
  type SocketAddress,
  VMADDR_CID_ANY,
  VMADDR_CID_LOCAL,
  VMADDR_PORT_ANY,
  type VsockAddress,
} from './address.js'
import { close } from './descriptor.js'
import {
  accept4,
  bind,
  connect,
  getpeername,
  getsockname,
  listen,
  recv,
  recvfrom,
  SOCK_RAW,
  SOCK_STREAM,
  send,
  sendto,
  socket,
} from './socket.js'

test('layouts, as the man pages have them', () => {
  const bytes = new Uint8Array(ADDRESS_BYTES).fill(0xff)
  assert.equal(encodeAddress({ family: 'vsock', cid: 0x01020304, port: 0x0a0b0c0d }, bytes), 16)
  assert.deepEqual([...bytes.subarray(0, 17)], [40, 0, 0, 0, 13, 12, 11, 10, 4, 3, 2, 1, 0, 0, 0, 0, 255])
  bytes.fill(0xff)
  assert.equal(encodeAddress({ family: 'netlink', portId: 0x01020304, groups: 0x0a0b0c0d }, bytes), 12)
  assert.deepEqual([...bytes.subarray(0, 13)], [16, 0, 0, 0, 4, 3, 2, 1, 13, 12, 11, 10, 255])
})

test('there and back, to the ends of 32 bits', () => {
  const bytes = new Uint8Array(ADDRESS_BYTES)
  const addresses: SocketAddress[] = [
    { family: 'vsock', cid: VMADDR_CID_ANY, port: VMADDR_PORT_ANY },
    { family: 'vsock', cid: 0, port: 1 },
    { family: 'netlink', portId: 0xffffffff, groups: 0x80000000 },
  ]
  for (const address of addresses) {
    assert.deepEqual(decodeAddress<SocketAddress>(bytes, encodeAddress(address, bytes)), address)
  }
  for (const wrong of [-1, 0x1_0000_0000, 1.5, Number.NaN]) {
    assert.throws(() => encodeAddress({ family: 'vsock', cid: wrong, port: 1 }, bytes), {
      code: 'ERR_INVALID_ARG_VALUE',
    })
    assert.throws(() => encodeAddress({ family: 'netlink', portId: 0, groups: wrong }, bytes), {
      code: 'ERR_INVALID_ARG_VALUE',
    })
  }
  assert.equal(formatAddress({ family: 'vsock', cid: 2, port: 80 }), 'vsock:2:80')
  assert.equal(formatAddress({ family: 'netlink', portId: 7, groups: 0 }), 'netlink:7')
})

/** rtnetlink(7): `struct nlmsghdr`, then `struct ifinfomsg`, then attributes. */
const RTM_NEWLINK = 16
const RTM_GETLINK = 18
const NLM_F_REQUEST = 1
const NLM_F_DUMP = 0x300
const NLMSG_DONE = 3
const IFLA_IFNAME = 3

test('a netlink route socket lists the links', () => {
  const fd = socket(AF_NETLINK, SOCK_RAW, 0)
  try {
    bind(fd, { family: 'netlink', portId: 0, groups: 0 })
    const name = getsockname<NetlinkAddress>(fd)
    assert.equal(name.family, 'netlink')
    assert.ok(name.portId > 0, 'the kernel has picked a number')
    const request = new DataView(new ArrayBuffer(32))
    request.setUint32(0, 32, true)
    request.setUint16(4, RTM_GETLINK, true)
    request.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true)
    request.setUint32(8, 7, true)
    assert.equal(sendto(fd, request, { family: 'netlink', portId: 0, groups: 0 }), 32)
    const links = new Map<number, string>()
    const buffer = new Uint8Array(65536)
    const view = new DataView(buffer.buffer)
    for (let done = false; !done; ) {
      const { bytes, from } = recvfrom<NetlinkAddress>(fd, buffer)
      assert.deepEqual(from, { family: 'netlink', portId: 0, groups: 0 }, 'it comes from the kernel')
      for (let at = 0; at < bytes && !done; ) {
        const length = view.getUint32(at, true)
        const type = view.getUint16(at + 4, true)
        assert.equal(view.getUint32(at + 8, true), 7, 'the answer to this request')
        if (type === NLMSG_DONE) done = true
        else {
          assert.equal(type, RTM_NEWLINK)
          for (let part = at + 32; part < at + length; part += (view.getUint16(part, true) + 3) & ~3) {
            if (view.getUint16(part + 2, true) !== IFLA_IFNAME) continue
            const text = Buffer.from(buffer.subarray(part + 4, part + view.getUint16(part, true) - 1))
            links.set(view.getInt32(at + 20, true), text.toString())
          }
        }
        at += (length + 3) & ~3
      }
    }
    assert.equal(links.get(1), 'lo')
  } finally {
    close(fd)
  }
})

test('an error of a netlink socket names its address', () => {
  const fd = socket(AF_NETLINK, SOCK_RAW, 0)
  try {
    bind(fd, { family: 'netlink', portId: 0, groups: 0 })
    const { portId } = getsockname<NetlinkAddress>(fd)
    const second = socket(AF_NETLINK, SOCK_RAW, 0)
    try {
      assert.throws(() => bind(second, { family: 'netlink', portId, groups: 0 }), {
        code: 'EADDRINUSE',
        address: `netlink:${portId}`,
      })
    } finally {
      close(second)
    }
  } finally {
    close(fd)
  }
})

/** Whether this kernel connects vsock sockets with itself. */
function vsockLoopback(): string | false {
  let fd = -1
  try {
    fd = socket(AF_VSOCK, SOCK_STREAM, 0)
    bind(fd, { family: 'vsock', cid: VMADDR_CID_LOCAL, port: VMADDR_PORT_ANY })
    return false
  } catch (error) {
    return `no vsock loopback here: ${(error as Error).message}`
  } finally {
    if (fd >= 0) close(fd)
  }
}

test('a vsock connection with itself', { skip: vsockLoopback() }, () => {
  const listener = socket(AF_VSOCK, SOCK_STREAM, 0)
  const client = socket(AF_VSOCK, SOCK_STREAM, 0)
  try {
    bind(listener, { family: 'vsock', cid: VMADDR_CID_LOCAL, port: VMADDR_PORT_ANY })
    listen(listener, 1)
    const name = getsockname<VsockAddress>(listener)
    assert.equal(name.cid, VMADDR_CID_LOCAL)
    connect(client, name)
    const { fd, from } = accept4<VsockAddress>(listener)
    try {
      assert.deepEqual(from, getsockname<VsockAddress>(client))
      assert.deepEqual(getpeername<VsockAddress>(client), name)
      send(client, Buffer.from('across'))
      const buffer = Buffer.alloc(16)
      assert.equal(String(buffer.subarray(0, recv(fd, buffer))), 'across')
    } finally {
      close(fd)
    }
  } finally {
    close(client)
    close(listener)
  }
})
