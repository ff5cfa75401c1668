/** One thread's web server: files, the counters' page, and an end that drops no request. */
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { ModelName } from 'fivefold'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'fivefold/http'
import { listen } from 'fivefold/sys'
import { Counters } from './counters.js'
import { Files } from './files.js'
import { type Metrics, metricsOf } from './metrics.js'

/** What a thread is given: it travels to Workers. */
export interface ServerConfig {
  readonly folder: string
  readonly host: string
  readonly port: number
  readonly model: ModelName | 'auto'
  readonly thread: number
  readonly threads: number
  readonly counters: SharedArrayBuffer
}

/** The kernel takes no more than net.core.somaxconn. */
const BACKLOG = 4096
/** An idle connection is kept for so long, as nginx does it about; Node's five seconds cost clients reconnects. */
const KEEP_ALIVE_MS = 65_000
/**
 * At the end, silent connections are closed when there was no request on any for this share of the time limit: what
 * was sent before the end was known has arrived by then. A client that sends just then has to ask again elsewhere, as
 * with every HTTP/1.1 server (RFC 9112, 9.3.1).
 */
const QUIET_SHARE = 1 / 20

export class WebServer {
  readonly port: number
  readonly model: ModelName
  readonly #server: Server
  readonly #state: State
  readonly #counters: Counters

  private constructor(server: Server, state: State, counters: Counters) {
    this.#server = server
    this.#state = state
    this.#counters = counters
    this.port = (server.address() as AddressInfo).port
    this.model = server.model
  }

  /** @throws what listening and the folder end with */
  static async start(config: ServerConfig): Promise<WebServer> {
    const counters = new Counters(config.counters, config.thread)
    const state: State = { open: new Set(), ending: false, lastActivity: 0 }
    const active = () => {
      state.lastActivity = performance.now()
    }
    const files = new Files(config.folder, counters, active)
    let metrics: Promise<Metrics> | null = null
    const server = createServer(
      { model: config.model, keepAliveTimeout: KEEP_ALIVE_MS },
      (request, response) => {
        if (state.ending) {
          response.shouldKeepAlive = false
          active()
        }
        if (request.url !== '/metrics') {
          files.answer(request, response)
          return
        }
        metrics ??= metricsOf({ ...config, model: server.model })
        metrics
          .then((page) => tell(page, counters, request, response))
          .catch((error) => response.destroy(error))
      },
    )
    server.on('connection', (socket) => {
      state.open.add(socket)
      counters.accepted()
      socket.once('close', () => {
        state.open.delete(socket)
        counters.closed()
      })
    })
    const { port, host, threads } = config
    server.listen({ port, host, backlog: BACKLOG, reusePort: threads > 1 } as object)
    await once(server, 'listening')
    return new WebServer(server, state, counters)
  }

  /**
   * Accepts no more, answers what has been asked with `Connection: close`, and closes.
   * @param limitMs after so long, what is still open is cut
   * @returns how many connections were cut
   */
  async stop(limitMs: number): Promise<number> {
    const server = this.#server
    const until = performance.now() + limitMs
    this.#state.ending = true
    this.#state.lastActivity = performance.now()
    // What waits in the backlog when the listener closes is reset: so first nobody else gets in there, then it empties.
    listen(server.fd, 0)
    for (let turn = 0; turn < 4; turn++) await setImmediate()
    // Closing would also close whoever is silent just now, and perhaps has something on its way.
    const closeSilent = server.closeIdleConnections
    server.closeIdleConnections = () => {}
    let closed = false
    server.close(() => {
      closed = true
    })
    // The server's own 'close' comes before that of its last connections.
    const over = () => closed && this.#state.open.size === 0
    while (!over() && performance.now() < until) {
      if (performance.now() - this.#state.lastActivity >= limitMs * QUIET_SHARE) {
        closeSilent.call(server)
        // Those that have never said anything do not count as idle with Node.
        for (const socket of this.#state.open) if (socket.bytesRead === 0) socket.destroy()
      }
      await setTimeout(10)
    }
    const left = this.#state.open.size
    for (let number = 0; number < left; number++) this.#counters.cut()
    server.closeAllConnections()
    while (!over()) await setTimeout(5)
    return left
  }
}

interface State {
  readonly open: Set<Socket>
  ending: boolean
  /** When there was last a request, or a response was over that had taken its time. */
  lastActivity: number
}

async function tell(
  page: Metrics,
  counters: Counters,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = Buffer.from(await page.text())
  counters.answered(200)
  if (request.method !== 'HEAD') counters.sent(body.length)
  response.writeHead(200, ['Content-Type', page.contentType, 'Content-Length', String(body.length)])
  response.end(body)
}
