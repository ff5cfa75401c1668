/**
 * For the tests of experiments. Verdicts follow from the data, and from nothing else: good data pass the self-check; data
 * that are broken in one place fail exactly that check; and data that say the contrary turn the verdict.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Experiment, VerdictName } from './claim.js'

/** The data that an experiment measures. */
export type DataOf<E> = E extends Experiment<infer Data> ? Data : never

/** Each a change of the good data: the check that must fail then, or the claim and what becomes of its verdict. */
export interface Case<Data> {
  readonly good: Data
  readonly breaks?: Readonly<Record<string, (data: Data) => Data>>
  readonly turns: readonly (readonly [
    claim: string,
    before: VerdictName,
    after: VerdictName,
    change: (data: Data) => Data,
  ])[]
}

function judged<Data>(experiment: Experiment<Data>, data: Data, claim: string): VerdictName | undefined {
  return experiment.judge(data).findings.find((finding) => finding.claim === claim)?.verdict
}

/** Declares the test of one experiment. */
export function bites<Data>(experiment: Experiment<Data>, { good, breaks = {}, turns }: Case<Data>): void {
  test(`${experiment.name}: the self-check and the verdicts bite`, () => {
    const failed = (data: Data) =>
      experiment
        .selfCheck(data)
        .filter(({ ok }) => !ok)
        .map(({ check }) => check)
    assert.deepEqual(failed(good), [])
    for (const [check, change] of Object.entries(breaks)) assert.deepEqual(failed(change(good)), [check])
    assert.deepEqual(
      experiment
        .judge(good)
        .findings.map(({ claim }) => claim)
        .sort(),
      [...experiment.claims].sort(),
    )
    for (const [claim, before, after, change] of turns) {
      assert.equal(judged(experiment, good, claim), before, claim)
      assert.equal(judged(experiment, change(good), claim), after, `${claim}, changed`)
    }
  })
}
