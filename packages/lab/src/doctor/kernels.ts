/**
 * Kernels of which something bad was reported, with where. Distributions carry repairs back without changing the
 * number, so this is a reason to look, not a verdict.
 */
type Version = readonly [number, number, number]

export interface KnownBad {
  readonly from: Version
  /** The first version without it. */
  readonly before: Version
  readonly symptom: 'sqPollSpins' | 'enobufsStorm' | 'overflowHang' | 'bundles' | 'linkedTimeouts' | 'slow'
  readonly source: string
}

export const knownBad: readonly KnownBad[] = [
  { from: [5, 1, 0], before: [5, 10, 186], symptom: 'sqPollSpins', source: 'libuv #4093' },
  { from: [6, 1, 7], before: [6, 1, 8], symptom: 'enobufsStorm', source: 'liburing #778' },
  {
    from: [6, 6, 57],
    before: [6, 7, 0],
    symptom: 'overflowHang',
    source: 'bottlerocket #4308, nixpkgs #353709',
  },
  { from: [6, 10, 0], before: [6, 15, 0], symptom: 'bundles', source: 'netty #15110, #15135' },
  { from: [6, 11, 0], before: [6, 12, 0], symptom: 'linkedTimeouts', source: 'liburing #1390' },
  { from: [6, 15, 4], before: [6, 15, 5], symptom: 'slow', source: 'ghostty #7724' },
]

/** @param release as uname(2) says it: `6.1.7-amd64` */
export function reportedOf(release: string): KnownBad[] {
  const [, major, minor, patch] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(release) ?? []
  if (major === undefined) return []
  const version: Version = [Number(major), Number(minor), Number(patch ?? 0)]
  return knownBad.filter(({ from, before }) => compare(version, from) >= 0 && compare(version, before) < 0)
}

function compare(one: Version, other: Version): number {
  const at = one.findIndex((part, index) => part !== other[index])
  return at < 0 ? 0 : one[at]! - other[at]!
}
