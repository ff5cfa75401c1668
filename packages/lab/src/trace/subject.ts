/** The process that is traced: it receives one message, over one model, in the dedicated host. */
import { subscribe } from 'node:diagnostics_channel'
import { bind, connect, Kind, type ModelName, models, type PhaseStamps } from 'fivefold'
import { viewOf } from 'fivefold/sys'
import { answer, configuration } from '../processes.js'
import type { Event } from './event.js'
import { note, receives, record, recording } from './recorder.js'

export interface SubjectConfig {
  readonly model: ModelName
  readonly protocol: 'udp' | 'tcp' | 'unix'
  /** Where the other process listens, or sends from. */
  readonly port: number
  readonly path: string
}

export interface Waiting {
  /** udp: where to send to. */
  readonly port: number
  readonly fd: number
}

export interface Recorded {
  readonly fd: number
  /** The library's own: when the operation was asked for, ready, copied, delivered. */
  readonly stamps: PhaseStamps
  readonly events: readonly Event[]
}

const config = configuration<SubjectConfig>()
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
let fd = -1
let stamps: PhaseStamps = { called: 0, ready: 0, copied: 0, delivered: 0 }
let received!: () => void
const message = new Promise<void>((resolve) => {
  received = resolve
})

subscribe('fivefold:operation', (published) => {
  const { kind, result, called, ready, copied, delivered } = published as PhaseStamps & {
    kind: Kind
    result: number
  }
  if (result > 0 && (kind === Kind.receive || kind === Kind.recvfrom))
    stamps = { called, ready, copied, delivered }
})

async function waitForDatagram(): Promise<Waiting> {
  // The model gets ready with the first socket; that is another story.
  const first = await bind({
    hostname: '127.0.0.1',
    port: 0,
    model: config.model,
    host: 'dedicated',
    socket: {},
  })
  await first.close()
  record(viewOf)
  const socket = await bind({
    hostname: '127.0.0.1',
    port: 0,
    // Connected, every model can receive it by a call of its own.
    connect: { hostname: '127.0.0.1', port: config.port },
    model: config.model,
    host: 'dedicated',
    socket: {
      data(_socket, datagram) {
        note('data', datagram.length)
        received()
      },
    },
  })
  fd = socket.fd
  return { port: socket.port, fd }
}

async function waitOnStream(): Promise<Waiting> {
  const socket = await connect({
    ...(config.protocol === 'unix' ? { path: config.path } : { hostname: '127.0.0.1', port: config.port }),
    model: config.model,
    host: 'dedicated',
    socket: {
      open: () => record(viewOf),
      data(_socket, chunk) {
        note('data', chunk.length)
        received()
      },
    },
  })
  fd = socket.fd
  return { port: 0, fd }
}

answer({
  async wait(): Promise<Waiting> {
    const waiting = await (config.protocol === 'udp' ? waitForDatagram() : waitOnStream())
    // Where the call that receives is made by a thread, that thread has to be there first.
    if (models.find(({ name }) => name === config.model)!.family === 'blocking') {
      for (let tries = 0; tries < 1000 && !receives(fd); tries++) await sleep(5)
    }
    return waiting
  },
  async recorded(): Promise<Recorded> {
    await message
    // What still belongs to it: a thread that goes back to its call, the next wait.
    await sleep(5)
    return { fd, stamps, events: recording() }
  },
})
