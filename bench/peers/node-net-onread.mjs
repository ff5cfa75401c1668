// node:net reading into one buffer of ours per socket (`onread`) instead of a new one per chunk. Node offers
// the option to clients only, so a server has to adopt the handle of the socket it was given.
//
// The buffer may be overwritten as soon as the callback returns true, so reading stops whenever the write
// was not finished at once.
import { createServer, Socket } from 'node:net'

const server = createServer({ pauseOnConnect: true, noDelay: true }, ({ _handle: handle }) => {
  const socket = new Socket({
    handle,
    onread: {
      buffer: Buffer.allocUnsafeSlow(64 * 1024),
      callback(length, buffer) {
        let finished = false
        let late = false
        socket.write(buffer.subarray(0, length), () => {
          finished = true
          if (late) socket.resume()
        })
        late = !finished && socket.writableLength > 0
        return !late
      },
    },
  })
  socket.on('error', () => {})
  socket.resume()
})
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  console.log(`listening ${server.address().port}`)
})
