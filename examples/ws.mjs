// WebSockets by ws: it takes the upgrades of a server it is given. What comes goes back.
//   node examples/ws.mjs [PORT]
import http from 'fivefold/http'
import { WebSocketServer } from 'ws'

const server = http.createServer()
const sockets = new WebSocketServer({ server, perMessageDeflate: true })
sockets.on('connection', (socket, request) => {
  socket.send(JSON.stringify({ model: request.socket.model }))
  socket.on('message', (data, binary) => socket.send(data, { binary }))
})

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
