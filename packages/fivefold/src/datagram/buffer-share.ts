/** How much of a socket's receive buffer a datagram takes: what is left is the time that its reader has. */
import { rawGetsockopt, SO_RCVBUF, SOL_SOCKET } from '../sys/socket.js'

/**
 * The kernel counts what a datagram occupies, not its bytes: `struct sk_buff`, its tail, and memory in powers of two. 64
 * bytes count for 768 and 1400 for 2304 (Linux 6.18, x86-64). Rather too much than too little.
 */
const OVERHEAD = 768
const TIMES = 2
/** The buffer can be made smaller at any time, by whoever has the descriptor: it is asked for anew after so many. */
const ASK_EVERY = 256

const bytes = new Int32Array(1)
const length = new Uint32Array(1)

export class BufferShare {
  readonly #fd: number
  #left = 0
  #bufferBytes = 1

  constructor(fd: number) {
    this.#fd = fd
  }

  /** @param datagramBytes its length @returns 1 for the whole buffer */
  of(datagramBytes: number): number {
    if (--this.#left < 0) this.#ask()
    return (OVERHEAD + TIMES * datagramBytes) / this.#bufferBytes
  }

  #ask(): void {
    this.#left = ASK_EVERY
    length[0] = 4
    // Unknown, it counts as full with each.
    this.#bufferBytes = rawGetsockopt(this.#fd, SOL_SOCKET, SO_RCVBUF, bytes, length) === 0 ? bytes[0]! : 1
  }
}
