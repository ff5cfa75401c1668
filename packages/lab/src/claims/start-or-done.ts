/** "You may start" or "it is done": how many bytes are in the buffer at the moment of the message. */

import {
  allocateSlab,
  bytesReadable,
  ControlBlocks,
  CQE_WORDS,
  check,
  EPOLL_CTL_ADD,
  EPOLLIN,
  EpollEvents,
  epollCreate1,
  epollCtl,
  epollWait,
  F_OWNER_TID,
  F_SETOWN_EX,
  gettid,
  IN_PROGRESS,
  IORING_OP_RECV,
  O_ASYNC,
  openRing,
  ownerEx,
  rawAioError,
  rawAioRead,
  rawAioReturn,
  rawFcntlPointer,
  recv,
  SIG_BLOCK,
  SIGEV_SIGNAL,
  SIGIO,
  SIGUSR2,
  SignalSet,
  send,
  setStatusFlag,
  sigprocmask,
  sigtimedwait,
} from 'fivefold/sys'
import { aioWorks, ioUringMissing } from './available.js'
import { bars, bytes, type Experiment, finding, notTested, verdictOf } from './claim.js'
import { sleep } from './sampling.js'
import { udpPair } from './udp.js'

/** At the moment when the process is told. */
interface Moment {
  /** Bytes of the message in the process's buffer, and still in the socket. */
  readonly inBuffer: number
  readonly inSocket: number
  /** The whole message, in the end. */
  readonly finally: number
}

export interface Data {
  readonly size: number
  readonly sigio: Moment
  readonly epoll: Moment
  readonly aio: Moment | null
  readonly uring: Moment | null
  readonly uringMissing: string
}

const SIZE = 64
const MESSAGE = Buffer.alloc(SIZE, 0x66)
/** Memory that the kernel may write to later: it must not move. */
const slab = () => allocateSlab(SIZE)
const filledIn = (memory: Uint8Array) => memory.subarray(0, SIZE).filter((byte) => byte === MESSAGE[0]).length

function bySignal(): Moment {
  const { u8 } = slab()
  const [fd, peer] = udpPair()
  const set = new SignalSet(SIGIO)
  sigprocmask(SIG_BLOCK, set)
  check(rawFcntlPointer(fd, F_SETOWN_EX, ownerEx(F_OWNER_TID, gettid())), 'fcntl')
  setStatusFlag(fd, O_ASYNC, true)
  send(peer, MESSAGE)
  if (sigtimedwait(set, 10_000) === null) throw new Error('SIGIO was not raised')
  const moment = { inBuffer: filledIn(u8), inSocket: bytesReadable(fd) }
  return { ...moment, finally: recv(fd, u8.subarray(0, SIZE)) }
}

function byEpoll(): Moment {
  const { u8 } = slab()
  const [fd, peer] = udpPair()
  const epfd = epollCreate1()
  epollCtl(epfd, EPOLL_CTL_ADD, fd, EPOLLIN)
  send(peer, MESSAGE)
  epollWait(epfd, new EpollEvents(1), 10_000)
  const moment = { inBuffer: filledIn(u8), inSocket: bytesReadable(fd) }
  return { ...moment, finally: recv(fd, u8.subarray(0, SIZE)) }
}

async function byAio(): Promise<Moment> {
  const { u8, address } = slab()
  const [fd, peer] = udpPair()
  const blocks = new ControlBlocks(SIGEV_SIGNAL, SIGUSR2)
  const block = blocks.acquire()
  blocks.prepare(block, fd, address, SIZE)
  const told = new Promise<Omit<Moment, 'finally'>>((resolve) => {
    process.once('SIGUSR2', () => resolve({ inBuffer: filledIn(u8), inSocket: bytesReadable(fd) }))
  })
  check(rawAioRead(blocks.address(block)), 'aio_read')
  send(peer, MESSAGE)
  // Signals alone keep no process alive.
  const alive = setInterval(() => {}, 1000)
  const moment = await told
  clearInterval(alive)
  while (rawAioError(blocks.address(block)) === IN_PROGRESS) await sleep(1)
  return { ...moment, finally: rawAioReturn(blocks.address(block)) }
}

function byUring(): Moment {
  const { u8, address } = slab()
  const [fd, peer] = udpPair()
  const ring = openRing(8, 16, 0)
  ring.push(IORING_OP_RECV, fd, address, SIZE, 0, 1, 0)
  check(ring.submit(), 'io_uring_enter')
  send(peer, MESSAGE)
  check(ring.enter(1, 10_000), 'io_uring_enter')
  if (!ring.ready()) throw new Error('there is no completion')
  const result = ring.words[ring.cqes + (ring.cqHead & ring.cqMask) * CQE_WORDS + 2]!
  return { inBuffer: filledIn(u8), inSocket: bytesReadable(fd), finally: result }
}

async function measure(): Promise<Data> {
  const missing = ioUringMissing()
  return {
    size: SIZE,
    sigio: bySignal(),
    epoll: byEpoll(),
    aio: aioWorks() ? await byAio() : null,
    uring: missing === '' ? byUring() : null,
    uringMissing: missing,
  }
}

const said = ({ inBuffer, inSocket }: Moment) => ({ buffer: bytes(inBuffer), socket: bytes(inSocket) })
const starts = ({ inBuffer, inSocket, finally: all }: Moment) => inBuffer === 0 && inSocket === all
const done = ({ inBuffer, inSocket, finally: all }: Moment) => inBuffer === all && inSocket === 0

export const startOrDone: Experiment<Data> = {
  name: 'start-or-done',
  claims: ['signalStarts', 'epollAsynchronous', 'aioDone', 'uringDone'],
  probes: { measure },
  needs: () => null,
  run: ({ probe }) => probe('measure'),
  selfCheck: ({ size, sigio, epoll, aio, uring }) => [
    {
      check: 'wholeMessage',
      ok: [sigio, epoll, aio, uring].every((moment) => moment === null || moment.finally === size),
    },
  ],
  judge: ({ sigio, epoll, aio, uring, uringMissing }) => ({
    findings: [
      finding('signalStarts', verdictOf(starts(sigio)), said(sigio)),
      finding('epollAsynchronous', verdictOf(!starts(epoll)), said(epoll)),
      aio === null
        ? notTested('aioDone', { reason: 'model', what: 'posix-aio' })
        : finding('aioDone', verdictOf(done(aio)), said(aio)),
      uring === null
        ? notTested('uringDone', { reason: 'noUring', what: uringMissing })
        : finding('uringDone', verdictOf(done(uring)), said(uring)),
    ],
    figures: [
      bars('inBuffer', 'bytes', [
        ['sigio', sigio.inBuffer],
        ['epoll', epoll.inBuffer],
        ...(aio === null ? [] : [['posix-aio', aio.inBuffer] as const]),
        ...(uring === null ? [] : [['io_uring', uring.inBuffer] as const]),
      ]),
    ],
  }),
}
