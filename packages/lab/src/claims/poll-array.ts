/** What poll is given and what it writes back: an array of eight-byte entries, and its revents. select beside it. */
import {
  AF_UNIX,
  close,
  FdSet,
  POLLFD,
  POLLIN,
  rawPoll,
  rawSelect,
  SOCK_STREAM,
  socketpair,
  write,
} from 'fivefold/sys'
import { bytes, count, type Experiment, finding, verdictOf } from './claim.js'

export interface Data {
  readonly entries: number
  readonly ready: number
  readonly answer: number
  /** How often the call changed each field of an entry. */
  readonly changed: { readonly fd: number; readonly events: number; readonly revents: number }
  /** The same bytes at another place, given to poll again. */
  readonly movedAnswer: number
  readonly movedSame: boolean
  readonly select: {
    readonly answer: number
    readonly wanted: number
    readonly left: number
    readonly timeLeftMicros: number
  }
}

const ENTRIES = 16
const READY = 3
const TIME_MICROS = 900_000

function measure(): Data {
  const pairs = Array.from({ length: ENTRIES }, () => socketpair(AF_UNIX, SOCK_STREAM))
  for (const [, writer] of pairs.slice(0, READY)) write(writer, Buffer.from('!'))
  const memory = new Uint8Array(ENTRIES * POLLFD.size)
  const view = new DataView(memory.buffer)
  pairs.forEach(([reader], index) => {
    view.setInt32(index * POLLFD.size, reader, true)
    view.setInt16(index * POLLFD.size + POLLFD.events, POLLIN, true)
    // What is there before tells what is written.
    view.setUint16(index * POLLFD.size + POLLFD.revents, 0xaaaa, true)
  })
  const before = memory.slice()
  const answer = rawPoll(memory, ENTRIES, 0)
  const changed = { fd: 0, events: 0, revents: 0 }
  for (let index = 0; index < ENTRIES; index++) {
    const at = index * POLLFD.size
    const differs = (from: number, to: number) =>
      Buffer.compare(memory.subarray(at + from, at + to), before.subarray(at + from, at + to)) !== 0
    if (differs(0, POLLFD.events)) changed.fd++
    if (differs(POLLFD.events, POLLFD.revents)) changed.events++
    if (differs(POLLFD.revents, POLLFD.size)) changed.revents++
  }
  // A list would have links, which name places; bytes that mean the same anywhere have none.
  const moved = new Uint8Array(memory.length + 8).subarray(8)
  moved.set(before)
  const movedAnswer = rawPoll(moved, ENTRIES, 0)
  const movedSame = Buffer.compare(moved, memory) === 0

  const wanted = new FdSet(pairs.map(([reader]) => reader))
  const found = new FdSet()
  found.copyFrom(wanted)
  const time = Int32Array.of(0, 0, TIME_MICROS, 0)
  const selected = rawSelect(wanted.nfds, found.words, null, null, time)
  const select = {
    answer: selected,
    wanted: [...wanted].length,
    left: [...found].length,
    timeLeftMicros: time[2]!,
  }
  for (const fd of pairs.flat()) close(fd)
  return { entries: ENTRIES, ready: READY, answer, changed, movedAnswer, movedSame, select }
}

/** Nothing is written; or only the answer; or even what is asked. */
function unchanged({ fd, events, revents }: Data['changed']): 'holds' | 'holds-when' | 'does-not-hold' {
  if (fd + events > 0) return 'does-not-hold'
  return revents === 0 ? 'holds' : 'holds-when'
}

export const pollArray: Experiment<Data> = {
  name: 'poll-array',
  claims: ['pollWritesNothing', 'pollList', 'selectOverwrites'],
  probes: { measure },
  needs: () => null,
  run: ({ probe }) => probe('measure'),
  selfCheck: ({ answer, ready, select }) => [
    { check: 'pollFound', ok: answer === ready },
    { check: 'selectFound', ok: select.answer === ready },
  ],
  judge: ({ entries, ready, changed, movedAnswer, movedSame, select }) => ({
    findings: [
      finding('pollWritesNothing', unchanged(changed), {
        entries: count(entries),
        ready: count(ready),
        revents: count(changed.revents),
        asked: count(changed.fd + changed.events),
      }),
      finding('pollList', verdictOf(!(movedSame && movedAnswer === ready)), {
        entries: count(entries),
        size: bytes(POLLFD.size),
        memory: bytes(POLLFD.size * entries),
      }),
      finding('selectOverwrites', verdictOf(select.left < select.wanted), {
        wanted: count(select.wanted),
        left: count(select.left),
        asked: { value: TIME_MICROS, unit: 'microseconds' },
        rest: { value: select.timeLeftMicros, unit: 'microseconds' },
      }),
    ],
    figures: [],
  }),
}
