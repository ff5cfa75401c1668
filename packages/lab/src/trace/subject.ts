/**
 * The process that is traced: it receives one message after the other over one model, in the dedicated host, each with
 * a socket of its own. Before that it receives a few hundred that nobody looks at: what a program does for the first
 * time takes long, and is not what is to be shown.
 */
import { subscribe } from 'node:diagnostics_channel'
import { bind, connect, Kind, type ModelName, models, type PhaseStamps } from 'fivefold'
import { viewOf } from 'fivefold/sys'
import { answer, configuration } from '../processes.js'
import type { Event } from './event.js'
import { type OpenFile, openFile } from './file-subject.js'
import { Peer, type SocketProtocol } from './peer.js'
import { forget, note, receives, record, recording, refused, threads } from './recorder.js'
import type { TraceProtocol } from './trace.js'

export interface SubjectConfig {
  readonly model: ModelName
  readonly protocol: TraceProtocol
  /** Where the other process listens, or sends from. */
  readonly port: number
  /** The same; or the file. */
  readonly path: string
  readonly bytes: number
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
  /** The library's threads: the kernel's number of each, and the recording's. */
  readonly threads: readonly (readonly [number, number])[]
}

interface Receiver {
  readonly fd: number
  readonly port: number
  close(): unknown
}

const WARM_UP_MESSAGES = 300

const config = configuration<SubjectConfig>()
const { model, protocol } = config
const named = models.find(({ name }) => name === model)!
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
let stamps: PhaseStamps = { called: 0, ready: 0, copied: 0, delivered: 0 }
let receiver: Receiver | OpenFile | null = null
let received: () => void = () => {}
let message: Promise<void> = Promise.resolve()

subscribe('fivefold:operation', (published) => {
  const { kind, result, called, ready, copied, delivered } = published as PhaseStamps & {
    kind: Kind
    result: number
  }
  if (result > 0 && (kind === Kind.receive || kind === Kind.recvfrom))
    stamps = { called, ready, copied, delivered }
})

/** @param opened when a stream is there; of datagrams the socket says itself when it is asked */
async function receive(
  port: number,
  path: string,
  opened: () => void,
  arrived: (bytes: number) => void,
): Promise<Receiver> {
  if (protocol === 'udp') {
    opened()
    return await bind({
      hostname: '127.0.0.1',
      port: 0,
      // Connected, every model can receive it by a call of its own.
      connect: { hostname: '127.0.0.1', port },
      model,
      host: 'dedicated',
      socket: { data: (_socket, datagram) => arrived(datagram.length) },
    })
  }
  return await connect({
    ...(protocol === 'unix' ? { path } : { hostname: '127.0.0.1', port }),
    model,
    host: 'dedicated',
    socket: { open: opened, data: (_socket, chunk) => arrived(chunk.length) },
  }).then((socket) => ({ fd: socket.fd, port: 0, close: () => socket.end() }))
}

/** Messages from this process to itself, one after the other, recorded as well. */
async function warmUp(over: SocketProtocol): Promise<void> {
  const peer = new Peer(over)
  const bytes = new Uint8Array(config.bytes)
  let count = 0
  let done!: () => void
  const finished = new Promise<void>((resolve) => {
    done = resolve
  })
  record(viewOf)
  const warm = await receive(
    peer.port,
    peer.path,
    () => {},
    (length) => {
      note('data', length)
      if (++count < WARM_UP_MESSAGES) peer.send(bytes, warm)
      else done()
    },
  )
  peer.send(bytes, warm)
  await finished
  await warm.close()
  peer.close()
  await sleep(20)
  recording()
}

/** However long it takes on a busy machine; that it takes too long, the other process says. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5)
}

/** Asking again and again is to be seen. */
const ASKED_OFTEN = 200

let warm = false

answer({
  /** Loaded. */
  hello: () => true,
  /** Once, before anything is to be seen. */
  async ready(): Promise<void> {
    if (protocol === 'file') {
      record(viewOf)
      const file = openFile(named, config.path, config.bytes)
      for (let times = 0; times < WARM_UP_MESSAGES; times++) await file.read()
      file.close()
      recording()
    } else await warmUp(protocol)
    warm = true
  },
  async wait(): Promise<Waiting> {
    if (!warm) throw new Error('ask `ready` first')
    message = new Promise((resolve) => {
      received = resolve
    })
    forget()
    if (protocol === 'file') {
      receiver = openFile(named, config.path, config.bytes)
      receiver.goCold()
      record(viewOf)
      return { port: 0, fd: receiver.fd }
    }
    const begin = () => record(viewOf)
    receiver = await receive(config.port, config.path, begin, (length) => {
      note('data', length)
      received()
    })
    const { port, fd } = receiver
    // Where the call that receives is made by a thread, that thread has to be there first.
    if (named.family === 'blocking') await until(() => receives(fd))
    if (named.family === 'non-blocking') await until(() => refused() > ASKED_OFTEN)
    return { port, fd }
  },
  async recorded(): Promise<Recorded> {
    const { fd } = receiver!
    if ('read' in receiver!) {
      stamps = await receiver.read()
    } else await message
    // What still belongs to it: a thread that goes back to its call, the next wait.
    await sleep(5)
    const events = recording()
    await receiver!.close()
    return { fd, stamps, events, threads: threads() }
  },
})
