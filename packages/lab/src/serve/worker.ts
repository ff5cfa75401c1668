/** A thread of the server: says where it listens, and ends when it is told to (never by terminate: docs/workers.md). */
import { parentPort, workerData } from 'node:worker_threads'
import type { ModelName } from 'fivefold'
import { type ServerConfig, WebServer } from './server.js'

export type FromWorker =
  | { readonly listening: { readonly port: number; readonly model: ModelName } }
  | { readonly stopped: number }

const port = parentPort!
const say = (message: FromWorker) => port.postMessage(message)

const starting = WebServer.start(workerData as ServerConfig)
starting.then(({ port, model }) => say({ listening: { port, model } }))
port.once('message', async (limitMs: number) => {
  const server = await starting
  say({ stopped: await server.stop(limitMs) })
})
