// A machine made of one program: behind a TUN device, every address of 10.55.0.0/24 answers pings and echoes UDP.
//   sudo unshare -n node examples/tun-echo.mjs             in a network namespace of its own
//   sudo unshare -n node examples/tun-echo.mjs --check     sends a ping and a datagram through the kernel, and ends
import { execFileSync } from 'node:child_process'
import { watch } from 'fivefold'
import { createSocket } from 'fivefold/dgram'
import {
  AF_INET,
  AT_FDCWD,
  close,
  IPPROTO_ICMP,
  socket as makeSocket,
  O_NONBLOCK,
  O_RDWR,
  openat,
  rawIoctl,
  rawRead,
  rawWrite,
  recvfrom,
  SOCK_NONBLOCK,
  SOCK_RAW,
  sendto,
} from 'fivefold/sys'

const TUNSETIFF = 0x400454ca
const IFF_TUN = 0x0001
const IFF_NO_PI = 0x1000 // packets as they are, with nothing before them
const EAGAIN = -11

const fd = openat(AT_FDCWD, '/dev/net/tun', O_RDWR | O_NONBLOCK)
const request = Buffer.alloc(40) // struct ifreq: the name, 16 bytes, then the flags
request.write('echo0')
request.writeUInt16LE(IFF_TUN | IFF_NO_PI, 16)
const result = rawIoctl(fd, TUNSETIFF, request)
if (result < 0) throw new Error(`ioctl TUNSETIFF: errno ${-result}; it takes CAP_NET_ADMIN`)
execFileSync('ip', ['address', 'add', '10.55.0.1/24', 'dev', 'echo0'])
execFileSync('ip', ['link', 'set', 'echo0', 'up'])

/** Makes a packet its own answer, in place. @returns whether it was one to be answered */
function answer(packet) {
  if (packet.length < 28 || packet[0] >> 4 !== 4) return false
  const payload = (packet[0] & 15) * 4
  // Both addresses change places, and the sum over the header stays what it was.
  for (let at = 12; at < 16; at++) [packet[at], packet[at + 4]] = [packet[at + 4], packet[at]]
  if (packet[9] === 17) {
    for (let at = payload; at < payload + 2; at++) [packet[at], packet[at + 2]] = [packet[at + 2], packet[at]]
    return true
  }
  if (packet[9] !== 1 || packet[payload] !== 8) return false
  packet[payload] = 0 // an echo reply; the checksum grows by what the type has lost
  const sum = packet.readUInt16BE(payload + 2) + 0x0800
  packet.writeUInt16BE((sum & 0xffff) + (sum >> 16), payload + 2)
  return true
}

const buffer = Buffer.alloc(65536)
// Only now: before TUNSETIFF the descriptor reports an error.
const watching = watch(fd, 'read', () => {
  for (;;) {
    const length = rawRead(fd, buffer, buffer.length)
    if (length === EAGAIN) return
    if (length < 0) throw new Error(`read: errno ${-length}`)
    const packet = buffer.subarray(0, length)
    if (answer(packet)) rawWrite(fd, packet, length)
  }
})

if (process.argv.includes('--check')) check()
else console.log('10.55.0.2 to 10.55.0.254 are there; ping one')

/** One's complement sum of 16-bit words: 0xffff over a message whose checksum is right. */
function sum(bytes) {
  let total = 0
  for (let at = 0; at < bytes.length; at += 2) total += bytes.readUInt16BE(at)
  return (total & 0xffff) + (total >> 16)
}

function check() {
  const ping = Buffer.from('0800000000000001', 'hex') // an echo request, number 1
  ping.writeUInt16BE(sum(ping) ^ 0xffff, 2)
  const raw = makeSocket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP)
  const pinging = watch(raw, 'read', () => {
    const { bytes, from } = recvfrom(raw, buffer)
    const reply = buffer.subarray(20, bytes) // behind the IP header
    console.log(`${from.address} pings back: type ${reply[0]}, sum ${sum(reply).toString(16)}`)
    pinging.close()
    close(raw)
    const socket = createSocket('udp4', (message, { address, port }) => {
      console.log(`${address}:${port} answers: ${message}`)
      socket.close()
      watching.close()
      close(fd)
    })
    socket.send('through the tunnel', 7, '10.55.0.2')
  })
  sendto(raw, ping, { family: 'IPv4', address: '10.55.0.9', port: 0 })
}
