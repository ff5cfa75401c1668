/** The server that is measured: it sends back what it receives, over one model, in the dedicated host. */
import { type Address, bind, listen, type ModelName, type Socket } from 'fivefold'
import { answer, configuration } from '../processes.js'
import { Complaints } from './complaint.js'
import type { Counted } from './counter.js'
import type { Errors } from './generator.js'
import type { Protocol } from './results.js'
import { census, now, usage } from './usage.js'

export interface ServerConfig {
  readonly model: ModelName
  readonly protocol: Protocol
  readonly port: number
  readonly path: string
  /** Bytes of a message. */
  readonly size: number
}

export interface Listening {
  readonly port: number
  readonly model: ModelName
}

export interface Arrivals {
  readonly nanoseconds: Float64Array
}

const config = configuration<ServerConfig>()
let bytes = 0
const complaints = new Complaints()
let arrivals: Float64Array | null = null
let arrived = 0

function complain(error: Error | undefined): void {
  if (error !== undefined) complaints.add('library', error.message)
}

function count(length: number): void {
  bytes += length
  // With one message under way, a whole number of messages is the end of one.
  if (arrivals !== null && bytes % config.size === 0 && arrived < arrivals.length) arrivals[arrived++] = now()
}

async function listenForStreams(): Promise<Listening> {
  // What a socket would not take yet: the reader is paused until it does.
  const rests = new Map<Socket, Uint8Array>()
  const send = (socket: Socket, data: Uint8Array) => {
    const taken = socket.write(data)
    if (taken === data.length) return true
    rests.set(socket, data.subarray(taken))
    return false
  }
  const listener = await listen({
    ...(config.protocol === 'unix' ? { path: config.path } : { hostname: '127.0.0.1', port: config.port }),
    model: config.model,
    host: 'dedicated',
    backlog: 4096,
    socket: {
      data(socket: Socket, chunk) {
        count(chunk.length)
        const rest = rests.get(socket)
        if (rest !== undefined) rests.set(socket, Buffer.concat([rest, chunk]))
        else if (!send(socket, chunk)) socket.pause()
      },
      drain(socket: Socket) {
        const rest = rests.get(socket)
        if (rest === undefined) return
        rests.delete(socket)
        if (send(socket, rest)) socket.resume()
      },
      close(socket: Socket, error) {
        rests.delete(socket)
        complain(error)
      },
    },
  })
  return { port: listener.port, model: listener.model }
}

async function listenForDatagrams(): Promise<Listening> {
  const socket = await bind({
    hostname: '127.0.0.1',
    port: config.port,
    model: config.model,
    host: 'dedicated',
    socket: {
      data(socket, datagram, from: Address) {
        count(datagram.length)
        if (!socket.send(datagram, from))
          complain(new Error('a datagram was not taken: too many wait to be sent'))
      },
      error: (_socket, error) => complain(error),
    },
  })
  return { port: socket.port, model: socket.model }
}

// What the process warns of (descriptors used up, no thread) belongs to the result.
process.on('warning', (warning) => {
  if ((warning as NodeJS.ErrnoException).code?.startsWith('FIVEFOLD') === true) complain(warning)
})

answer({
  listen: () => (config.protocol === 'udp' ? listenForDatagrams() : listenForStreams()),
  usage: () => usage(Math.floor(bytes / config.size)),
  census: () => census(),
  /** Begins to note when each message arrived. */
  note(most: number) {
    arrivals = new Float64Array(most)
    arrived = 0
  },
  noted(): Arrivals {
    const nanoseconds = (arrivals ?? new Float64Array()).slice(0, arrived)
    arrivals = null
    return { nanoseconds }
  },
  /** What was used and what was called, at one moment. */
  async counted(): Promise<Counted> {
    const { callCounts } = await import('./counter.js')
    return { usage: usage(Math.floor(bytes / config.size)), calls: callCounts() }
  },
  errors: (): Errors => ({ count: complaints.total, complaints: complaints.list() }),
})
