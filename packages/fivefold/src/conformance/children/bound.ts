/**
 * An echo server whose model has a thread for each connection. argv: how many threads at most; none: the default. When
 * somebody sends "stop" it says what it has seen.
 */
import { listen } from '../../index.js'

const [threads] = process.argv.slice(2)
const warnings: string[] = []
const errors: string[] = []
process.on(
  'warning',
  (warning) => void warnings.push(`${(warning as { code?: string }).code}: ${warning.message}`),
)

const listener = await listen({
  model: 'blocking',
  ...(threads === undefined ? {} : { tuning: { maxThreads: Number(threads) } }),
  socket: {
    data(socket, chunk) {
      if (chunk.toString() === 'stop') void listener.close(true)
      else socket.write(chunk)
    },
    error: (_, error) => void errors.push(error.message),
  },
})
process.stdout.write(`port ${listener.port}\n`)
process.on('exit', () => process.stdout.write(`${JSON.stringify({ warnings, errors })}\n`))
