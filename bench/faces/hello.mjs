// Hello world over HTTP. `node hello.mjs node:http` or `node hello.mjs fivefold/http`.
const { default: http } = await import(process.argv[2])
const server = http.createServer((_request, response) => {
  response.setHeader('Content-Type', 'text/plain')
  response.end('hello world')
})
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`))
