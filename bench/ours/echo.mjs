// An echo server with fivefold: node bench/ours/echo.mjs MODEL [dedicated] [busy]
import { listen } from 'fivefold'

const [model = 'auto', ...words] = process.argv.slice(2)

/** What a socket would not take yet. @type {Map<object, Uint8Array>} */
const rests = new Map()

const server = await listen({
  hostname: '127.0.0.1',
  port: 0,
  backlog: 4096,
  model,
  host: words.includes('dedicated') ? 'dedicated' : 'embedded',
  tuning: { busyPoll: words.includes('busy') },
  socket: {
    data(socket, chunk) {
      const rest = rests.size > 0 ? rests.get(socket) : undefined
      if (rest) {
        rests.set(socket, Buffer.concat([rest, chunk])) // it came although we are paused
        return
      }
      const taken = socket.forward(chunk)
      if (taken === chunk.length) return
      rests.set(socket, chunk.slice(Math.max(taken, 0)))
      socket.pause()
    },
    drain(socket) {
      const rest = rests.get(socket)
      if (!rest) return
      const taken = socket.write(rest)
      if (taken < rest.length) {
        rests.set(socket, rest.subarray(Math.max(taken, 0)))
        return
      }
      rests.delete(socket)
      socket.resume()
    },
    close(socket) {
      rests.delete(socket)
    },
    error() {}, // a reset; close follows
  },
})
console.log(`listening ${server.port}`)
