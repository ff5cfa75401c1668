// A UDP echo server with node:dgram as its documentation shows it.
import { createSocket } from 'node:dgram'

const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
socket.on('message', (message, { port, address }) => socket.send(message, port, address))
socket.bind(0, '127.0.0.1', () => console.log(`listening ${socket.address().port}`))
