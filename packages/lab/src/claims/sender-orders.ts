/** What a Sender and its thread share: one order at a time. */
export const END = 0
export const WRITE = 1
export const CLOSE = 2

/** What is sent: so many of this byte. */
export const FILL = 0x66

export interface Orders {
  /** [orders given, what, descriptor, bytes, after so many ms, unused, orders done] */
  readonly words: Int32Array
  /** When the last one was carried out: CLOCK_MONOTONIC, nanoseconds. */
  readonly sentAt: Float64Array
}

export const ORDER_BYTES = 64

export function ordersIn(memory: SharedArrayBuffer): Orders {
  return { words: new Int32Array(memory, 0, 8), sentAt: new Float64Array(memory, 32, 1) }
}
