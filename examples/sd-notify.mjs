// Tells systemd how a service is, as sd_notify(3) does: a Unix datagram to $NOTIFY_SOCKET.
//   node examples/sd-notify.mjs READY=1 STATUS='Serving'        (from a unit with Type=notify and NotifyAccess=all)
import { createSocket } from 'fivefold/dgram'

const { NOTIFY_SOCKET } = process.env
const state = process.argv.length > 2 ? process.argv.slice(2) : ['READY=1']
if (!NOTIFY_SOCKET) {
  console.error('NOTIFY_SOCKET is not set: nobody wants to know')
  process.exit(1)
}

// An abstract name is written with an @ in place of its NUL.
const path = NOTIFY_SOCKET.replace(/^@/, '\0')
const socket = createSocket('unix_dgram')
socket.send(state.join('\n'), path, (error) => {
  if (error) {
    console.error(error.message)
    process.exitCode = 1
  }
  socket.close()
})
