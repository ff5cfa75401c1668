/** A peer that sends as fast as it can, with Node's own sockets, until it is killed. argv: where to (JSON). */
import { connect, type NetConnectOpts } from 'node:net'

const chunk = Buffer.alloc(256 * 1024)
const socket = connect(JSON.parse(process.argv[2]!) as NetConnectOpts, function flood() {
  while (socket.write(chunk));
})
socket.on('drain', () => {
  while (socket.write(chunk));
})
socket.on('error', () => process.exit())
socket.on('close', () => process.exit())
