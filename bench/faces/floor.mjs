// What Node's own HTTP costs without any socket: requests are emitted into a stream that moves nothing, and answers are
// thrown away. No server that stands on node:http can answer for less CPU than this and what the kernel takes.
//
//   node bench/faces/floor.mjs [--rounds 5] [--requests 500000]
import http from 'node:http'
import { Duplex } from 'node:stream'
import { parseArgs } from 'node:util'

const { values: flags } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, requests: { type: 'string', default: '500000' } },
})
const CONNECTIONS = 64
const request = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n'

let bytes = 0

/** The stream as it comes: with its queue, its states and its ticks. */
class Null extends Duplex {
  _read() {}
  _write(chunk, _encoding, done) {
    bytes += chunk.length
    done()
  }
  _writev(chunks, done) {
    for (const { chunk } of chunks) bytes += chunk.length
    done()
  }
  setTimeout() {
    return this
  }
}

/** And past all of that. */
class Bare extends Null {
  cork() {}
  uncork() {}
  write(chunk, encoding, done) {
    bytes += chunk.length
    const told = typeof encoding === 'function' ? encoding : done
    if (told) process.nextTick(told, null)
    return true
  }
}

/** @returns CPU time of one request, in microseconds */
async function measure(Kind, requests) {
  const server = http.createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/plain')
    response.end('hello world')
  })
  const sockets = Array.from({ length: CONNECTIONS }, () => new Kind())
  for (const socket of sockets) server.emit('connection', socket)
  bytes = 0
  const before = process.cpuUsage()
  let sent = 0
  while (sent < requests) {
    for (const socket of sockets) socket.emit('data', Buffer.from(request))
    sent += CONNECTIONS
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { user, system } = process.cpuUsage(before)
  if (bytes / sent < 100) throw new Error(`answers of ${bytes / sent} bytes: nothing was measured`)
  for (const socket of sockets) socket.destroy()
  return (user + system) / sent
}

const requests = Number(flags.requests)
const kinds = [Null, Bare]
const least = kinds.map(() => Number.POSITIVE_INFINITY)
for (const Kind of kinds) await measure(Kind, requests / 10)
for (let round = 0; round < Number(flags.rounds); round++) {
  for (const [index, Kind] of kinds.entries()) {
    least[index] = Math.min(least[index], await measure(Kind, requests))
  }
}
console.log(
  `Node ${process.version}, node:http without a socket, CPU us per request, the least of ${flags.rounds} rounds`,
)
console.log(`over a stream         ${least[0].toFixed(2)}`)
console.log(`past a stream's queue ${least[1].toFixed(2)}`)
