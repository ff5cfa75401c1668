// A UDP server with fivefold/dgram: node bench/ours/dgram.mjs MODEL [sink [each]]. The same lines as bench/peers/node-dgram.mjs.
import { createSocket } from 'fivefold/dgram'
import { counter } from '../lib/counter.mjs'

const [model = 'auto', what, how] = process.argv.slice(2)
const socket = createSocket({ type: 'udp4', model, coalesce: how !== 'each' })
if (what === 'sink') {
  const count = counter()
  socket.on('message', (message, { port, address }) => {
    const answer = count(message)
    if (answer) socket.send(answer, port, address)
  })
} else {
  socket.on('message', (message, { port, address }) => socket.send(message, port, address))
}
socket.bind(0, '127.0.0.1', () => console.log(`listening ${socket.address().port}`))
