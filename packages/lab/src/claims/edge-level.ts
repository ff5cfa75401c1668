/** Level against edge: calls per message, what a short read leaves behind, and whether edge insists on O_NONBLOCK. */
import {
  AF_UNIX,
  bytesReadable,
  close,
  EPOLL_CTL_ADD,
  EPOLLET,
  EPOLLIN,
  EPOLLOUT,
  EpollEvents,
  epollCreate1,
  epollCtl,
  epollWait,
  errnos,
  isNonBlocking,
  MSG_DONTWAIT,
  rawRecv,
  SOCK_STREAM,
  socketpair,
  write,
} from 'fivefold/sys'
import { bars, bytes, count, type Experiment, finding, micros, verdictOf } from './claim.js'
import { spentOn } from './sampling.js'

interface Mode {
  /** While messages come one by one: calls in all, and the processor's time. */
  readonly calls: number
  readonly cpuMicros: number
  readonly received: number
  /** Of so many waits, with an interest that is true all the time (EPOLLOUT): how many were woken by it. */
  readonly awake: number
  /** After a read of a part: whether the next wait tells of the rest, and how much that is. */
  readonly toldOfRest: boolean
  readonly rest: number
}

export interface Data {
  readonly messages: number
  readonly waits: number
  readonly level: Mode
  readonly edge: Mode
  /** A descriptor without O_NONBLOCK, registered with EPOLLET. */
  readonly blockingAccepted: boolean
  readonly blockingReported: boolean
}

const SIZE = 64
const WAITS = 100

function mode(flag: number, messages: number): Mode {
  const events = new EpollEvents(4)
  const fresh = (interest: number) => {
    const [fd, peer] = socketpair(AF_UNIX, SOCK_STREAM)
    const epfd = epollCreate1()
    epollCtl(epfd, EPOLL_CTL_ADD, fd, interest | flag)
    return { fd, peer, epfd, end: () => void [fd, peer, epfd].map((each) => close(each)) }
  }
  const memory = Buffer.alloc(4096)
  const message = Buffer.alloc(SIZE, 1)

  const busy = fresh(EPOLLIN)
  let calls = 0
  let received = 0
  const { cpuMs } = spentOn(() => {
    for (let sent = 0; sent < messages; sent++) {
      write(busy.peer, message)
      calls++
      epollWait(busy.epfd, events, 1000)
      // Level: what is left is told again, so one read will do. Edge: it is not, so on until EAGAIN.
      for (;;) {
        calls++
        const length = rawRecv(busy.fd, memory, memory.length, MSG_DONTWAIT)
        if (length === -errnos.EAGAIN) break
        received += length
        if (flag === 0) break
      }
    }
  })
  busy.end()

  const writable = fresh(EPOLLIN | EPOLLOUT)
  let awake = 0
  for (let wait = 0; wait < WAITS; wait++) awake += epollWait(writable.epfd, events, 0)
  writable.end()

  const partly = fresh(EPOLLIN)
  write(partly.peer, message)
  epollWait(partly.epfd, events, 0)
  rawRecv(partly.fd, memory, SIZE / 4, MSG_DONTWAIT)
  const toldOfRest = epollWait(partly.epfd, events, 20) > 0
  const rest = bytesReadable(partly.fd)
  partly.end()
  return { calls, cpuMicros: cpuMs * 1000, received, awake, toldOfRest, rest }
}

function measure(messages: number): Data {
  const [fd, peer] = socketpair(AF_UNIX, SOCK_STREAM)
  const epfd = epollCreate1()
  let blockingAccepted = true
  try {
    epollCtl(epfd, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET)
  } catch {
    blockingAccepted = false
  }
  write(peer, Buffer.from('!'))
  const blockingReported = epollWait(epfd, new EpollEvents(1), 1000) === 1 && !isNonBlocking(fd)
  for (const each of [fd, peer, epfd]) close(each)
  // Once for the compiler.
  for (const flag of [0, EPOLLET]) mode(flag, messages)
  return {
    messages,
    waits: WAITS,
    level: mode(0, messages),
    edge: mode(EPOLLET, messages),
    blockingAccepted,
    blockingReported,
  }
}

export const edgeLevel: Experiment<Data> = {
  name: 'edge-level',
  claims: ['edgeFaster', 'edgeNonBlockingOnly', 'edgeShortRead'],
  probes: { measure },
  needs: () => null,
  run: ({ probe, quick }) => probe('measure', quick ? 2000 : 20_000),
  selfCheck: ({ messages, level, edge }) => [
    { check: 'allReceived', ok: level.received === messages * SIZE && edge.received === messages * SIZE },
    { check: 'restThere', ok: level.rest > 0 && edge.rest > 0 },
  ],
  judge({ messages, waits, level, edge, blockingAccepted, blockingReported }) {
    const fewer = edge.calls < level.calls
    return {
      findings: [
        finding('edgeFaster', fewer ? 'holds' : edge.awake < level.awake ? 'holds-when' : 'does-not-hold', {
          level: count(level.calls / messages),
          edge: count(edge.calls / messages),
          levelCpu: micros(level.cpuMicros / messages),
          edgeCpu: micros(edge.cpuMicros / messages),
          waits: count(waits),
          levelAwake: count(level.awake),
          edgeAwake: count(edge.awake),
        }),
        finding('edgeNonBlockingOnly', verdictOf(!(blockingAccepted && blockingReported)), {
          registered: count(blockingAccepted ? 1 : 0),
          reported: count(blockingReported ? 1 : 0),
        }),
        finding('edgeShortRead', verdictOf(!edge.toldOfRest && level.toldOfRest), {
          rest: bytes(edge.rest),
          edge: count(edge.toldOfRest ? 1 : 0),
          level: count(level.toldOfRest ? 1 : 0),
        }),
      ],
      figures: [
        bars('callsPerMessage', 'count', [
          ['level', level.calls / messages],
          ['edge', edge.calls / messages],
        ]),
        bars('awake', 'count', [
          ['level', level.awake],
          ['edge', edge.awake],
        ]),
      ],
    }
  },
}
