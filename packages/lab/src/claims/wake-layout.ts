/** What the threads of the wake-up experiment share: a word that ends them, then so many counters of each. */
export const COUNTERS = 4

export interface WakeOrders {
  /** [0 until it ends], then of each thread: waits for it, accepted, in vain, context switches */
  readonly words: Int32Array
  readonly index: number
  readonly fd: number
  /** EPOLL* */
  readonly events: number
}
