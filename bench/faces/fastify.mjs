// A Fastify route that answers JSON. `node fastify.mjs node:http` or `node fastify.mjs fivefold/http`.
import fastify from 'fastify'

const { default: http } = await import(process.argv[2])
const app = fastify({ serverFactory: (handler) => http.createServer(handler) })
app.get('/', async () => ({ hello: 'world' }))
await app.listen({ host: '127.0.0.1', port: 0 })
console.log(`listening ${app.server.address().port}`)
