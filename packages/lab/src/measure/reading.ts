/** What the numbers say, in sentences that only they can cause: nothing here is known beforehand. */
import type { Text } from '../text/language.js'
import type { Result } from './results.js'
import { rounded } from './statistics.js'

/** Below this share of a processor a model that waits counts as asleep. */
const ASLEEP = 0.1
/** A rate that strays so far from its own mean within one run ranks nothing. */
const UNSTEADY = 0.5

/** The findings of one load. Differences that one run shows within itself are not called differences. */
export function reading(group: readonly Result[], text: Text): string[] {
  const says = text.compare.findings
  const measured = group.filter(
    ({ messagesPerSecond }) => messagesPerSecond !== null && messagesPerSecond > 0,
  )
  if (measured.length === 0) return []
  const found: string[] = []

  const bySpeed = measured.toSorted((a, b) => b.messagesPerSecond! - a.messagesPerSecond!)
  const first = bySpeed[0]!
  const last = bySpeed.at(-1)!
  if (measured.length > 1) {
    const unsteady = bySpeed.filter((result) => spread(result) > UNSTEADY)
    if (unsteady.length > 0) {
      found.push(says.unsteady(text.list(unsteady.map(({ model }) => model)), percent(widest(unsteady))))
    } else {
      const level = bySpeed.filter((result) => !differ(first, result))
      if (level.length > 1) {
        const names = text.list(level.map(({ model }) => model))
        found.push(
          says.noDifference(names, thousands(first.messagesPerSecond!, text), percent(widest(level))),
        )
      }
      if (differ(first, last)) {
        const times = rounded(first.messagesPerSecond! / last.messagesPerSecond!, 2).toFixed(1)
        found.push(says.fastest(first.model, thousands(first.messagesPerSecond!, text), times, last.model))
      }
    }

    const cpu = (result: Result) =>
      result.cpuMicrosPerMessage === null
        ? null
        : result.cpuMicrosPerMessage.user + result.cpuMicrosPerMessage.system
    const [least, most] = extremes(measured, cpu)
    if (least !== null && most !== null) {
      const reads = least.protocol === 'file'
      found.push(says.cheapest(least.model, cpu(least)!.toFixed(1), most.model, cpu(most)!.toFixed(1), reads))
    }
    const median = (result: Result) => result.latencyMicros?.p50 ?? null
    const [soonest, latest] = extremes(measured, median)
    if (soonest !== null && latest !== null) {
      const files = soonest.protocol === 'file'
      const sentence = files ? says.quickestRead : says.quickest
      found.push(sentence(soonest.model, micros(median(soonest)!), latest.model, micros(median(latest)!)))
    }
  }

  const waiting = measured.filter(({ cpuShareWhileWaiting }) => cpuShareWhileWaiting !== null)
  const burning = waiting.filter(({ cpuShareWhileWaiting }) => cpuShareWhileWaiting! > ASLEEP)
  const resting = waiting.filter(({ cpuShareWhileWaiting }) => cpuShareWhileWaiting! <= ASLEEP)
  const mostResting = Math.max(0, ...resting.map(({ cpuShareWhileWaiting }) => cpuShareWhileWaiting!))
  if (burning.length > 0) {
    const shares = text.list(burning.map(({ cpuShareWhileWaiting }) => percent(cpuShareWhileWaiting!)))
    const names = text.list(burning.map(({ model }) => model))
    found.push(
      resting.length > 0 ? says.burns(names, shares, percent(mostResting)) : says.burnsAll(names, shares),
    )
  } else if (resting.length > 1) found.push(says.allRest(percent(mostResting)))

  for (const { model, threads, threadsAtStart, connections, protocol } of measured) {
    const added = (threads ?? 0) - (threadsAtStart ?? 0)
    // One more may be anything; a good part of one for each connection is the model.
    if (added > 2 && protocol !== 'file' && added >= connections / 4)
      found.push(says.threads(model, added, connections))
  }
  return found
}

/** The two ends, where they lie apart by more than a tenth. */
function extremes(
  results: readonly Result[],
  value: (result: Result) => number | null,
): readonly [Result | null, Result | null] {
  const known = results.filter((result) => value(result) !== null).sort((a, b) => value(a)! - value(b)!)
  const [least] = known
  const most = known.at(-1)
  if (least === undefined || most === undefined || value(most)! <= value(least)! * 1.1) return [null, null]
  return [least, most]
}

/** How far a run strays from its own mean, as a share. */
function spread({ messagesPerSecond, messagesPerSecondSpread: it }: Result): number {
  if (it === null || messagesPerSecond === null || messagesPerSecond === 0) return 0
  return Math.max(it.highest - messagesPerSecond, messagesPerSecond - it.lowest) / messagesPerSecond
}

const widest = (results: readonly Result[]) => Math.max(...results.map(spread))

function differ(a: Result, b: Result): boolean {
  const faster = Math.max(a.messagesPerSecond!, b.messagesPerSecond!)
  const difference = Math.abs(a.messagesPerSecond! - b.messagesPerSecond!) / faster
  return difference > Math.max(spread(a), spread(b))
}

const thousands = (value: number, text: Text) => text.count(Math.round(rounded(value)))
const micros = (value: number) => String(rounded(value, 2))
const percent = (share: number) => `${share >= 0.1 ? Math.round(share * 100) : (share * 100).toFixed(1)} %`
