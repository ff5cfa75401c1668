// Hono's server for Node takes a `createServer`.
//   node examples/hono.mjs [PORT]
import { serve } from '@hono/node-server'
import { createServer } from 'fivefold/http'
import { Hono } from 'hono'

const app = new Hono()
app.get('/', (context) => context.json({ model: context.env.incoming.socket.model }))
app.post('/echo', (context) => context.body(context.req.raw.body))

const where = { hostname: '127.0.0.1', port: Number(process.argv[2] ?? 0) }
serve({ fetch: app.fetch, createServer, ...where }, ({ port }) => console.log(`http://127.0.0.1:${port}`))
