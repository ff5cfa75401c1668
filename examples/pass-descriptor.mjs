// A parent opens a file and gives its child the descriptor, over a SEQPACKET socket: the child need not be allowed to
// open it.
//   node examples/pass-descriptor.mjs FILE
import { spawn } from 'node:child_process'
import { closeSync, openSync, readSync } from 'node:fs'
import { connect, listen } from 'fivefold/unix'

const [file, name] = process.argv.slice(2)
if (name === undefined) {
  const path = `\0fivefold-example-${process.pid}`
  const server = await listen({
    path,
    socket: {
      message(socket, message) {
        const fd = openSync(message.toString())
        socket.send('here it is', { fds: [fd] })
        closeSync(fd)
      },
      close: () => server.close(),
    },
  })
  // An argument cannot hold the NUL that an abstract name begins with.
  spawn(process.execPath, [process.argv[1], file ?? '/etc/hostname', path.slice(1)], { stdio: 'inherit' })
} else {
  const socket = await connect({
    path: `\0${name}`,
    socket: {
      message(_, message, [fd]) {
        const start = Buffer.alloc(64)
        const bytes = readSync(fd, start, 0, start.length, 0)
        console.log(`${message}, from pid ${socket.credentials.pid}: ${bytes} bytes`)
        closeSync(fd)
        socket.close()
      },
    },
  })
  socket.send(file)
}
