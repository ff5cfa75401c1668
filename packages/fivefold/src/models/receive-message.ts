/** recvmsg(2) of one datagram with its control data, as far as it goes without waiting. */
import { ADDRESS_BYTES, type Address, decodeShared } from '../sys/address.js'
import { addressOf } from '../sys/ffi.js'
import { MSGHDR, setIovec } from '../sys/message.js'
import { MSG_DONTWAIT, MSG_TRUNC, rawRecvmsg } from '../sys/socket.js'

/** The most control data that are asked for. */
export const MOST_CONTROL = 128

const IOV = MSGHDR.size
const NAME = IOV + 16
const CONTROL = NAME + ADDRESS_BYTES

export class MessageReceiver {
  readonly #memory = new ArrayBuffer(CONTROL + MOST_CONTROL)
  readonly #words = new Uint32Array(this.#memory)
  readonly #bytes = new Uint8Array(this.#memory)
  readonly #name = this.#bytes.subarray(NAME, NAME + ADDRESS_BYTES)

  constructor() {
    const base = addressOf(this.#memory)
    const pointers = [
      [MSGHDR.name, NAME],
      [MSGHDR.iov, IOV],
      [MSGHDR.control, CONTROL],
    ] as const
    for (const [field, at] of pointers) {
      this.#words[field >>> 2] = (base + at) >>> 0
      this.#words[(field >>> 2) + 1] = ((base + at) / 0x1_0000_0000) >>> 0
    }
    this.#words[MSGHDR.iovlen >>> 2] = 1
  }

  /** @returns the datagram's real length, or a negative errno */
  receive(fd: number, address: number, room: number, controlBytes: number): number {
    const words = this.#words
    setIovec(words, IOV, address, room)
    words[MSGHDR.namelen >>> 2] = ADDRESS_BYTES
    words[MSGHDR.controllen >>> 2] = controlBytes
    return rawRecvmsg(fd, words, MSG_DONTWAIT | MSG_TRUNC)
  }

  /** Of what was received last. */
  get from(): Address {
    return decodeShared(this.#name, this.#words[MSGHDR.namelen >>> 2]!)
  }

  /** Of what was received last: a copy. */
  get control(): Uint8Array {
    return this.#bytes.slice(CONTROL, CONTROL + this.#words[MSGHDR.controllen >>> 2]!)
  }
}
