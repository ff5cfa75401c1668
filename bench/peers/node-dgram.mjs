// A UDP server with node:dgram as its documentation shows it: an echo, or (`sink`) one that only counts.
import { createSocket } from 'node:dgram'
import { counter } from '../lib/counter.mjs'

const socket = createSocket('udp4')
if (process.argv[2] === 'sink') {
  const count = counter()
  socket.on('message', (message, { port, address }) => {
    const answer = count(message)
    if (answer) socket.send(answer, port, address)
  })
} else {
  socket.on('message', (message, { port, address }) => socket.send(message, port, address))
}
socket.bind(0, '127.0.0.1', () => console.log(`listening ${socket.address().port}`))
