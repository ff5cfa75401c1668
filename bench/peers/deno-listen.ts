// An echo server with Deno.listen: one asynchronous loop per connection.
const listener = Deno.listen({ hostname: '127.0.0.1', port: 0 })
console.log(`listening ${(listener.addr as Deno.NetAddr).port}`)

async function echo(connection: Deno.TcpConn) {
  const buffer = new Uint8Array(64 * 1024)
  try {
    connection.setNoDelay(true)
    for (;;) {
      const length = await connection.read(buffer)
      if (length === null) break
      for (let from = 0; from < length; ) from += await connection.write(buffer.subarray(from, length))
    }
  } catch {
    // a reset
  }
  try {
    connection.close()
  } catch {
    // already closed
  }
}

for await (const connection of listener) echo(connection)
