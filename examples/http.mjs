// A server and a request, as with node:http: one import is another.
import { once } from 'node:events'
import http from 'fivefold/http'

const server = http.createServer((request, response) => {
  response.setHeader('Content-Type', 'application/json')
  response.end(JSON.stringify({ path: request.url, model: request.socket.model }))
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')

http.get(`http://127.0.0.1:${server.address().port}/hello`, async (response) => {
  for await (const chunk of response) console.log(String(chunk))
  server.close()
  http.globalAgent.destroy()
})
