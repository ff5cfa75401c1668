// Hello world with Deno.serve.
Deno.serve(
  { hostname: '127.0.0.1', port: 0, onListen: ({ port }) => console.log(`listening ${port}`) },
  () => new Response('hello world', { headers: { 'Content-Type': 'text/plain' } }),
)
