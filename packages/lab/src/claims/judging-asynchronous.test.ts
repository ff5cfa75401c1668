import { aioThreads } from './aio-threads.js'
import { asynchronousCost } from './asynchronous-cost.js'
import { bites } from './judging.testing.js'
import { sharedMemory } from './shared-memory.js'
import { uringWorkers } from './uring-workers.js'

bites(aioThreads, {
  good: {
    reads: 5,
    threadsBefore: 11,
    threadsAdded: 5,
    inRead: 5,
    threadsForMany: 20,
    many: 30,
    readsCompleted: 30,
    stalledMs: 200,
    stalled: true,
    plainWrite: 1,
    wroteAfterRead: true,
  },
  breaks: {
    readsCompleted: (data) => ({ ...data, readsCompleted: 29 }),
    writable: (data) => ({ ...data, plainWrite: 0 }),
    wroteInTheEnd: (data) => ({ ...data, wroteAfterRead: false }),
  },
  turns: [
    ['kernelReads', 'does-not-hold', 'holds', (data) => ({ ...data, threadsAdded: 0 })],
    ['sameDescriptor', 'does-not-hold', 'holds', (data) => ({ ...data, stalled: false })],
    ['threadEach', 'does-not-hold', 'holds', (data) => ({ ...data, threadsForMany: 30 })],
  ],
})

const reads = { workers: 0, complete: 32, cachedBefore: 32 }
bites(uringWorkers, {
  good: {
    reads: 32,
    size: 4096,
    cached: reads,
    cold: { ...reads, cachedBefore: 0 },
    forced: { ...reads, workers: 2 },
    unknown: '',
    memory: reads,
  },
  breaks: {
    allRead: (data) => ({ ...data, forced: { ...data.forced, complete: 1 } }),
    wasCached: (data) => ({ ...data, cached: { ...reads, cachedBefore: 3 } }),
  },
  turns: [
    ['cachedWithout', 'holds', 'does-not-hold', (data) => ({ ...data, cached: data.forced })],
    ['cachedWithout', 'holds', 'holds-when', (data) => ({ ...data, memory: data.forced })],
    [
      'coldWithout',
      'holds',
      'does-not-hold',
      (data) => ({ ...data, cold: { ...data.forced, cachedBefore: 0 } }),
    ],
    ['coldWithout', 'holds', 'not-tested', (data) => ({ ...data, cold: reads })],
    ['coldWithout', 'holds', 'not-tested', (data) => ({ ...data, unknown: 'EOPNOTSUPP' })],
    ['workersExist', 'holds', 'does-not-hold', (data) => ({ ...data, forced: reads })],
  ],
})

bites(sharedMemory, {
  good: {
    registered: 100,
    events: 100,
    epoll: { mappings: 0, bytes: 0 },
    mmapOfEpoll: 'ENODEV',
    ring: { mappings: 2, bytes: 8192 },
    ringRefused: '',
  },
  breaks: {
    epollWorked: (data) => ({ ...data, events: 0 }),
    mapsSeen: (data) => ({ ...data, ring: { mappings: 0, bytes: 0 } }),
  },
  turns: [
    ['epollMaps', 'does-not-hold', 'holds', (data) => ({ ...data, epoll: { mappings: 1, bytes: 4096 } })],
    ['epollMaps', 'does-not-hold', 'holds', (data) => ({ ...data, mmapOfEpoll: '' })],
    ['uringMaps', 'holds', 'not-tested', (data) => ({ ...data, ring: null, ringRefused: 'EPERM' })],
  ],
})

const way = (name: string, inFlight: number, cpuMicros: number) => ({
  name,
  inFlight,
  cpuMicros,
  complete: 6400,
})
bites(asynchronousCost, {
  good: {
    reads: 6400,
    ways: [way('pread', 1, 1), way('aio_read', 1, 11), way('io_uring', 1, 3), way('io_uring', 32, 0.9)],
    uringMissing: '',
  },
  breaks: {
    allRead: (data) => ({ ...data, ways: data.ways.map((each) => ({ ...each, complete: 0 })) }),
    someTime: (data) => ({ ...data, ways: [way('pread', 1, 0), ...data.ways.slice(1)] }),
  },
  turns: [
    [
      'aioCheaper',
      'does-not-hold',
      'holds',
      (data) => ({ ...data, ways: [way('pread', 1, 12), ...data.ways.slice(1)] }),
    ],
    [
      'uringCheaper',
      'holds-when',
      'holds',
      (data) => ({ ...data, ways: [way('pread', 1, 12), ...data.ways.slice(1)] }),
    ],
    [
      'uringCheaper',
      'holds-when',
      'does-not-hold',
      (data) => ({ ...data, ways: [way('pread', 1, 0.1), ...data.ways.slice(1)] }),
    ],
    ['uringCheaper', 'holds-when', 'not-tested', (data) => ({ ...data, ways: data.ways.slice(0, 2) })],
  ],
})
