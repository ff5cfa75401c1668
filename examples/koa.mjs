// Koa: its callback is a listener of requests like any other.
//   node examples/koa.mjs [PORT]
import http from 'fivefold/http'
import Koa from 'koa'

const app = new Koa()
app.use((context) => {
  if (context.method === 'POST' && context.path === '/echo') context.body = context.req
  else if (context.path === '/') context.body = { model: context.socket.model }
})

const server = http.createServer(app.callback())
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
