// 100 MB down and up over HTTP. `node transfer.mjs node:http` or `node transfer.mjs fivefold/http`.
const { default: http } = await import(process.argv[2])
const { Readable } = await import('node:stream')
const chunk = Buffer.alloc(64 * 1024, 'x')
const server = http.createServer((request, response) => {
  if (request.method === 'POST') {
    let bytes = 0
    request.on('data', (part) => {
      bytes += part.length
    })
    request.on('end', () => response.end(String(bytes)))
    return
  }
  let left = 1600
  response.setHeader('Content-Length', String(left * chunk.length))
  Readable.from(
    (function* () {
      while (left-- > 0) yield chunk
    })(),
    { objectMode: false },
  ).pipe(response)
})
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`))
