/**
 * Descriptors: what each has at work, and the duplicate that is written to, see (b) in ../posix-aio.ts.
 */
import { rawClose } from '../../../sys/descriptor.js'
import { F_DUPFD_CLOEXEC, F_GETFL, F_SETFL, O_NONBLOCK, rawFcntl } from '../../../sys/fcntl.js'
import { rawGetsockopt, SO_TYPE, SOCK_DGRAM, SOCK_RAW, SOL_SOCKET } from '../../../sys/socket.js'
import { type Operation, without } from '../../operation.js'

/** What a descriptor has at work, besides requests that need nothing of it. */
export class End {
  readonly fd: number
  /** Operations in flight. With the last, this is forgotten: the number may become somebody else's. */
  users = 0
  /** The duplicate that is written to. */
  duplicate = -1
  socket = false
  stream = true
  /** Sends, in order: the first is at work. */
  sending: Operation | null = null
  /** Reads and writes at the file's own position, in order: the first is at work. */
  positioned: Operation | null = null

  constructor(fd: number) {
    this.fd = fd
  }
}

export class Ends {
  readonly #ends = new Map<number, End>()
  readonly #type = new Int32Array(1)
  readonly #typeLength = new Int32Array(1)

  /** A descriptor's operation begins. */
  enter(fd: number): End {
    let end = this.#ends.get(fd)
    if (end === undefined) {
      end = new End(fd)
      this.#typeLength[0] = 4
      const known = rawGetsockopt(fd, SOL_SOCKET, SO_TYPE, this.#type, this.#typeLength) === 0
      end.socket = known
      end.stream = !known || (this.#type[0] !== SOCK_DGRAM && this.#type[0] !== SOCK_RAW)
      this.#ends.set(fd, end)
    }
    end.users++
    return end
  }

  /** Of a descriptor with an operation in flight. */
  of(operation: Operation): End {
    return this.#ends.get(operation.fd)!
  }

  /** See (b). @returns the duplicate, or a negative errno */
  duplicate(end: End): number {
    if (end.duplicate < 0) end.duplicate = rawFcntl(end.fd, F_DUPFD_CLOEXEC, 0)
    return end.duplicate
  }

  /** Called before an operation's last completion, for its owner may close the descriptor in it. */
  leave(fd: number): void {
    const end = this.#ends.get(fd)!
    if (--end.users > 0) return
    this.#ends.delete(fd)
    if (end.duplicate >= 0) rawClose(end.duplicate)
  }

  /** Takes an operation back that stands in a queue. @returns false: its descriptor has nothing at work */
  withdraw(operation: Operation): boolean {
    const end = this.#ends.get(operation.fd)
    if (end === undefined) return false
    end.sending = without(end.sending, operation)
    end.positioned = without(end.positioned, operation)
    this.leave(operation.fd)
    return true
  }

  /**
   * Forgets all, for the driver closes.
   * @param left operations that end; those that still stand in queues are added
   * @param stuck descriptors that threads sleep on
   */
  abandon(left: Operation[], stuck: Set<number>): void {
    for (const end of this.#ends.values()) {
      for (const first of [end.sending, end.positioned]) {
        for (let operation = first; operation !== null; operation = operation.next) {
          if (!left.includes(operation)) left.push(operation)
        }
      }
      // Not under a thread: whoever got the number next would stand behind its request in glibc's queue.
      if (end.duplicate >= 0 && !stuck.has(end.duplicate)) rawClose(end.duplicate)
    }
    this.#ends.clear()
  }
}

/** See (a). */
export function makeBlocking(fd: number): void {
  const flags = rawFcntl(fd, F_GETFL, 0)
  if (flags >= 0 && (flags & O_NONBLOCK) !== 0) rawFcntl(fd, F_SETFL, flags & ~O_NONBLOCK)
}
