// 100 MB over HTTP, one after the other, for so many seconds: node transfers.mjs PORT GET|POST SECONDS
//
// A client of few costs, so that the server is what is measured: it parses nothing and looks at how much comes.
import { connect } from 'fivefold'

const [port, method, seconds] = process.argv.slice(2)
const BYTES = 1600 * 65536
const chunk = Buffer.alloc(65536, 'y')
const head =
  method === 'GET'
    ? 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
    : `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${BYTES}\r\n\r\n`

/** One transfer. @returns {Promise<void>} */
function once() {
  return new Promise((resolve, reject) => {
    let left = method === 'GET' ? 0 : BYTES
    let came = 0
    let answer = ''
    const pump = (/** @type {import('fivefold').Socket} */ socket) => {
      while (left > 0) {
        const part = chunk.subarray(0, Math.min(left, chunk.length))
        const taken = socket.write(part)
        left -= taken
        if (taken < part.length) return
      }
    }
    const check = () => {
      // The server says how many bytes it had; what it sends, we have counted.
      if (method === 'GET' ? came >= BYTES : answer.endsWith(String(BYTES))) resolve()
      else reject(new Error(`${came} bytes came: ${answer.slice(0, 80)}`))
    }
    void connect({
      hostname: '127.0.0.1',
      port: Number(port),
      socket: {
        open(socket) {
          socket.write(head)
          pump(socket)
        },
        drain: pump,
        data(_socket, part) {
          came += part.length
          if (method !== 'GET') answer += part
        },
        error: (_socket, error) => reject(error),
        close: check,
      },
    })
  })
}

const began = performance.now()
let transfers = 0
do {
  await once()
  transfers++
} while (performance.now() - began < Number(seconds) * 1000)
const elapsed = (performance.now() - began) / 1000
console.log(JSON.stringify({ transfers, bytes: transfers * BYTES, seconds: elapsed }))
process.exit(0)
