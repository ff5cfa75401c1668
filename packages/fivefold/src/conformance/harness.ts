/**
 * What every case stands on: a setting (model, host, transport), its sockets as endpoints (see endpoint.ts), and waits
 * that end with an event or fail loudly.
 */
import { AssertionError } from 'node:assert'
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BindOptions, DatagramHandlers } from '../datagram/handlers.js'
import type { DatagramSocket } from '../datagram/socket.js'
import {
  bind,
  connect,
  type Host,
  type Limits,
  listen,
  type ModelName,
  modelNamed,
  type Tuning,
} from '../index.js'
import { engineFor } from '../loop/engine.js'
import { raise } from '../models/signal-driven/thread.js'
import type { ConnectOptions, Listener, ListenOptions, SocketHandlers } from '../stream/handlers.js'
import type { Socket } from '../stream/socket.js'
import type { Address } from '../sys/address.js'
import { seamed, viewOf } from '../sys/ffi.js'
import { SIGIO } from '../sys/signal.js'
import { type Child, start } from './child.js'
import { Endpoint, type Hooks } from './endpoint.js'
import { faults, type Rules } from './faults.js'
import { Pattern } from './pattern.js'
import { Random } from './random.js'

if (!seamed) throw new Error('import faults.js before anything of the library')
faults.seeThrough(viewOf)

export type StreamTransport = 'tcp' | 'tcp6' | 'unix' | 'abstract'
export type DatagramTransport = 'udp' | 'udp6' | 'unixgram' | 'abstractgram'
export type Transport = StreamTransport | DatagramTransport

export interface Setting {
  readonly model: ModelName
  readonly host: Host
  readonly transport: Transport
  readonly tuning?: Tuning
}

/** One scenario, run for every setting it names. */
export interface Case {
  readonly name: string
  readonly transports: readonly Transport[]
  run(t: Context): Promise<void> | void
}

/** How long an event may take to come before the test says that it never came. Generous: machines are shared. */
const DEADLINE_MS = Number(process.env.FIVEFOLD_DEADLINE ?? 20_000)

/** The seed of a run: fixed, so that a failure comes again; another one on request. */
export const SEED = Number(process.env.FIVEFOLD_SEED ?? 1) >>> 0

let nextName = 0
const folder = mkdtempSync(join(tmpdir(), 'fivefold-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** A new Unix socket name, or path, that nobody else uses. */
export function freshPath(transport: Transport): string {
  const name = `s${process.pid}-${nextName++}`
  return transport.startsWith('abstract') ? `\0fivefold-${name}` : join(folder, name)
}

type Data = Endpoint

/** One run of one case. */
export class Context implements Setting {
  readonly model: ModelName
  readonly host: Host
  readonly transport: Transport
  readonly tuning: Tuning
  readonly random: Random
  readonly seed: number
  readonly deadlineMs: number
  readonly endpoints: Endpoint[] = []
  readonly #violations: string[] = []
  readonly #cleanups: (() => unknown)[] = []
  readonly #waits = new Set<() => void>()
  #streams = 0

  constructor(setting: Setting, seed: number, deadlineMs = DEADLINE_MS) {
    this.model = setting.model
    this.host = setting.host
    this.transport = setting.transport
    this.tuning = setting.tuning ?? {}
    this.seed = seed
    this.deadlineMs = deadlineMs
    this.random = new Random(seed)
  }

  get unix(): boolean {
    return this.transport.startsWith('unix') || this.transport.startsWith('abstract')
  }

  /** The names of the engine, as every surface takes them. */
  get engine(): { model: ModelName; host: Host; tuning: Tuning } {
    return { model: this.model, host: this.host, tuning: this.tuning }
  }

  /** A stream of bytes of its own. */
  pattern(): Pattern {
    return new Pattern(this.seed * 1000 + this.#streams++)
  }

  /** How many: fewer for a model that can only wait for so many at once. */
  most(count: number, bounded = 20): number {
    return Number.isFinite(this.limits.maxWaiting) ? Math.min(count, bounded) : count
  }

  get limits(): Limits {
    return modelNamed(this.model).limits
  }

  /** The engine has threads of its own, and may be starting one at any time. */
  get startsThreads(): boolean {
    const waiter = this.host === 'embedded' && (this.model === 'select' || this.model === 'poll')
    return this.model === 'blocking' || this.model === 'posix-aio' || waiter
  }

  /** A connected socket's descriptors: posix-aio has one for each direction. */
  get descriptorsPerSocket(): number {
    return this.model === 'posix-aio' ? 2 : 1
  }

  // ---- streams

  /** Where a new listener of this transport can listen. */
  place(): { hostname: string; port: number } | { path: string } {
    if (this.unix) return { path: freshPath(this.transport) }
    return { hostname: this.transport === 'tcp6' ? '::1' : '127.0.0.1', port: 0 }
  }

  async listen(socket: SocketHandlers<Data>, options: Partial<ListenOptions<Data>> = {}): Promise<Listener> {
    const listener = await this.within(
      listen<Data>({ ...this.place(), ...this.engine, ...options, socket }),
      'listen',
    )
    this.cleanup(() => listener.close(true))
    return listener
  }

  /** Where `connect` finds what listens at an address. */
  to(address: Address): { hostname: string; port: number } | { path: string } {
    return address.family === 'Unix'
      ? { path: address.path }
      : { hostname: address.address, port: address.port }
  }

  /** The same for Node's own `connect`, as JSON. */
  dial({ address }: Listener): string {
    return JSON.stringify(
      address.family === 'Unix' ? { path: address.path } : { host: address.address, port: address.port },
    )
  }

  async connect(
    address: Address,
    socket: SocketHandlers<Data>,
    options: Partial<ConnectOptions<Data>> = {},
  ): Promise<Socket<Data>> {
    return this.within(connect<Data>({ ...this.to(address), ...this.engine, ...options, socket }), 'connect')
  }

  endpoint(name: string, sends: Pattern, expects: Pattern | null, hooks: Hooks = {}): Endpoint {
    const end = new Endpoint(this, name, sends, expects, hooks)
    this.endpoints.push(end)
    return end
  }

  /** Handlers that pass everything to the endpoint in `socket.data`; `make` makes that of an accepted socket. */
  handlers(make?: (socket: Socket<Data>) => Endpoint): SocketHandlers<Data> {
    const of = (socket: Socket<Data>) => socket.data as Endpoint
    return {
      open: (socket) => {
        if (make !== undefined && socket.data === undefined) socket.data = make(socket)
        const end = of(socket)
        end.socket = socket
        end.onOpen()
        this.poke()
      },
      data: (socket, chunk) => {
        of(socket).onData(chunk)
        this.poke()
      },
      drain: (socket) => {
        of(socket).onDrain()
        this.poke()
      },
      end: (socket) => {
        of(socket).onEnd()
        this.poke()
      },
      error: (socket, error) => {
        of(socket).onError(error)
        this.poke()
      },
      close: (socket, error) => {
        of(socket).onClose(error)
        this.poke()
      },
    }
  }

  /** A connected pair, both ends of the library: what the one sends the other expects. */
  async pair(
    options: {
      server?: Hooks
      client?: Hooks
      listen?: Partial<ListenOptions<Data>>
      connect?: Partial<ConnectOptions<Data>>
      listener?: Listener
    } = {},
  ): Promise<{ server: Endpoint; client: Endpoint; listener: Listener }> {
    const up = this.pattern()
    const down = this.pattern()
    const number = this.endpoints.length / 2
    let server: Endpoint | undefined
    const listener = await this.listen(
      this.handlers(() => {
        if (server !== undefined) return this.endpoint('further', this.pattern(), null)
        server = this.endpoint(
          `server ${number}`,
          new Pattern(down.seed),
          new Pattern(up.seed),
          options.server ?? {},
        )
        return server
      }),
      options.listen,
    )
    const client = this.endpoint(
      `client ${number}`,
      new Pattern(up.seed),
      new Pattern(down.seed),
      options.client ?? {},
    )
    client.socket = await this.connect(listener.address, this.handlers(), {
      ...options.connect,
      data: client,
    })
    await this.until(() => server !== undefined && server.opened > 0 && client.opened > 0, 'both ends open')
    return { server: server!, client, listener }
  }

  /** A program of `children/`, ended with the case if not before. */
  start(name: string, args: readonly string[]): Child {
    const child = start(name, args)
    this.cleanup(() => {
      child.process.kill('SIGKILL')
      return child.ended
    })
    return child
  }

  // ---- datagrams

  async bind(
    socket: DatagramHandlers,
    options: Omit<Partial<BindOptions>, 'socket'> = {},
  ): Promise<DatagramSocket> {
    const handlers: DatagramHandlers = {}
    for (const name of ['data', 'drain', 'error', 'close'] as const) {
      const handler = socket[name] as ((...args: unknown[]) => void) | undefined
      if (handler === undefined) continue
      handlers[name] = (...args: unknown[]) => {
        handler.apply(socket, args)
        this.poke()
      }
    }
    const place = this.unix
      ? { path: freshPath(this.transport) }
      : { hostname: this.transport === 'udp6' ? '::1' : '127.0.0.1', port: 0 }
    const bound = await this.within(bind({ ...place, ...this.engine, ...options, socket: handlers }), 'bind')
    this.cleanup(() => bound.close())
    return bound
  }

  // ---- waiting

  violation(message: string): void {
    this.#violations.push(message)
    this.poke()
  }

  /** Something happened: look again at what is waited for. */
  poke(): void {
    for (const look of this.#waits) look()
  }

  /** Resolves when `condition` holds; it is looked at after every event. Fails on a violation, and at the deadline. */
  until(condition: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (error?: Error) => {
        this.#waits.delete(look)
        clearTimeout(timer)
        if (error === undefined) resolve()
        else reject(error)
      }
      const look = () => {
        if (this.#violations.length > 0) return finish(new AssertionError({ message: this.#violations[0]! }))
        try {
          if (condition()) finish()
        } catch (error) {
          finish(error as Error)
        }
      }
      const timer = setTimeout(() => {
        finish(new AssertionError({ message: `${what}: did not happen\n${this.describe()}` }))
      }, this.deadlineMs)
      this.#waits.add(look)
      look()
    })
  }

  /** A promise, with the deadline. */
  async within<T>(promise: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new AssertionError({ message: `${what}: was not answered\n${this.describe()}` }))
      }, this.deadlineMs)
    })
    try {
      return await Promise.race([promise, late])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Node's loop goes round once, and the engine with it: a dedicated one does not sleep meanwhile. */
  turn(): Promise<void> {
    if (this.host === 'dedicated')
      faults.suspended(() => engineFor(this.model, this.host, this.tuning).driver.wake())
    return new Promise((resolve) => setImmediate(resolve))
  }

  async turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) await this.turn()
  }

  /** Turns of the loop until a condition holds that no handler tells of. */
  async turnsUntil(condition: () => boolean, what: string): Promise<void> {
    const until = performance.now() + this.deadlineMs
    while (!condition()) {
      if (performance.now() > until) {
        throw new AssertionError({ message: `${what}: did not happen\n${this.describe()}` })
      }
      await this.turn()
    }
  }

  faults(rules: Rules, most?: number): void {
    // A plain SIGIO names no descriptor: it has everything looked at.
    faults.lied = modelNamed(this.model).family === 'signal-driven' ? () => raise(SIGIO) : null
    faults.plan(this.seed, rules, most)
  }

  cleanup(undo: () => unknown): void {
    this.#cleanups.push(undo)
  }

  describe(): string {
    const ends = this.endpoints
      .slice(-6)
      .map(
        (end) =>
          `  ${end.name}: opened ${end.opened}, received ${end.received}, sent ${end.sends.position}, refused ` +
          `${end.refusals}, drains ${end.drains}, ended ${end.ended}, errors ${end.errors.map((e) => e.message).join('; ') || 'none'}, closed ${end.closed}`,
      )
    const injected = Object.entries(faults.counts())
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${name}: ${count}`)
    return [...ends, ...(injected.length > 0 ? [`  faults: ${injected.join(', ')}`] : [])].join('\n')
  }

  /** Ends what the case left open, and checks what must hold after every case. */
  async finish(): Promise<void> {
    faults.off()
    for (const undo of this.#cleanups.reverse()) await this.within(Promise.resolve(undo()), 'cleaning up')
    await this.until(
      () => this.endpoints.every((end) => end.opened === 0 || end.closed === 1),
      'every opened socket is closed, once',
    )
    if (this.#violations.length > 0) throw new AssertionError({ message: this.#violations.join('\n') })
  }
}

/** The sockets this process has open. */
export function openSockets(): string[] {
  return openDescriptors().filter((target) => target.startsWith('socket:'))
}

/** What this process has open. */
export function openDescriptors(): string[] {
  const targets: string[] = []
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      targets.push(readlinkSync(`/proc/self/fd/${fd}`))
    } catch {
      // The descriptor of the listing itself.
    }
  }
  return targets
}
