/** Random reads of a real file through one model: a process that submits them and checks every byte. */
import { readSync } from 'node:fs'
import {
  type Completion,
  type Driver,
  FileOperation,
  Kind,
  type ModelName,
  models,
  type Operation,
} from 'fivefold'
import { errnoName } from 'fivefold/sys'
import { answer, configuration, INHERITED } from '../processes.js'
import { Complaints } from './complaint.js'
import type { Counted } from './counter.js'
import type { Errors } from './generator.js'
import { census, now, type Usage, usage } from './usage.js'

export interface FilesConfig {
  readonly model: ModelName
  /** Bytes of a read. */
  readonly size: number
  readonly inFlight: number
  readonly counting: boolean
}

export interface FileWindow {
  readonly slices: readonly number[]
  readonly seconds: number
  readonly before: Counted
  readonly after: Counted
}

/** So much of the file is read: as much as is kept in memory to compare with. */
export const MOST_FILE_BYTES = 64 * 1024 * 1024
const SLICES = 5

const config = configuration<FilesConfig>()
const { size } = config
let driver!: Driver
const fd = INHERITED
let reference: Buffer = Buffer.alloc(0)
let reads = 0
const complaints = new Complaints()

/** One reader of several: each has one read in flight, and begins the next when it is complete. */
class Reader implements Completion {
  readonly #operation: FileOperation
  readonly #memory = Buffer.allocUnsafeSlow(size)
  #began = 0
  /** Where to note how long each read took. */
  latencies: number[] | null = null
  flowing = false
  rounds = 0

  constructor() {
    this.#operation = new FileOperation(Kind.read, fd, this)
    this.#operation.buffers = [this.#memory]
  }

  get busy(): boolean {
    return this.#operation.inFlight
  }

  next(): void {
    this.#operation.position = Math.floor(Math.random() * Math.floor(reference.length / size)) * size
    if (this.latencies !== null) this.#began = now()
    driver.submit(this.#operation)
  }

  completed({ result }: Operation): void {
    const { position } = this.#operation
    this.rounds++
    if (this.latencies !== null) this.latencies.push((now() - this.#began) / 1000)
    if (result < 0) complaints.add('failed', `read: ${errnoName(result)}`)
    else if (result !== size) complaints.add('short', String(result))
    else if (reference.compare(this.#memory, 0, size, position, position + size) !== 0) {
      complaints.add('wrong', String(position))
    } else reads++
    // Not from here: some models complete within submit, and would never return.
    if (this.flowing) due.push(this)
  }
}

const due: Reader[] = []

/** The dedicated host, by hand: the driver's own wait, then a round of Node's loop. */
async function run(until: () => boolean): Promise<void> {
  while (!until()) {
    // Those that are due now: whatever completes at once in here is due in the next round.
    for (const reader of due.splice(0)) reader.next()
    driver.turn(due.length > 0 ? 0 : 20)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const readers: Reader[] = []

/** Read once from end to end: afterwards it is in the page cache, and here to compare with. */
function contents(): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; at < MOST_FILE_BYTES; ) {
    const piece = Buffer.allocUnsafe(1024 * 1024)
    const length = readSync(fd, piece, 0, piece.length, at)
    if (length === 0) break
    pieces.push(piece.subarray(0, length))
    at += length
  }
  return Buffer.concat(pieces)
}

/** At one moment; without the counting seam no calls. */
async function counted(): Promise<Counted> {
  const calls = config.counting ? (await import('./counter.js')).callCounts() : {}
  return { usage: usage(reads), calls }
}

async function quiet(): Promise<void> {
  for (const reader of readers) reader.flowing = false
  due.length = 0
  const patience = now() + 10e9
  await run(() => readers.every((reader) => !reader.busy) || now() > patience)
  for (const reader of readers) if (reader.busy) complaints.add('stuck')
}

answer({
  async open(): Promise<void> {
    reference = contents()
    driver = models.find(({ name }) => name === config.model)!.open({ host: 'dedicated' })
    for (let index = 0; index < config.inFlight; index++) readers.push(new Reader())
  },
  census: () => census(),
  async idle(milliseconds: number): Promise<{ before: Usage; after: Usage }> {
    const before = usage(reads)
    const until = now() + milliseconds * 1e6
    await run(() => now() >= until)
    return { before, after: usage(reads) }
  },
  /** One read at a time. */
  async single({ samples, milliseconds }: { samples: number; milliseconds: number }): Promise<Float64Array> {
    await quiet()
    const [reader] = readers
    const latencies: number[] = []
    const until = now() + milliseconds * 1e6
    reader!.latencies = latencies
    reader!.flowing = true
    due.push(reader!)
    await run(() => latencies.length >= samples || now() >= until)
    await quiet()
    reader!.latencies = null
    return Float64Array.from(latencies)
  },
  /** All readers at once. */
  async window({ warmUpMs, milliseconds }: { warmUpMs: number; milliseconds: number }): Promise<FileWindow> {
    for (const reader of readers) {
      if (reader.flowing) continue
      reader.flowing = true
      due.push(reader)
    }
    // Every reader has come round once: a thread that had to be started for it is there.
    const patience = now() + 30e9
    await run(() => readers.every((reader) => reader.rounds > 0) || now() > patience)
    const warm = now() + warmUpMs * 1e6
    await run(() => now() >= warm)
    const before = await counted()
    const slices: number[] = []
    let last = before.usage
    for (let slice = 1; slice <= SLICES; slice++) {
      const until = before.usage.nanoseconds + (milliseconds * 1e6 * slice) / SLICES
      await run(() => now() >= until)
      const next = usage(reads)
      slices.push(((next.messages - last.messages) * 1e9) / (next.nanoseconds - last.nanoseconds))
      last = next
    }
    const after = await counted()
    return { slices, seconds: (last.nanoseconds - before.usage.nanoseconds) / 1e9, before, after }
  },
  async errors(): Promise<Errors> {
    await quiet()
    driver.close()
    return { count: complaints.total, complaints: complaints.list() }
  },
})
