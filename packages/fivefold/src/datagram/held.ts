/** Datagrams that came while the socket is paused, in order. */
import type { Address } from '../sys/address.js'

interface Datagram {
  chunk: Buffer
  from: Address
  truncated: boolean
  timestampNs: bigint | undefined
}

export class Held {
  #datagrams: Datagram[] = []
  #at = 0

  get any(): boolean {
    return this.#at < this.#datagrams.length
  }

  push(datagram: Datagram): void {
    this.#datagrams.push(datagram)
  }

  /** The first, taken out. */
  shift(): Datagram {
    const first = this.#datagrams[this.#at++]!
    if (!this.any) {
      this.#datagrams = []
      this.#at = 0
    }
    return first
  }
}
