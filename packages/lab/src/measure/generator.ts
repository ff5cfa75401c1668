/** The load generator: a process of its own, epoll and non-blocking sockets by hand, every byte checked. */
import { answer, configuration } from '../processes.js'
import type { Complaint } from './complaint.js'
import { Load, type LoadConfig } from './load.js'
import { now } from './usage.js'

/** What was seen in the measured time. */
export interface Window {
  readonly messages: number
  readonly seconds: number
  /** Messages per second in each fifth of the time. */
  readonly slices: readonly number[]
  /** How much of its processor the generator used. */
  readonly share: number
}

export interface Connect {
  readonly count: number
  /** Bytes of the message that has to come back on each; without it, a whole one. */
  readonly greeting?: number
}

export interface Connected {
  readonly open: number
  /** Why there are no more of them. */
  readonly reason: Complaint | null
}

export interface Start {
  readonly warmUpMs: number
  /** So many connections, the others are open and silent; without it, all. */
  readonly active?: number
}

export interface Sent {
  readonly nanoseconds: Float64Array
}

export interface Errors {
  readonly count: number
  readonly complaints: readonly Complaint[]
}

const SLICES = 5
const load = new Load(configuration<LoadConfig>())
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

answer({
  /** Opens so many more connections, and has one message come back on each. */
  async connect({ count, greeting }: Connect): Promise<Connected> {
    const reason = await load.open(count, greeting)
    return { open: load.greeted, reason }
  },
  /** Each has one message under way, from now on. @returns how many connections */
  async start({ warmUpMs, active }: Start): Promise<number> {
    const started = load.start(active)
    await sleep(warmUpMs)
    // On a busy machine the first one may take a while.
    const { messages } = load
    for (let tries = 0; tries < 100 && load.messages === messages; tries++) await sleep(50)
    return started
  },
  async window(milliseconds: number): Promise<Window> {
    const slices: number[] = []
    const cpu = process.cpuUsage()
    const began = now()
    const before = load.messages
    let last = { at: began, messages: before }
    // Longer where nothing came in all that time: a rate needs a message.
    for (let slice = 1; slice <= SLICES || (load.messages === before && slice < 20 * SLICES); slice++) {
      await sleep(Math.max(1, (began - now()) / 1e6 + (milliseconds * slice) / SLICES))
      const next = { at: now(), messages: load.messages }
      slices.push(((next.messages - last.messages) * 1e9) / (next.at - last.at))
      last = next
    }
    const { user, system } = process.cpuUsage(cpu)
    const nanoseconds = last.at - began
    return {
      messages: last.messages - before,
      seconds: nanoseconds / 1e9,
      slices,
      share: ((user + system) * 1000) / nanoseconds,
    }
  },
  /** Lets what is under way come back. */
  stop: () => load.stop(),
  /** One message at a time, on connections picked at random. */
  async single({ samples, milliseconds }: { samples: number; milliseconds: number }): Promise<Sent> {
    return { nanoseconds: await load.single(samples, milliseconds) }
  },
  errors: (): Errors => ({ count: load.complaints.total, complaints: load.complaints.list() }),
})
