/**
 * What a blocking driver sleeps on, and its threads wake it by, see (f) and (g) in ../blocking.ts: embedded, an
 * eventfd that Node's loop watches; dedicated, a socketpair, for the driver sleeps in recv like its threads.
 */
import { AF_UNIX } from '../../sys/address.js'
import { rawClose } from '../../sys/descriptor.js'
import { EFD_CLOEXEC, EFD_NONBLOCK, eventfd, rawEventfdRead, rawEventfdWrite } from '../../sys/eventfd.js'
import {
  rawSetsockopt,
  SO_RCVTIMEO,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
  socketpair,
} from '../../sys/socket.js'
import { rawSendByte, rawSleepUntilByte } from '../../sys/wake.js'
import type { Host } from '../model.js'
import { longestSleep } from '../threads/thread.js'

/** A time-out that stands for none: see (g). */
const LONG_MS = longestSleep < 0 ? 1e9 : longestSleep

export class WakeUp {
  /** Readable once somebody has woken the driver. */
  readonly fd: number
  /** The end of the socketpair that the threads send to; -1: they write to the eventfd. */
  readonly #sender: number
  readonly #timeval = new BigInt64Array(2)
  #timeoutMs = -1

  constructor(host: Host) {
    if (host === 'embedded') {
      this.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
      this.#sender = -1
    } else {
      const [receiver, sender] = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
      this.fd = receiver
      this.#sender = sender
    }
  }

  /** What a thread is told: the descriptor to write to, and whether by send. */
  get forThreads(): { wakeFd: number; wakeBySend: boolean } {
    return this.#sender < 0
      ? { wakeFd: this.fd, wakeBySend: false }
      : { wakeFd: this.#sender, wakeBySend: true }
  }

  raise(): void {
    if (this.#sender < 0) rawEventfdWrite(this.fd, 1)
    else rawSendByte(this.#sender)
  }

  /** Embedded: what has been written until now is heard. */
  clear(): void {
    rawEventfdRead(this.fd)
  }

  /** Dedicated: sleeps until somebody sends. @param timeoutMs more than 0; below 0: as long as (g) lets it */
  sleep(timeoutMs: number): void {
    const sleepMs = timeoutMs < 0 ? LONG_MS : timeoutMs
    if (sleepMs !== this.#timeoutMs) {
      this.#timeoutMs = sleepMs
      this.#timeval[0] = BigInt(Math.floor(sleepMs / 1000))
      this.#timeval[1] = BigInt(Math.max(1, Math.floor((sleepMs % 1000) * 1000)))
      rawSetsockopt(this.fd, SOL_SOCKET, SO_RCVTIMEO, this.#timeval, 16)
    }
    // A byte came, the time is up, or a signal was handled: all the same.
    rawSleepUntilByte(this.fd)
  }

  close(): void {
    rawClose(this.fd)
    if (this.#sender >= 0) rawClose(this.#sender)
  }
}
