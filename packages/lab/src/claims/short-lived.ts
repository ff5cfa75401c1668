/** What epoll_ctl costs a connection that lives for one message: its part of the processor's time, and of the calls. */
import {
  type Address,
  AF_INET,
  bind,
  connect,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLLIN,
  EpollEvents,
  epollCreate1,
  epollCtl,
  epollWait,
  getsockname,
  listen,
  MSG_DONTWAIT,
  rawAccept4,
  rawClose,
  rawEpollCtl,
  rawRecv,
  rawSend,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  setLinger,
  setsockoptInt,
  socket,
} from 'fivefold/sys'
import { now } from '../measure/usage.js'
import { bars, count, type Experiment, finding, micros, share, verdictOf } from './claim.js'

export interface Data {
  readonly connections: number
  readonly answered: number
  /** Microseconds per connection: of the server's calls all together, and of epoll_ctl among them. */
  readonly serverMicros: number
  readonly ctlMicros: number
  readonly serverCalls: number
  readonly ctlCalls: number
  /** One that lives for so many messages, as a comparison. */
  readonly longMessages: number
  readonly longShare: number
}

const LONG = 100

/** The server's part of connections that bring so many messages each. */
function serve(address: Address, listener: number, connections: number, messages: number) {
  const epfd = epollCreate1()
  const events = new EpollEvents(1)
  const message = Buffer.alloc(64, 1)
  const room = Buffer.alloc(64)
  let ctlNs = 0
  let serverNs = 0
  let ctlCalls = 0
  let serverCalls = 0
  let answered = 0
  const timed = <T>(call: () => T, ctl = false): T => {
    const began = now()
    const result = call()
    const took = now() - began
    serverNs += took
    serverCalls++
    if (ctl) {
      ctlNs += took
      ctlCalls++
    }
    return result
  }
  for (let made = 0; made < connections; made++) {
    const client = socket(AF_INET, SOCK_STREAM)
    connect(client, address)
    const fd = timed(() => rawAccept4(listener, null, null, SOCK_CLOEXEC | SOCK_NONBLOCK))
    timed(() => epollCtl(epfd, EPOLL_CTL_ADD, fd, EPOLLIN), true)
    for (let index = 0; index < messages; index++) {
      rawSend(client, message, message.length, 0)
      timed(() => epollWait(epfd, events, 1000))
      const length = timed(() => rawRecv(fd, room, room.length, MSG_DONTWAIT))
      timed(() => rawSend(fd, room, length, 0))
      if (rawRecv(client, room, room.length, 0) === message.length) answered++
    }
    // As a careful program does: closing alone would do where there is no duplicate.
    timed(() => rawEpollCtl(epfd, EPOLL_CTL_DEL, fd, null), true)
    timed(() => rawClose(fd))
    // No port is left waiting.
    setLinger(client, 0)
    rawClose(client)
  }
  rawClose(epfd)
  return { ctlNs, serverNs, ctlCalls, serverCalls, answered }
}

function measure(connections: number): Data {
  const listener = socket(AF_INET, SOCK_STREAM)
  setsockoptInt(listener, SOL_SOCKET, SO_REUSEADDR, 1)
  bind(listener, { family: 'IPv4', address: '127.0.0.1', port: 0 })
  listen(listener, 4096)
  const address = getsockname(listener)
  // Once for the compiler.
  serve(address, listener, Math.min(connections, 200), 1)
  const short = serve(address, listener, connections, 1)
  const long = serve(address, listener, Math.ceil(connections / LONG), LONG)
  return {
    connections,
    answered: short.answered,
    serverMicros: short.serverNs / 1000 / connections,
    ctlMicros: short.ctlNs / 1000 / connections,
    serverCalls: short.serverCalls / connections,
    ctlCalls: short.ctlCalls / connections,
    longMessages: LONG,
    longShare: long.ctlNs / long.serverNs,
  }
}

export const shortLived: Experiment<Data> = {
  name: 'short-lived',
  claims: ['controlCostly'],
  probes: { measure },
  needs: () => null,
  run: ({ probe, quick }) => probe('measure', quick ? 500 : 5000),
  selfCheck: ({ connections, answered, serverMicros, ctlMicros }) => [
    { check: 'allAnswered', ok: answered === connections },
    { check: 'partOfWhole', ok: ctlMicros > 0 && ctlMicros < serverMicros },
  ],
  judge({ serverMicros, ctlMicros, serverCalls, ctlCalls, longMessages, longShare }) {
    const part = ctlMicros / serverMicros
    return {
      findings: [
        // A quarter is costly; a twentieth is not.
        finding(
          'controlCostly',
          part > 0.25 ? 'holds' : part > 0.05 && part > 2 * longShare ? 'holds-when' : verdictOf(false),
          {
            calls: count(ctlCalls),
            ofCalls: count(serverCalls),
            control: micros(ctlMicros),
            server: micros(serverMicros),
            part: share(part),
            messages: count(longMessages),
            long: share(longShare),
          },
        ),
      ],
      figures: [
        bars('controlShare', 'share', [
          ['oneMessage', part],
          ['manyMessages', longShare],
        ]),
      ],
    }
  },
}
