// One engine per core: an echo server in as many Workers as there are cores, all on one port (docs/workers.md).
//
//   node examples/workers.mjs [--port 7007] [--workers N] [--model NAME]      Ctrl-C ends it
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { listen } from 'fivefold'

if (isMainThread) await main()
else await serve(workerData)

/** In each Worker: a server of its own, until the main thread says stop. */
async function serve({ port, model }) {
  let served = 0
  const rests = new Map()
  const server = await listen({
    port,
    model,
    reusePort: true,
    socket: {
      open: () => void served++,
      data(socket, chunk) {
        const taken = socket.write(chunk)
        if (taken === chunk.length) return
        // The peer reads more slowly than it sends: nothing more is taken from it until this is gone.
        rests.set(socket, [...(rests.get(socket) ?? []), chunk.subarray(taken)])
        socket.pause()
      },
      drain(socket) {
        const [chunk, ...later] = rests.get(socket) ?? []
        if (chunk === undefined) return
        const taken = socket.write(chunk)
        const left = taken < chunk.length ? [chunk.subarray(taken), ...later] : later
        if (left.length > 0) rests.set(socket, left)
        else {
          rests.delete(socket)
          socket.resume()
        }
        if (taken === chunk.length && left.length > 0) this.drain(socket)
      },
      close: (socket) => void rests.delete(socket),
      error: () => {}, // a peer that was reset; `close` follows
    },
  })
  parentPort.postMessage({ port: server.port, model: server.model })
  // By message, never by terminate(): with the server closed the Worker has nothing left to do, and ends.
  parentPort.once('message', async () => {
    await server.close(true)
    parentPort.postMessage({ served })
  })
}

async function main() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '7007' },
      workers: { type: 'string', default: String(availableParallelism()) },
      model: { type: 'string', default: 'auto' },
    },
  })
  const workers = []
  let stopping = false
  const stop = () => {
    stopping = true
    for (const worker of workers) worker.postMessage('stop')
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)

  let port = Number(values.port)
  let model = values.model
  for (let number = 1; number <= Number(values.workers) && !stopping; number++) {
    const worker = new Worker(new URL(import.meta.url), { workerData: { port, model } })
    const gone = once(worker, 'exit')
    gone.then(() => workers.splice(workers.indexOf(worker), 1))
    worker.on('error', (error) => {
      console.error(`worker ${number}: ${error.message}`)
      process.exitCode = 1
      stop()
    })
    const [began] = await Promise.race([once(worker, 'message'), gone])
    if (typeof began !== 'object') break
    // Port 0: the first one's is everybody's.
    ;({ port, model } = began)
    worker.once('message', ({ served }) => console.log(`worker ${number}: ${served} connections`))
    workers.push(worker)
    // Ctrl-C came while it started.
    if (stopping) worker.postMessage('stop')
  }
  if (!stopping) console.log(`${workers.length} workers, ${model}, port ${port}; Ctrl-C ends them`)
}
