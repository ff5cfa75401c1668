/** Datagrams on their way: handed to the model, and not yet sent. */
import { Kind, Operation } from '../models/operation.js'
import { stampsIfWanted } from '../models/stamps.js'
import type { DatagramSocket } from './socket.js'

/** What the sender of a datagram hears: the bytes that were sent, or a negative errno. Called outside of `send`, or within. */
export type Told = (result: number) => void

/** One datagram on its way. */
export class Sending extends Operation {
  told: Told | null = null
}

export class Sendings {
  readonly #all = new Set<Sending>()
  readonly #spare: Sending[] = []

  get count(): number {
    return this.#all.size
  }

  get bytes(): number {
    let bytes = 0
    for (const { buffers } of this.#all) bytes += buffers[0]!.length
    return bytes
  }

  /** An operation to be submitted. @param address encoded; null: the connected peer */
  begin(socket: DatagramSocket, bytes: Uint8Array, address: Uint8Array | null, told: Told | null): Sending {
    const operation = this.#spare.pop() ?? new Sending(Kind.sendto, socket.fd, socket)
    operation.buffers = [bytes]
    operation.address = address
    operation.told = told
    operation.stamps = stampsIfWanted()
    this.#all.add(operation)
    return operation
  }

  /** It is over. @returns who wanted to hear of it */
  end(operation: Sending): Told | null {
    const { told } = operation
    this.#all.delete(operation)
    this.#spare.push(operation)
    operation.buffers = none
    operation.told = null
    return told
  }

  /** Those that are under way now. */
  list(): Sending[] {
    return [...this.#all]
  }
}

const none: readonly Uint8Array[] = []
