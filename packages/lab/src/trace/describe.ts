/** Calls in words: their arguments as a man page names them, and what they wrote back. */
import { constants } from 'node:os'

/** Reads memory that is known by its address alone; null where that is not possible. */
export type See = ((address: number, bytes: number) => ArrayBuffer) | null

type Describe = (parameters: readonly unknown[], see: See) => string[]
type WroteBack = (parameters: readonly unknown[], result: number, see: See) => string | null

// ---- memory

function memoryAt(pointer: unknown, bytes: number, see: See): DataView | null {
  if (ArrayBuffer.isView(pointer)) return new DataView(pointer.buffer, pointer.byteOffset, pointer.byteLength)
  if (pointer instanceof ArrayBuffer) return new DataView(pointer)
  return typeof pointer === 'number' && pointer !== 0 && see !== null
    ? new DataView(see(pointer, bytes))
    : null
}

// ---- flags

const bits =
  (names: Readonly<Record<string, number>>) =>
  (value: unknown): string => {
    let left = value as number
    const found: string[] = []
    for (const [name, bit] of Object.entries(names)) {
      if ((left & bit) !== bit) continue
      found.push(name)
      left &= ~bit
    }
    if (left !== 0) found.push(`0x${(left >>> 0).toString(16)}`)
    return found.join('|') || '0'
  }

const message = bits({
  MSG_PEEK: 0x2,
  MSG_TRUNC: 0x20,
  MSG_DONTWAIT: 0x40,
  MSG_WAITALL: 0x100,
  MSG_NOSIGNAL: 0x4000,
})
const epollEvents = bits({
  EPOLLIN: 1,
  EPOLLPRI: 2,
  EPOLLOUT: 4,
  EPOLLERR: 8,
  EPOLLHUP: 0x10,
  EPOLLRDHUP: 0x2000,
})
const pollEvents = bits({ POLLIN: 1, POLLPRI: 2, POLLOUT: 4, POLLERR: 8, POLLHUP: 0x10, POLLRDHUP: 0x2000 })
const openFlags = bits({ O_NONBLOCK: 0o4000, O_ASYNC: 0o20000, O_RDWR: 0o2 })
const enterFlags = bits({ GETEVENTS: 1, SQ_WAKEUP: 2, EXT_ARG: 8, REGISTERED_RING: 16 })
const socketType = (value: unknown) => {
  const kind = ['0', 'SOCK_STREAM', 'SOCK_DGRAM', 'SOCK_RAW', '4', 'SOCK_SEQPACKET'][(value as number) & 0xf]
  return [
    kind,
    ...(bits({ SOCK_NONBLOCK: 0o4000, SOCK_CLOEXEC: 0o2000000 })((value as number) & ~0xf).match(
      /SOCK_\w+/g,
    ) ?? []),
  ].join('|')
}
const name = (names: Readonly<Record<number, string>>) => (value: unknown) =>
  names[value as number] ?? String(value)
const family = name({ 1: 'AF_UNIX', 2: 'AF_INET', 10: 'AF_INET6' })
const epollOperation = name({ 1: 'EPOLL_CTL_ADD', 2: 'EPOLL_CTL_DEL', 3: 'EPOLL_CTL_MOD' })
const maskOperation = name({ 0: 'SIG_BLOCK', 1: 'SIG_UNBLOCK', 2: 'SIG_SETMASK' })

/** Signals by name; the real-time ones by their distance from the first. */
export function signalName(number: number): string {
  const known = Object.entries(constants.signals).find(
    ([key, value]) => value === number && key !== 'SIGPOLL',
  )
  return known?.[0] ?? (number >= 34 ? `SIGRTMIN+${number - 34}` : String(number))
}

function signalSet(pointer: unknown, see: See): string {
  const memory = memoryAt(pointer, 8, see)
  if (memory === null) return pointer === null ? 'NULL' : '{…}'
  const found: number[] = []
  for (let signal = 1; signal <= 64; signal++) {
    if ((memory.getUint32(signal > 32 ? 4 : 0, true) & (1 << ((signal - 1) & 31))) !== 0) found.push(signal)
  }
  return found.length > 8 ? `{${found.length} signals}` : `{${found.map(signalName).join(', ')}}`
}

function milliseconds(value: number): string {
  return value < 0 ? '-1' : `${Math.round(value * 1000) / 1000} ms`
}

function time(pointer: unknown, perSecond: number, see: See): string {
  const memory = memoryAt(pointer, 16, see)
  if (memory === null) return pointer === null ? 'NULL' : '…'
  return milliseconds(
    Number(memory.getBigInt64(0, true)) * 1000 + (Number(memory.getBigInt64(8, true)) * 1000) / perSecond,
  )
}

function descriptors(pointer: unknown, count: unknown, see: See): string {
  const bytes = Math.ceil((count as number) / 8)
  const memory = memoryAt(pointer, bytes, see)
  if (memory === null) return pointer === null ? 'NULL' : '{…}'
  const found: number[] = []
  for (let fd = 0; fd < (count as number); fd++) {
    if ((memory.getUint8(fd >> 3) & (1 << (fd & 7))) !== 0) found.push(fd)
  }
  return `{${found.join(', ')}}`
}

function pollEntries(pointer: unknown, count: unknown, see: See, at: 'events' | 'revents'): string {
  const memory = memoryAt(pointer, (count as number) * 8, see)
  if (memory === null) return pointer === null ? 'NULL' : '[…]'
  const found: string[] = []
  for (let index = 0; index < (count as number); index++) {
    const what = memory.getInt16(index * 8 + (at === 'events' ? 4 : 6), true)
    if (at === 'events' || what !== 0)
      found.push(`{${memory.getInt32(index * 8, true)}, ${pollEvents(what)}}`)
  }
  return `[${found.join(', ')}]`
}

function controlBlock(pointer: unknown, see: See): string {
  const memory = memoryAt(pointer, 168, see)
  if (memory === null) return '&aiocb'
  const signal = memory.getInt32(44, true) === 0 ? `, ${signalName(memory.getInt32(40, true))}` : ''
  return `{${memory.getInt32(0, true)}, ${memory.getBigUint64(24, true)} bytes${signal}}`
}

const epollEventBytes = process.arch === 'x64' ? 12 : 16
const epollData = process.arch === 'x64' ? 4 : 8

// ---- the calls

const integer = (value: unknown) => String(value)
const transfer = (flags = false): Describe =>
  flags
    ? ([fd, , length, how]) => [integer(fd), 'buffer', integer(length), message(how)]
    : ([fd, , length]) => [integer(fd), 'buffer', integer(length)]

const arguments_: Readonly<Record<string, Describe>> = {
  socket: ([domain, type]) => [family(domain), socketType(type), '0'],
  bind: ([fd]) => [integer(fd), 'address'],
  connect: ([fd]) => [integer(fd), 'address'],
  listen: ([fd, backlog]) => [integer(fd), integer(backlog)],
  accept4: ([fd]) => [integer(fd), 'NULL', 'NULL', '…'],
  recv: transfer(true),
  send: transfer(true),
  recvfrom: ([fd, , length, flags]) => [integer(fd), 'buffer', integer(length), message(flags), '&from'],
  sendto: ([fd, , length, flags]) => [integer(fd), 'buffer', integer(length), message(flags), 'to'],
  read: transfer(),
  write: transfer(),
  pread: ([fd, , length, offset]) => [integer(fd), 'buffer', integer(length), integer(offset)],
  epoll_ctl: ([epoll, operation, fd, event], see) => {
    const memory = memoryAt(event, epollEventBytes, see)
    const events = memory === null || operation === 2 ? '' : epollEvents(memory.getUint32(0, true))
    return [integer(epoll), epollOperation(operation), integer(fd), ...(events === '' ? [] : [events])]
  },
  epoll_wait: ([epoll, , most, timeout]) => [
    integer(epoll),
    'events',
    integer(most),
    milliseconds(timeout as number),
  ],
  select: ([count, read, write, , timeout], see) => [
    integer(count),
    descriptors(read, count, see),
    descriptors(write, count, see),
    'NULL',
    time(timeout, 1e6, see),
  ],
  poll: ([entries, count, timeout], see) => [
    pollEntries(entries, count, see, 'events'),
    integer(count),
    milliseconds(timeout as number),
  ],
  ppoll: ([entries, count, timeout], see) => [
    pollEntries(entries, count, see, 'events'),
    integer(count),
    time(timeout, 1e9, see),
    'mask',
  ],
  sigtimedwait: ([set, , timeout], see) => [signalSet(set, see), '&info', time(timeout, 1e9, see)],
  pthread_sigmask: ([how, set], see) => [maskOperation(how), signalSet(set, see), '…'],
  fcntl: ([fd, operation, value], see) => {
    if (operation === 3) return [integer(fd), 'F_GETFL']
    if (operation === 4) return [integer(fd), 'F_SETFL', openFlags((value as number) & ~0o100000)]
    if (operation === 10) return [integer(fd), 'F_SETSIG', value === 0 ? '0' : signalName(value as number)]
    if (operation === 15) {
      const owner = memoryAt(value, 8, see)
      return [
        integer(fd),
        'F_SETOWN_EX',
        owner === null ? '&owner' : `{F_OWNER_TID, ${owner.getInt32(4, true)}}`,
      ]
    }
    return [
      integer(fd),
      integer(operation),
      value === null || typeof value === 'number' ? integer(value) : '…',
    ]
  },
  aio_read: ([block], see) => [controlBlock(block, see)],
  aio_write: ([block], see) => [controlBlock(block, see)],
  aio_error: () => ['&aiocb'],
  aio_return: () => ['&aiocb'],
  aio_suspend: ([, count, timeout], see) => ['list', integer(count), time(timeout, 1e9, see)],
  aio_cancel: ([fd]) => [integer(fd), '&aiocb'],
  io_uring_enter: ([ring, submit, complete, flags]) => [
    integer(ring),
    `submit ${submit}`,
    `wait for ${complete}`,
    enterFlags(flags),
  ],
  io_uring_register: ([ring, operation]) => [integer(ring), integer(operation), '…'],
  getsockopt: ([fd, level, option]) => [integer(fd), integer(level), integer(option), '…'],
  setsockopt: ([fd, level, option]) => [integer(fd), integer(level), integer(option), '…'],
}

const wroteBack: Readonly<Record<string, WroteBack>> = {
  epoll_wait: ([, events], result, see) => {
    const memory = memoryAt(events, result * epollEventBytes, see)
    if (memory === null || result <= 0) return null
    return Array.from({ length: result }, (_, index) => {
      const at = index * epollEventBytes
      return `${memory.getInt32(at + epollData, true)}: ${epollEvents(memory.getUint32(at, true))}`
    }).join(', ')
  },
  select: ([count, read, write], result, see) =>
    result <= 0 ? null : `${descriptors(read, count, see)}, ${descriptors(write, count, see)}`,
  poll: ([entries, count], result, see) => (result <= 0 ? null : pollEntries(entries, count, see, 'revents')),
  sigtimedwait: ([, info], result, see) => {
    if (result <= 0) return null
    const memory = memoryAt(info, 128, see)
    // siginfo_t of an I/O signal: si_band at 16, si_fd at 24.
    return `${signalName(result)}${memory === null ? '' : `, si_fd ${memory.getInt32(24, true)}`}`
  },
}

const systemCalls: Readonly<Record<number, string>> = {
  425: 'io_uring_setup',
  426: 'io_uring_enter',
  427: 'io_uring_register',
  441: 'epoll_pwait2',
  ...(process.arch === 'x64'
    ? { 44: 'sendto', 45: 'recvfrom', 186: 'gettid', 234: 'tgkill', 297: 'rt_tgsigqueueinfo' }
    : { 206: 'sendto', 207: 'recvfrom', 178: 'gettid', 131: 'tgkill', 240: 'rt_tgsigqueueinfo' }),
}

/** The man page's name, and the parameters that belong to it. */
export function calledAs(
  name: string,
  parameters: readonly unknown[],
): readonly [string, readonly unknown[]] {
  if (name !== 'syscall') return [name, parameters]
  return [systemCalls[parameters[0] as number] ?? `syscall ${parameters[0]}`, parameters.slice(1)]
}

export function describeArguments(name: string, parameters: readonly unknown[], see: See): string[] {
  const described = arguments_[name]
  if (described !== undefined) return described(parameters, see)
  return parameters.map((value) =>
    value === null ? 'NULL' : ArrayBuffer.isView(value) ? '…' : String(value),
  )
}

export function describeOut(
  name: string,
  parameters: readonly unknown[],
  result: number,
  see: See,
): string | null {
  return wroteBack[name]?.(parameters, result, see) ?? null
}

const ringOperations: Readonly<Record<number, string>> = {
  0: 'NOP',
  3: 'FSYNC',
  6: 'POLL_ADD',
  9: 'SENDMSG',
  10: 'RECVMSG',
  13: 'ACCEPT',
  14: 'ASYNC_CANCEL',
  16: 'CONNECT',
  22: 'READ',
  23: 'WRITE',
  26: 'SEND',
  27: 'RECV',
  47: 'SEND_ZC',
}

/** `struct io_uring_sqe`, from its first word on. */
export function describeSubmission(entries: Int32Array, at: number): string {
  const first = entries[at]!
  const operation = ringOperations[first & 0xff] ?? `operation ${first & 0xff}`
  // ioprio, where receive and accept say that they repeat.
  const multishot = (first >>> 16) & 3 ? ', multishot' : ''
  const selects = ((first >>> 8) & 0x20) !== 0 ? ', buffer: the kernel picks one' : ''
  return `${operation} ${entries[at + 1]}${multishot}${selects}`
}
