// Hello world with node:http as its documentation shows it. Bun runs this same file with its own node:http.
import { createServer } from 'node:http'

const server = createServer((_, response) => {
  response.writeHead(200, { 'Content-Type': 'text/plain' })
  response.end('hello world')
})
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  console.log(`listening ${server.address().port}`)
})
