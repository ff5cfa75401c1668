// A UDP server with Bun.udpSocket: an echo, or (`sink`) one that only counts.
import { counter } from '../lib/counter.mjs'

const count = process.argv[2] === 'sink' ? counter() : null
const socket = await Bun.udpSocket({
  hostname: '127.0.0.1',
  port: 0,
  socket: {
    data(socket, datagram, port, address) {
      const answer = count ? count(datagram) : datagram
      if (answer) socket.send(answer, port, address)
    },
  },
})
console.log(`listening ${socket.port}`)
