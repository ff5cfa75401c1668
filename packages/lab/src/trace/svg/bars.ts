/** The threads' lines of life, coloured by what each is doing. */
import type { StateSpan, ThreadState } from '../states.js'
import type { Axis } from './axis.js'
import { box } from './markup.js'

export const BAR = 13

/** Drawn for what a pixel's time held most of. */
function stateAt(spans: readonly StateSpan[], from: number, to: number): ThreadState | null {
  const held = new Map<ThreadState, number>()
  for (const span of spans) {
    // A moment counts as well: between two rows of one time there is no time at all.
    const shared = Math.min(span.to, to) - Math.max(span.from, from)
    if (shared >= 0) held.set(span.state, (held.get(span.state) ?? 0) + shared + 1e-6)
  }
  let most: ThreadState | null = null
  for (const [state, time] of held) if (most === null || time > held.get(most)!) most = state
  return most
}

/** @param from, to where the line begins and ends */
export function bar(spans: readonly StateSpan[], axis: Axis, x: number, from: number, to: number): string {
  const pieces: string[] = []
  let state: ThreadState | null = null
  let since = from
  const finish = (y: number) => {
    if (y > since) pieces.push(box(x, since, BAR, y - since, state ?? 'asleep'))
    since = y
  }
  for (let y = from; y < to; y++) {
    const here: ThreadState | null = stateAt(spans, axis.micros(y), axis.micros(y + 1)) ?? state
    if (here === state) continue
    finish(y)
    state = here
  }
  finish(to)
  return pieces.join('')
}
