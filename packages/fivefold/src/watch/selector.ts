/**
 * `Selector`: the shape of Python's selectors, for a script that owns its loop. `select` sleeps in the model's own
 * call, and Node's loop does not go round meanwhile.
 */
import { type ModelName, type Poller, READ, ReadyList, WRITE } from '../models/model.js'
import { openMultiplexer } from '../models/synchronous.js'
import { systemError } from '../sys/errno.js'
import { requireFd } from './watch.js'

export const EVENT_READ = READ
export const EVENT_WRITE = WRITE

/** What is registered for a descriptor. */
export interface SelectorKey<Data = unknown> {
  readonly fd: number
  /** A set of EVENT_READ and EVENT_WRITE. */
  readonly events: number
  readonly data: Data
}

export interface SelectorOptions {
  /** 'epoll' (the default), 'poll' or 'select'. */
  model?: ModelName | 'auto'
}

export class Selector<Data = unknown> implements Disposable {
  readonly #poller: Poller
  readonly #keys = new Map<number, SelectorKey<Data>>()
  readonly #ready = new ReadyList(1024)
  #closed = false

  /** @throws ENOTSUP for a model that does not report readiness */
  constructor({ model = 'auto' }: SelectorOptions = {}) {
    this.#poller = openMultiplexer(model, 'dedicated')
  }

  /**
   * Begins to wait for a descriptor.
   * @param events EVENT_READ, EVENT_WRITE, or both
   * @param data whatever belongs to it
   * @throws EEXIST (registered already), EBADF, EPERM (epoll: a regular file)
   */
  register(fd: number, events: number, data?: Data): SelectorKey<Data> {
    this.#requireOpen()
    requireFd(fd)
    requireEvents(events)
    if (this.#keys.has(fd)) throw systemError(-EEXIST, 'register', `descriptor ${fd} is registered`)
    this.#poller.set(fd, 0, events)
    return this.#put(fd, events, data)
  }

  /**
   * Changes what is waited for, or the data.
   * @throws ENOENT (not registered), EBADF
   */
  modify(fd: number, events: number, data?: Data): SelectorKey<Data> {
    const key = this.#known(fd)
    requireEvents(events)
    if (key.events !== events) this.#poller.set(fd, key.events, events)
    return this.#put(fd, events, data)
  }

  /**
   * Waits for it no more: before it is closed, or after.
   * @throws ENOENT (not registered)
   */
  unregister(fd: number): SelectorKey<Data> {
    const key = this.#known(fd)
    this.#keys.delete(fd)
    try {
      this.#poller.set(fd, key.events, 0)
    } catch (error) {
      // Closed already, and with that forgotten.
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EBADF' && code !== 'ENOENT') throw error
    }
    return key
  }

  /**
   * Sleeps until something is ready, the time is up, or a signal came.
   * @param timeoutMs 0: not at all; null, the default: without end
   * @returns what is ready, and for what
   */
  select(timeoutMs: number | null = null): [key: SelectorKey<Data>, events: number][] {
    this.#requireOpen()
    this.#poller.wait(timeoutMs === null ? -1 : Math.max(0, timeoutMs), this.#ready)
    const { fds, interests, count } = this.#ready
    const found: [SelectorKey<Data>, number][] = []
    for (let index = 0; index < count; index++) {
      const key = this.#keys.get(fds[index]!)
      const events = key === undefined ? 0 : interests[index]! & key.events
      if (events !== 0) found.push([key!, events])
    }
    return found
  }

  /** @throws ENOENT (not registered) */
  getKey(fd: number): SelectorKey<Data> {
    return this.#known(fd)
  }

  /** All that is registered, by descriptor. */
  getMap(): ReadonlyMap<number, SelectorKey<Data>> {
    return this.#keys
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#keys.clear()
    this.#poller.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #put(fd: number, events: number, data: Data | undefined): SelectorKey<Data> {
    const key: SelectorKey<Data> = { fd, events, data: data as Data }
    this.#keys.set(fd, key)
    return key
  }

  #known(fd: number): SelectorKey<Data> {
    this.#requireOpen()
    const key = this.#keys.get(fd)
    if (key === undefined) throw systemError(-ENOENT, 'selector', `descriptor ${fd} is not registered`)
    return key
  }

  #requireOpen(): void {
    if (this.#closed) throw systemError(-EBADF, 'selector', 'this selector is closed')
  }
}

function requireEvents(events: number): void {
  if (events === EVENT_READ || events === EVENT_WRITE || events === (EVENT_READ | EVENT_WRITE)) return
  throw Object.assign(new RangeError(`events is EVENT_READ, EVENT_WRITE or both, not ${String(events)}`), {
    code: 'ERR_OUT_OF_RANGE',
  })
}

const ENOENT = 2
const EBADF = 9
const EEXIST = 17
