/** Does something to a descriptor later, while this thread sleeps in a call: another thread does it. */
import { Worker } from 'node:worker_threads'
import { CLOSE, END, ORDER_BYTES, type Orders, ordersIn, WRITE } from './sender-orders.js'

export { FILL } from './sender-orders.js'

export class Sender {
  readonly #worker: Worker
  readonly #orders: Orders

  private constructor(worker: Worker, orders: Orders) {
    this.#worker = worker
    this.#orders = orders
  }

  static async start(): Promise<Sender> {
    const memory = new SharedArrayBuffer(ORDER_BYTES)
    const worker = new Worker(new URL('./sender-thread.js', import.meta.url), { workerData: memory })
    await new Promise((resolve, reject) => worker.once('online', resolve).once('error', reject))
    return new Sender(worker, ordersIn(memory))
  }

  /** Writes so many FILL bytes. One order at a time: the one before must be `done`. */
  write(fd: number, bytes: number, afterMs: number): void {
    this.#order(WRITE, fd, bytes, afterMs)
  }

  close(fd: number, afterMs: number): void {
    this.#order(CLOSE, fd, 0, afterMs)
  }

  /** Blocks until the last order is carried out. @returns when that was: CLOCK_MONOTONIC, nanoseconds */
  done(): number {
    const { words, sentAt } = this.#orders
    for (let carried = Atomics.load(words, 6); carried < words[0]!; carried = Atomics.load(words, 6)) {
      Atomics.wait(words, 6, carried, 100)
    }
    return sentAt[0]!
  }

  async end(): Promise<void> {
    const over = new Promise((resolve) => this.#worker.once('exit', resolve))
    this.#order(END, -1, 0, 0)
    await over
  }

  #order(what: number, fd: number, bytes: number, afterMs: number): void {
    const { words } = this.#orders
    words[1] = what
    words[2] = fd
    words[3] = bytes
    words[4] = afterMs
    Atomics.add(words, 0, 1)
    Atomics.notify(words, 0)
  }
}
