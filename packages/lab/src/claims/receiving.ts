/**
 * One message by each mechanism's own calls, with the time that they held the thread, phase by phase. Whenever it is not
 * held, the thread has other work to do. The message comes through a pipe that holds all of it, in one piece.
 */
import type { ModelName } from 'fivefold'
import {
  allocateSlab,
  bytesReadable,
  ControlBlocks,
  CQE_WORDS,
  check,
  close,
  errnos,
  F_OWNER_TID,
  F_SETOWN_EX,
  F_SETPIPE_SZ,
  fcntl,
  gettid,
  IN_PROGRESS,
  IORING_OP_READ,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_TASKRUN_FLAG,
  IOSQE_ASYNC,
  O_ASYNC,
  O_NONBLOCK,
  openRing,
  ownerEx,
  pipe2,
  type Ring,
  rawAioError,
  rawAioRead,
  rawAioReturn,
  rawFcntlPointer,
  rawRead,
  type Slab,
  setStatusFlag,
} from 'fivefold/sys'
import { now } from '../measure/usage.js'
import { aioWorks, ioUringMissing } from './available.js'
import { spentOn, threadUsage } from './sampling.js'
import { FILL, Sender } from './sender.js'
import { waiters } from './waiters.js'

/** How it went with one message. */
export interface Received {
  readonly totalMicros: number
  /** The thread could do nothing else: while waiting, and while the data were copied. */
  readonly heldWaitingMicros: number
  readonly heldCopyingMicros: number
  /** Other work that the thread did meanwhile. */
  readonly workedMicros: number
  readonly whole: boolean
}

/** io_uring twice: as it comes, and with its requests left to a thread of the kernel. */
export type Way = ModelName | 'io_uring (IOSQE_ASYNC)'

export const LATER_MS = 20
const WORK_MICROS = 50

interface Message {
  readonly fd: number
  readonly size: number
  readonly memory: Slab
  /** Does a piece of other work. */
  work(): void
}

interface Held {
  waiting: number
  copying: number
  result: number
}

type Receive = (message: Message) => Held | Promise<Held>

const micros = () => now() / 1000

function timed(call: () => number): { took: number; result: number } {
  const began = micros()
  const result = call()
  return { took: micros() - began, result }
}

const readAll = ({ fd, size, memory }: Message) => timed(() => rawRead(fd, memory.address, size))

const blocking: Receive = ({ fd, size, memory }) => {
  let result = 0
  // One call, both phases: while it sleeps it uses no processor, and while it copies it does.
  const { wallMs, cpuMs } = spentOn(() => {
    result = rawRead(fd, memory.address, size)
  })
  return { waiting: (wallMs - cpuMs) * 1000, copying: cpuMs * 1000, result }
}

const nonBlocking: Receive = (message) => {
  setStatusFlag(message.fd, O_NONBLOCK, true)
  let waiting = 0
  for (;;) {
    const { took, result } = readAll(message)
    if (result !== -errnos.EAGAIN) return { waiting, copying: took, result }
    waiting += took
    message.work()
  }
}

function multiplexing(index: number): Receive {
  return (message) => {
    const waiter = waiters[index]!([message.fd])
    const wait = timed(() => waiter.wait(60_000))
    const { took, result } = readAll(message)
    waiter.close()
    return { waiting: wait.took, copying: took, result }
  }
}

let raised = false
let listening = false

const sigio: Receive = async (message) => {
  if (!listening) {
    process.on('SIGIO', () => {
      raised = true
    })
  }
  listening = true
  raised = false
  const asked = timed(() => {
    check(rawFcntlPointer(message.fd, F_SETOWN_EX, ownerEx(F_OWNER_TID, gettid())), 'fcntl')
    setStatusFlag(message.fd, O_ASYNC, true)
    return 0
  })
  // What was there before O_ASYNC raises nothing.
  if (bytesReadable(message.fd) > 0) raised = true
  while (!raised) {
    message.work()
    // Where Node's loop calls the handler.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { took, result } = readAll(message)
  return { waiting: asked.took, copying: took, result }
}

function posixAio(): Receive {
  const blocks = new ControlBlocks()
  const block = blocks.acquire()
  const address = blocks.address(block)
  return (message) => {
    blocks.prepare(block, message.fd, message.memory.address, message.size)
    const asked = timed(() => check(rawAioRead(address), 'aio_read'))
    while (blocks.errorOf(block) === IN_PROGRESS) message.work()
    const done = timed(() => {
      while (rawAioError(address) === IN_PROGRESS);
      return rawAioReturn(address)
    })
    return { waiting: asked.took, copying: done.took, result: done.result }
  }
}

function ring(): Ring {
  const deferred = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG
  try {
    return openRing(8, 16, deferred)
  } catch {
    return openRing(8, 16, 0)
  }
}

function ioUring(flags: number): Receive {
  const own = ring()
  return (message) => {
    const { fd, size, memory } = message
    const at = own.push(IORING_OP_READ | flags, fd, memory.address, size, 0, 1, 0)
    // A pipe has no positions.
    own.sqes[at + 2] = own.sqes[at + 3] = -1
    const asked = timed(() => check(own.submit(), 'io_uring_enter'))
    const before = threadUsage().systemMicros
    let copying = 0
    while (!own.ready()) {
      // What the kernel has put off, it does in this thread.
      if (own.wantsEnter()) copying += timed(() => check(own.enter(0, 0), 'io_uring_enter')).took
      else message.work()
    }
    if (copying === 0 && flags === 0) copying = threadUsage().systemMicros - before
    const result = own.words[own.cqes + (own.cqHead & own.cqMask) * CQE_WORDS + 2]!
    own.cqHead = (own.cqHead + 1) | 0
    own.publish()
    return { waiting: asked.took, copying, result }
  }
}

/** The ways that work here, in the textbook's order. */
export function waysHere(): Way[] {
  return [
    'blocking',
    'non-blocking',
    'select',
    'poll',
    'epoll',
    'sigio',
    ...(aioWorks() ? (['posix-aio'] as const) : []),
    ...(ioUringMissing() === '' ? (['io_uring', 'io_uring (IOSQE_ASYNC)'] as const) : []),
  ]
}

function receiveBy(way: Way): Receive {
  switch (way) {
    case 'blocking':
      return blocking
    case 'non-blocking':
      return nonBlocking
    case 'select':
      return multiplexing(0)
    case 'poll':
      return multiplexing(1)
    case 'epoll':
      return multiplexing(2)
    case 'sigio':
      return sigio
    case 'posix-aio':
      return posixAio()
    case 'io_uring':
      return ioUring(0)
    case 'io_uring (IOSQE_ASYNC)':
      return ioUring(IOSQE_ASYNC)
    default:
      throw new Error(`there is no way '${way}' here`)
  }
}

/** Receives so many messages of each size. One way in a process: handlers and threads of others do not disturb. */
export async function receiveAll({
  way,
  sizes,
  rounds,
}: {
  way: Way
  sizes: readonly number[]
  rounds: number
}): Promise<Received[][]> {
  const sender = await Sender.start()
  const receive = receiveBy(way)
  const memory = allocateSlab(Math.max(...sizes))
  const all: Received[][] = []
  for (const size of sizes) {
    const received: Received[] = []
    // The first one is for the compiler.
    for (let round = -1; round < rounds; round++) {
      const [fd, writer] = pipe2()
      fcntl(writer, F_SETPIPE_SZ, Math.max(4096, size))
      memory.u8.fill(0)
      let workedMicros = 0
      const work = () => {
        const began = micros()
        let at = began
        while (at - began < WORK_MICROS) at = micros()
        workedMicros += at - began
      }
      const began = micros()
      sender.write(writer, size, LATER_MS)
      const { waiting, copying, result } = await receive({ fd, size, memory, work })
      const totalMicros = micros() - began
      sender.done()
      const whole = result === size && memory.u8[0] === FILL && memory.u8[size - 1] === FILL
      close(fd)
      close(writer)
      if (round < 0) continue
      received.push({
        totalMicros,
        heldWaitingMicros: waiting,
        heldCopyingMicros: copying,
        workedMicros,
        whole,
      })
    }
    all.push(received)
  }
  await sender.end()
  return all
}
