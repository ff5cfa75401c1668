// Hello world with fivefold/http: node bench/ours/http.mjs MODEL. The same lines as bench/peers/node-http.mjs.
import { createServer } from 'fivefold/http'

const model = process.argv[2]
const server = createServer({ model }, (_, response) => {
  response.writeHead(200, { 'Content-Type': 'text/plain' })
  response.end('hello world')
})
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  console.log(`listening ${server.address().port}`)
})
