// A UDP server with fivefold: node bench/ours/udp.mjs MODEL [embedded|dedicated] [sink]
import { bind } from 'fivefold'
import { counter } from '../lib/counter.mjs'

const [model = 'auto', host = 'embedded', what] = process.argv.slice(2)
const count = what === 'sink' ? counter() : null

const socket = await bind({
  hostname: '127.0.0.1',
  port: 0,
  model,
  host,
  socket: {
    data(socket, datagram, from) {
      const answer = count ? count(datagram) : datagram
      if (answer) socket.send(answer, from) // not taken: lost, as UDP may
    },
    error() {}, // a sender that has gone
  },
})
console.log(`listening ${socket.port}`)
