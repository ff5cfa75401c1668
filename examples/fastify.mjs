// Fastify makes its server with `serverFactory`.
//   node examples/fastify.mjs [PORT]
import Fastify from 'fastify'
import http from 'fivefold/http'

const app = Fastify({ serverFactory: (listener, options) => http.createServer(options.http ?? {}, listener) })
// Bodies are passed on as they come.
app.addContentTypeParser('*', (_request, body, done) => done(null, body))
app.get('/', (request) => ({ model: request.socket.model }))
app.post('/echo', (request) => request.body)

console.log(await app.listen({ port: Number(process.argv[2] ?? 0), host: '127.0.0.1' }))
