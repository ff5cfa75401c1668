// Socket.IO, by long polling and by WebSocket, on one server. What comes goes back, or to everybody else.
//   node examples/socket-io.mjs [PORT]
import http from 'fivefold/http'
import { Server } from 'socket.io'

const server = http.createServer()
const io = new Server(server)
io.on('connection', (socket) => {
  socket.on('who serves', (answer) => answer(socket.request.socket.model))
  socket.on('echo', (data, answer) => answer(data))
  socket.on('say', (text) => socket.broadcast.emit('said', text))
})

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
