/** What the cases of streams share. */
import assert from 'node:assert/strict'
import type { Endpoint } from '../../endpoint.js'
import type { Context } from '../../harness.js'

export const every = ['tcp', 'tcp6', 'unix', 'abstract'] as const
export const both = ['tcp', 'unix'] as const

export const MiB = 1024 * 1024

/** Both ends are closed. */
export function closed(t: Context, ...ends: Endpoint[]): Promise<void> {
  return t.until(() => ends.every((end) => end.closed === 1), 'both ends close')
}

export function clean(...ends: Endpoint[]): void {
  for (const end of ends) {
    assert.deepEqual(
      end.errors.map((error) => error.message),
      [],
      `${end.name} had an error`,
    )
    assert.equal(end.closeError, undefined)
  }
}

/** What is put off (a close, an unlink) has its time to happen. */
export async function settle(t: Context, condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !condition(); turn++) await t.turn()
}
