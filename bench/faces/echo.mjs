// A stream echo as its users write it. `node echo.mjs node:net` or `node echo.mjs fivefold/net`.
const { default: net } = await import(process.argv[2])
const server = net.createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {})
  socket.pipe(socket)
})
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`))
