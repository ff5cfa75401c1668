// Writes to the system's log: a Unix datagram to /dev/log, in the words of RFC 3164 or RFC 5424.
//   node examples/syslog.mjs [--socket PATH] [--rfc 5424] [--facility 1] [--severity 6] [--tag NAME] MESSAGE…
import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { createSocket } from 'fivefold/dgram'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    socket: { type: 'string', default: '/dev/log' },
    rfc: { type: 'string', default: '3164' },
    facility: { type: 'string', default: '1' }, // user
    severity: { type: 'string', default: '6' }, // informational
    tag: { type: 'string', default: 'fivefold' },
  },
})
const priority = Number(values.facility) * 8 + Number(values.severity)
const text = positionals.join(' ')

function rfc3164(now) {
  const month = now.toLocaleString('en-US', { month: 'short' })
  const day = String(now.getDate()).padStart(2) // "Nov  5": the day is padded with a blank
  const time = now.toTimeString().slice(0, 8)
  return `<${priority}>${month} ${day} ${time} ${values.tag}[${process.pid}]: ${text}`
}

function rfc5424(now) {
  // No message id and no structured data; a byte order mark says that the text is UTF-8.
  return `<${priority}>1 ${now.toISOString()} ${hostname()} ${values.tag} ${process.pid} - - \ufeff${text}`
}

const log = createSocket('unix_dgram')
log.connect(values.socket, (error) => {
  if (error) {
    console.error(error.message)
    process.exitCode = 1
    log.close()
    return
  }
  log.send(values.rfc === '5424' ? rfc5424(new Date()) : rfc3164(new Date()), () => log.close())
})
