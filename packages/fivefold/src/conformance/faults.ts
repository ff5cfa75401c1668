/**
 * The fault table: put between the library and libc, by a seed, it makes calls fail as the kernel makes them
 * fail when it is busy, interrupted or out of something, and counts what it did.
 *
 * Import it before the library: the library asks for its seam once, when it binds a function. The table is
 * shared memory, and threads that the library starts import this file before anything else, so one plan
 * holds for all of them.
 */
import { constants } from 'node:os'
import { getEnvironmentData, isMainThread, setEnvironmentData, threadId } from 'node:worker_threads'
import { Random } from './random.js'

/** What may go wrong with a call, and how often: 0 never, 1 always. An errno by its name, or: */
export type Rates = Partial<Record<ErrnoName | 'one' | 'part' | 'late', number>>
/**
 * `one`: the call is asked for a single byte (or a single message). `part`: for some of what was asked.
 * `late`: aio_error says EINPROGRESS a while longer.
 */
export type ErrnoName = keyof typeof constants.errno

/** For each function, what may go wrong. */
export type Rules = Record<string, Rates>

// How the length of each call that can be short is found.
const lengthAt: Record<string, number | 'message' | 'vector' | 'aiocb'> = {
  recv: 2,
  send: 2,
  read: 2,
  write: 2,
  pread: 2,
  pwrite: 2,
  pread64: 2,
  pwrite64: 2,
  recvfrom: 2,
  sendto: 2,
  recvmmsg: 2,
  sendmmsg: 2,
  recvmsg: 'message',
  sendmsg: 'message',
  readv: 'vector',
  writev: 'vector',
  aio_read: 'aiocb',
  aio_write: 'aiocb',
  aio_read64: 'aiocb',
  aio_write64: 'aiocb',
}

/**
 * Calls that take effect although they fail with EINTR: a connect goes on by itself, a close has closed. So
 * for these the call is made, and only its answer is exchanged.
 */
const takesEffect = new Set(['connect', 'close'])

/** Every function a plan can name. A plan that names another is a mistake. */
export const functions = [
  ...Object.keys(lengthAt),
  'accept4',
  'connect',
  'close',
  'shutdown',
  'socket',
  'bind',
  'listen',
  'setsockopt',
  'getsockopt',
  'getsockname',
  'getpeername',
  'fcntl',
  'epoll_create1',
  'epoll_ctl',
  'epoll_wait',
  'epoll_pwait',
  'epoll_pwait2',
  'select',
  'pselect',
  'poll',
  'ppoll',
  'sigtimedwait',
  'signalfd',
  'eventfd',
  'aio_error',
  'aio_return',
  'aio_suspend',
  'aio_cancel',
  'lio_listio',
  'mmap',
  // Made through syscall(2): told apart by their numbers.
  'io_uring_setup',
  'io_uring_enter',
  'io_uring_register',
  // What a ring is asked for has no C call: these are submissions.
  'ring send',
  'ring sendmsg',
  'ring recv',
  'ring recvmsg',
  'ring accept',
  'ring connect',
  'ring poll_add',
] as const

const index = new Map<string, number>(functions.map((name, at) => [name, at]))

// The table: a header, and for each function the calls made and SLOTS faults of four words.
const ON = 0
const SEED = 1
const PLAN = 2
const HEADER = 4
const SLOTS = 8
const FAULT = 4 // what, threshold, left, injected
const ROW = 1 + SLOTS * FAULT
const NONE = 0
const AFTER = 0x1000
const ONE = 0x2001
const PART = 0x2002
const LATE = 0x2003

const KEY = 'fivefold.conformance.faults'

const shared = (isMainThread ? undefined : getEnvironmentData(KEY)) as SharedArrayBuffer | undefined
const memory = shared ?? new SharedArrayBuffer((HEADER + functions.length * ROW) * 4)
const table = new Int32Array(memory)
if (isMainThread) {
  setEnvironmentData(KEY, memory)
  // The library's threads import this module first where they find it here.
  setEnvironmentData('fivefold.seam', import.meta.url)
}

const errnoNames = new Map<number, string>(
  Object.entries(constants.errno)
    .filter(([name]) => name !== 'EWOULDBLOCK')
    .map(([name, value]) => [value, name]),
)

let planSeen = -1
let suspensions = 0
const generators = new Map<number, Random>()

function generator(row: number): Random {
  const plan = Atomics.load(table, PLAN)
  if (plan !== planSeen) {
    planSeen = plan
    generators.clear()
  }
  let random = generators.get(row)
  if (random === undefined) {
    const seed = Atomics.load(table, SEED)
    random = new Random(Math.imul(seed + 1, 0x85ebca6b) ^ Math.imul(row + 1, 0xc2b2ae35) ^ threadId)
    generators.set(row, random)
  }
  return random
}

/** Decides about one call. @returns what is to happen to it, or NONE */
function decide(row: number): number {
  const at = HEADER + row * ROW
  Atomics.add(table, at, 1)
  if (table[ON] === 0 || suspensions > 0 || table[at + 1] === NONE) return NONE
  const random = generator(row)
  for (let slot = at + 1; slot < at + ROW && table[slot] !== NONE; slot += FAULT) {
    if (random.next() >= table[slot + 1]! >>> 0 && table[slot + 1] !== -1) continue
    if (table[slot + 2]! >= 0 && Atomics.sub(table, slot + 2, 1) <= 0) {
      Atomics.store(table, slot + 2, 0)
      continue
    }
    Atomics.add(table, slot + 3, 1)
    return table[slot]!
  }
  return NONE
}

// ---- the rings

/** What a ring's seam sees of a ring: submissions of 16 words. */
interface SeenRing {
  readonly sqes: Int32Array
}

const submissions: Record<number, string> = {
  6: 'ring poll_add',
  9: 'ring sendmsg',
  10: 'ring recvmsg',
  13: 'ring accept',
  16: 'ring connect',
  26: 'ring send',
  27: 'ring recv',
}
const LENGTH = 6

/** Shortens a submission, or turns it into a NOP that completes with an error (Linux 6.10). */
function submitting({ sqes }: SeenRing, at: number): void {
  const name = submissions[sqes[at]! & 0xff]
  if (name === undefined) return
  const row = index.get(name)!
  const what = decide(row)
  if (what === NONE || what === LATE) return
  if (what === ONE || what === PART) {
    const length = sqes[at + LENGTH]!
    // A receive into a buffer of the kernel's choosing has no length of its own.
    if (length === 0) sqes[at + LENGTH] = what === ONE ? 1 : generator(row).between(1, 4096)
    else sqes[at + LENGTH] = shorter(length, what, row)
    return
  }
  // Its failure must break a chain of linked ones, as the real one's would (IOSQE_IO_LINK, IOSQE_IO_HARDLINK).
  sqes[at] = sqes[at]! & 0x0c00
  sqes[at + 1] = -1
  sqes.fill(0, at + 2, at + 8)
  sqes[at + LENGTH] = -(what & 0xfff)
  sqes[at + 7] = 1 // IORING_NOP_INJECT_RESULT
  sqes.fill(0, at + 10, at + 14)
}

interface ErrnoCell {
  get(): number
  set(value: number): void
}
// biome-ignore lint/suspicious/noExplicitAny: the seam wraps functions of every signature
type Call = (...args: any[]) => any

let viewOf: ((address: number, bytes: number) => ArrayBuffer) | null = null

/** The memory behind a pointer argument. */
function memoryOf(pointer: unknown, bytes: number): DataView | null {
  if (ArrayBuffer.isView(pointer)) return new DataView(pointer.buffer, pointer.byteOffset, pointer.byteLength)
  if (pointer instanceof ArrayBuffer) return new DataView(pointer)
  if (typeof pointer === 'number' && pointer !== 0 && viewOf !== null) {
    return new DataView(viewOf(pointer, bytes))
  }
  return null
}

const shorter = (length: number, what: number, row: number): number =>
  length <= 1 ? length : what === ONE ? 1 : generator(row).between(1, length - 1)

function callShort(call: Call, name: string, row: number, what: number, args: unknown[]): unknown {
  const where = lengthAt[name]
  if (typeof where === 'number') {
    const changed = [...args]
    changed[where] = shorter(args[where] as number, what, row)
    return call(...changed)
  }
  if (where === 'aiocb') {
    // glibc's struct aiocb: aio_nbytes is at 24, after fd, opcode, priority and the buffer.
    const aiocb = memoryOf(args[0], 32)
    if (aiocb === null) return call(...args)
    const whole = Number(aiocb.getBigUint64(24, true))
    aiocb.setBigUint64(24, BigInt(shorter(whole, what, row)), true)
    return call(...args)
  }
  // struct msghdr: msg_iov at 16, msg_iovlen at 24. struct iovec: base, length.
  const header = where === 'message' ? memoryOf(args[1], 56) : null
  const vectorAt = header === null ? args[1] : Number(header.getBigUint64(16, true))
  const count = header === null ? (args[2] as number) : Number(header.getBigUint64(24, true))
  const vector = where === 'message' && header === null ? null : memoryOf(vectorAt, count * 16)
  if (vector === null || count === 0) return call(...args)
  const first = Number(vector.getBigUint64(8, true))
  const kept = what === ONE ? 1 : generator(row).between(1, count)
  const last = (kept - 1) * 16 + 8
  const length = Number(vector.getBigUint64(last, true))
  const cut = kept === 1 ? shorter(first, what, row) : shorter(length, what, row)
  vector.setBigUint64(last, BigInt(cut), true)
  const changed = [...args]
  if (header === null) changed[2] = kept
  else header.setBigUint64(24, BigInt(kept), true)
  try {
    return call(...changed)
  } finally {
    vector.setBigUint64(last, BigInt(length), true)
    if (header !== null) header.setBigUint64(24, BigInt(count), true)
  }
}

/** syscall(2) by number: what is called decides. */
const syscalls: Record<number, string> = {
  425: 'io_uring_setup',
  426: 'io_uring_enter',
  427: 'io_uring_register',
  441: 'epoll_pwait2',
}

function wrap(name: string, call: Call, errno: ErrnoCell): Call {
  if (name === 'syscall') {
    const wrapped = new Map(
      Object.entries(syscalls).map(([number, named]) => [Number(number), wrap(named, call, errno)]),
    )
    return (...args) => (wrapped.get(args[0] as number) ?? call)(...args)
  }
  const row = index.get(name)
  if (row === undefined) return call
  return (...args) => {
    const what = decide(row)
    if (what === NONE) return call(...args)
    if (what === LATE) {
      const result = call(...args)
      return result === 0 ? constants.errno.EINPROGRESS : result
    }
    if (what === ONE || what === PART) return callShort(call, name, row, what, args)
    if ((what & AFTER) !== 0) call(...args)
    if (what === constants.errno.EAGAIN) faults.lied?.()
    errno.set(what & 0xfff)
    return -1
  }
}

Object.assign(globalThis, {
  [Symbol.for('fivefold.seam')]: wrap,
  [Symbol.for('fivefold.ringSeam')]: { submitting },
})

/** The control panel. */
export const faults = {
  /**
   * Called when a call was made to say EAGAIN although it might not have. To who hears of each event once that
   * is proof that nothing is left, and the kernel does not lie: a test has to see to another event.
   */
  lied: null as (() => void) | null,

  /**
   * Sets what goes wrong from now on.
   * @param most after how many injections each fault stops; without it, only `off` ends them
   */
  plan(seed: number, rules: Rules, most = -1): void {
    faults.off()
    for (let row = 0; row < functions.length; row++) {
      table.fill(0, HEADER + row * ROW + 1, HEADER + (row + 1) * ROW)
    }
    for (const [name, rates] of Object.entries(rules)) {
      const row = index.get(name)
      if (row === undefined) throw new Error(`the fault table knows no function ${name}`)
      let slot = HEADER + row * ROW + 1
      for (const [fault, rate] of Object.entries(rates)) {
        if (rate === 0) continue
        let what: number
        if (fault === 'one') what = ONE
        else if (fault === 'part') what = PART
        else if (fault === 'late') what = LATE
        else {
          what = constants.errno[fault as ErrnoName]
          if (what === undefined) throw new Error(`${fault} is not an errno`)
          if (fault === 'EINTR' && takesEffect.has(name)) what |= AFTER
        }
        table[slot] = what
        table[slot + 1] = rate >= 1 ? -1 : Math.floor(rate * 0x1_0000_0000) | 0
        table[slot + 2] = most
        table[slot + 3] = 0
        slot += FAULT
      }
    }
    table[SEED] = seed
    Atomics.add(table, PLAN, 1)
    Atomics.store(table, ON, 1)
  },

  /** Nothing goes wrong any more. The counts stay until the next plan. */
  off(): void {
    Atomics.store(table, ON, 0)
  },

  /** How often each fault of the plan was injected: `{ 'recv EINTR': 12 }`. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {}
    functions.forEach((name, row) => {
      const at = HEADER + row * ROW
      for (let slot = at + 1; slot < at + ROW && table[slot] !== NONE; slot += FAULT) {
        const what = table[slot]!
        const label =
          what === ONE
            ? 'one'
            : what === PART
              ? 'part'
              : what === LATE
                ? 'late'
                : errnoNames.get(what & 0xfff)!
        counts[`${name} ${label}`] = table[slot + 3]!
      }
    })
    return counts
  },

  /** How many faults were injected, of all functions or of one. */
  injected(name?: string): number {
    let sum = 0
    for (const [label, count] of Object.entries(faults.counts())) {
      if (name === undefined || label.startsWith(`${name} `)) sum += count
    }
    return sum
  },

  /** How many calls of a function the library made since the program began. */
  calls(name: string): number {
    return Atomics.load(table, HEADER + index.get(name)! * ROW)
  },

  /** Runs a test's own calls past the table. */
  suspended<T>(run: () => T): T {
    suspensions++
    try {
      return run()
    } finally {
      suspensions--
    }
  },

  /** Lets short calls look through addresses: the library's own `viewOf`, once it is imported. */
  seeThrough(view: (address: number, bytes: number) => ArrayBuffer): void {
    viewOf = view
  },
}
