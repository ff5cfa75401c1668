// An echo server with Bun.listen. `write` returns how many bytes were taken; the rest waits for `drain`.
type State = { rest: Uint8Array | undefined }

const server = Bun.listen<State>({
  hostname: '127.0.0.1',
  port: 0,
  socket: {
    open(socket) {
      socket.data = { rest: undefined }
      socket.setNoDelay(true)
    },
    data(socket, chunk) {
      const { data } = socket
      if (data.rest) {
        data.rest = Buffer.concat([data.rest, chunk]) // it came although we are paused
        return
      }
      const taken = socket.write(chunk)
      if (taken < 0 || taken === chunk.length) return
      data.rest = chunk.slice(taken)
      socket.pause()
    },
    drain(socket) {
      const { data } = socket
      if (!data.rest) return
      const taken = socket.write(data.rest)
      if (taken < 0) return
      if (taken < data.rest.length) {
        data.rest = data.rest.subarray(taken)
        return
      }
      data.rest = undefined
      socket.resume()
    },
    error() {},
  },
})
console.log(`listening ${server.port}`)
