/**
 * Two Workers, each with an engine of its own, on one TCP port and one UDP port. argv: the model, the host. What
 * comes is answered with the Worker's number before it. SIGTERM has them end, by message.
 */
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { bind, type Host, listen, type ModelName } from '../../index.js'

interface Place {
  number: number
  model: ModelName
  host: Host
  tcp: number
  udp: number
}

async function serve({ number, model, host, tcp, udp }: Place): Promise<void> {
  const server = await listen({
    model,
    host,
    port: tcp,
    reusePort: true,
    socket: { data: (socket, chunk) => void socket.write(`${number}:${chunk}`) },
  })
  const datagrams = await bind({
    model,
    host,
    port: udp,
    reusePort: true,
    socket: { data: (socket, chunk, from) => void socket.send(`${number}:${chunk}`, from) },
  })
  parentPort!.postMessage({ tcp: server.port, udp: datagrams.port })
  parentPort!.once('message', () => {
    void server.close(true)
    void datagrams.close()
  })
}

async function start(): Promise<void> {
  const [model, host] = process.argv.slice(2) as [ModelName, Host]
  const workers: Worker[] = []
  let place = { tcp: 0, udp: 0 }
  for (const number of [1, 2]) {
    const worker = new Worker(new URL(import.meta.url), { workerData: { number, model, host, ...place } })
    ;[place] = (await once(worker, 'message')) as [{ tcp: number; udp: number }]
    workers.push(worker)
  }
  process.once('SIGTERM', () => {
    for (const worker of workers) worker.postMessage('stop')
  })
  process.stdout.write(`ports ${place.tcp} ${place.udp}\n`)
}

void (isMainThread ? start() : serve(workerData as Place))
