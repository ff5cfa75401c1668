// Express: the application is Express's own, the server under it comes from fivefold/http.
//   node examples/express.mjs [PORT]
import express from 'express'
import http from 'fivefold/http'

const app = express()
app.get('/', (request, response) => response.json({ model: request.socket.model }))
app.post('/echo', (request, response) => request.pipe(response))

const server = http.createServer(app)
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
