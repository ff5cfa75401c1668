// Hello world with Bun.serve.
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: () => new Response('hello world', { headers: { 'Content-Type': 'text/plain' } }),
})
console.log(`listening ${server.port}`)
