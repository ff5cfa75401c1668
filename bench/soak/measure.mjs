// What a process holds, and whether that is what it held before.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/**
 * @typedef {object} Held
 * @property {number} descriptors
 * @property {number} mappings
 * @property {number} threads
 * @property {number} residentMiB
 * @property {number} externalMiB Buffers and other memory outside of V8's heap
 * @property {number} heapMiB
 * @property {Record<string, number>} kinds descriptors by what they are
 */

const MiB = 1024 * 1024
const count = (/** @type {string} */ folder) => readdirSync(folder).length
const turn = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms))

function descriptors() {
  /** @type {Record<string, number>} */
  const kinds = {}
  let all = 0
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const kind = readlinkSync(`/proc/self/fd/${fd}`).replace(/:?\[\d+\]$/, '')
      kinds[kind] = (kinds[kind] ?? 0) + 1
      all++
    } catch {
      // it was the one that read the folder
    }
  }
  return { all, kinds }
}

/** @returns {Held} */
function held() {
  const { rss, external, heapUsed } = process.memoryUsage()
  const { all, kinds } = descriptors()
  return {
    descriptors: all,
    mappings: readFileSync('/proc/self/maps', 'latin1').split('\n').length - 1,
    threads: count('/proc/self/task'),
    residentMiB: rss / MiB,
    externalMiB: external / MiB,
    heapMiB: heapUsed / MiB,
    kinds,
  }
}

/** Waits until nothing falls any more: what was closed is closed, what was garbage is gone, idle threads have left. */
export async function settle() {
  let best = held()
  for (let calm = 0, round = 0; calm < 6 && round < 60; round++) {
    globalThis.gc?.()
    await turn(250)
    // Once more: a model that never sleeps has made garbage meanwhile.
    globalThis.gc?.()
    const now = held()
    const falls =
      now.descriptors < best.descriptors ||
      now.threads < best.threads ||
      now.mappings < best.mappings - 4 ||
      now.residentMiB < best.residentMiB - 1
    calm = falls ? 0 : calm + 1
    best = now
  }
  return best
}

/**
 * How much more there may be at the end, and why it is not nothing.
 * @type {readonly { what: keyof Omit<Held, 'kinds'>, more(held: Held): number, why: string }[]}
 */
export const bounds = [
  { what: 'descriptors', more: () => 0, why: 'each belongs to something that is open, and nothing more is' },
  { what: 'threads', more: () => 0, why: 'those kept for later are as many as after the warm-up' },
  {
    what: 'mappings',
    more: ({ threads }) => 150 + 10 * threads,
    why: 'malloc, glibc (stacks) and V8 map and unmap as they need it, and each Worker has a V8 of its own',
  },
  {
    what: 'externalMiB',
    more: () => 16,
    why: 'buffers are pooled and grow with the traffic: the ring of io_uring up to 16 MiB',
  },
  {
    what: 'heapMiB',
    more: () => 8,
    why: 'compiled code and caches; a kilobyte left behind by each connection would be more',
  },
  {
    what: 'residentMiB',
    more: ({ threads }) => 40 + 2 * threads,
    why: 'malloc keeps some of what is freed; each V8 a young generation, of 2 MiB in our Workers',
  },
]

/**
 * What is more than it may be.
 * @param {Held} before @param {Held} after
 */
export function differences(before, after) {
  return bounds
    .filter(({ what, more }) => after[what] - before[what] > more(before))
    .map(({ what, more }) => {
      const grown = Object.entries(after.kinds).filter(([kind, n]) => n > (before.kinds[kind] ?? 0))
      const kinds = grown.map(([kind, n]) => `${n - (before.kinds[kind] ?? 0)} ${kind}`).join(', ')
      const detail = what === 'descriptors' && kinds ? ` (${kinds})` : ''
      return `${what}: ${round(before[what])} -> ${round(after[what])}, at most +${round(more(before))}${detail}`
    })
}

export const round = (/** @type {number} */ value) => Math.round(value * 10) / 10
