// An echo server and a client, as with node:net; and what that never had.
import { once } from 'node:events'
import net from 'fivefold/net'
import { IPPROTO_TCP, TCP_USER_TIMEOUT } from 'fivefold/sys'

const server = net.createServer((socket) => socket.pipe(socket))
server.listen(0, '127.0.0.1')
await once(server, 'listening')

const client = net.connect(server.address().port, '127.0.0.1')
await once(client, 'connect')
// Given up when sent data stay unacknowledged for 5 s: an option Node has no name for.
client.setOption(IPPROTO_TCP, TCP_USER_TIMEOUT, 5000)
client.end('hello')
for await (const chunk of client) console.log(`${chunk} came back through ${client.model}`)

server.close()
