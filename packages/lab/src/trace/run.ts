/** Traces messages: starts the process that receives them, and sends each when it has been waited for a while. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Model } from 'fivefold'
import { AF_INET, AF_UNIX } from 'fivefold/sys'
import { Failure } from '../failure.js'
import { now } from '../measure/usage.js'
import { Child, Unanswered } from '../processes.js'
import type { Text } from '../text/language.js'
import { agreementOf, beside, type Sighting, sightings } from './agreement.js'
import { type CallEvent, type Event, startOf } from './event.js'
import type { KernelEvent, KernelMark } from './kernel/event.js'
import { foldedKernel, testimonyOf } from './kernel/testimony.js'
import { callWitness, threadsOf, type Witness } from './kernel/witness.js'
import { Peer, type SendTimes, type SocketProtocol, warmUpSending } from './peer.js'
import { statesOf } from './states.js'
import type { Recorded, SubjectConfig, Waiting } from './subject.js'
import { happened, type Timeline, timelineOf } from './timeline.js'
import type { KernelWitness, Trace, TraceProtocol } from './trace.js'

/** The message, and how long it is waited for: the longer, the more of the processor's caches others have taken. */
export const MESSAGE_BYTES = 64
/** Of a file: a page. */
export const FILE_BYTES = 4096
const WAIT_MS = 10
const PATIENCE_MS = 30_000
const WARM_UP_SENDS = 200

export const bytesOf = (protocol: TraceProtocol) => (protocol === 'file' ? FILE_BYTES : MESSAGE_BYTES)

/** One message, as both saw it. */
interface Told {
  readonly timeline: Timeline
  readonly events: readonly Event[]
  readonly kernel: readonly KernelEvent[] | null
  readonly lost: number
  readonly sightings: readonly Sighting[]
  /** From the sending, or the asking, to the handler. */
  readonly latency: number
}

export interface TraceOptions {
  /** How many messages; default 1. */
  readonly repeats?: number
}

/** @throws Failure where the message does not arrive */
export async function traceMessage(
  model: Model,
  protocol: TraceProtocol,
  text: Text,
  signal: AbortSignal,
  { repeats = 1 }: TraceOptions = {},
): Promise<Trace> {
  const called = callWitness()
  const witness = 'witness' in called ? called.witness : null
  try {
    const told = await tell(model, protocol, text, signal, repeats, witness)
    const inOrder = [...told].sort((a, b) => a.latency - b.latency)
    const { timeline, kernel, events, lost } = inOrder[(told.length - 1) >> 1]!
    // Followed, and nothing of it seen: its numbers are others outside.
    const blind = kernel !== null && !kernel.some((event) => event.actor === 0)
    const testimony: KernelWitness =
      witness === null || kernel === null
        ? { usable: false, ...(called as Exclude<typeof called, { witness: Witness }>) }
        : blind
          ? { usable: false, reason: 'other-numbers', detail: '' }
          : {
              usable: true,
              events: foldedKernel(kernel, callsOf(timeline.events)),
              missing: witness.missing,
              lost,
            }
    return {
      model: model.name,
      family: model.family,
      synchronous: model.synchronous,
      protocol,
      borrowed: protocol === 'udp' && model.limits.borrows.includes('recvfrom'),
      bytes: bytesOf(protocol),
      repeats,
      ...timeline,
      kernel: testimony,
      states: statesOf(events, testimony.usable ? kernel : null, timeline.delivered),
      agreement: agreementOf(told.map((one) => one.sightings)),
    }
  } finally {
    witness?.close()
  }
}

async function tell(
  model: Model,
  protocol: TraceProtocol,
  text: Text,
  signal: AbortSignal,
  repeats: number,
  witness: Witness | null,
): Promise<Told[]> {
  const bytes = bytesOf(protocol)
  using source = protocol === 'file' ? new FileSource(bytes) : new PeerSource(protocol, bytes)
  const config: SubjectConfig = { model: model.name, protocol, port: source.port, path: source.path, bytes }
  await using child = new Child(
    text.compare.processes.receiver(model.name),
    new URL('./subject.js', import.meta.url),
    {
      config,
      execArgv: ['--import', new URL('./recorder.js', import.meta.url).href],
      signal,
      text,
    },
  )
  try {
    // What Node brings along is there by now, and nothing of the model's.
    await child.ask('hello', null, PATIENCE_MS)
    const strangers = new Set(threadsOf(child.pid))
    await child.ask('ready', null, PATIENCE_MS)
    const told: Told[] = []
    for (let message = 0; message < repeats; message++) {
      witness?.start(child.pid)
      const waiting = await child.ask<Waiting>('wait', null, PATIENCE_MS)
      const recorded = child.ask<Recorded>('recorded', null, PATIENCE_MS)
      // Whoever fails first: the other is not to be left unheard.
      recorded.catch(() => {})
      const sent = await source.send(waiting)
      told.push(heard(await recorded, sent, { pid: child.pid, strangers, protocol, witness }))
      source.over()
    }
    return told
  } catch (error) {
    throw error instanceof Unanswered ? new Failure(text.errors.noMessage(model.name)) : error
  }
}

const callsOf = (events: readonly Event[]): CallEvent[] => events.filter((event) => event.kind === 'call')

interface Heard {
  readonly pid: number
  readonly strangers: ReadonlySet<number>
  readonly protocol: TraceProtocol
  readonly witness: Witness | null
}

const IPPROTO = { udp: 17, tcp: 6 } as const

function heard(
  recorded: Recorded,
  sent: SendTimes | null,
  { pid, strangers, protocol, witness }: Heard,
): Told {
  const raw = witness?.stop() ?? null
  const all = happened(recorded, sent)
  const end = startOf(all.at(-1)!)
  const sentEvent = all.find((event) => event.kind === 'mark' && event.mark === 'sent')
  const sentAt = sentEvent === undefined ? 0 : startOf(sentEvent)
  const kernel =
    raw === null
      ? null
      : testimonyOf(raw.events, {
          zero: recorded.stamps.called,
          main: pid,
          threads: new Map(recorded.threads),
          sender: process.pid,
          strangers,
          process: new Set(threadsOf(pid)),
          socket:
            protocol === 'file'
              ? null
              : protocol === 'unix'
                ? { family: AF_UNIX, protocol: 0 }
                : { family: AF_INET, protocol: IPPROTO[protocol] },
        }).filter((event) => {
          const at = event.kind === 'call' ? event.entered : event.at
          // What the sender did before was its warming up.
          return at <= end && at >= (event.actor === 'sender' ? sentAt - 2 : 0)
        })
  const events = kernel === null ? all : beside(all, kernel)
  const done = protocol === 'file' ? deviceDone(kernel ?? []) : null
  if (done !== null) kernel?.push(done)
  const timeline = timelineOf(recorded, sent, events, done?.at ?? null)
  return {
    timeline,
    events,
    kernel,
    lost: raw?.lost ?? 0,
    sightings: kernel === null ? [] : sightings(timeline, events, kernel),
    latency: timeline.delivered - sentAt,
  }
}

/** Of a file: when whoever waited for the device was woken. */
function deviceDone(kernel: readonly KernelEvent[]): KernelMark | null {
  const marks = kernel.filter((event) => event.kind !== 'call')
  const asked = marks.findLast(({ kind }) => kind === 'disk-asked')
  if (asked === undefined) return null
  const woken = marks.find(
    ({ kind, actor, at }) => kind === 'woken' && actor === asked.actor && at > asked.at,
  )
  return woken === undefined ? null : { ...woken, kind: 'disk-done' }
}

/** Who provides what is waited for. */
interface Source extends Disposable {
  readonly port: number
  readonly path: string
  /** After a while. */
  send(to: Waiting): Promise<SendTimes | null>
  /** This message is through. */
  over(): void
}

class PeerSource implements Source {
  readonly #peer: Peer
  readonly #message: Uint8Array
  readonly #protocol: SocketProtocol

  constructor(protocol: SocketProtocol, bytes: number) {
    this.#protocol = protocol
    this.#message = randomBytes(bytes)
    this.#peer = new Peer(protocol)
  }

  get port(): number {
    return this.#peer.port
  }

  get path(): string {
    return this.#peer.path
  }

  async send(to: Waiting): Promise<SendTimes> {
    const until = now() + WAIT_MS * 1e6
    // A timer counts from the beginning of its round of the loop, which may be a while ago.
    do await new Promise((resolve) => setTimeout(resolve, 1 + (until - now()) / 1e6))
    while (now() < until)
    // A sender that has just woken takes its time; what is to be seen is the receiver.
    warmUpSending(this.#protocol, this.#message, WARM_UP_SENDS)
    return this.#peer.send(this.#message, to)
  }

  over(): void {
    this.#peer.hangUp()
  }

  [Symbol.dispose](): void {
    this.#peer.close()
  }
}

class FileSource implements Source {
  readonly port = 0
  readonly path: string
  readonly #folder = mkdtempSync(join(tmpdir(), 'fivefold-trace-'))

  constructor(bytes: number) {
    this.path = join(this.#folder, 'file')
    // What has not reached the device cannot be dropped from memory.
    writeFileSync(this.path, randomBytes(bytes), { flush: true })
  }

  async send(): Promise<null> {
    return null
  }

  over(): void {}

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
