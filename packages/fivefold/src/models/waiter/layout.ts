/** What a waiter and its thread share: an Int32Array of these words, and a byte of interest per descriptor. */

export const STATE = 0
/** 1: the thread must end. */
export const QUIT = 1
/** 1: the thread waits, or is about to. It turns this to 0 when it has reported. */
export const ARMED = 2
/** Changes of interest, counted. */
export const CHANGES = 3
/** The highest descriptor that was ever wanted. */
export const HIGHEST = 4
/** Odd: the thread is in the mechanism's call, or about to enter it. Each coming and going adds 1. */
export const CALLS = 5
/** 1: the thread holds back for a moment, because more is about to change. */
export const PAUSED = 6
export const WORDS = 8

export const BORN = 0
export const LIVE = 1
export const GONE = 2
/** Closed before it was LIVE: it will find that, and nothing of the waiter's is left to it. */
export const CALLED_OFF = 3

export type WaiterMechanism = 'select' | 'poll'

export interface WaiterData {
  readonly mechanism: WaiterMechanism
  readonly words: SharedArrayBuffer
  readonly table: SharedArrayBuffer
  readonly wakeFd: number
  readonly controlFd: number
  /** In milliseconds; -1: no limit. */
  readonly longestSleep: number
}
