// Hello world over HTTP by an asynchronous handler. `node hello-async.mjs node:http` or `node hello-async.mjs fivefold/http`.
const { default: http } = await import(process.argv[2])
const server = http.createServer(async (_request, response) => {
  const text = await Promise.resolve('hello world')
  response.setHeader('Content-Type', 'text/plain')
  response.end(text)
})
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`))
