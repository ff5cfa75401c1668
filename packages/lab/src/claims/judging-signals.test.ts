import { bites } from './judging.testing.js'
import { signalHandler } from './signal-handler.js'
import { signalQueue } from './signal-queue.js'
import { startOrDone } from './start-or-done.js'

const raised = { sent: 100, received: 100, named: 0, plain: 1 }
bites(signalQueue, {
  good: {
    sigio: raised,
    realtime: { ...raised, named: 100, plain: 0 },
    overflow: { ...raised, named: 20 },
    queueLimit: 20,
  },
  breaks: {
    allArrived: (data) => ({ ...data, sigio: { ...raised, received: 99 } }),
    someRaised: (data) => ({ ...data, realtime: { ...raised, plain: 0 } }),
  },
  turns: [
    ['oneForMany', 'holds', 'does-not-hold', (data) => ({ ...data, sigio: { ...raised, plain: 100 } })],
    ['realtimeEach', 'holds', 'does-not-hold', (data) => ({ ...data, realtime: { ...raised, named: 1 } })],
    ['overflowLoses', 'holds', 'does-not-hold', (data) => ({ ...data, overflow: data.realtime })],
  ],
})

bites(signalHandler, {
  good: {
    interrupted: { answer: -4, afterMs: 51, sentAfterMs: 50 },
    handled: { received: 16, sameThread: true, computedMs: 100, lateMs: 101 },
    unprepared: 'SIGIO',
  },
  breaks: {
    slept: (data) => ({ ...data, interrupted: { ...data.interrupted, afterMs: 1 } }),
    handlerRan: (data) => ({ ...data, handled: { ...data.handled, received: 0 } }),
  },
  turns: [
    [
      'handlerInterrupts',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, interrupted: { ...data.interrupted, answer: -11 } }),
    ],
    [
      'handlerReceives',
      'holds-when',
      'holds',
      (data) => ({ ...data, handled: { ...data.handled, lateMs: 0.1 } }),
    ],
    [
      'handlerReceives',
      'holds-when',
      'does-not-hold',
      (data) => ({ ...data, handled: { ...data.handled, sameThread: false } }),
    ],
    ['defaultKills', 'holds', 'does-not-hold', (data) => ({ ...data, unprepared: '' })],
  ],
})

const start = { inBuffer: 0, inSocket: 64, finally: 64 }
const done = { inBuffer: 64, inSocket: 0, finally: 64 }
bites(startOrDone, {
  good: { size: 64, sigio: start, epoll: start, aio: done, uring: done, uringMissing: '' },
  breaks: { wholeMessage: (data) => ({ ...data, epoll: { ...start, finally: 3 } }) },
  turns: [
    ['signalStarts', 'holds', 'does-not-hold', (data) => ({ ...data, sigio: done })],
    ['epollAsynchronous', 'does-not-hold', 'holds', (data) => ({ ...data, epoll: done })],
    ['aioDone', 'holds', 'does-not-hold', (data) => ({ ...data, aio: start })],
    ['aioDone', 'holds', 'not-tested', (data) => ({ ...data, aio: null })],
    ['uringDone', 'holds', 'does-not-hold', (data) => ({ ...data, uring: start })],
    ['uringDone', 'holds', 'not-tested', (data) => ({ ...data, uring: null, uringMissing: 'EPERM' })],
  ],
})
