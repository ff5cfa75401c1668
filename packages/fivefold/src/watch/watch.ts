/**
 * `watch`: the readiness of any descriptor in Node's loop: pipes, terminals, inotify, eventfd, timerfd, signalfd,
 * TUN, CAN, sockets of your own.
 *
 * (a) Level-triggered: the callback is called again, turn after turn, until you have read what there is.
 * (b) A regular file is always ready and is refused: EPERM.
 * (c) A descriptor that Node or another library watches too is no trouble: the poller here is our own.
 * (d) A watch is of an open file, not of a number. Before each call, and when a number comes again, an epoll set that
 *     nobody waits on is asked whether the two still belong together (witness.ts). If they do not, the watch is
 *     over, and the new file is not touched. Where a duplicate keeps the old file open, epoll would go on reporting
 *     it and could not be told to stop: so the poller is made anew, without it.
 * (e) An epoll set is refused where ours is one too: Node's own contains it.
 * (f) A callback may close its own watch and any other, and watch the same number again.
 */
import { Engine } from '../loop/engine.js'
import { modelNamed } from '../models/choose.js'
import { type Interest, type Model, type ModelName, READ, WRITE } from '../models/model.js'
import { openMultiplexer } from '../models/synchronous.js'
import { systemError } from '../sys/errno.js'
import { type Ready, WatchDriver } from './driver.js'
import { forget, isEpollSet, isStill, remember } from './witness.js'

/** What is waited for, and what has come. */
export type Readiness = 'read' | 'write' | 'both'

export interface WatchOptions {
  /** 'epoll' (the default), 'poll' or 'select'. */
  model?: ModelName | 'auto'
  /**
   * The descriptor was closed, or is another file by now: the watch is over. That is noticed with the next report or
   * call that concerns it, and not before; there may be none.
   */
  gone?(watch: Watch): void
}

/** Called while the descriptor is ready. An error or a hang-up counts as ready: the call that follows tells it. */
export type WatchCallback = (ready: Readiness, watch: Watch) => void

const bits: Record<Readiness, Interest> = { read: READ, write: WRITE, both: READ | WRITE }
const names: readonly Readiness[] = ['read', 'read', 'write', 'both']

export class Watch implements Disposable {
  readonly fd: number
  readonly #watches: Watches
  readonly #callback: WatchCallback
  readonly #gone: ((watch: Watch) => void) | undefined
  #interest: Interest
  #paused = false
  /** @internal What the poller knows; 0: nothing, for a pause. */
  wanted: Interest
  /** @internal The turn it began in: what is reported in it was found before. */
  readonly since: number
  #closed = false
  #refed = true

  /** @internal */
  constructor(
    watches: Watches,
    fd: number,
    wanted: Interest,
    callback: WatchCallback,
    options: WatchOptions,
  ) {
    this.fd = fd
    this.#interest = this.wanted = wanted
    this.since = watches.turns
    this.#watches = watches
    this.#callback = callback
    this.#gone = options.gone
    watches.engine.ref()
  }

  get interest(): Readiness {
    return names[this.#interest]!
  }

  /** Changes what is waited for, and ends a pause. @throws EBADF: the descriptor is not that file any more */
  set interest(interest: Readiness) {
    const wanted = bitsOf(interest)
    if (this.#closed) throw systemError(-EBADF, 'watch', 'this watch is closed')
    this.#interest = wanted
    this.#paused = false
    this.#set(wanted)
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Nothing is reported until `resume`. */
  pause(): void {
    if (!this.#paused) this.#set(0)
    this.#paused = true
  }

  /** Reports again, whatever is of interest by now. */
  resume(): void {
    if (this.#closed || !this.#paused) return
    this.#paused = false
    this.#set(this.#interest)
  }

  #set(wanted: Interest): void {
    if (this.#closed || wanted === this.wanted) return
    if (!isStill(this.fd)) {
      this.#watches.lose(this)
      throw systemError(-EBADF, 'watch', `descriptor ${this.fd} was closed, or is another file by now`)
    }
    this.#watches.change(this, wanted)
  }

  /** Keeps the process alive: the default. */
  ref(): this {
    if (!this.#closed && !this.#refed) {
      this.#refed = true
      this.#watches.engine.ref()
    }
    return this
  }

  unref(): this {
    if (!this.#closed && this.#refed) {
      this.#refed = false
      this.#watches.engine.unref()
    }
    return this
  }

  /** Ends the watch. The descriptor stays open; close it afterwards, not before. */
  close(): void {
    if (this.#closed) return
    if (isStill(this.fd)) this.#watches.take(this)
    else this.#watches.lose(this)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** @internal */
  get refed(): boolean {
    return this.#refed
  }

  /** @internal */
  ended(): void {
    this.#closed = true
    if (this.#refed) this.#watches.engine.unref()
    this.#refed = false
  }

  /** @internal */
  tell(interest: Interest): void {
    const { wanted } = this
    try {
      this.#callback(names[interest & wanted]!, this)
    } catch (error) {
      uncaught(error)
    }
  }

  /** @internal */
  tellGone(): void {
    try {
      this.#gone?.(this)
    } catch (error) {
      uncaught(error)
    }
  }
}

/** The others have their turn all the same. */
function uncaught(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}

/** All watches of one model in this thread. */
class Watches implements Ready {
  readonly #name: ModelName | 'auto'
  readonly #watches = new Map<number, Watch>()
  engine: Engine
  #driver!: WatchDriver
  turns = 0
  #renewing = false

  constructor(name: ModelName | 'auto') {
    this.#name = name
    this.engine = this.#open()
  }

  get poller() {
    return this.#driver.poller
  }

  #open(): Engine {
    const model: Model = {
      ...modelNamed(this.#name === 'auto' ? 'epoll' : this.#name),
      open: () => {
        this.#driver = new WatchDriver(openMultiplexer(this.#name, 'embedded'), this)
        return this.#driver
      },
    }
    return new Engine(model, 'embedded', 'for watches')
  }

  add(fd: number, wanted: Interest, callback: WatchCallback, options: WatchOptions): Watch {
    const before = this.#watches.get(fd)
    if (before !== undefined) {
      if (isStill(fd)) throw systemError(-EEXIST, 'watch', `descriptor ${fd} is already watched`)
      this.lose(before)
    }
    remember(fd)
    try {
      // Node's own set will contain ours. Were it in ours as well, libuv would meet ELOOP, and abort.
      if (isEpollSet(fd) && isEpollSet(this.poller.wakeFd)) {
        throw systemError(
          -ELOOP,
          'watch',
          `descriptor ${fd} is an epoll set, which may contain the one it is watched by; choose 'poll' or 'select'`,
        )
      }
      this.poller.set(fd, 0, wanted)
    } catch (error) {
      forget(fd)
      throw error
    }
    const watch = new Watch(this, fd, wanted, callback, options)
    this.#watches.set(fd, watch)
    this.engine.schedule()
    return watch
  }

  change(watch: Watch, wanted: Interest): void {
    this.poller.set(watch.fd, watch.wanted, wanted)
    watch.wanted = wanted
    if (wanted !== 0) this.engine.schedule()
  }

  /** Ends a watch whose descriptor is what it was. */
  take(watch: Watch): void {
    this.#watches.delete(watch.fd)
    if (watch.wanted !== 0) this.poller.set(watch.fd, watch.wanted, 0)
    forget(watch.fd)
    watch.ended()
  }

  /** Ends a watch whose descriptor is closed, or another file: see (d). */
  lose(watch: Watch): void {
    if (this.#watches.get(watch.fd) !== watch) return
    this.#watches.delete(watch.fd)
    try {
      if (watch.wanted !== 0) this.poller.set(watch.fd, watch.wanted, 0)
    } catch {
      // Nobody is registered by that number: that is what was to be reached.
    }
    watch.ended()
    this.#renewSoon()
    watch.tellGone()
  }

  ready(fd: number, interest: Interest): void {
    const watch = this.#watches.get(fd)
    // What began in this turn was not there when the poller looked.
    if (watch === undefined || watch.since === this.turns) return
    if (!isStill(fd)) this.lose(watch)
    else if ((interest & watch.wanted) !== 0) watch.tell(interest)
  }

  begin(): void {
    this.turns++
  }

  broken(): void {
    for (const watch of [...this.#watches.values()]) if (!isStill(watch.fd)) this.lose(watch)
  }

  /** A poller that may hold what nobody can take out of it is exchanged, outside any turn. */
  #renewSoon(): void {
    if (this.#renewing) return
    this.#renewing = true
    setImmediate(() => {
      this.#renewing = false
      const { engine } = this
      this.engine = this.#open()
      engine.close()
      for (const watch of [...this.#watches.values()]) {
        if (!isStill(watch.fd)) {
          this.lose(watch)
          continue
        }
        if (watch.wanted !== 0) this.poller.set(watch.fd, 0, watch.wanted)
        if (watch.refed) this.engine.ref()
      }
      this.engine.schedule()
    })
  }
}

const all = new Map<string, Watches>()

/**
 * Calls back while a descriptor is ready, from Node's loop. The watch keeps the process alive; see `unref`.
 * @param fd an open descriptor; it stays yours. It should be O_NONBLOCK: readiness is a hint
 * @param interest 'read', 'write' or 'both'
 * @param callback should make the call that was waited for, until there is nothing more
 * @throws EPERM (a regular file or a folder), EBADF, EEXIST (watched already), ELOOP (an epoll set, with 'epoll'), EMFILE;
 *   ENOTSUP for a model that does not report readiness
 */
export function watch(
  fd: number,
  interest: Readiness,
  callback: WatchCallback,
  options: WatchOptions = {},
): Watch {
  const wanted = bitsOf(interest)
  requireFd(fd)
  if (typeof callback !== 'function') throw invalid(`callback is a function, not ${String(callback)}`)
  const { model = 'auto' } = options
  let watches = all.get(model)
  if (watches === undefined) {
    watches = new Watches(model)
    all.set(model, watches)
  }
  return watches.add(fd, wanted, callback, options)
}

/** @internal */
export function requireFd(fd: number): void {
  if (!Number.isInteger(fd) || fd < 0 || fd > 0x7fffffff)
    throw invalid(`fd is a descriptor, not ${String(fd)}`)
}

function bitsOf(interest: Readiness): Interest {
  const wanted = bits[interest]
  if (wanted === undefined) {
    throw invalid(`interest is 'read', 'write' or 'both', not ${String(interest)}`)
  }
  return wanted
}

function invalid(message: string): Error {
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_VALUE' })
}

const EBADF = 9
const EEXIST = 17
const ELOOP = 40
